"""Issuers that the operator trusts, as they describe themselves."""
