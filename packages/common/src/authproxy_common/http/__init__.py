"""HTTP manners that both services share, all of it pure ASGI."""
