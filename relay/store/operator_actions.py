"""Operators' changes of a shipment: correction, cancellation, retry, resend."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from relay.clock import micros, moment
from relay.domain.events import is_real_date
from relay.domain.labels import Correction, ResendOrder
from relay.domain.shipment import CANCELLED
from relay.errors import Conflict, NotFound
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode
from relay.store.codec import ids, loads
from relay.store.corrections import (
    ALERT,
    TRACKING_SENT,
    CorrectionResult,
    CorrectionTarget,
    new_keys,
)
from relay.store.database import Database, Row, Transaction
from relay.store.event_rows import Pace, mark_due
from relay.store.references import intern
from relay.store.shipment_rows import (
    FROM_SETTINGS,
    refuse_erased,
    refuse_over,
    registered,
    rematch_all,
    requested_by,
    stored_key,
    stored_shipment,
)
from relay.text import storable

PROMISED: Final = "estimatedDeliveryDate"
"""The JSON name of the one field that is never sent to VTEX."""
NUMBER_STAYS: Final = CodedWarning(
    WarningCode.NUMBER_STAYS_AT_VTEX,
    "VTEX already has the tracking number and keeps it",
)
MAY_REPEAT: Final = CodedWarning(
    WarningCode.EVENTS_MAY_REPEAT,
    "VTEX may show events twice if their texts or times changed",
)


@dataclass(frozen=True, slots=True)
class EventDecision:
    """The ids of the shipments that an event matches, and warnings."""

    shipments: tuple[str, ...]
    warnings: tuple[CodedWarning, ...]


@dataclass(frozen=True, slots=True)
class OperatorActions:
    """Changes of registered shipments; `lower_bounds` are settings by contract."""

    database: Database
    pace: Pace = field(default_factory=Pace)
    lower_bounds: Mapping[str, timedelta] = field(default_factory=dict)

    async def correct(
        self, id_: str, correction: Correction, now: datetime, by: str | None = None
    ) -> CorrectionResult:
        """Correct a shipment; values that are already right change nothing.

        *by* names the requester in the note. Raises `NotFound`, and `Conflict` if the
        shipment was cancelled or changed since the correction was made.
        """
        async with self.database.writing() as tx:
            target = await _locked(tx, id_, correction, now)
            updated = target.updated()
            if not updated:
                return CorrectionResult((), (ALERT,) if target.delivered else ())
            await target.store()
            if not target.delivered:
                await target.send_tracking()
            if target.changes_matches:
                await self._match_again(target)
            if not target.delivered and updated != (PROMISED,):
                values = {"shipment": target.shipment, "now": micros(now)}
                await tx.run("retry_shipment", **values)
            await target.note(target.note_text(updated) + requested_by(by))
            return CorrectionResult(updated, await target.warnings())

    async def _match_again(self, target: CorrectionTarget) -> None:
        """Match the events of old and new references; withdraw unmatched publications.

        Once the delivery was published, VTEX keeps what it has.
        """
        tx, pace, now = target.tx, self.pace, target.now
        touched = await rematch_all(tx, target.interned, self.lower_bounds)
        others = touched - {target.shipment}
        await mark_due(tx, others, now, pace)
        if not target.delivered:
            await tx.run("refresh_last_event", rows=ids("shipment", [target.shipment]))
            values = {"shipment": target.shipment, "now": micros(now)}
            await tx.run("withdraw_unmatched_published", **values)

    async def cancel(
        self, id_: str, by: str, now: datetime
    ) -> tuple[CodedWarning, ...]:
        """Cancel a shipment: nothing more is published; return warnings.

        Raises `NotFound`, and `Conflict` if the delivery was published.
        """
        async with self.database.writing() as tx:
            row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
            refuse_erased(row)
            if row["closed_reason"] == CANCELLED:
                return ()
            if row["delivered_published_at"] is not None:
                raise Conflict(
                    "the delivery was already published to VTEX",
                    hint="a delivered shipment cannot be cancelled",
                    code=ProblemCode.ALREADY_DELIVERED,
                )
            values = {"shipment": row["shipment"], "now": micros(now)}
            await tx.run("cancel_shipment", **values)
            await tx.run("note", **values, text=f"cancelled by {by}")
        if row["tracking_sent_as"] is None:
            return ()
        return (NUMBER_STAYS,)

    async def retry(self, id_: str, by: str, now: datetime) -> None:
        """Make a shipment due now, stuck or not, and reset its failures.

        Raises `NotFound`, and `Conflict` if it was cancelled.
        """
        async with self.database.writing() as tx:
            row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
            refuse_over(row)
            values = {"shipment": row["shipment"], "now": micros(now)}
            await tx.run("retry_shipment", **values)
            await tx.run("note", **values, text=f"retry requested by {by}")

    async def decide(
        self,
        event: int,
        decision: Literal["released", "dropped"],
        by: str,
        now: datetime,
        accounts: Collection[str] | None = None,
    ) -> EventDecision:
        """Release or drop an event permanently; return its shipments and warnings.

        *accounts* are those the requester can access, None for all. Raises `NotFound`
        without such an event, and if it matches no shipment; `Conflict` if an
        event with a placeholder date is released.
        """
        async with self.database.writing() as tx:
            found = await tx.rows("shipments_of_event", event=event)
            hidden = accounts is not None and any(
                r["account"] not in accounts for r in found
            )
            if hidden or not await tx.rows("event_exists", event=event):
                raise NotFound(
                    f"there is no event {event}; the lists show their numbers"
                )
            if not found:
                raise NotFound(f"event {event} matches no shipment")
            if decision == "released":
                _refuse_placeholder(event, found[0])
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
        code = WarningCode.EVENT_STAYS_AT_VTEX
        stays = tuple(CodedWarning(code, n["text"]) for n in known)
        return EventDecision(tuple(r["id"] for r in found), stays)


def _refuse_placeholder(event: int, row: Row) -> None:
    """Raise `Conflict` if the event has a placeholder date."""
    if not is_real_date(moment(row["occurred_at"]), moment(row["received_at"])):
        raise Conflict(
            f"event {event} has a placeholder date, which VTEX would show",
            hint="drop the event; if the parcel arrived, use mark-delivered",
        )


async def _known_to_vtex(
    tx: Transaction, event: int, shipments: Sequence[Row]
) -> list[dict[str, Any]]:
    """Return a note for each shipment whose dropped event was published."""
    wanted = ids("shipment", (r["shipment"] for r in shipments))
    published = await tx.rows(
        "shipments_with_published_event", rows=wanted, event=event
    )
    return [
        {
            "shipment": r["shipment"],
            "text": f"alert: event {event} was published before it was dropped; VTEX "
            f"keeps it: correct order {r['order_id']} there, or resend it with force",
        }
        for r in published
    ]


async def _locked(
    tx: Transaction, id_: str, correction: Correction, now: datetime
) -> CorrectionTarget:
    """Lock references, then the shipment; raise `Conflict` if it changed meanwhile."""
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
            "the shipment was changed by another request",
            hint="read it again, then send the correction again",
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


async def resend(
    database: Database, id_: str, what: ResendOrder, by: str, now: datetime
) -> tuple[CodedWarning, ...]:
    """Send tracking number or events again with current settings; return warnings.

    Values sent by the ERP or an operator stay. Raises `NotFound`, and `Conflict` if the
    shipment was cancelled, or if the delivery was published and `force` is not set.
    """
    async with database.writing() as tx:
        row = stored_shipment(await tx.row("lock_shipment_by_id", id=id_))
        refuse_over(row)
        if row["delivered_published_at"] is not None and not what.force:
            raise Conflict(
                "the delivery was already published to VTEX",
                field="force",
                hint="set `force` to send it again anyway",
                code=ProblemCode.ALREADY_DELIVERED,
            )
        values = {"shipment": row["shipment"], "now": micros(now)}
        await tx.run("resend_shipment", **values)
        if what.tracking:
            await _tracking(tx, row, what)
        if what.events:
            await tx.run("resend_events", **values)
        await tx.run("retry_shipment", **values)
        await tx.run("note", **values, text=_resend_note(what, by))
    if not what.events:
        return ()
    return (MAY_REPEAT,)


async def _tracking(tx: Transaction, row: Row, what: ResendOrder) -> None:
    """Mark the tracking number as unsent, with the values of current settings."""
    stays = set(loads(row["given"]))
    columns = {name: row[name] for name in TRACKING_SENT}
    for name, value in what.renewed.items():
        if not (name in FROM_SETTINGS and name in stays):
            columns[name] = storable(value) if value else None
    await tx.run("resend_tracking", shipment=row["shipment"], **columns)


def _resend_note(what: ResendOrder, by: str) -> str:
    parts = {"tracking number": what.tracking, "events": what.events}
    resent = " and ".join(name for name, again in parts.items() if again)
    forced = " (forced)" if what.force else ""
    return f"resend of {resent}{forced} requested by {by}"
