"""The auth server: signs a browser in at an identity provider for any app that acts as a gateway."""
