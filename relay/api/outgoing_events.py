"""`/v1/outgoing`: receivers of outgoing events, and the events."""

from typing import Final

from aiohttp import web

from relay.api.bodies import json_answer, parse_body, parse_query
from relay.api.keys import SERVICES
from relay.api.operations import OperationTable
from relay.config.account import Scope
from relay.service.access import Caller
from relay.service.models import BulkActionAnswer, Problem
from relay.service.outgoing_models import (
    OutgoingDetail,
    OutgoingList,
    OutgoingQuery,
    OutgoingRepeatRequest,
    OutgoingReplayRequest,
    OutgoingStarted,
    ReceiverEntry,
    ReceiverList,
)

EVENTS: Final = "/v1/outgoing/events"
ONE: Final = EVENTS + "/{outgoing}"
RECEIVERS: Final = "/v1/outgoing/receivers"
RECEIVER: Final = RECEIVERS + "/{receiver}"
operations = OperationTable()


@operations.get(RECEIVERS, scope=Scope.OPERATOR, answers={200: ReceiverList})
async def list_receivers(request: web.Request, caller: Caller) -> web.Response:
    """List receivers of outgoing events: whether they work, and what waits."""
    return json_answer(await request.app[SERVICES].outgoing.receivers(caller))


@operations.post(
    RECEIVER + "/test",
    scope=Scope.OPERATOR,
    answers={202: OutgoingStarted, 404: Problem},
)
async def send_test(request: web.Request, caller: Caller) -> web.Response:
    """Send a test event to a receiver."""
    name, outgoing = request.match_info["receiver"], request.app[SERVICES].outgoing
    return json_answer(await outgoing.test(caller, name), 202)


@operations.post(
    RECEIVER + "/enable",
    scope=Scope.OPERATOR,
    answers={200: ReceiverEntry, 404: Problem},
)
async def enable(request: web.Request, caller: Caller) -> web.Response:
    """Call a receiver again that is disabled or fails."""
    name, outgoing = request.match_info["receiver"], request.app[SERVICES].outgoing
    return json_answer(await outgoing.enable(caller, name))


@operations.get(
    EVENTS,
    scope=Scope.OPERATOR,
    query=OutgoingQuery,
    answers={200: OutgoingList, 422: Problem},
)
async def list_events(request: web.Request, caller: Caller) -> web.Response:
    """List outgoing events with their deliveries, the newest first."""
    query = parse_query(request, OutgoingQuery)
    return json_answer(await request.app[SERVICES].outgoing.page(caller, query))


@operations.get(ONE, scope=Scope.OPERATOR, answers={200: OutgoingDetail, 404: Problem})
async def show(request: web.Request, caller: Caller) -> web.Response:
    """Show an outgoing event with the body that receivers get."""
    id_, outgoing = request.match_info["outgoing"], request.app[SERVICES].outgoing
    return json_answer(await outgoing.show(caller, id_))


@operations.post(
    ONE + "/replay",
    scope=Scope.OPERATOR,
    body=OutgoingRepeatRequest,
    example={"receiver": "crm", "reason": "the CRM lost it"},
    answers={
        202: OutgoingStarted,
        400: Problem,
        404: Problem,
        415: Problem,
        422: Problem,
    },
)
async def repeat(request: web.Request, caller: Caller) -> web.Response:
    """Send an outgoing event again, with the same id."""
    body = await parse_body(request, OutgoingRepeatRequest)
    id_, outgoing = request.match_info["outgoing"], request.app[SERVICES].outgoing
    return json_answer(await outgoing.repeat(caller, id_, body), 202)


@operations.post(
    EVENTS + "/replay",
    scope=Scope.OPERATOR,
    body=OutgoingReplayRequest,
    example={
        "receiver": "crm",
        "since": "2026-08-01T00:00:00-03:00",
        "reason": "the CRM was restored from a backup",
    },
    answers={
        202: BulkActionAnswer,
        400: Problem,
        404: Problem,
        415: Problem,
        422: Problem,
    },
)
async def replay(request: web.Request, caller: Caller) -> web.Response:
    """Send the outgoing events of a time again, with the same ids."""
    body = await parse_body(request, OutgoingReplayRequest)
    return json_answer(await request.app[SERVICES].outgoing.replay(caller, body), 202)
