"""The keys of a contract's settings that belong to its adapter."""

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from relay.errors import ConfigurationError


def refuse_unknown(options: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Raise `ConfigurationError` that names the first option which is not *known*."""
    for key in options:
        if key not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ConfigurationError(
                f"{key}: the adapter has no such key; its own keys: {there}"
            )


def text_option(options: Mapping[str, Any], key: str) -> str:
    """Return the option *key*, a text or a whole number; empty if it is missing."""
    value = options.get(key, "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ConfigurationError(f"{key}: it is not a text")
    return str(value).strip()


def base_url(options: Mapping[str, Any], default: str) -> str:
    """Return the option `base_url`, without a slash at its end.

    Credentials travel to it: https, or http to this machine, where the sandbox is.
    """
    url = text_option(options, "base_url") or default
    if not _is_safe(url):
        raise ConfigurationError(
            "base_url: it must begin with https:// (http:// only for this machine)"
        )
    return url.rstrip("/")


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "http":
            return parts.scheme == "https" and bool(host)
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
