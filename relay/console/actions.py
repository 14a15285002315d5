"""Changes: each is asked for on a page of its own, with a reason, and then done."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel
from pydantic_core import to_json

from relay.console.keys import SERVICES
from relay.console.page import language_of, render
from relay.console.security import caller, check_may_act
from relay.console.sessions import NOTICE, SESSION
from relay.errors import InvalidLabel, RegistrationError
from relay.registration.requests import (
    CorrectionRequest,
    DeliveredRequest,
    HandoverRequest,
    ResendRequest,
)
from relay.service.access import Caller
from relay.service.models import Problem
from relay.service.outgoing_models import OutgoingRepeatRequest, OutgoingReplayRequest
from relay.service.queries import AcceptRequest
from relay.service.services import Services
from relay.service.validation import parse_json

M = TypeVar("M", bound=BaseModel)
Done = Callable[[Services, Caller, str, Mapping[str, str]], Awaitable[Any]]
LONGEST_REASON: Final = 200
OUTGOING: Final = "/console/outgoing"
routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class ConsoleAction:
    """One change: what does it, its form's fields, and where to go afterwards.

    `back` is an address with the id in it; `grave` changes cannot be undone.
    """

    do: Done
    fields: tuple[str, ...] = ()
    back: str = "/console/shipments/{id}"
    grave: bool = False


async def _retry(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.shipment_actions.retry(who, id_)


async def _poll(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.shipment_actions.poll_now(who, id_)


async def _cancel(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.shipment_actions.cancel(who, id_)


async def _correct(s: Services, who: Caller, id_: str, form: Mapping[str, str]) -> None:
    await s.shipment_actions.correct(who, id_, _request(CorrectionRequest, form))


async def _handover(
    s: Services, who: Caller, id_: str, form: Mapping[str, str]
) -> None:
    await s.shipment_actions.handover(who, id_, _request(HandoverRequest, form))


async def _resend(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.shipment_actions.resend(who, id_, ResendRequest())


async def _delivered(
    s: Services, who: Caller, id_: str, form: Mapping[str, str]
) -> None:
    await s.shipment_actions.mark_delivered(who, id_, _request(DeliveredRequest, form))


async def _release(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.worklists.decide_event(who, _number(id_), "released")


async def _drop(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.worklists.decide_event(who, _number(id_), "dropped")


async def _replay(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.documents.replay(who, _number(id_))


async def _accept(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.rejected.accept(who, _number(id_), AcceptRequest())


async def _open(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.accounts.open(who, id_)


async def _send_again(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.outgoing.repeat(who, id_, OutgoingRepeatRequest())


async def _replay_all(
    s: Services, who: Caller, id_: str, form: Mapping[str, str]
) -> None:
    given = {"receiver": id_, **form}
    await s.outgoing.replay(who, _request(OutgoingReplayRequest, given))


async def _test(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.outgoing.test(who, id_)


async def _enable(s: Services, who: Caller, id_: str, _: Mapping[str, str]) -> None:
    await s.outgoing.enable(who, id_)


ACTIONS: Final[Mapping[tuple[str, str], ConsoleAction]] = {
    ("shipments", "retry"): ConsoleAction(_retry),
    ("shipments", "poll"): ConsoleAction(_poll),
    ("shipments", "correct"): ConsoleAction(
        _correct, ("trackingNumber", "trackingUrl", "courier", "dispatchedDate")
    ),
    ("shipments", "handover"): ConsoleAction(
        _handover, ("contract", "trackingNumber", "trackingUrl", "courier")
    ),
    ("shipments", "resend"): ConsoleAction(_resend),
    ("shipments", "delivered"): ConsoleAction(_delivered, ("occurredAt",), grave=True),
    ("shipments", "cancel"): ConsoleAction(_cancel, grave=True),
    ("events", "release"): ConsoleAction(
        _release, back="/console/lists/quarantined", grave=True
    ),
    ("events", "drop"): ConsoleAction(
        _drop, back="/console/lists/quarantined", grave=True
    ),
    ("documents", "replay"): ConsoleAction(_replay, back="/console/documents/{id}"),
    ("rejected", "accept"): ConsoleAction(_accept, back="/console/lists/rejected"),
    ("accounts", "open"): ConsoleAction(_open, back="/console/vtex"),
    ("outgoing", "send-again"): ConsoleAction(_send_again, back=OUTGOING),
    ("receivers", "send-all"): ConsoleAction(
        _replay_all, ("since", "until"), back=OUTGOING
    ),
    ("receivers", "test"): ConsoleAction(_test, back=OUTGOING),
    ("receivers", "enable"): ConsoleAction(_enable, back=OUTGOING),
}
"""Every change, by the kind of thing and the last part of its address."""
ADDRESS: Final = (
    "/{kind:shipments|events|documents|rejected|accounts|outgoing|receivers}"
    "/{id}/{action}"
)


@routes.get(ADDRESS)
async def ask(request: web.Request) -> web.Response:
    """Ask for a change: what will happen, its fields, and a reason."""
    action = _action(request)
    check_may_act(request)
    return await _form(request, action)


@routes.post(ADDRESS)
async def do(request: web.Request) -> web.Response:
    """Do a change; on an error show the form again, with what was entered."""
    action = _action(request)
    check_may_act(request)
    form = {name: str(text).strip() for name, text in (await request.post()).items()}
    id_, t = request.match_info["id"], language_of(request)
    try:
        who = caller(request, _reason(form.get("reason", "")))
        given = {name: form[name] for name in action.fields if form.get(name)}
        await action.do(request.app[SERVICES], who, id_, given)
    except RegistrationError as error:
        return await _form(request, action, form, error)
    request[SESSION].hold(NOTICE, t(f"done.{request.match_info['action']}"))
    raise web.HTTPSeeOther(action.back.format(id=id_))


def _action(request: web.Request) -> ConsoleAction:
    found = ACTIONS.get((request.match_info["kind"], request.match_info["action"]))
    if found is None:
        raise web.HTTPNotFound(text="there is no such page")
    return found


def _reason(text: str) -> str:
    if not text:
        hint = "say in a few words why you change this"
        raise InvalidLabel("required", field="reason", hint=hint)
    if len(text) > LONGEST_REASON:
        raise InvalidLabel(
            f"longer than {LONGEST_REASON} characters",
            field="reason",
            hint="shorten it",
        )
    return text


def _request(model: type[M], form: Mapping[str, str]) -> M:
    """Return the request that the API would take; raise `InvalidLabel`."""
    return parse_json(to_json(form), model)


def _number(text: str) -> int:
    if not text.isdecimal():
        raise web.HTTPNotFound(text="there is no such page")
    return int(text)


async def _form(
    request: web.Request,
    action: ConsoleAction,
    given: Mapping[str, str] | None = None,
    error: RegistrationError | None = None,
) -> web.Response:
    """Show the form of an action; *error* says what was wrong with what was given."""
    name, id_ = request.match_info["action"], request.match_info["id"]
    return await render(
        request,
        "action.html",
        422 if error else 200,
        action=action,
        name=name,
        given=given or {},
        errors=Problem.of(error).errors if error else (),
        back=action.back.format(id=id_),
        contracts=list(request.app[SERVICES].context.settings.contracts),
    )
