"""Sources of events; each has `fetch(config, destination)`, which writes a table and returns its provenance."""
