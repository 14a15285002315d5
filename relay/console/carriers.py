"""One carrier: what it did, and what its codes mean, with a form for unknown ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from aiohttp import web
from pydantic_core import to_json

from relay.console.keys import SERVICES, USER
from relay.console.page import language_of, render
from relay.console.security import caller, check_may_act
from relay.console.sessions import NOTICE, SESSION
from relay.errors import NotFound, RegistrationError
from relay.service.code_models import (
    CodeQuery,
    MappingPreview,
    MapRequest,
    UnmapRequest,
)
from relay.service.codes import MILESTONES
from relay.service.models import Problem
from relay.service.queries import WorkListQuery
from relay.service.statistics import StatisticsQuery
from relay.service.statistics_models import CarrierDay, ContractStatistics
from relay.service.validation import parse_json
from relay.store.worklist_queries import WorkList

EFFECTS: Final = ("normal", "administrative", "provisional")
SHARE: Final = 100
BAR_DAYS: Final = 28
routes = web.RouteTableDef()


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day of a chart: its number, and its height in percent of the highest."""

    day: CarrierDay
    number: int
    height: int


@dataclass(frozen=True, slots=True)
class DelayBar:
    """How many events arrived within a time, and their share in percent."""

    within: str
    events: int
    share: int


@routes.get("/carriers/{contract}")
async def carrier(request: web.Request) -> web.Response:
    """Show what a carrier did, and its codes."""
    services, who = request.app[SERVICES], caller(request)
    name = request.match_info["contract"]
    query = StatisticsQuery(days=BAR_DAYS)
    found = await services.statistics.of_contract(who, name, query)
    unknown = await services.worklists.page(
        who, WorkList.UNKNOWN_CODES, WorkListQuery(contract=name, limit=50)
    )
    mapped = await services.codes.page(who, CodeQuery(contract=name))
    return await render(
        request,
        "carrier.html",
        found=found,
        events=day_bars(found.days, "events"),
        deliveries=day_bars(found.days, "delivered"),
        delays=delay_bars(found),
        unknown=[(one, code_page(name, one.carrier_code)) for one in unknown.entries],
        mapped=[
            (one, code_page(name, one.carrier_code, remove=True))
            for one in mapped.mappings
        ],
        may_act=request[USER].may_act,
    )


def day_bars(days: Sequence[CarrierDay], name: str) -> list[DayBar]:
    """Return the bars of one number of each day."""
    highest = max((getattr(day, name) for day in days), default=0) or 1
    return [
        DayBar(day, getattr(day, name), round(SHARE * getattr(day, name) / highest))
        for day in days
    ]


def delay_bars(found: ContractStatistics) -> list[DelayBar]:
    """Return how soon events arrived, each with its share of all."""
    total = sum(one.events for one in found.delays) or 1
    return [
        DelayBar(one.within, one.events, round(SHARE * one.events / total))
        for one in found.delays
    ]


def code_page(contract: str, code: str, *, remove: bool = False) -> str:
    """Return the address of the form that maps a code, or removes its mapping."""
    query = {"code": code} | ({"remove": "1"} if remove else {})
    return f"/console/carriers/{contract}/codes?{urlencode(query)}"


@routes.get("/carriers/{contract}/codes")
async def ask(request: web.Request) -> web.Response:
    """Ask what a code means, or why its mapping is removed."""
    check_may_act(request)
    return await _form(request, {})


@routes.post("/carriers/{contract}/codes")
async def change(request: web.Request) -> web.Response:
    """Show what a change would change; with `apply`, make it."""
    check_may_act(request)
    form = {name: str(text).strip() for name, text in (await request.post()).items()}
    codes, who = request.app[SERVICES].codes, caller(request)
    applies = "apply" in form
    try:
        if _removes(request):
            removal = parse_json(to_json(_fields(request, form)), UnmapRequest)
            if not applies:
                preview = await codes.preview_removal(who, removal)
                return await _form(request, form, preview=preview)
            await codes.unmap(who, removal)
        else:
            wanted = parse_json(to_json(_meaning(request, form)), MapRequest)
            if not applies:
                preview = await codes.preview(who, wanted)
                return await _form(request, form, preview=preview)
            await codes.map(who, wanted)
    except RegistrationError as error:
        if isinstance(error, NotFound):
            raise
        return await _form(request, form, error=error)
    done = "unmapped" if _removes(request) else "mapped"
    request[SESSION].hold(NOTICE, language_of(request)(f"codes.{done}"))
    raise web.HTTPSeeOther(f"/console/carriers/{request.match_info['contract']}")


def _removes(request: web.Request) -> bool:
    return "remove" in request.query


def _fields(request: web.Request, form: Mapping[str, str]) -> dict[str, object]:
    """Return the fields that both changes have."""
    return {
        "contract": request.match_info["contract"],
        "carrierCode": request.query.get("code", ""),
        "why": form.get("why", ""),
    }


def _meaning(request: web.Request, form: Mapping[str, str]) -> dict[str, object]:
    names = ("milestone", "effect", "text")
    given: dict[str, object] = {name: form.get(name, "") for name in names}
    confirmed = form.get("confirmDelivered") == "on"
    return _fields(request, form) | given | {"confirmDelivered": confirmed}


async def _form(
    request: web.Request,
    given: Mapping[str, str],
    *,
    preview: MappingPreview | None = None,
    error: RegistrationError | None = None,
) -> web.Response:
    """Show the form, with the preview or with what was wrong."""
    return await render(
        request,
        "code.html",
        422 if error else 200,
        contract=request.match_info["contract"],
        code=request.query.get("code", ""),
        removes=_removes(request),
        given=given,
        preview=preview,
        errors=Problem.of(error).errors if error else (),
        milestones=MILESTONES,
        effects=EFFECTS,
    )
