"""Snapshots of claimed shipments, built from rows, and the terms of claims."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import micros, moment
from relay.domain.event_time import SECOND
from relay.domain.events import Effect, Milestone
from relay.domain.matching import Certainty
from relay.domain.precision import recognised
from relay.domain.shipment import (
    KnownEvent,
    PublishedEvent,
    ReadBack,
    SentTrackingNumber,
    Snapshot,
    UnconfirmedWrite,
)
from relay.records import record
from relay.store.codec import at, dumps, ids, loads
from relay.store.database import Row, Transaction

# Looking up is several times as fast as making; an unknown one is made, and raises.
_MILESTONES: Final = {m.value: m for m in Milestone}
_EFFECTS: Final = {e.value: e for e in Effect}
# Comparing a column with a plain number is several times as fast as with an enum's.
_AMBIGUOUS: Final = int(Certainty.AMBIGUOUS)
_CONTRADICTORY: Final = int(Certainty.CONTRADICTORY)
_BEFORE_KEY: Final = int(Certainty.BEFORE_KEY)
_NOTHING: Final = "[]"

Columns = Sequence[Any]
"""A row's values: looking each up by its name takes five times as long."""


async def load_snapshots(
    tx: Transaction, shipments: Sequence[Row]
) -> list[Snapshot | Exception]:
    """Load events, published objects and parcels of *shipments*, a query for each.

    A shipment whose rows cannot be loaded has its error in place of a snapshot, so that
    one bad row does not stop the others.
    """
    wanted = ids("shipment", (s["shipment"] for s in shipments))
    if wanted == _NOTHING:
        return []
    events = _grouped(await tx.lists("known_events_of_shipments", rows=wanted))
    published = _grouped(await tx.lists("published_of_shipments", rows=wanted))
    several = ids("shipment", (s["shipment"] for s in shipments if s["volumes"] > 1))
    parcels = _grouped(
        await tx.lists("numbers_of_shipments", rows=several)
        if several != _NOTHING
        else ()
    )
    siblings = await _siblings(tx, shipments)
    return [
        _snapshot_or_error(
            s,
            events[s["shipment"]],
            published[s["shipment"]],
            parcels[s["shipment"]],
            siblings[s["shipment"]],
        )
        for s in shipments
    ]


async def _siblings(
    tx: Transaction, shipments: Sequence[Row]
) -> Mapping[int, Sequence[Columns]]:
    """Return the order's other invoices, for those whose invoice may be exchanged."""
    lost = [
        s["shipment"]
        for s in shipments
        if s["tracking_sent_as"]
        and (s["order_read_at"] is None or s["pending"] or s["read_back_at"])
    ]
    rows = ids("shipment", lost)
    return _grouped(await tx.lists("siblings_of_shipments", rows=rows) if lost else ())


def _snapshot_or_error(
    row: Row,
    events: Iterable[Columns],
    published: Iterable[Columns],
    parcels: Iterable[Columns],
    siblings: Iterable[Columns],
) -> Snapshot | Exception:
    try:
        return build_snapshot(row, events, published, parcels, siblings)
    except Exception as error:  # noqa: BLE001 -- reported by the caller, per shipment
        return error


def _grouped(rows: Iterable[Columns]) -> dict[int, list[Columns]]:
    """Return rows by their first column, the shipment."""
    groups: dict[int, list[Columns]] = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row)
    return groups


def build_snapshot(
    row: Row,
    events: Iterable[Columns],
    published: Iterable[Columns],
    parcels: Iterable[Columns] = (),
    siblings: Iterable[Columns] = (),
) -> Snapshot:
    """Build the snapshot of one shipment from its rows."""
    sent = row["tracking_sent_as"]
    return Snapshot(
        shipment=row["shipment"],
        id=row["id"],
        account=row["account"],
        order_id=row["order_id"],
        invoice_number=row["invoice_number"],
        contract=row["contract"],
        volumes=max(row["volumes"], 1),
        registered_at=moment(row["registered_at"]),
        tracking=tracking_of(row),
        tracking_sent_as=SentTrackingNumber(**loads(sent)) if sent else None,
        numbers={volume: number for _, volume, number in parcels if number},
        invoice_key=row["invoice_key"],
        dispatched_at=at(row["dispatched_at"]),
        vtex_invoice_number=row["vtex_invoice_number"],
        order_checked=row["order_read_at"] is not None,
        pending=UnconfirmedWrite(**loads(row["pending"])) if row["pending"] else None,
        in_doubt_since=at(row["in_doubt_since"]),
        delivered_sent=row["delivered_sent_at"] is not None,
        delivered_published=row["delivered_published_at"] is not None,
        taking_back=row["taking_back"],
        contradicted=row["contradicted_reason"],
        closed_reason=row["closed_reason"],
        imported=bool(row["imported"]),
        shadowed=row["shadowed_at"] is not None,
        compared=row["compared_at"] is not None,
        resent=row["resent_at"] is not None,
        events=recognised([known_event(e) for e in events], max(row["volumes"], 1)),
        published=tuple(_published(t) for t in published),
        read_back=_read_back(row),
        siblings=frozenset([number for _, number in siblings]),
        outgoing_progress=row["outgoing_progress"],
    )


def _read_back(row: Row) -> ReadBack:
    before = row["shown_before"]
    return ReadBack(
        at=at(row["read_back_at"]),
        by_quota=row["read_backs"],
        updates=row["updates"],
        shown_before=frozenset(loads(before)) if before else frozenset(),
        delivered_as=row["delivered_as"],
        difference_at=at(row["difference_at"]),
        repaired=row["repaired_at"] is not None,
        verified=row["verified_at"] is not None,
    )


def tracking_of(row: Row) -> SentTrackingNumber | None:
    """Return what VTEX should have of a shipment; None without a tracking number."""
    if not row["tracking_number"]:
        return None
    return SentTrackingNumber(
        tracking_number=row["tracking_number"],
        tracking_url=row["tracking_url"],
        courier=row["courier"],
        dispatched_date=row["dispatched_date"],
    )


def tracking_sent(published: SentTrackingNumber) -> str:
    """Serialize what VTEX accepted, for the column `tracking_sent_as`."""
    fields = asdict(published).items()
    return dumps({k: v for k, v in fields if v or k != "stated"})


def known_event(row: Columns) -> KnownEvent:
    """Return the event of a row of `known_events_of_shipments`."""
    (_, event, volume, milestone, effect, occurred_at, received_at, position, code,
     description, city, state, final, undoes, certainty, decision, quarantine_reason,
     unit, midnight) = row  # fmt: skip
    return KnownEvent(
        event=event,
        volume=volume,
        milestone=_MILESTONES.get(milestone) or Milestone(milestone),
        effect=_EFFECTS.get(effect) or Effect(effect),
        occurred_at=moment(occurred_at),
        received_at=moment(received_at),
        position=position,
        code=code,
        description=description,
        city=city,
        state=state,
        final=bool(final),
        undoes=() if undoes == _NOTHING else tuple(loads(undoes)),
        ambiguous=certainty == _AMBIGUOUS,
        contradictory=certainty == _CONTRADICTORY,
        before_key=certainty == _BEFORE_KEY,
        decision=decision,
        quarantine_reason=quarantine_reason,
        precision=SECOND if unit == 1 else timedelta(seconds=unit),
        midnight=bool(midnight),
    )


def _published(row: Columns) -> PublishedEvent:
    """Return the event of a row of `published_of_shipments`."""
    _, volume, occurred_at, code, position, sent, event, accepted_at = row
    return PublishedEvent(
        volume=volume,
        occurred_at=moment(occurred_at),
        code=code,
        position=position,
        object=loads(sent),
        event=event,
        accepted=accepted_at is not None,
    )


def published_key(published: PublishedEvent, shipment: int) -> dict[str, Any]:
    """Return the key columns of a row of `published`."""
    return {
        "shipment": shipment,
        "volume": published.volume,
        "occurred_at": micros(published.occurred_at),
        "code": published.code,
    }


Change = tuple[str, Mapping[str, Any]]
"""A named query and its values."""


@record
class Claim:
    """A leased shipment, with everything that publishing depends on.

    `version` is compared at settlement: a higher one leaves the shipment due.
    """

    snapshot: Snapshot
    lease: str
    lease_until: datetime
    version: int
    attempts: int
    lane: int
    failing_since: datetime | None
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an account: calls per second and in flight, and when to retry."""

    per_second: float
    burst: int
    in_flight: int
    probe_every: timedelta = timedelta(seconds=10)
    closed_gate: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ClaimTerms:
    """The terms of a claim: account, number of shipments, lease and limits."""

    account: str
    wanted: int
    lease: str
    lease_until: datetime
    limits: Limits


def claim_of(row: Row, snapshot: Snapshot | Exception, *, probe: bool) -> Claim:
    """Return the claim of a leased row; raise the error of one that was not loaded."""
    if isinstance(snapshot, Exception):
        raise snapshot
    return Claim(
        snapshot=snapshot,
        lease=row["lease"],
        lease_until=moment(row["lease_until"]),
        version=row["version"],
        attempts=row["attempts"],
        lane=row["lane"],
        failing_since=at(row["failing_since"]),
        probe=probe,
    )


def with_snapshot(claim: Claim, **changed: Any) -> Claim:
    """Return *claim* with a changed snapshot."""
    return replace(claim, snapshot=replace(claim.snapshot, **changed))
