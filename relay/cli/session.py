"""Run one operation of the services on the database that the settings name."""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from relay.adapters.protocol import Carrier
from relay.cli.options import settings_of
from relay.cli.output import write_line
from relay.clock import utcnow
from relay.config.settings import Settings
from relay.inbound.mapping_trial import MappingTrial
from relay.registration.contract_terms import reading_terms
from relay.runtime.database import opened
from relay.runtime.wiring import carrier, event_pace, policies
from relay.service.access import Caller
from relay.service.context import AuditEntry, ServiceContext, WakeCallbacks
from relay.service.damage import DamageLog
from relay.service.models import BulkActionAnswer, ResponseModel
from relay.service.queries import MOST, Paging
from relay.service.services import Services
from relay.service.validation import parse_json

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
P = TypeVar("P", bound=ResponseModel)
Q = TypeVar("Q", bound=Paging)
Operation = Callable[[Services, Caller], Awaitable[T]]
BulkPart = Callable[[Services, Caller, str | None], Awaitable[BulkActionAnswer]]

HELP = "Its id, or its order or tracking number if only one shipment has it."
Shipment = Annotated[str, typer.Argument(help=HELP, show_default=False)]


class AdaptersOnDemand(Mapping[str, Carrier]):
    """The adapters by contract; each is made when an operation needs it.

    Most commands need none, and one contract's wrong options should not stop them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[str, Carrier] = {}

    def __getitem__(self, contract: str) -> Carrier:
        if contract not in self._made:
            self._made[contract] = carrier(self._settings, contract)
        return self._made[contract]

    def __iter__(self) -> Iterator[str]:
        return iter(self._settings.contracts)

    def __len__(self) -> int:
        return len(self._settings.contracts)


def run_operation(config: Path | None, operation: Operation[T]) -> T:
    """Open the database, run *operation*, and wake a running relay if it must act.

    A relay may be serving the database meanwhile; with SQLite it notices changes
    within a second. Raises `ConfigurationError` if there is no database yet.
    """
    return asyncio.run(_run(settings_of(config), operation))


async def _run(settings: Settings, operation: Operation[T]) -> T:
    woken: list[bool] = []

    def wake() -> None:
        woken.append(True)

    adapters = AdaptersOnDemand(settings)
    terms = reading_terms(settings.contracts, adapters, event_pace(settings))
    async with opened(settings) as database:
        context = ServiceContext(
            settings=settings,
            carriers=adapters,
            database=database,
            terms=terms,
            wake=WakeCallbacks(wake, wake, wake),
            try_mapping=MappingTrial(database, terms, utcnow),
            policies=policies,
            audit=_ignore,
            damage=DamageLog(log=False),
        )
        done = await operation(
            Services.build(context), Caller(operator(), through="command line")
        )
        if woken:
            await database.notify()
    return done


def _ignore(_: AuditEntry) -> None:
    """Do not log: the command prints its result, and stores notes."""


def operator() -> str:
    """Return who runs the command, for the notes of a shipment."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user database
        return "the command line"


def request_of(model: type[M], given: Mapping[str, Any]) -> M:
    """Return the request that the API would accept; raise `InvalidLabel`."""
    present = {name: value for name, value in given.items() if value is not None}
    # An argument that is not UTF-8 has lone surrogates, which `to_json` refuses.
    return parse_json(json.dumps(to_jsonable_python(present)).encode(), model)


def run_bulk(config: Path | None, part: BulkPart) -> int:
    """Run a bulk operation to its end, printing progress; return how many changed.

    *part* runs one request of it, from the cursor where the last one ended.
    """

    async def operation(services: Services, caller: Caller) -> int:
        total, cursor = 0, None
        while True:
            done = await part(services, caller, cursor)
            total, cursor = total + done.count, done.next
            if cursor is None:
                return total
            write_line(f"{total} so far", err=True)

    return run_operation(config, operation)


async def collect(
    page_of: Callable[[Q], Awaitable[P]], query: Q, rows: str, limit: int
) -> P:
    """Return the first *limit* rows as one page; *rows* is the field that has them."""
    found: tuple[Any, ...] = ()
    cursor = query.cursor
    while True:
        size = min(limit - len(found), MOST)
        page = await page_of(query.model_copy(update={"cursor": cursor, "limit": size}))
        found += getattr(page, rows)
        cursor = getattr(page, "next")  # noqa: B009 -- every page has it
        if cursor is None or len(found) >= limit:
            return page.model_copy(update={rows: found})
