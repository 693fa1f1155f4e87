"""The MCP gateway: authorization server and protected resource towards MCP clients, proxy to the MCP servers."""
