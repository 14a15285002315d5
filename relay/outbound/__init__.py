"""Shipments to VTEX: each claim is settled, postponed, stuck or unconfirmed."""
