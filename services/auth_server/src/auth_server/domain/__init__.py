"""The auth server's rules, without any I/O."""
