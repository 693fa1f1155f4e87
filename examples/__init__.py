"""What `make up` runs besides the two services, and an MCP client to try them with."""
