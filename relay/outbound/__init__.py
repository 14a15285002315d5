"""The way out: due shipment → VTEX → settled, postponed, stuck or in doubt."""
