"""Access tokens: RFC 9068 JWTs under a ring of signing keys. The only home of JOSE in this service."""
