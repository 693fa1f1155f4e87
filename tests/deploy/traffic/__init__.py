"""People and programs that sign in and call while something fails, and what becomes of them.

They behave as real ones do. A request that may be sent again is sent again after a broken connection and after 502,
503 or 504, once `Retry-After` has passed; in a browser that is a reload. Where an authorization cannot go on, because
it was ended with an error or because a step of it was used up by a request whose answer got lost, the client starts it
over. Nobody is asked anything for it: consent is remembered, and the provider knows its person.

Of a sign-in one says that it was

- **started**: its client was given a URL;
- **finished**: it has tokens, and the MCP server has answered a call that was made with them;
- **retried**: finished, but a step had to be sent again, or the authorization started over;
- **lost**: anything else. It met an answer that no client could go on from, or was not done within a minute.
"""
