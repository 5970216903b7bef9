"""What tests are built from: servers, browsers, terminals, invented results."""
