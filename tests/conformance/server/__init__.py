"""An MCP server on the official SDK that offers what the conformance suite asks for, by the names that it asks for."""
