"""The loop, one update, the examples and the devices."""
