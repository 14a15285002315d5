"""Calls to polled carriers: kinds, limits, claims, and the choice of due parcels."""

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
"""The longest time to a next poll; a longer one was written under a wrong clock."""
RETRY: Final = timedelta(minutes=15)
LONGEST_RETRY: Final = timedelta(days=1)
RECHECK: Final = timedelta(hours=1)
"""When a closed shipment with unpublished changes is checked again."""
RENEWED_BEFORE: Final = timedelta(days=1)
"""How long before its end a subscription is renewed, at most a tenth of its time."""
TURN: Final = 10
"""Every tenth claim takes quiet parcels before urgent ones."""


class PollKind(StrEnum):
    """The kinds of calls to a carrier."""

    FETCH = "fetch"
    SUBSCRIBE = "subscribe"
    POLL = "ask"


@dataclass(frozen=True, slots=True)
class PollTarget:
    """How to call one contract's carrier, from settings and its adapter."""

    contract: str
    kinds: frozenset[PollKind]
    plan: Planner
    allowance: Allowance = field(default_factory=Allowance)
    size: int = 1
    lease: timedelta = timedelta(minutes=3)
    fetch_every: timedelta = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class PollClaim:
    """One claimed call; `kind` is None if parcels were only postponed.

    At `until` the claim expires; its parcels are due then if it was never settled.
    """

    calling: PollTarget
    kind: PollKind | None
    lease: str
    until: datetime
    parcels: tuple[DueParcel, ...] = ()
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class PollSucceeded:
    """A claim whose call has ended, with the times of both."""

    claim: PollClaim
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class PollFailed:
    """Why a call failed; `wait` is the carrier's Retry-After in seconds."""

    reason: str
    wait: float | None = None


def fetches_at(state: PollState, calling: PollTarget, now: datetime) -> datetime:
    """Return when a feed is fetched next; a time under a wrong clock is in the past."""
    return effective_allowance(
        state.fetch_at, now + max(calling.fetch_every, LONGEST_RETRY)
    )


def lanes(calls: int) -> tuple[int, ...]:
    """Return the lanes in the order of a claim; every tenth puts quiet ones first."""
    return LANES if (calls + 1) % TURN else (DEMANDED, *LANES[:0:-1])


def kinds(calling: PollTarget, calls: int) -> list[PollKind]:
    """Return the kinds of calls in the order of a claim, which alternates."""
    ordered = [k for k in PollKind if k in calling.kinds]
    return ordered[::-1] if calls % 2 else ordered


def next_of(parcel: DueParcel, plan: Planner, now: datetime) -> Next:
    """Return when to poll a parcel: now if requested, never if it is closed."""
    if parcel.lane == DEMANDED:
        return Next(now, DEMANDED)
    if not parcel.closed:
        return plan(parcel, now)
    return Next(None if parcel.resting else now + RECHECK, parcel.lane)


def after_answer(parcel: DueParcel, plan: Planner, now: datetime) -> Next:
    """Return when to poll a parcel again after an answer."""
    return Next(None) if parcel.closed else plan(parcel, now)


def batched(due: Sequence[DueParcel], size: int) -> list[DueParcel]:
    """Return the parcels of one call, never more than *size*.

    Parcels whose last call failed are polled apart from others, in batches halved with
    every failure, until the parcel that makes calls fail is polled alone.
    """
    first = due[0]
    alike = [p for p in due if bool(p.failures) == bool(first.failures)]
    return alike[: max(size >> min(first.failures, 30), 1)]


def retry_after(failures: int) -> timedelta:
    """Return how long a parcel waits after so many failed calls."""
    doublings = min(max(failures, 0), 10)
    return min(RETRY * (1 << doublings), LONGEST_RETRY)


def renewal(now: datetime, until: datetime) -> datetime:
    """Return when to renew a subscription that is valid until *until*."""
    lasts = max(until - now, timedelta(0))
    return max(until - min(RENEWED_BEFORE, lasts / 10), now + timedelta(minutes=1))


def answered_rows(called: PollSucceeded, nexts: Sequence[Next]) -> list[dict[str, Any]]:
    """Return the rows of answered parcels, sorted by key to avoid deadlocks."""
    settled = {"now": micros(called.ended), "claimed": micros(called.claim.until)}
    found: list[dict[str, Any]] = [
        {**p.key, **settled, "poll_at": stored(when.at), "poll_lane": when.lane}
        for p, when in zip(called.claim.parcels, nexts, strict=True)
    ]
    return sorted(found, key=_key)


def unanswered_rows(called: PollSucceeded) -> list[dict[str, Any]]:
    """Return the rows of parcels whose call failed, sorted by key."""
    claimed = micros(called.claim.until)
    found = []
    for p in called.claim.parcels:
        at = micros(called.ended + retry_after(p.failures))
        found.append(p.key | {"claimed": claimed, "poll_at": at})
    return sorted(found, key=_key)


def _key(row: Mapping[str, Any]) -> tuple[int, str, int]:
    return (row["shipment"], row["contract"], row["volume"])


MOST: Final = 500
"""The most parcels of one call, even if the adapter accepts more."""


@dataclass(frozen=True, slots=True)
class PollTaker:
    """Chooses the call of one claim; the contract's row `state` is locked."""

    tx: Transaction
    calling: PollTarget
    state: PollState
    now: datetime
    lease: str

    async def take(self) -> PollClaim | None:
        """Return a claimed call; one without a kind if parcels were only postponed."""
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
        if kind is PollKind.POLL:
            return await self._asking()
        if kind is PollKind.SUBSCRIBE:
            return await self._subscribing()
        if fetches_at(self.state, self.calling, self.now) > self.now:
            return None
        return self._claim(kind)

    async def _asking(self) -> PollClaim | None:
        due, postponed = await self._due()
        await self.tx.many("move_poll", postponed)
        if not due:
            return self._claim(None) if postponed else None
        claim = self._claim(PollKind.POLL, batched(due, self._size))
        until = {"until": micros(claim.until)}
        await self.tx.many("claim_poll", [p.key | until for p in claim.parcels])
        return claim

    @property
    def _size(self) -> int:
        return max(min(self.calling.size, MOST), 1)

    async def _due(self) -> tuple[list[DueParcel], list[dict[str, Any]]]:
        """Return parcels to poll now, and rows that postpone others, lane by lane."""
        due: list[DueParcel] = []
        postponed: list[dict[str, Any]] = []
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
                    postponed.append(parcel.key | then)
        return due, postponed

    async def _subscribing(self) -> PollClaim | None:
        """Claim the subscription of one parcel; a closed one needs none."""
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
