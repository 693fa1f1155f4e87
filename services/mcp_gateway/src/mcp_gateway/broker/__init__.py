"""The auth server, as this service sees it."""
