"""Which events are quarantined, and which are not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain.events import CONTRADICTING_DELIVERY, Effect, Milestone
from relay.domain.history import (
    AMBIGUOUS,
    BEFORE_KEY,
    CONTRADICTORY,
    IN_FUTURE,
    INCOMPLETE,
    NO_DATE,
    TEXT_ONLY,
)
from relay.domain.other_history import OTHER_INVOICE, OTHER_PARCEL
from relay.domain.plausibility import (
    BEFORE_DISPATCH,
    BEFORE_LABEL,
    CONTRADICTED,
    RETURN_DIRECTION,
    TOO_SOON_ALONE,
    quarantined,
)
from relay.domain.shipment import KnownEvent, Snapshot
from tests.domain.snapshots import NOW, POLICY, at, event, snapshot

CONFIRMING = replace(POLICY, confirm_provisional_after=timedelta(hours=24))
MINUTE = 1 / 60
SECOND = 1 / 3600


def scan(number: int, hours: float, **more: object) -> KnownEvent:
    return event(number, "in_transit", hours, **more)


def delivery(number: int, hours: float, **more: object) -> KnownEvent:
    return event(number, "delivered", hours, **more)


def written(number: int, year: int, **more: Any) -> KnownEvent:
    """Return a delivery, received like any other, whose date is of *year*."""
    known = delivery(number, 30)
    return replace(known, occurred_at=datetime(year, 1, 1, tzinfo=UTC), **more)


def dispatched(hours: float, *events: KnownEvent) -> Snapshot:
    return snapshot(*events, dispatched_at=at(hours))


ROWS: list[tuple[str, Snapshot, dict[int, str]]] = [
    ("nothing", snapshot(), {}),
    ("a usual course", snapshot(scan(1, 5), delivery(2, 30)), {}),
    ("a delivery alone, later", snapshot(delivery(1, 30)), {}),
    # the future
    ("23 hours ahead only waits", snapshot(scan(1, 24 * 8 + 27)), {}),
    ("25 hours ahead", snapshot(scan(1, 24 * 8 + 30)), {1: IN_FUTURE}),
    # a placeholder in place of a date
    *[
        (
            f"{year} is a placeholder",
            snapshot(scan(1, 5), written(2, year), delivery(3, 30)),
            {2: NO_DATE},
        )
        for year in (2, 1900, 1970, 2000, 9998)
    ],
    (
        "a placeholder that was released",
        snapshot(written(1, 1970, decision="released")),
        {1: NO_DATE},
    ),
    ("a dropped one", snapshot(written(1, 1970, decision="dropped")), {}),
    (
        "a scan without a date contradicts nothing",
        snapshot(delivery(1, 20), written(2, 9998, milestone=Milestone.RETURNED)),
        {2: NO_DATE},
    ),
    (
        "a rollback without a date undoes nothing",
        snapshot(delivery(1, 20), written(2, 9998, effect=Effect.ROLLBACK)),
        {2: NO_DATE},
    ),
    # ambiguous
    ("ambiguous", snapshot(scan(1, 5, ambiguous=True)), {1: AMBIGUOUS}),
    # it names another order, and so what came before it is another parcel's
    (
        "another order",
        snapshot(
            scan(1, -50),
            scan(2, -5),
            delivery(3, -20, contradictory=True),
            delivery(4, -20),
            scan(5, 5),
            event(6, "picked_up", -40, volume=0),
            event(7, "picked_up", -40, code="p", decision="released"),
        ),
        {1: OTHER_PARCEL, 3: OTHER_INVOICE, 4: OTHER_INVOICE, 6: OTHER_PARCEL},
    ),
    (
        "another order and released",
        snapshot(
            scan(1, -50),
            delivery(2, 20, contradictory=True, decision="released"),
        ),
        {},
    ),
    (
        "another order and dropped",
        snapshot(
            scan(1, -50),
            delivery(2, -20, contradictory=True, decision="dropped"),
        ),
        {1: OTHER_PARCEL},
    ),
    (
        "another order's parcel of two",
        snapshot(
            scan(1, -50, volume=1),
            scan(2, -50, volume=2, code="b"),
            event(4, "held", -20, volume=1),
            event(3, "held", -20, volume=2, contradictory=True),
            volumes=2,
        ),
        {2: OTHER_PARCEL, 3: OTHER_INVOICE},
    ),
    (
        "another order, and the dispatch is known",
        dispatched(-60, scan(1, -50), event(2, "held", -20, contradictory=True)),
        {2: OTHER_INVOICE},
    ),
    # older than the fiscal document that it names
    (
        "older than its key",
        snapshot(scan(1, 5), delivery(2, 30, before_key=True)),
        {2: BEFORE_KEY},
    ),
    (
        "older than its key and released",
        snapshot(scan(1, 5), delivery(2, 30, before_key=True, decision="released")),
        {},
    ),
    # two fields of its document contradict each other
    (
        "contradictory",
        snapshot(scan(1, 5), delivery(2, 30, effect=Effect.CONTRADICTORY)),
        {2: CONTRADICTORY},
    ),
    (
        "contradictory and released",
        snapshot(
            scan(1, 5),
            delivery(2, 30, effect=Effect.CONTRADICTORY, decision="released"),
        ),
        {},
    ),
    # only a rule for texts says it
    (
        "by its text alone",
        snapshot(scan(1, 5), delivery(2, 30, effect=Effect.TEXT_ONLY)),
        {2: TEXT_ONLY},
    ),
    (
        "by its text alone and released",
        snapshot(
            scan(1, 5), delivery(2, 30, effect=Effect.TEXT_ONLY, decision="released")
        ),
        {},
    ),
    # an unreadable event of its document may undo it
    (
        "incomplete",
        snapshot(scan(1, 5), delivery(2, 30, effect=Effect.INCOMPLETE)),
        {2: INCOMPLETE},
    ),
    (
        "incomplete and released",
        snapshot(
            scan(1, 5),
            delivery(2, 30, effect=Effect.INCOMPLETE, decision="released"),
        ),
        {},
    ),
    # before dispatch, whole seconds, a minute of grace
    (
        "61 s before dispatch",
        dispatched(20, scan(1, 5), delivery(2, 20 - 61 * SECOND)),
        {2: BEFORE_DISPATCH},
    ),
    ("60 s before", dispatched(20, scan(1, 5), delivery(2, 20 - 60 * SECOND)), {}),
    (
        "60.9 s before are 60 whole ones",
        dispatched(20 + 0.9 * SECOND, scan(1, 5), delivery(2, 20 - 60 * SECOND)),
        {},
    ),
    ("other scans may come before dispatch", dispatched(20, scan(1, 5)), {}),
    # as soon as registered
    ("within ten minutes", snapshot(delivery(1, 10 * MINUTE)), {1: TOO_SOON_ALONE}),
    ("just after ten minutes", snapshot(delivery(1, 10 * MINUTE + SECOND)), {}),
    ("another scan lifts it", snapshot(scan(2, 0), delivery(1, 5 * MINUTE)), {}),
    (
        "a scan from before the label lifts nothing",
        snapshot(scan(2, -SECOND), delivery(1, 5 * MINUTE)),
        {1: TOO_SOON_ALONE},
    ),
    (
        "a scan since the dispatch lifts it",
        dispatched(-9, scan(2, -9), delivery(1, -5)),
        {},
    ),
    (
        "a scan from before the dispatch lifts nothing",
        dispatched(-9, scan(2, -10), delivery(1, -5)),
        {1: TOO_SOON_ALONE},
    ),
    # before its label
    ("before the label", snapshot(delivery(1, -5)), {1: BEFORE_LABEL}),
    ("a second before it", snapshot(delivery(1, -SECOND)), {1: BEFORE_LABEL}),
    (
        "with a whole history of days before",
        snapshot(scan(1, -80), scan(2, -50), delivery(3, -30), scan(4, -90)),
        {3: BEFORE_LABEL},
    ),
    (
        "a scan after the label does not make it later",
        snapshot(delivery(1, -5), scan(2, -6), event(3, "held", 2)),
        {1: BEFORE_LABEL},
    ),
    (
        "imported",
        snapshot(scan(1, -80), delivery(2, -30), imported=True),
        {},
    ),
    (
        "released",
        snapshot(delivery(1, -5, decision="released")),
        {},
    ),
    (
        "a created label is no scan",
        snapshot(event(2, "label_created", 0), delivery(1, 5 * MINUTE)),
        {1: TOO_SOON_ALONE},
    ),
    (
        "an administrative event is no scan",
        snapshot(scan(2, -9, effect=Effect.ADMINISTRATIVE), delivery(1, 5 * MINUTE)),
        {1: TOO_SOON_ALONE},
    ),
    (
        "the same delivery by another door is no other scan",
        snapshot(delivery(1, 5 * MINUTE), delivery(2, 5 * MINUTE, volume=0)),
        {1: TOO_SOON_ALONE, 2: TOO_SOON_ALONE},
    ),
    (
        "an ambiguous scan lifts nothing",
        snapshot(scan(2, -9, ambiguous=True), delivery(1, 5 * MINUTE)),
        {2: AMBIGUOUS, 1: TOO_SOON_ALONE},
    ),
    # on its way back
    (
        "delivered while returning",
        snapshot(event(1, "returning", 5), delivery(2, 30)),
        {2: RETURN_DIRECTION},
    ),
    (
        "delivered after it was returned",
        snapshot(event(1, "returned", 5), delivery(2, 30)),
        {2: RETURN_DIRECTION},
    ),
    (
        "the return was undone",
        snapshot(
            event(1, "returning", 5),
            event(3, "unknown", 6, effect=Effect.ROLLBACK),
            delivery(2, 30),
        ),
        {},
    ),
    # contradicted
    ("a later scan", snapshot(delivery(1, 20), scan(2, 21)), {1: CONTRADICTED}),
    (
        "a second delivery decides",
        snapshot(delivery(1, 20), scan(2, 21), delivery(3, 22)),
        {},
    ),
    (
        "a second delivery before the last contradiction decides nothing",
        snapshot(delivery(1, 20), delivery(2, 21), scan(3, 22)),
        {1: CONTRADICTED, 2: CONTRADICTED},
    ),
    (
        "a return handed to its sender confirms nothing",
        snapshot(delivery(1, 20), event(2, "returning", 21), delivery(3, 22)),
        {1: CONTRADICTED, 3: RETURN_DIRECTION},
    ),
    (
        "a released one decides",
        snapshot(
            delivery(1, 20),
            event(2, "returning", 21),
            delivery(3, 22, decision="released"),
        ),
        {},
    ),
    (
        "a second delivery whose time has not come decides nothing yet",
        snapshot(delivery(1, 20), scan(2, 21), delivery(3, 24 * 8 + 5)),
        {1: CONTRADICTED},
    ),
    (
        "the same place in time goes by the position in the source",
        snapshot(delivery(1, 20, position=1), scan(2, 20, position=0)),
        {},
    ),
    (
        "a later position contradicts",
        snapshot(delivery(1, 20, position=0), scan(2, 20, position=1)),
        {1: CONTRADICTED},
    ),
    (
        "a quarantined scan contradicts nothing",
        snapshot(delivery(1, 20), scan(2, 21, ambiguous=True), scan(3, 24 * 99)),
        {2: AMBIGUOUS, 3: IN_FUTURE},
    ),
    (
        "a dropped scan contradicts nothing",
        snapshot(delivery(1, 20), scan(2, 21, decision="dropped")),
        {},
    ),
    (
        "an administrative event contradicts nothing",
        snapshot(delivery(1, 20), scan(2, 21, effect=Effect.ADMINISTRATIVE)),
        {},
    ),
    # a person's word
    ("released", snapshot(delivery(1, 20, decision="released"), scan(2, 21)), {}),
    ("dropped", snapshot(delivery(1, 20, decision="dropped"), scan(2, 21)), {}),
    # what does not deliver is not asked
    (
        "an undone delivery",
        snapshot(delivery(1, 0), event(2, "unknown", 1, effect=Effect.ROLLBACK)),
        {},
    ),
    (
        "a provisional one that does not count yet",
        snapshot(delivery(1, 0, effect=Effect.PROVISIONAL)),
        {},
    ),
]


@pytest.mark.parametrize(
    ("known", "expected"),
    [row[1:] for row in ROWS],
    ids=[row[0].replace(" ", "_") for row in ROWS],
)
def test_quarantined(known: Snapshot, expected: dict[int, str]) -> None:
    assert quarantined(known, NOW, POLICY) == expected


@pytest.mark.parametrize("milestone", [m for m in Milestone if m != "delivered"])
def test_only_certain_later_scans_contradict_a_delivery(milestone: Milestone) -> None:
    expected = {1: CONTRADICTED} if milestone in CONTRADICTING_DELIVERY else {}
    known = snapshot(delivery(1, 20), event(2, milestone, 21))
    assert quarantined(known, NOW, POLICY) == expected


def test_a_provisional_delivery_is_judged_once_it_counts() -> None:
    known = snapshot(delivery(1, 0, effect=Effect.PROVISIONAL))
    assert quarantined(known, at(23), CONFIRMING) == {}
    assert quarantined(known, at(24), CONFIRMING) == {1: TOO_SOON_ALONE}


def test_a_contract_may_say_that_its_labels_come_late() -> None:
    late = replace(POLICY, labels_come_late=True)
    known = snapshot(scan(1, -80), delivery(2, -30))
    assert quarantined(known, NOW, POLICY) == {2: BEFORE_LABEL}
    assert quarantined(known, NOW, late) == {}
    alone = snapshot(delivery(2, -30))
    assert quarantined(alone, NOW, late) == {2: TOO_SOON_ALONE}


def test_one_parcel_does_not_contradict_another() -> None:
    known = snapshot(delivery(1, 20, volume=1), scan(2, 21, volume=2), volumes=2)
    assert quarantined(known, NOW, POLICY) == {}


def test_what_counts_for_all_parcels_waits_if_one_of_them_contradicts() -> None:
    known = snapshot(delivery(1, 20, volume=0), scan(2, 21, volume=2), volumes=2)
    assert quarantined(known, NOW, POLICY) == {1: CONTRADICTED}


def test_the_first_reason_is_shown() -> None:
    known = snapshot(
        event(1, "returning", -1), delivery(2, 0), scan(3, 1), dispatched_at=at(5)
    )
    assert quarantined(known, NOW, POLICY) == {2: BEFORE_DISPATCH}
