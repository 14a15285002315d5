"""Asks carriers that do not tell by themselves, or not all."""
