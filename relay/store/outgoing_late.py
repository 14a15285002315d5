"""Outgoing events of late shipments, and deliveries that nothing can send any more."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from relay.domain.outgoing_events import LATE, OutgoingEvent, Subscriptions, of_row
from relay.store.database import Database
from relay.store.outgoing_claims import OutgoingClaims
from relay.store.outgoing_events import record_outgoing

SLICE: Final = 200


@dataclass(frozen=True, slots=True)
class LateEvents:
    """Records what is late, of *accounts*, and gives up what is too old to be sent."""

    database: Database
    subscriptions: Subscriptions
    accounts: Collection[str]

    async def step(self, now: datetime) -> int:
        """Record an event for each newly late shipment; return how many."""
        claims = OutgoingClaims(self.database)
        for receiver in await claims.states():
            await claims.give_up(receiver, now)
        return sum([await self._account(name, now) for name in self.accounts])

    async def _account(self, account: str, now: datetime) -> int:
        """Record the late ones of one account; nothing is read if no receiver asks."""
        sample = OutgoingEvent(LATE, now, account=account)
        if not any(s.wants(sample) for s in self.subscriptions):
            return 0
        recorded = found = await self._slice(account, now)
        while found == SLICE:
            found = await self._slice(account, now)
            recorded += found
        return recorded

    async def _slice(self, account: str, now: datetime) -> int:
        """Record some, once per promised day, which a label may change."""
        values = {"account": account, "today": now.date().isoformat(), "limit": SLICE}
        async with self.database.writing() as tx:
            found = await tx.rows("late_to_tell", **values)
            events = [of_row(LATE, r, now, promisedOn=r["promised_on"]) for r in found]
            await record_outgoing(tx, events, self.subscriptions, now)
            names = ("shipment", "promised_on")
            marked = [{name: row[name] for name in names} for row in found]
            await tx.many("record_outgoing_late", marked)
        return len(found)
