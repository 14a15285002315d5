"""Publish carriers' tracking to VTEX, for carriers without a VTEX integration."""
