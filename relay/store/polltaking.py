"""One claim of a call to a carrier, in its transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from relay.clock import micros
from relay.store.callings import (
    Calling,
    Kind,
    PollClaim,
    batched,
    fetches_at,
    kinds,
    lanes,
    next_of,
)
from relay.store.database import Transaction
from relay.store.duepolls import DueParcel, read_parcels
from relay.store.pollstate import PollState
from relay.store.spelling import stored

MOST: Final = 500
"""The most parcels that one call asks for, whatever the adapter takes."""


@dataclass(frozen=True, slots=True)
class Taking:
    """What one claim may take, and the row of its contract, which is locked."""

    tx: Transaction
    calling: Calling
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

    async def _of_kind(self, kind: Kind) -> PollClaim | None:
        if kind is Kind.ASK:
            return await self._asking()
        if kind is Kind.SUBSCRIBE:
            return await self._subscribing()
        if fetches_at(self.state, self.calling, self.now) > self.now:
            return None
        return self._claim(kind)

    async def _asking(self) -> PollClaim | None:
        due, put_off = await self._due()
        await self.tx.many("move_poll", put_off)
        if not due:
            return self._claim(None) if put_off else None
        claim = self._claim(Kind.ASK, batched(due, self._size))
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
            claim = self._claim(None if parcel.closed else Kind.SUBSCRIBE, [parcel])
            when = None if parcel.closed else micros(claim.until)
            move = parcel.key | {"subscribe_at": when}
            await self.tx.run("move_subscription", **move)
            return claim
        return None

    async def _first(self, query: str, limit: int, **more: Any) -> list[DueParcel]:
        terms = {"contract": self.calling.contract, "now": micros(self.now)}
        found = await self.tx.rows(query, **terms, **more, limit=limit)
        return await read_parcels(self.tx, self.calling.contract, found)

    def _claim(self, kind: Kind | None, parcels: Sequence[DueParcel] = ()) -> PollClaim:
        until = self.now + self.calling.lease
        cursor = self.state.cursor
        return PollClaim(self.calling, kind, self.lease, until, tuple(parcels), cursor)
