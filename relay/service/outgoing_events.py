"""Outgoing events: list receivers and events, send again, test, enable."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from relay.clock import moment
from relay.config.receivers import OutgoingReceiver
from relay.domain.outgoing_events import TEST, OutgoingEvent
from relay.errors import NotFound
from relay.service.access import Caller
from relay.service.context import AuditEntry, ServiceContext
from relay.service.cursors import read_row_cursor, row_cursor
from relay.service.models import BulkActionAnswer
from relay.service.outgoing_models import (
    OutgoingDelivery,
    OutgoingDetail,
    OutgoingEntry,
    OutgoingList,
    OutgoingQuery,
    OutgoingRepeatRequest,
    OutgoingReplayRequest,
    OutgoingStarted,
    ReceiverEntry,
    ReceiverHealth,
    ReceiverList,
)
from relay.store.codec import at
from relay.store.database import Row
from relay.store.outgoing_bodies import outgoing_body
from relay.store.outgoing_claims import OutgoingClaims, ReceiverBacklog, ReceiverState
from relay.store.outgoing_events import (
    OutgoingEvents,
    OutgoingFilter,
    ReplayOrder,
    StoredEvent,
    state_of,
)
from relay.suggestions import suggestion

SLICES: Final = 20
"""How many slices of events one request sends again."""


@dataclass(frozen=True, slots=True)
class OutgoingService:
    """Operations on outgoing events and their receivers.

    A caller with some accounts sees the events of these, and the receivers that get no
    others.
    """

    context: ServiceContext

    async def receivers(self, caller: Caller) -> ReceiverList:
        """Return the configured receivers: whether they work, and what waits."""
        found = self._visible(caller)
        claims = OutgoingClaims(self.context.database)
        states = await claims.states() if found else {}
        backlogs = await claims.backlogs([r.name for r in found])
        return ReceiverList(
            receivers=tuple(
                receiver_entry(r, states.get(r.name), backlogs[r.name]) for r in found
            )
        )

    async def warnings(self) -> list[str]:
        """Return which receivers do not work, and since when; nothing is secret."""
        found = (await self.receivers(Caller("readiness"))).receivers
        return [
            f"receiver {one.name}: {one.state} since {one.since:%Y-%m-%d %H:%M} UTC"
            for one in found
            if one.since is not None
        ]

    async def page(self, caller: Caller, query: OutgoingQuery) -> OutgoingList:
        """Return events, the newest first."""
        wanted = OutgoingFilter(
            query.receiver, query.state, query.type, query.shipment_id, caller.visible
        )
        before = read_row_cursor(query.cursor)
        events = OutgoingEvents(self.context.database)
        found, following = await events.page(wanted, query.limit, before)
        return OutgoingList(
            events=tuple(OutgoingEntry(**_fields(one)) for one in found),
            next=row_cursor(following),
        )

    async def show(self, caller: Caller, id_: str) -> OutgoingDetail:
        """Return one event with its body; raise `NotFound`."""
        stored = await self._event(caller, id_)
        return OutgoingDetail(**_fields(stored), body=outgoing_body(stored[0]))

    async def repeat(
        self, caller: Caller, id_: str, request: OutgoingRepeatRequest
    ) -> OutgoingStarted:
        """Send one event again, with its id; raise `NotFound`."""
        context = self.context
        event, deliveries = await self._event(caller, id_)
        known = {r.name for r in self._visible(caller)}
        names = (
            [d["receiver"] for d in deliveries if d["receiver"] in known]
            if request.receiver is None
            else [self._receiver(caller, request.receiver).name]
        )
        if not names:
            raise NotFound(
                f"event {id_} has no configured receiver",
                hint="name one with `receiver`",
            )
        await OutgoingEvents(context.database).repeat(id_, names, context.now())
        about = {"id": id_, "receivers": names}
        if event["account"] is not None:
            about["account"] = event["account"]
        await self._record(caller, "outgoing event sent again", about, request.reason)
        return OutgoingStarted(id=id_, receivers=tuple(names))

    async def replay(
        self, caller: Caller, request: OutgoingReplayRequest
    ) -> BulkActionAnswer:
        """Send the events of a time again; with `next` there are more of them."""
        context, now = self.context, self.context.now()
        names = (
            {r.name for r in self._visible(caller)}
            if request.receiver is None
            else {self._receiver(caller, request.receiver).name}
        )
        to = [s for s in context.settings.subscriptions if s.receiver in names]
        order = ReplayOrder(request.since, request.until or now, request.failed)
        events = OutgoingEvents(context.database)
        total, after = 0, read_row_cursor(request.cursor)
        for _ in range(SLICES):
            count, after = await events.replay(order, to, now, after or 0)
            total += count
            if after is None:
                break
        about = {"deliveries": total, "receivers": sorted(names)}
        await self._record(caller, "outgoing events sent again", about, request.reason)
        return BulkActionAnswer(count=total, next=row_cursor(after))

    async def test(self, caller: Caller, name: str) -> OutgoingStarted:
        """Send a test event to one receiver; raise `NotFound`."""
        context, now = self.context, self.context.now()
        receiver = self._receiver(caller, name)
        event = OutgoingEvent(TEST, now, {"receiver": name, "sentBy": caller.name})
        events = OutgoingEvents(context.database)
        id_ = await events.record(event, [receiver.name], now)
        await self._record(caller, "test event sent", {"receiver": name, "id": id_})
        return OutgoingStarted(id=id_, receivers=(name,))

    async def enable(self, caller: Caller, name: str) -> ReceiverEntry:
        """Call a receiver again that is disabled or fails; raise `NotFound`."""
        receiver = self._receiver(caller, name)
        claims = OutgoingClaims(self.context.database)
        await claims.enable(receiver.name, self.context.now())
        await self._record(caller, "receiver enabled", {"receiver": name})
        states, backlogs = await claims.states(), await claims.backlogs([name])
        return receiver_entry(receiver, states.get(name), backlogs[name])

    async def _record(
        self, caller: Caller, did: str, about: dict[str, Any], reason: str = ""
    ) -> None:
        who = replace(caller, reason=reason) if reason else caller
        await self.context.record(AuditEntry.of(who, did, about))

    def _visible(self, caller: Caller) -> Sequence[OutgoingReceiver]:
        return [
            r for r in self.context.settings.outgoing.values() if is_visible(caller, r)
        ]

    def _receiver(self, caller: Caller, name: str) -> OutgoingReceiver:
        """Return a configured receiver; raise `NotFound`."""
        found = {r.name: r for r in self._visible(caller)}
        if name not in found:
            hint = suggestion(name, found) if found else "add [outgoing.<name>]"
            raise NotFound(f"there is no receiver {name!r}", hint=hint)
        return found[name]

    async def _event(self, caller: Caller, id_: str) -> StoredEvent:
        found = await OutgoingEvents(self.context.database).find(id_)
        if found is not None:
            account = found[0]["account"]
            limited = caller.accounts is not None
            if not limited or (account is not None and caller.sees(account)):
                return found
        raise NotFound(
            f"there is no outgoing event {id_}", hint="list outgoing events to find one"
        )


def is_visible(caller: Caller, receiver: OutgoingReceiver) -> bool:
    """Whether a receiver exists for a caller: it gets events of their accounts only."""
    if caller.accounts is None:
        return True
    return bool(receiver.accounts) and all(map(caller.sees, receiver.accounts))


def receiver_entry(
    receiver: OutgoingReceiver, state: ReceiverState | None, backlog: ReceiverBacklog
) -> ReceiverEntry:
    """Describe a receiver; *state* is None before the first call."""
    found = state or ReceiverState(receiver.name)
    health: ReceiverHealth = "works" if found.delivered_at else "new"
    if found.failing_since is not None:
        health = "failing"
    if found.disabled_at is not None:
        health = "disabled"
    return ReceiverEntry(
        name=receiver.name,
        host=receiver.host,
        types=receiver.types,
        accounts=receiver.accounts,
        state=health,
        since=found.disabled_at or found.failing_since,
        reason=found.reason,
        last_delivered_at=found.delivered_at,
        waiting=backlog.waiting,
        oldest_at=backlog.oldest_at,
        failed=backlog.failed,
    )


def _fields(stored: StoredEvent) -> dict[str, Any]:
    event, deliveries = stored
    return {name: event[name] for name in ("id", "type", "account", "shipment_id")} | {
        "sequence": event["number"],
        "occurred_at": moment(event["occurred_at"]),
        "recorded_at": moment(event["recorded_at"]),
        "deliveries": tuple(map(_delivery, deliveries)),
    }


def _delivery(row: Row) -> OutgoingDelivery:
    return OutgoingDelivery(
        receiver=row["receiver"],
        state=state_of(row),
        attempts=row["attempts"],
        status=row["status"],
        error=row["error"],
        tried_at=at(row["tried_at"]),
        next_at=at(row["next_at"]),
        gives_up_at=moment(row["give_up_at"]),
        delivered_at=at(row["delivered_at"]),
    )
