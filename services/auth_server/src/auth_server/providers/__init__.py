"""Identity providers. The only home of oauthlib; of JOSE, for ID tokens."""
