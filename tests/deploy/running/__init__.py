"""Overlays in use. These need root, and a machine to themselves: `make test-rig`."""
