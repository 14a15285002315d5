"""A VTEX to try the relay with, traps included, and a stage for carriers' parts."""
