"""The keys of a contract's settings that belong to its adapter."""

from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from relay.errors import ConfigurationError
from relay.suggestions import suggestion


def refuse_unknown(options: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Raise `ConfigurationError` that names every option which is not *known*."""
    refuse(
        f"{key}: unknown option; {suggestion(key, sorted(known))}"
        for key in options
        if key not in known
    )


def refuse(complaints: Iterable[str]) -> None:
    """Raise `ConfigurationError` with a line for each of *complaints*, if any.

    Each begins with the key at fault.
    """
    lines = list(complaints)
    if lines:
        raise ConfigurationError("\n".join(lines))


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
