"""What the tests use: a browser, processes, a virtual network. Nothing here knows what is being proven."""
