"""Validate the keys of a contract's settings that belong to its adapter."""

from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from relay.errors import ConfigurationError
from relay.suggestions import suggestion


def refuse_unknown(options: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Raise `ConfigurationError` naming every option that is not *known*."""
    refuse(
        f"{key}: unknown option; {suggestion(key, sorted(known))}"
        for key in options
        if key not in known
    )


def refuse(complaints: Iterable[str]) -> None:
    """Raise `ConfigurationError` with a line per complaint, if there are any.

    Each of *complaints* has the form `key: problem; how to fix it`.
    """
    lines = list(complaints)
    if lines:
        raise ConfigurationError("\n".join(lines))


def text_option(options: Mapping[str, Any], key: str) -> str:
    """Return the option *key*, a string or an integer; empty if missing."""
    value = options.get(key, "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ConfigurationError(f"{key}: must be a string; write it in quotes")
    return str(value).strip()


def base_url(options: Mapping[str, Any], default: str) -> str:
    """Return the option `base_url`, or *default*, without a trailing slash.

    Credentials are sent to it, so it must use https. Only a loopback address may
    use http, for the sandbox.
    """
    url = text_option(options, "base_url") or default
    if not _is_safe(url):
        raise ConfigurationError(
            "base_url: must begin with https:// (http:// only for a loopback address)"
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
