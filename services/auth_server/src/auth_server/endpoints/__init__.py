"""The auth server's endpoints: parse, hand over, render."""
