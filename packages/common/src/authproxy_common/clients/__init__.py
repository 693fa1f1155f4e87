"""Clients that prove who they are, whether they are MCP clients or gateways (OAuth 2.1 §2.4, RFC 7523)."""
