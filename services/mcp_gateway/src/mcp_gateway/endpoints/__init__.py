"""The gateway's endpoints: parse, hand over, render."""
