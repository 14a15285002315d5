"""Requests that proved nothing: shown, and taken on somebody's word."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiohttp import web

from relay.clock import moment
from relay.errors import NotFound
from relay.logs import logger
from relay.settings import Scope
from relay.store.asides import Asides
from relay.store.database import Row
from relay.store.spelling import as_dict, loads
from relay.web.bodies import Answer, answer
from relay.web.finding import number_in
from relay.web.keys import CLOCK, DATABASE, ON_REPLAY
from relay.web.models import Problem
from relay.web.narrowing import Narrowed
from relay.web.operations import Operation, mount
from relay.web.tokens import Access
from relay.web.worklists import ROOT

UNTRUSTED: Final = "/v1/untrusted/{request}"
NO_REQUEST: Final = "no such request was put aside"
WHICH_REQUEST: Final = f"{ROOT}/untrusted lists the last ones"

_log = logger(__name__)


class UntrustedAnswer(Answer):
    """A request that did not prove to be the carrier's, as it came."""

    id: int
    contract: str
    received_at: datetime
    because: str
    headers: Mapping[str, str]
    body: str


class AcceptedAnswer(Answer):
    """A request that is read now, and the contract that it came for."""

    id: int
    contract: str


async def untrusted(request: web.Request, access: Access) -> web.Response:
    """Return a request that proved nothing, with its body."""
    row = await _aside(request, access)
    return answer(
        UntrustedAnswer(
            id=row["aside"],
            contract=row["contract"],
            received_at=moment(row["received_at"]),
            because=row["because"],
            headers=loads(row["headers"]),
            body=bytes(row["body"]).decode(errors="replace"),
        )
    )


async def _aside(request: web.Request, access: Access) -> Row:
    """Return what was put aside under the number in the path; raise `NotFound`."""
    number = number_in(request.match_info["request"], NO_REQUEST)
    row = await Asides(request.app[DATABASE]).one(number)
    narrowed = Narrowed(access.settings, access.limited())
    if row is None or not narrowed.fits(as_dict(row)):
        raise NotFound(NO_REQUEST, way_out=WHICH_REQUEST)
    return row


async def accept(request: web.Request, access: Access) -> web.Response:
    """Take an untrusted request as the carrier's, on a person's word."""
    asides, row = Asides(request.app[DATABASE]), await _aside(request, access)
    number = row["aside"]
    if not await asides.accept(number, access.name, request.app[CLOCK]()):
        raise NotFound(NO_REQUEST, way_out=WHICH_REQUEST)
    _log.info("accepted", contract=row["contract"], request=number, by=access.name)
    request.app[ON_REPLAY]()
    return answer(AcceptedAnswer(id=number, contract=row["contract"]), 202)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path=UNTRUSTED,
        handler=untrusted,
        scope=Scope.OPERATOR,
        summary="Show a request that did not prove to be the carrier's",
        answers={200: UntrustedAnswer, 404: Problem},
    ),
    Operation(
        method="POST",
        path=UNTRUSTED + "/accept",
        handler=accept,
        scope=Scope.OPERATOR,
        summary="Take an untrusted request as the carrier's: it is read",
        answers={202: AcceptedAnswer, 404: Problem},
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve them."""
    mount(app, OPERATIONS)
