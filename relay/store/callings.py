"""Calls to carriers: what they can be for, how they are made, and what is due; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from relay.clock import micros
from relay.store.duepolls import DEMANDED, LANES, DueParcel, Next, Planner
from relay.store.pollstate import Allowance, PollState, believed
from relay.store.spelling import stored

FURTHEST: Final = timedelta(days=7)
"""Nothing is put off for longer; what is, was put off under a wrong clock."""
RETRY: Final = timedelta(minutes=15)
LONGEST_RETRY: Final = timedelta(days=1)
LOOK_AGAIN: Final = timedelta(hours=1)
"""At a closed shipment of which something is about to be told."""
RENEWED_BEFORE: Final = timedelta(days=1)
"""A subscription is renewed that long before its end, or at nine tenths of it."""
TURN: Final = 10
"""One claim in so many is for what is quiet before what is urgent."""


class Kind(StrEnum):
    """What a carrier can be called for."""

    FETCH = "fetch"
    SUBSCRIBE = "subscribe"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class Calling:
    """How one contract's carrier is called, from settings and its adapter."""

    contract: str
    kinds: frozenset[Kind]
    plan: Planner
    allowance: Allowance = field(default_factory=Allowance)
    size: int = 1
    lease: timedelta = timedelta(minutes=3)
    fetch_every: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class PollClaim:
    """One call that was charged; `kind` is None if parcels were only put off.

    `until` is when the claim is over, and the due date of its parcels meanwhile.
    """

    calling: Calling
    kind: Kind | None
    lease: str
    until: datetime
    parcels: tuple[DueParcel, ...] = ()
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Called:
    """A claim whose call began and ended."""

    claim: PollClaim
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """A call without an answer; `wait` are the seconds that the carrier wishes."""

    because: str
    wait: float | None = None


def fetches_at(state: PollState, calling: Calling, now: datetime) -> datetime:
    """Return when a feed is fetched next."""
    return believed(state.fetch_at, now + max(calling.fetch_every, LONGEST_RETRY))


def lanes(calls: int) -> tuple[int, ...]:
    """Return the lanes in the order of a claim; at times the quiet ones are first."""
    return LANES if (calls + 1) % TURN else (DEMANDED, *LANES[:0:-1])


def kinds(calling: Calling, calls: int) -> list[Kind]:
    """Return what a carrier is called for, in the order of a claim."""
    ordered = [k for k in Kind if k in calling.kinds]
    return ordered[::-1] if calls % 2 else ordered


def next_of(parcel: DueParcel, plan: Planner, now: datetime) -> Next:
    """Return when a parcel is to be asked for; of a closed shipment, never.

    What a person wants to know is asked for at once.
    """
    if parcel.lane == DEMANDED:
        return Next(now, DEMANDED)
    if not parcel.closed:
        return plan(parcel, now)
    return Next(None if parcel.resting else now + LOOK_AGAIN, parcel.lane)


def after_answer(parcel: DueParcel, plan: Planner, now: datetime) -> Next:
    """Return when a parcel that was just asked for is asked for again."""
    return Next(None) if parcel.closed else plan(parcel, now)


def batched(due: Sequence[DueParcel], size: int) -> list[DueParcel]:
    """Return the parcels of one call, never more than *size*.

    Those that were asked for in vain are kept from the others, and their batches
    become smaller, until the one that makes calls fail is asked for alone.
    """
    first = due[0]
    alike = [p for p in due if bool(p.failures) == bool(first.failures)]
    return alike[: max(size >> min(first.failures, 30), 1)]


def retry_after(failures: int) -> timedelta:
    """Return how long a parcel waits that was asked for in vain so often before."""
    doublings = min(max(failures, 0), 10)
    return min(RETRY * (1 << doublings), LONGEST_RETRY)


def renewal(now: datetime, until: datetime) -> datetime:
    """Return when a subscription that is valid *until* then is renewed."""
    lasts = max(until - now, timedelta(0))
    return max(until - min(RENEWED_BEFORE, lasts / 10), now + timedelta(minutes=1))


def answered_rows(called: Called, nexts: Sequence[Next]) -> list[dict[str, Any]]:
    """Return what is written of parcels that were asked for, in the order of keys."""
    settled = {"now": micros(called.ended), "claimed": micros(called.claim.until)}
    found: list[dict[str, Any]] = [
        {**p.key, **settled, "poll_at": stored(when.at), "poll_lane": when.lane}
        for p, when in zip(called.claim.parcels, nexts, strict=True)
    ]
    return sorted(found, key=_key)


def unanswered_rows(called: Called) -> list[dict[str, Any]]:
    """Return what is written of parcels that were asked for in vain."""
    claimed = micros(called.claim.until)
    found = []
    for p in called.claim.parcels:
        at = micros(called.ended + retry_after(p.failures))
        found.append(p.key | {"claimed": claimed, "poll_at": at})
    return sorted(found, key=_key)


def _key(row: Mapping[str, Any]) -> tuple[int, str, int]:
    return (row["shipment"], row["contract"], row["volume"])
