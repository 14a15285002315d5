"""Where a request comes from: over TLS or not, from our pages or another site."""

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from relay.config.types import is_loopback

SAME_SITE: Final = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site` of our own forms and of typed addresses.

See https://www.w3.org/TR/fetch-metadata/
"""


def is_secure(request: web.Request) -> bool:
    """Return whether the browser uses TLS; a proxy in front says so.

    Who forges the header only gets a cookie that their own browser does not send.
    """
    return request.secure or request.headers.get("X-Forwarded-Proto") == "https"


def may_sign_in(request: web.Request) -> bool:
    """Return whether a password may be sent: over TLS, or on this machine only."""
    return is_secure(request) or is_loopback(
        urlsplit(f"//{request.host}").hostname or ""
    )


def is_own(request: web.Request) -> bool:
    """Return whether one of our own pages sent the request, as the browser says."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in SAME_SITE
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def address(request: web.Request) -> str:
    """Return the address of the other end of the connection."""
    return request.remote or ""
