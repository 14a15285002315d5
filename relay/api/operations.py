"""Operations: routes that know their scope, and what goes in and comes out."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from relay.api.auth import Access, access
from relay.api.problems import Handler
from relay.config.account import Scope

Handling = Callable[[web.Request, Access], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route, as it is served and as `/openapi.json` describes it.

    `answers` are the models of the bodies by status, None for one that is no
    JSON; `example` is a body as it may be sent. `also` are other types in which
    a good answer can be had.
    """

    method: str
    path: str
    handler: Handling
    scope: Scope
    summary: str
    answers: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()


OPERATIONS: Final[web.AppKey[list[Operation]]] = web.AppKey("operations")


def mount(app: web.Application, operations: Iterable[Operation]) -> None:
    """Serve *operations*, each to those only whose token has its scope."""
    for operation in operations:
        app.setdefault(OPERATIONS, []).append(operation)
        app.router.add_route(operation.method, operation.path, _guarded(operation))


def _guarded(operation: Operation) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        return await operation.handler(request, access(request, operation.scope))

    return guarded
