"""What the auth server and the MCP gateway both need, and nothing else."""
