"""A web app that signs its users in through the auth server, beside the MCP gateway and in the same way."""
