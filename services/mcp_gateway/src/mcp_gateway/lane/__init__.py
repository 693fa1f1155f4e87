"""The lane: calls about which everything is known already pass below the framework, in the server's own protocol.

It decides nothing. What it takes was admitted before, by the same token at the same MCP server; whatever else comes is
left to the application, which refuses, verifies and explains.
With `fast_lane: false` the application has all calls, and nothing but their cost is different.
"""
