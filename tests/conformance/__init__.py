"""What `make test-mcp` runs: other people's clients and the public suite, against this server."""
