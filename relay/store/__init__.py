"""The database: documents, events, shipments, and what was sent to VTEX."""
