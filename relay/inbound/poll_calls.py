"""One call to a carrier: whatever its adapter does, it comes to an end."""

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
from relay.logs import logger
from relay.store.due_polls import Allowance
from relay.store.poll_claims import PollFailed, PollKind, PollTarget

T = TypeVar("T")
_log = logger(__name__)


class CallFailed(Exception):
    """A call that gave no answer, and why."""

    def __init__(self, failed: PollFailed) -> None:
        super().__init__(failed.because)
        self.failed = failed


async def ended(call: Coroutine[Any, Any, T], contract: str, limit: timedelta) -> T:
    """Return what *call* returns; raise `CallFailed` for anything else.

    A call that is still under way at the *limit* is left to itself, cancelled.
    """
    task = asyncio.ensure_future(_going_on(call))
    try:
        done, _ = await asyncio.wait({task}, timeout=limit.total_seconds())
    finally:
        task.cancel()
    if not done:
        task.add_done_callback(_forgotten)
        because = f"no answer within {limit.total_seconds():g} s"
        raise CallFailed(PollFailed(because))
    if task.cancelled():
        raise CallFailed(PollFailed("the adapter cancelled its own call"))
    error = task.exception()
    if error is not None:
        raise CallFailed(_failed(error, contract)) from error
    return task.result()


async def _going_on(call: Coroutine[Any, Any, T]) -> T:
    """Return what *call* returns; an adapter does not end the process."""
    try:
        return await call
    except SystemExit as error:
        raise RuntimeError("an adapter wanted to end the process") from error


async def poll(
    carrier: Carrier, session: ClientSession, parcels: Sequence[ParcelView]
) -> list[Document]:
    """Ask for parcels; raise `TypeError` if the adapter returns anything else."""
    return _checked(await cast(PollingCarrier, carrier).poll(session, parcels))


async def fetch(
    carrier: Carrier, session: ClientSession, cursor: str
) -> tuple[list[Document], str]:
    """Fetch a feed behind *cursor*; raise `TypeError` as `asked` does."""
    documents, behind = await cast(FeedCarrier, carrier).fetch(session, cursor)
    if not isinstance(behind, str):
        raise TypeError("the adapter returned a cursor that is no text")
    return _checked(documents), behind


async def subscribe(
    carrier: Carrier, session: ClientSession, parcel: ParcelView
) -> datetime | None:
    """Subscribe to a parcel; raise `TypeError` as `asked` does."""
    until: object = await cast(SubscribingCarrier, carrier).subscribe(session, parcel)
    if until is None or (isinstance(until, datetime) and until.tzinfo is not None):
        return until
    raise TypeError("the adapter returned no aware instant")


def _checked(documents: object) -> list[Document]:
    """Refuse what is no list of documents, whatever the adapter's types say."""
    if not isinstance(documents, list) or not all(
        isinstance(d, Document) for d in documents
    ):
        raise TypeError("the adapter returned no list of documents")
    return documents


def _failed(error: BaseException, contract: str) -> PollFailed:
    """Say what went wrong; what no adapter should raise is a bug, and logged."""
    if isinstance(error, CarrierFailure):
        return PollFailed(str(error) or "the carrier failed", error.wait)
    name = type(error).__name__
    if isinstance(error, ClientError | OSError):
        return PollFailed(f"the carrier could not be reached ({name})")
    _log.error("an adapter failed to ask", contract=contract, exc_info=error)
    return PollFailed(f"the adapter failed ({name})")


def _forgotten(task: asyncio.Future[Any]) -> None:
    """Take notice of how a call ended that nobody waits for any more."""
    if not task.cancelled():
        task.exception()


CALL_LIMIT: Final = timedelta(seconds=60)
"""How long one call may take."""
READ_LIMIT: Final = timedelta(seconds=30)
"""How long reading its answer may take."""
LEASE: Final = CALL_LIMIT + READ_LIMIT + timedelta(seconds=60)


def callings(
    contracts: Mapping[str, ContractSettings], carriers: Mapping[str, Carrier]
) -> dict[str, PollTarget]:
    """Return how the contracts are called whose adapter asks anything."""
    found = {}
    for name, contract in contracts.items():
        kinds = kinds_of(carriers[name])
        if contract.poll and kinds:
            found[name] = _calling(contract, carriers[name], kinds)
    return found


def kinds_of(carrier: Carrier) -> frozenset[PollKind]:
    """Return what *carrier* can be called for."""
    offered = {
        PollKind.ASK: isinstance(carrier, PollingCarrier),
        PollKind.FETCH: isinstance(carrier, FeedCarrier),
        PollKind.SUBSCRIBE: isinstance(carrier, SubscribingCarrier),
    }
    return frozenset(kind for kind, it_can in offered.items() if it_can)


def _calling(
    contract: ContractSettings, carrier: Carrier, kinds: frozenset[PollKind]
) -> PollTarget:
    intervals = Intervals(
        urgent=timedelta(minutes=contract.poll_urgent_minutes),
        moving=timedelta(hours=contract.poll_hours),
        quiet=timedelta(hours=contract.poll_quiet_hours),
    )
    return PollTarget(
        contract=contract.name,
        kinds=kinds,
        plan=intervals.plan,
        allowance=Allowance(
            timedelta(seconds=contract.poll_spacing_seconds),
            contract.poll_daily_quota,
            contract.zone,
        ),
        size=carrier.batch_size if isinstance(carrier, PollingCarrier) else 1,
        lease=LEASE,
        fetch_every=timedelta(minutes=contract.poll_feed_minutes),
    )
