"""Calls to carriers: what they can be for, how they are made, and what is due; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from relay.clock import micros
from relay.domain.poll_schedule import DEMANDED, LANES, DueParcel, Next, Planner
from relay.store.codec import stored
from relay.store.database import Transaction
from relay.store.due_polls import (
    Allowance,
    PollState,
    effective_allowance,
    read_parcels,
)

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


class PollKind(StrEnum):
    """What a carrier can be called for."""

    FETCH = "fetch"
    SUBSCRIBE = "subscribe"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class PollTarget:
    """How one contract's carrier is called, from settings and its adapter."""

    contract: str
    kinds: frozenset[PollKind]
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

    calling: PollTarget
    kind: PollKind | None
    lease: str
    until: datetime
    parcels: tuple[DueParcel, ...] = ()
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class PollSucceeded:
    """A claim whose call began and ended."""

    claim: PollClaim
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class PollFailed:
    """A call without an answer; `wait` are the seconds that the carrier wishes."""

    reason: str
    wait: float | None = None


def fetches_at(state: PollState, calling: PollTarget, now: datetime) -> datetime:
    """Return when a feed is fetched next."""
    return effective_allowance(
        state.fetch_at, now + max(calling.fetch_every, LONGEST_RETRY)
    )


def lanes(calls: int) -> tuple[int, ...]:
    """Return the lanes in the order of a claim; at times the quiet ones are first."""
    return LANES if (calls + 1) % TURN else (DEMANDED, *LANES[:0:-1])


def kinds(calling: PollTarget, calls: int) -> list[PollKind]:
    """Return what a carrier is called for, in the order of a claim."""
    ordered = [k for k in PollKind if k in calling.kinds]
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


def answered_rows(called: PollSucceeded, nexts: Sequence[Next]) -> list[dict[str, Any]]:
    """Return what is written of parcels that were asked for, in the order of keys."""
    settled = {"now": micros(called.ended), "claimed": micros(called.claim.until)}
    found: list[dict[str, Any]] = [
        {**p.key, **settled, "poll_at": stored(when.at), "poll_lane": when.lane}
        for p, when in zip(called.claim.parcels, nexts, strict=True)
    ]
    return sorted(found, key=_key)


def unanswered_rows(called: PollSucceeded) -> list[dict[str, Any]]:
    """Return what is written of parcels that were asked for in vain."""
    claimed = micros(called.claim.until)
    found = []
    for p in called.claim.parcels:
        at = micros(called.ended + retry_after(p.failures))
        found.append(p.key | {"claimed": claimed, "poll_at": at})
    return sorted(found, key=_key)


def _key(row: Mapping[str, Any]) -> tuple[int, str, int]:
    return (row["shipment"], row["contract"], row["volume"])


MOST: Final = 500
"""The most parcels that one call asks for, whatever the adapter takes."""


@dataclass(frozen=True, slots=True)
class PollTaker:
    """What one claim may take, and the row of its contract, which is locked."""

    tx: Transaction
    calling: PollTarget
    state: PollState
    now: datetime
    lease: str

    async def take(self) -> PollClaim | None:
        """Return a call to be made, charged; or what was only put off; or None."""
        moved = None
        for kind in kinds(self.calling, self.state.calls):
            claim = await self._of_kind(kind)
            if claim is not None and claim.kind is not None:
                self.state.charge(
                    self.now, self.calling.allowance, self.lease, claim.until
                )
                await self.tx.run("save_poll", **self.state.columns())
                return claim
            moved = claim or moved
        return moved

    async def _of_kind(self, kind: PollKind) -> PollClaim | None:
        if kind is PollKind.ASK:
            return await self._asking()
        if kind is PollKind.SUBSCRIBE:
            return await self._subscribing()
        if fetches_at(self.state, self.calling, self.now) > self.now:
            return None
        return self._claim(kind)

    async def _asking(self) -> PollClaim | None:
        due, put_off = await self._due()
        await self.tx.many("move_poll", put_off)
        if not due:
            return self._claim(None) if put_off else None
        claim = self._claim(PollKind.ASK, batched(due, self._size))
        until = {"until": micros(claim.until)}
        await self.tx.many("claim_poll", [p.key | until for p in claim.parcels])
        return claim

    @property
    def _size(self) -> int:
        return max(min(self.calling.size, MOST), 1)

    async def _due(self) -> tuple[list[DueParcel], list[dict[str, Any]]]:
        """Part what is to be asked for now from what can wait, lane by lane."""
        due: list[DueParcel] = []
        put_off: list[dict[str, Any]] = []
        for lane in lanes(self.state.calls):
            if len(due) == self._size:
                break
            limit = self._size - len(due)
            for parcel in await self._first("due_polls", limit, lane=lane):
                when = next_of(parcel, self.calling.plan, self.now)
                if when.at is not None and when.at <= self.now:
                    due.append(parcel)
                else:
                    then = {"poll_at": stored(when.at), "poll_lane": when.lane}
                    put_off.append(parcel.key | then)
        return due, put_off

    async def _subscribing(self) -> PollClaim | None:
        """Take one parcel; a closed one needs no more webhooks."""
        for parcel in await self._first("due_subscriptions", 1):
            claim = self._claim(None if parcel.closed else PollKind.SUBSCRIBE, [parcel])
            when = None if parcel.closed else micros(claim.until)
            move = parcel.key | {"subscribe_at": when}
            await self.tx.run("move_subscription", **move)
            return claim
        return None

    async def _first(self, query: str, limit: int, **more: Any) -> list[DueParcel]:
        terms = {"contract": self.calling.contract, "now": micros(self.now)}
        found = await self.tx.rows(query, **terms, **more, limit=limit)
        return await read_parcels(self.tx, self.calling.contract, found)

    def _claim(
        self, kind: PollKind | None, parcels: Sequence[DueParcel] = ()
    ) -> PollClaim:
        until = self.now + self.calling.lease
        cursor = self.state.cursor
        return PollClaim(self.calling, kind, self.lease, until, tuple(parcels), cursor)
