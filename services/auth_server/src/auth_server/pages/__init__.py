"""The auth server's own pages."""
