"""Simulate VTEX's order management and carriers, for tests, demos and trials."""
