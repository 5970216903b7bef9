"""Genuine HIGGS events: downloaded or from a local file."""
