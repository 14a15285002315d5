"""What people change afterwards: numbers, cancellations, retries, judgements."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from relay.clock import micros
from relay.domain.labels import Correction, Handover, ResendOrder
from relay.domain.shipment import CANCELLED
from relay.errors import Conflict, NotFound
from relay.store.codec import ids, loads, storable
from relay.store.corrections import ALERT, TRACKING_SENT, CorrectionTarget, new_keys
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import Pace, mark_due
from relay.store.references import intern, key
from relay.store.shipment_rows import (
    FROM_SETTINGS,
    Placed,
    ShipmentWriter,
    refuse_erased,
    refuse_over,
    registered,
    rematch_all,
    stored_key,
    stored_shipment,
)

PROMISED: Final = "estimatedDeliveryDate"
"""What VTEX is never told."""


@dataclass(frozen=True, slots=True)
class CorrectionResult:
    """What became of a correction: what is new, by JSON name, and what to look at."""

    updated: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventDecision:
    """The shipments that an event counts for, by id, and what to look at."""

    shipments: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperatorActions:
    """The side of the memory that people write to after a label."""

    database: Database
    pace: Pace = field(default_factory=Pace)
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)

    async def correct(
        self, id_: str, correction: Correction, now: datetime, by: str | None = None
    ) -> CorrectionResult:
        """Correct a shipment; what is right already changes nothing.

        *by* is who says so, for the note.
        Raises `NotFound`, and `Conflict` if it was cancelled or is no longer
        what the correction was made for.
        """
        async with self.database.writing() as tx:
            correcting = await _locked(tx, id_, correction, now)
            updated = correcting.updated()
            if not updated:
                return CorrectionResult((), (ALERT,) if correcting.delivered else ())
            await correcting.store()
            if not correcting.delivered:
                await correcting.send_tracking()
            if correcting.looks_anew:
                await self._match_again(correcting)
            if not correcting.delivered and updated != (PROMISED,):
                values = {"shipment": correcting.shipment, "now": micros(now)}
                await tx.run("retry_shipment", **values)
            await correcting.note(correcting.story(updated) + says(by))
            return CorrectionResult(updated, await correcting.warnings())

    async def _match_again(self, correcting: CorrectionTarget) -> None:
        """Match what bears the old or the new references; forget what was told of it.

        What was told stands at VTEX for good once the delivery was.
        """
        tx, pace, now = correcting.tx, self.pace, correcting.now
        touched = await rematch_all(tx, correcting.interned, self.lower_bounds)
        others = touched - {correcting.shipment}
        await mark_due(tx, others, now, pace)
        if not correcting.delivered:
            await tx.run(
                "refresh_last_event", rows=ids("shipment", [correcting.shipment])
            )
            values = {"shipment": correcting.shipment, "now": micros(now)}
            await tx.run("withdraw_unmatched_published", **values)

    async def cancel(self, id_: str, by: str, now: datetime) -> tuple[str, ...]:
        """Take a label back: nothing more is told; return what to look at.

        Raises `NotFound`, and `Conflict` if VTEX was told of the delivery.
        """
        async with self.database.writing() as tx:
            row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
            refuse_erased(row)
            if row["closed_reason"] == CANCELLED:
                return ()
            if row["delivered_published_at"] is not None:
                raise Conflict(
                    "VTEX was told that the shipment is delivered",
                    hint="there is nothing left to cancel",
                )
            values = {"shipment": row["shipment"], "now": micros(now)}
            await tx.run("cancel_shipment", **values)
            await tx.run("note", **values, text=f"cancelled by {by}")
        if row["tracking_sent_as"] is None:
            return ()
        return ("VTEX was told the tracking number already, and keeps it",)

    async def retry(self, id_: str, by: str, now: datetime) -> None:
        """Make a shipment due at once, stuck or not, and forget its failures.

        Raises `NotFound`, and `Conflict` if it was cancelled.
        """
        async with self.database.writing() as tx:
            row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
            refuse_over(row)
            values = {"shipment": row["shipment"], "now": micros(now)}
            await tx.run("retry_shipment", **values)
            await tx.run("note", **values, text=f"to be tried again, says {by}")

    async def judge(
        self,
        event: int,
        decision: Literal["released", "dropped"],
        by: str,
        now: datetime,
        accounts: Collection[str] | None = None,
    ) -> EventDecision:
        """Release or drop an event for good; say for which shipments it counts.

        *accounts* are those that exist for whoever judges, None for all. Raises
        `NotFound` if the event counts for no shipment, or for one of others.
        """
        async with self.database.writing() as tx:
            found = await tx.rows("shipments_of_event", event=event)
            hidden = accounts is not None and any(
                r["account"] not in accounts for r in found
            )
            if hidden or not found:
                raise NotFound("no shipment has such an event")
            await tx.run("decide_event", event=event, decision=decision)
            text, instant = f"event {event} {decision} by {by}", micros(now)
            notes = [
                {"shipment": r["shipment"], "now": instant, "text": text} for r in found
            ]
            await tx.many("note", notes)
            shipments, pace = [r["shipment"] for r in found], self.pace
            await mark_due(tx, shipments, now, pace)
            known = (
                await _known_to_vtex(tx, event, found) if decision == "dropped" else []
            )
            await tx.many("note", [n | {"now": instant} for n in known])
        published = tuple(n["text"] for n in known)
        return EventDecision(tuple(r["id"] for r in found), published)


async def _known_to_vtex(
    tx: Transaction, event: int, shipments: Sequence[Row]
) -> list[dict[str, Any]]:
    """Return a note for each shipment of which VTEX was told a dropped event."""
    wanted = ids("shipment", (r["shipment"] for r in shipments))
    published = await tx.rows(
        "shipments_with_published_event", rows=wanted, event=event
    )
    return [
        {
            "shipment": r["shipment"],
            "text": f"alert: VTEX was told of event {event} before it was dropped, and "
            f"keeps it: mend order {r['order_id']} there",
        }
        for r in published
    ]


def says(by: str | None) -> str:
    """Name who said so at the end of a note, if that is known."""
    return f", says {by}" if by else ""


async def _locked(
    tx: Transaction, id_: str, correction: Correction, now: datetime
) -> CorrectionTarget:
    """Lock references before the shipment, and see that nothing moved meanwhile."""
    shipment = stored_shipment(await tx.row("shipment_by_id", id=id_))["shipment"]
    before = await registered(tx, shipment)
    keys = {stored_key(r) for r in before}
    interned = await intern(tx, {*keys, *new_keys(correction, before)})
    row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
    refuse_over(row)
    parcels = await tx.rows("parcels_of_shipment", shipment=shipment)
    numbers = {p["volume"]: p["tracking_number"] for p in parcels}
    references = await registered(tx, shipment)
    is_now = (row["contract"], numbers.get(correction.volume))
    if is_now != correction.was or keys != {stored_key(r) for r in references}:
        raise Conflict(
            "the shipment was changed at the same moment",
            hint="read it again, and send the correction once more",
        )
    return CorrectionTarget(
        tx,
        shipment,
        correction.contract,
        interned,
        now,
        correction=correction,
        row=row,
        parcels=parcels,
        references=references,
    )


@dataclass(frozen=True, slots=True)
class Handovers:
    """The memory of who carries a parcel besides its first carrier."""

    database: Database
    pace: Pace = field(default_factory=Pace)
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)

    async def handover(
        self, id_: str, change: Handover, now: datetime, by: str | None = None
    ) -> CorrectionResult:
        """Let the scans of a second carrier count; the same again changes nothing.

        *by* is who says so, for the note.
        Raises `NotFound`, and `Conflict` if the shipment was cancelled.
        """
        async with self.database.writing() as tx:
            shipment = stored_shipment(await tx.row("shipment_by_id", id=id_))[
                "shipment"
            ]
            wanted = {key(change.contract, r) for r, _ in change.placed}
            interned = await intern(tx, wanted)
            row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
            refuse_over(row)
            writing = ShipmentWriter(tx, shipment, change.contract, interned, now)
            fresh = await _fresh(tx, shipment, change)
            if not fresh:
                return CorrectionResult((), ())
            await self._store(writing, row, fresh)
            number = None if change.number is None else storable(change.number)
            await writing.ask_for([(change.volume, number)], now)
            under = f" as {number}" if number else ""
            await writing.note(
                f"volume {change.volume} was handed over to contract {change.contract}"
                f"{under}{says(by)}"
            )
            numbers = [r for r, _ in fresh]
            others = await writing.others(numbers, row["account"], row["order_id"])
        published = (ALERT,) if row["delivered_published_at"] is not None else ()
        return CorrectionResult(("references",), (*published, *others))

    async def _store(
        self, writing: ShipmentWriter, row: Row, fresh: list[Placed]
    ) -> None:
        """Register the references, and let scans count that were there before."""
        tx, now, pace = writing.tx, writing.now, self.pace
        await writing.register(
            fresh, registered_at=micros(now), dispatched_at=row["dispatched_at"]
        )
        touched = await rematch_all(tx, writing.interned, self.lower_bounds)
        await mark_due(tx, touched, now, pace)


async def _fresh(tx: Transaction, shipment: int, change: Handover) -> list[Placed]:
    """Return what is not registered yet, each place once."""
    had = {(stored_key(r), r["volume"]) for r in await registered(tx, shipment)}
    places = {(key(change.contract, r), volume): r for r, volume in change.placed}
    return [(r, place[1]) for place, r in places.items() if place not in had]


async def resend(
    database: Database, id_: str, what: ResendOrder, by: str, now: datetime
) -> tuple[str, ...]:
    """Have VTEX told again; return what to look at.

    What the ERP or a person gave stays; what came from settings is as they are
    now. Raises `NotFound`, and `Conflict` if the shipment was cancelled, or if
    VTEX was told of the delivery and nobody insists.
    """
    async with database.writing() as tx:
        row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
        refuse_over(row)
        if row["delivered_published_at"] is not None and not what.force:
            raise Conflict(
                "VTEX was told that the shipment is delivered",
                field="force",
                hint="send `force` to tell it again all the same",
            )
        values = {"shipment": row["shipment"], "now": micros(now)}
        await tx.run("resend_shipment", **values)
        if what.tracking:
            await _tracking(tx, row, what)
        if what.events:
            await tx.run("resend_events", **values)
        await tx.run("retry_shipment", **values)
        await tx.run("note", **values, text=_story(what, by))
    if not what.events:
        return ()
    return ("VTEX may show events twice, if their words or times are others now",)


async def _tracking(tx: Transaction, row: Row, what: ResendOrder) -> None:
    """Forget what was announced, and take over what settings say now."""
    stays = set(loads(row["given"]))
    columns = {name: row[name] for name in TRACKING_SENT}
    for name, value in what.anew.items():
        if not (name in FROM_SETTINGS and name in stays):
            columns[name] = storable(value) if value else None
    await tx.run("resend_tracking", shipment=row["shipment"], **columns)


def _story(what: ResendOrder, by: str) -> str:
    parts = {"the announcement": what.tracking, "the events": what.events}
    published = " and ".join(name for name, again in parts.items() if again)
    forced = ", delivered or not" if what.force else ""
    return f"{published} to be told again{forced}, says {by}"
