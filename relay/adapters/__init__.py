"""The contract of an adapter, and the pieces that adapters share."""
