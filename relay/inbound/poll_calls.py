"""One call to a carrier, with a time limit and typed errors."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

from aiohttp import ClientError, ClientSession

from relay.adapters.protocol import (
    Carrier,
    CarrierFailure,
    Document,
    FeedCarrier,
    PollingCarrier,
    SubscribingCarrier,
)
from relay.config.contract import ContractSettings
from relay.domain.events import ParcelView
from relay.domain.poll_schedule import Intervals
from relay.inbound.adapter_thread import PARSE_LIMIT
from relay.logs import logger
from relay.store.due_polls import Allowance
from relay.store.poll_claims import PollFailed, PollKind, PollTarget

T = TypeVar("T")
_log = logger(__name__)


class CallFailed(Exception):
    """A call without a usable answer; `failed` says why."""

    def __init__(self, failed: PollFailed) -> None:
        super().__init__(failed.reason)
        self.failed = failed


async def ended(call: Coroutine[Any, Any, T], contract: str, limit: timedelta) -> T:
    """Return what *call* returns; raise `CallFailed` for anything else.

    At the *limit* the call is cancelled and not waited for: an adapter may catch
    the cancellation.
    """
    task = asyncio.ensure_future(_contained(call))
    try:
        done, _ = await asyncio.wait({task}, timeout=limit.total_seconds())
    finally:
        task.cancel()
    if not done:
        task.add_done_callback(_retrieve)
        because = f"no answer within {limit.total_seconds():g} s"
        raise CallFailed(PollFailed(because))
    if task.cancelled():
        raise CallFailed(PollFailed("the adapter cancelled its own call"))
    error = task.exception()
    if error is not None:
        raise CallFailed(_failed(error, contract)) from error
    return task.result()


async def _contained(call: Coroutine[Any, Any, T]) -> T:
    """Return what *call* returns; `SystemExit` would end the event loop."""
    try:
        return await call
    except SystemExit as error:
        raise RuntimeError("the adapter raised SystemExit") from error


async def poll(
    carrier: Carrier, session: ClientSession, parcels: Sequence[ParcelView]
) -> list[Document]:
    """Poll *parcels*; raise `TypeError` if the adapter returns no documents."""
    return _checked(await cast(PollingCarrier, carrier).poll(session, parcels))


async def fetch(
    carrier: Carrier, session: ClientSession, cursor: str
) -> tuple[list[Document], str]:
    """Fetch a feed after *cursor*; raise `TypeError` for a wrong result."""
    documents, after = await cast(FeedCarrier, carrier).fetch(session, cursor)
    if not isinstance(after, str):
        raise TypeError("the adapter returned a cursor that is not a string")
    return _checked(documents), after


async def subscribe(
    carrier: Carrier, session: ClientSession, parcel: ParcelView
) -> datetime | None:
    """Subscribe to a parcel; raise `TypeError` for a wrong result."""
    until: object = await cast(SubscribingCarrier, carrier).subscribe(session, parcel)
    if until is None or (isinstance(until, datetime) and until.tzinfo is not None):
        return until
    raise TypeError("the adapter did not return a timezone-aware datetime")


def _checked(documents: object) -> list[Document]:
    """Return *documents*; raise `TypeError` if an untyped adapter returned others."""
    if not isinstance(documents, list) or not all(
        isinstance(d, Document) for d in documents
    ):
        raise TypeError("the adapter did not return a list of documents")
    return documents


def _failed(error: BaseException, contract: str) -> PollFailed:
    """Return the failure of a call; an unexpected error is a bug, and is logged."""
    if isinstance(error, CarrierFailure):
        return PollFailed(str(error) or "the carrier failed", error.wait)
    name = type(error).__name__
    if isinstance(error, ClientError | OSError):
        return PollFailed(f"could not reach the carrier ({name})")
    _log.error("adapter failed to poll", contract=contract, exc_info=error)
    return PollFailed(f"the adapter failed ({name})")


def _retrieve(task: asyncio.Future[Any]) -> None:
    """Retrieve the error of an abandoned call, which asyncio would log otherwise."""
    if not task.cancelled():
        task.exception()


CALL_LIMIT: Final = timedelta(seconds=60)
"""How long one call may take."""
LEASE: Final = CALL_LIMIT + PARSE_LIMIT + timedelta(seconds=60)


def poll_targets(
    contracts: Mapping[str, ContractSettings], carriers: Mapping[str, Carrier]
) -> dict[str, PollTarget]:
    """Return how to poll each contract whose adapter can poll."""
    found = {}
    for name, contract in contracts.items():
        kinds = kinds_of(carriers[name])
        if contract.poll and kinds:
            found[name] = _poll_target(contract, carriers[name], kinds)
    return found


def kinds_of(carrier: Carrier) -> frozenset[PollKind]:
    """Return the kinds of calls that the adapter supports."""
    offered = {
        PollKind.POLL: isinstance(carrier, PollingCarrier),
        PollKind.FETCH: isinstance(carrier, FeedCarrier),
        PollKind.SUBSCRIBE: isinstance(carrier, SubscribingCarrier),
    }
    return frozenset(kind for kind, supported in offered.items() if supported)


def _poll_target(
    contract: ContractSettings, carrier: Carrier, kinds: frozenset[PollKind]
) -> PollTarget:
    intervals = Intervals(
        urgent=contract.poll_urgent_minutes,
        moving=contract.poll_hours,
        quiet=contract.poll_quiet_hours,
    )
    return PollTarget(
        contract=contract.name,
        kinds=kinds,
        plan=intervals.plan,
        allowance=Allowance(
            contract.poll_spacing_seconds,
            contract.poll_daily_quota,
            contract.zone,
        ),
        size=carrier.batch_size if isinstance(carrier, PollingCarrier) else 1,
        lease=LEASE,
        fetch_every=contract.poll_feed_minutes,
    )
