"""Outgoing events: sending them to other systems, as Standard Webhooks."""
