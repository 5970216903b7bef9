"""Where events come from: each module has `fetch(config, destination)`, which writes a table and returns facts."""
