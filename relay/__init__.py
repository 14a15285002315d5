"""Tells VTEX where the parcels of carriers are that VTEX is not integrated with."""
