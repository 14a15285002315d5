"""The keys of a contract's settings that belong to its adapter."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from relay.errors import ConfigurationError


def refuse_unknown(options: Mapping[str, Any], known: Collection[str] = ()) -> None:
    """Raise `ConfigurationError` that names every option which is not *known*."""
    refuse(
        f"{key}: the adapter has no such key; {instead(key, known)}"
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
