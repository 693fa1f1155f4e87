"""What a call, a stream and a sign-in cost, side by side with other gateways. `make bench` runs it; no test does."""
