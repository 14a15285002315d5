"""Generate a new adapter, or a `generic` contract, from one sample document."""
