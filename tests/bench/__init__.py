"""What things cost, on the machine that this is run on: `make bench` beside other gateways. No test."""
