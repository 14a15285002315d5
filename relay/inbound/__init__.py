"""Carriers to events: webhooks, polls and feeds are stored first, then parsed."""
