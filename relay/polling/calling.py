"""One call to a carrier: whatever its adapter does, it comes to an end."""

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from aiohttp import ClientError, ClientSession

from relay.carrier.contract import (
    Carrier,
    CarrierFailure,
    Document,
    Feeds,
    ParcelView,
    Polls,
    Subscribes,
)
from relay.logs import logger
from relay.store.callings import Failed

T = TypeVar("T")

_log = logger(__name__)


class CallFailed(Exception):
    """A call that gave no answer, and why."""

    def __init__(self, failed: Failed) -> None:
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
        raise CallFailed(Failed(because))
    if task.cancelled():
        raise CallFailed(Failed("the adapter cancelled its own call"))
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


async def asked(
    carrier: Carrier, session: ClientSession, parcels: Sequence[ParcelView]
) -> list[Document]:
    """Ask for parcels; raise `TypeError` if the adapter returns anything else."""
    return _checked(await cast(Polls, carrier).ask(session, parcels))


async def fetched(
    carrier: Carrier, session: ClientSession, cursor: str
) -> tuple[list[Document], str]:
    """Fetch a feed behind *cursor*; raise `TypeError` as `asked` does."""
    documents, behind = await cast(Feeds, carrier).fetch(session, cursor)
    if not isinstance(behind, str):
        raise TypeError("the adapter returned a cursor that is no text")
    return _checked(documents), behind


async def subscribed(
    carrier: Carrier, session: ClientSession, parcel: ParcelView
) -> datetime | None:
    """Subscribe to a parcel; raise `TypeError` as `asked` does."""
    until: object = await cast(Subscribes, carrier).subscribe(session, parcel)
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


def _failed(error: BaseException, contract: str) -> Failed:
    """Say what went wrong; what no adapter should raise is a bug, and logged."""
    if isinstance(error, CarrierFailure):
        return Failed(str(error) or "the carrier failed", error.wait)
    name = type(error).__name__
    if isinstance(error, ClientError | OSError):
        return Failed(f"the carrier could not be reached ({name})")
    _log.error("an adapter failed to ask", contract=contract, exc_info=error)
    return Failed(f"the adapter failed ({name})")


def _forgotten(task: asyncio.Future[Any]) -> None:
    """Take notice of how a call ended that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
