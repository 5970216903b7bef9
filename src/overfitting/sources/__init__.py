"""Where events come from. Each module has `fetch(config, destination)`, which writes a table and returns its provenance."""
