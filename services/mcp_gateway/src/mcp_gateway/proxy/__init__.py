"""The way of an MCP message: admit, forward, relay. Pure ASGI; no message is parsed."""
