"""Operations: routes with their scope, models and documentation."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel

from relay.api.auth import authorize
from relay.api.problems import Handler
from relay.config.account import Scope
from relay.errors import RefusedRequest
from relay.problem_codes import ProblemCode
from relay.service.access import Caller

Handling = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]
Answers = Mapping[int, type[BaseModel] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route, as it is served and as `/openapi.json` describes it.

    `answers` are the models of the bodies by status, None for a body that is not
    JSON; `example` is a request body. `also` are other content types of a
    successful answer. `text` is an example of an answer in plain text.
    """

    method: str
    path: str
    handler: Handling
    scope: Scope
    summary: str
    answers: Answers
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    text: str = ""

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that allow it, the least one first.

        `operator` allows everything, and `reader` whatever changes nothing.
        """
        reads = self.method == "GET" and self.scope is not Scope.METRICS
        allowed = (self.scope, *([Scope.READER] if reads else []), Scope.OPERATOR)
        return tuple(dict.fromkeys(allowed))


class OperationTable(list[Operation]):
    """The operations of one module, filled by its decorators.

    The counterpart of aiohttp's `RouteTableDef`, with scope and models.
    """

    def get(self, path: str, **described: Any) -> Callable[[Handling], Handling]:
        """Serve GET *path* with the decorated handler."""
        return self._add("GET", path, described)

    def post(self, path: str, **described: Any) -> Callable[[Handling], Handling]:
        """Serve POST *path* with the decorated handler."""
        return self._add("POST", path, described)

    def patch(self, path: str, **described: Any) -> Callable[[Handling], Handling]:
        """Serve PATCH *path* with the decorated handler."""
        return self._add("PATCH", path, described)

    def _add(
        self, method: str, path: str, described: Mapping[str, Any]
    ) -> Callable[[Handling], Handling]:
        """Add an operation; its summary is the first line of the handler's docstring.

        *described* are the other fields of `Operation`.
        """

        def added(handler: Handling) -> Handling:
            documented = (inspect.getdoc(handler) or "").partition("\n")[0]
            given = {"summary": documented.removesuffix("."), **described}
            self.append(Operation(method=method, path=path, handler=handler, **given))
            return handler

        return added


OPERATIONS: Final[web.AppKey[list[Operation]]] = web.AppKey("operations")


def mount(app: web.Application, operations: Iterable[Operation]) -> None:
    """Serve *operations*, each only to callers whose token has its scope."""
    for operation in operations:
        app.setdefault(OPERATIONS, []).append(operation)
        app.router.add_route(operation.method, operation.path, _guarded(operation))


def _guarded(operation: Operation) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        caller = authorize(request, operation.scopes)
        if "Idempotency-Key" in request.headers:
            raise RefusedRequest(
                HTTPStatus.BAD_REQUEST,
                "the header `Idempotency-Key` is not supported",
                hint="remove it: account, order and invoice number identify a label, "
                "so you can safely send it again",
                code=ProblemCode.IDEMPOTENCY_KEY,
            )
        return await operation.handler(request, caller)

    return guarded
