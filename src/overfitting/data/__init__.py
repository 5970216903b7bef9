"""Data: tables of events, their sources, and their preparation for the networks."""
