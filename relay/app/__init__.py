"""The composition root: the only package that knows every part."""

from relay.app.assembling import assembled
from relay.app.relay import Relay

__all__ = ["Relay", "assembled"]
