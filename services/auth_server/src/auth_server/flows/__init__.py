"""The auth server's conversations, one file each."""
