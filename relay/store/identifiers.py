"""Ids that are made here: opaque, and sorted by time."""

import secrets
from datetime import datetime
from uuid import UUID

from relay.clock import micros


def new_id(now: datetime) -> str:
    """Return an opaque id whose text sorts by time (UUIDv7, RFC 9562)."""
    milliseconds = micros(now) // 1000
    random = secrets.randbits(74)
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return str(UUID(int=value))
