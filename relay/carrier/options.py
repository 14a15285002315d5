"""The keys of a contract's settings that belong to its adapter."""

from collections.abc import Collection, Mapping
from typing import Any

from relay.errors import ConfigurationError


def refuse_unknown(options: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Raise `ConfigurationError` that names the first option which is not *known*."""
    for key in options:
        if key not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ConfigurationError(
                f"{key}: the adapter has no such key; its own keys: {there}"
            )
