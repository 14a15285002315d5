"""Shipments to VTEX: a due shipment is settled, postponed, stuck or in doubt."""
