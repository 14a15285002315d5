"""The adapter contract, and what adapters share: HTTP, signatures, codes, times."""
