"""HIGGS-like events simulated at run time."""
