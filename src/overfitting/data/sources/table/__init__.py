"""A user-supplied table, CSV or Parquet."""
