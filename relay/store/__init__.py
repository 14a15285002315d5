"""The memory: what came in, what is known, and what VTEX was told."""
