"""HTTP: a request becomes a call, and what comes back an answer; no decisions."""
