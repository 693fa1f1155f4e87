"""Measurements. No test: they say what things cost, on the machine that they are run on."""
