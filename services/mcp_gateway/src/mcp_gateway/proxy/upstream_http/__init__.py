"""The way to upstream MCP servers: HTTP/1.1 over connections that are kept (RFC 9110, RFC 9112), and nothing else.

A call is an `Exchange`. It takes a `Connection` from the `Pool` of its origin, sends the bytes that `writing` made of
the request, and hands on the `Answer` that `reading` makes of the bytes that come. A connection is kept after a whole
answer only. Whatever else ends a call, be it the client, the upstream or a deadline, ends its connection with it, at
once and without waiting.
"""
