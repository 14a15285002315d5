"""`/docs`: the description of the API as a page, shown by Swagger UI.

All files come from the relay. They are stored compressed, as browsers take them.
"""

import gzip
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from aiohttp import web

PAGE: Final = "/docs"
FOLDER: Final = files("relay.api").joinpath("swagger_ui")
KINDS: Final[Mapping[str, str]] = {
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
HEADERS: Final[Mapping[str, str]] = {
    # Swagger UI has its pictures in its style sheet, as data.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
HOUR: Final = "public, max-age=3600"


def routes() -> list[web.RouteDef]:
    """Return the routes of the page; like the description, it needs no token."""
    return [web.get(PAGE, show), web.get(PAGE + "/{name}", send)]


async def show(_: web.Request) -> web.Response:
    """Return the page."""
    body = FOLDER.joinpath("page.html").read_bytes()
    return web.Response(
        body=body, content_type="text/html", charset="utf-8", headers=HEADERS
    )


async def send(request: web.Request) -> web.Response:
    """Return a file of the page, compressed unless the client refuses that."""
    name = request.match_info["name"]
    if name not in KINDS:
        raise web.HTTPNotFound(text=f"{PAGE} has no file {name!r}")
    headers = {**HEADERS, "Cache-Control": HOUR, "Vary": "Accept-Encoding"}
    body = compressed(name)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        body = gzip.decompress(body)
    return web.Response(
        body=body, content_type=KINDS[name], charset="utf-8", headers=headers
    )


@cache
def compressed(name: str) -> bytes:
    """Return a file in gzip's format."""
    stored = FOLDER.joinpath(f"{name}.gz")
    if stored.is_file():
        return stored.read_bytes()
    return gzip.compress(FOLDER.joinpath(name).read_bytes(), mtime=0)
