"""What operators do about many things at once, and about doubtful events."""

from datetime import datetime
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import AwareDatetime, Field

from relay.logs import logger
from relay.registering.requests import Request
from relay.settings import Scope
from relay.store.bulk import Bulk, Done, Replays
from relay.web.bodies import Answer, answer, parsed
from relay.web.finding import number_in
from relay.web.keys import CLOCK, CORRECTIONS, DATABASE, ON_NEWS, ON_REPLAY
from relay.web.models import Problem
from relay.web.narrowing import Narrowed
from relay.web.operations import Handling, Operation, mount
from relay.web.paging import cursor, position
from relay.web.tokens import Access
from relay.web.worklists import ROOT

SLICES: Final = 5
"""Slices of one request: it ends soon, and says where the next one goes on."""
EVENT: Final = "/v1/events/{event}"
NO_EVENT: Final = "no shipment has such an event"
Judgement = Literal["released", "dropped"]

_log = logger(__name__)


class RetryRequest(Request):
    """Which stuck shipments; `because` is part of the reason, in any case."""

    account: str | None = None
    contract: str | None = None
    because: str | None = Field(default=None, max_length=200)
    cursor: str | None = Field(default=None, max_length=100)


class ReplayRequest(Request):
    """Which documents; `since` is when they came."""

    contract: str | None = None
    unreadable: bool = True
    since: AwareDatetime | None = Field(default=None, strict=False)
    cursor: str | None = Field(default=None, max_length=100)


class DoneAnswer(Answer):
    """How many were changed; with `next` there are more: send it as `cursor`."""

    count: int
    next: str | None


class JudgedAnswer(Answer):
    """An event that is told, or not, for good, and the shipments it counts for."""

    id: int
    judged: Judgement
    warnings: tuple[str, ...]
    shipments: tuple[str, ...]


def says(row: Any, because: str | None) -> bool:
    """Whether a stuck shipment's reason holds the words *because*."""
    return because is None or because.casefold() in row["stuck_because"].casefold()


async def retry(request: web.Request, access: Access) -> web.Response:
    """Try many stuck shipments again."""
    body = await parsed(request, RetryRequest)
    narrowed = Narrowed(access.settings, access.limited(), body.account, body.contract)
    await narrowed.check(request.app[DATABASE])
    wanted = narrowed.asked(more=lambda row: says(row, body.because))
    bulk = _bulk(request, access)
    total, before = 0, position(body.cursor)
    for _ in range(SLICES):
        done = await bulk.retry_stuck(wanted, before)
        total, before = total + done.count, done.next
        if before is None:
            break
    request.app[ON_NEWS]()
    return _answered(Done(total, before))


async def replay(request: web.Request, access: Access) -> web.Response:
    """Have many documents read again."""
    body = await parsed(request, ReplayRequest)
    narrowed = Narrowed(access.settings, access.limited(), contract=body.contract)
    await narrowed.check(request.app[DATABASE])
    wanted = Replays(body.unreadable, body.since, narrowed.fits)
    bulk = _bulk(request, access)
    total, before = 0, position(body.cursor)
    for _ in range(SLICES):
        done = await bulk.replay(wanted, before)
        total, before = total + done.count, done.next
        if before is None:
            break
    request.app[ON_REPLAY]()
    _log.info("documents are read again", by=access.name, documents=total)
    return _answered(Done(total, before))


def _bulk(request: web.Request, access: Access) -> Bulk:
    now: datetime = request.app[CLOCK]()
    return Bulk(request.app[DATABASE], access.name, now)


def _answered(done: Done) -> web.Response:
    return answer(DoneAnswer(count=done.count, next=cursor(done.next)), 202)


def _judging(judged: Judgement) -> Handling:
    async def judge(request: web.Request, access: Access) -> web.Response:
        app = request.app
        event = number_in(request.match_info["event"], NO_EVENT)
        found = await app[CORRECTIONS].judge(
            event, judged, access.name, app[CLOCK](), access.limited()
        )
        app[ON_NEWS]()
        about = {"tracking_event": event, "shipments": list(found.shipments)}
        _log.info(judged, **about, by=access.name)
        for warning in found.warnings:
            _log.error("alert", **about, because=warning)
        return answer(
            JudgedAnswer(
                id=event,
                judged=judged,
                shipments=found.shipments,
                warnings=found.warnings,
            )
        )

    return judge


OPERATIONS: Final = (
    Operation(
        method="POST",
        path=ROOT + "/stuck/retry",
        handler=retry,
        scope=Scope.OPERATOR,
        summary="Try many stuck shipments again",
        body=RetryRequest,
        example={"account": "store", "because": "invoice"},
        answers={202: DoneAnswer, 400: Problem, 415: Problem, 422: Problem},
    ),
    Operation(
        method="POST",
        path="/v1/documents/replay",
        handler=replay,
        scope=Scope.OPERATOR,
        summary="Read many documents again",
        body=ReplayRequest,
        example={"contract": "acme", "since": "2026-08-01T00:00:00-03:00"},
        answers={202: DoneAnswer, 400: Problem, 415: Problem, 422: Problem},
    ),
    Operation(
        method="POST",
        path=EVENT + "/release",
        handler=_judging("released"),
        scope=Scope.OPERATOR,
        summary="Believe a doubtful event: it is told",
        answers={200: JudgedAnswer, 404: Problem},
    ),
    Operation(
        method="POST",
        path=EVENT + "/drop",
        handler=_judging("dropped"),
        scope=Scope.OPERATOR,
        summary="Do not believe a doubtful event: it is never told",
        answers={200: JudgedAnswer, 404: Problem},
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve what is done about many things at once."""
    mount(app, OPERATIONS)
