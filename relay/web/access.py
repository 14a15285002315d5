"""The access log: the route, never the path, which may hold a secret."""

import logging

from aiohttp.abc import AbstractAccessLogger
from aiohttp.web import BaseRequest, Request, StreamResponse

REFUSED = 400


class AccessLogger(AbstractAccessLogger):
    """Logs what was refused as information, the rest for debugging only."""

    @property
    def enabled(self) -> bool:
        """Whether anything at all is logged."""
        return self.logger.isEnabledFor(logging.INFO)

    def log(self, request: BaseRequest, response: StreamResponse, time: float) -> None:
        """Write one line."""
        level = logging.INFO if response.status >= REFUSED else logging.DEBUG
        if self.logger.isEnabledFor(level):
            self.logger.log(
                level,
                "%s %s %s in %.1f ms",
                request.method,
                route(request),
                response.status,
                time * 1000,
            )


def route(request: BaseRequest) -> str:
    """Return the route that *request* took, with its placeholders."""
    found = request.match_info.route.resource if isinstance(request, Request) else None
    return found.canonical if found is not None else "no route"
