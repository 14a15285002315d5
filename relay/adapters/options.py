"""Validate the keys of a contract's settings that belong to its adapter."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from relay.errors import ConfigurationError


def refuse_unknown(options: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Raise `ConfigurationError` naming every option that is not *known*."""
    refuse(
        f"{key}: unknown key; {instead(key, known)}"
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


def closest(key: str, known: Iterable[str], *, cutoff: float = 0.7) -> str:
    """Return the one of *known* that *key* was probably meant to be, or ''."""
    return next(iter(get_close_matches(key, list(known), n=1, cutoff=cutoff)), "")


def instead(key: str, known: Collection[str], more: Collection[str] = ()) -> str:
    """Say which key was probably meant by *key*, else which are *known*.

    *more* may be meant as well, and are not listed.
    """
    meant = closest(key, [*known, *more])
    if meant:
        return f"did you mean `{meant}`?"
    return f"known here: {', '.join(sorted(known)) or 'none'}"


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
