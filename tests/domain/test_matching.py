"""Which parcels an event counts for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain.event_time import DAY, SECOND
from relay.domain.events import ReferenceKind
from relay.domain.matching import (
    LOWER_BOUND,
    Certainty,
    KnownReference,
    Match,
    Registration,
    is_current,
    match,
    why_unmatched,
)

LABEL = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NUMBER = ReferenceKind.TRACKING_NUMBER
KEY = ReferenceKind.INVOICE_KEY
CTE = ReferenceKind.CTE_KEY
INVOICE = ReferenceKind.INVOICE
ORDER = ReferenceKind.ORDER_ID
VOLUME = ReferenceKind.VOLUME_CODE
NOTHING: dict[int, dict[ReferenceKind, frozenset[str]]] = {}


def day(days: float) -> datetime:
    """Return the instant so many days after the label."""
    return LABEL + timedelta(days=days)


def registered(shipment: int = 1, volume: int = 1, **more: Any) -> Registration:
    values = {"registered_at": LABEL} | more
    return Registration(shipment=shipment, volume=volume, **values)


def known(
    reference: int, kind: ReferenceKind, *registrations: Registration, value: str = "V"
) -> KnownReference:
    return KnownReference(reference, kind, value, registrations)


def test_an_event_without_references_that_anyone_registered_is_unmatched() -> None:
    assert match(day(1), [], NOTHING) == Match()
    assert match(day(1), [known(1, NUMBER), known(2, KEY)], NOTHING) == Match()


def test_an_event_counts_through_the_first_reference_that_is_registered() -> None:
    references = [
        known(1, VOLUME),
        known(2, NUMBER, registered(1, 2)),
        known(3, KEY, registered(7, 0)),
    ]
    assert match(day(1), references, NOTHING) == Match(2, frozenset({(1, 2)}))


def test_a_first_reference_that_cannot_be_meant_leads_nowhere_else() -> None:
    references = [
        known(1, NUMBER, registered(1)),
        known(2, KEY, registered(2, 0)),
    ]
    assert match(day(-500), references, NOTHING) == Match()


def test_an_invoices_reference_counts_for_all_its_parcels() -> None:
    found = match(day(1), [known(1, INVOICE, registered(4, 0, volumes=3))], NOTHING)
    assert found == Match(1, frozenset({(4, 0)}))


def test_registrations_side_by_side_all_count() -> None:
    one = registered(1, closed_at=day(9))
    two = registered(2, registered_at=day(5))
    same = registered(2, 2, registered_at=day(5))
    found = match(day(6), [known(1, NUMBER, one, two, same)], NOTHING)
    assert found.targets == {(1, 1), (2, 1), (2, 2)}
    # Also a scan from before the second label, and one from after the first closed.
    assert match(day(4), [known(1, NUMBER, one, two)], NOTHING).targets == {
        (1, 1),
        (2, 1),
    }
    assert match(day(10), [known(1, NUMBER, one, two)], NOTHING).targets == {
        (1, 1),
        (2, 1),
    }


@pytest.mark.parametrize(
    ("scanned", "expected"),
    [(1, 1), (9, 1), (9 + 1e-6, 2), (12, 2), (20, 2), (31, 2)],
)
def test_a_label_after_the_closing_begins_a_new_life_of_the_number(
    scanned: float, expected: int
) -> None:
    old = registered(1, closed_at=day(9))
    new = registered(2, registered_at=day(20))
    for order in ((old, new), (new, old)):
        found = match(day(scanned), [known(1, NUMBER, *order)], NOTHING)
        assert found.targets == {(expected, 1)}


def test_a_label_at_the_moment_of_the_closing_begins_a_new_life() -> None:
    old, new = registered(1, closed_at=day(9)), registered(2, registered_at=day(9))
    references = [known(1, NUMBER, old, new)]
    assert match(day(9), references, NOTHING).targets == {(1, 1)}
    assert match(day(9.01), references, NOTHING).targets == {(2, 1)}


def test_three_lives_of_a_number_are_distinct() -> None:
    lives = (
        registered(1, closed_at=day(9)),
        registered(2, registered_at=day(20), closed_at=day(29)),
        registered(3, registered_at=day(40)),
    )
    for scanned, expected in ((5, 1), (15, 2), (29, 2), (30, 3), (50, 3)):
        found = match(day(scanned), [known(1, NUMBER, *lives)], NOTHING)
        assert found.targets == {(expected, 1)}


def test_a_closed_shipment_keeps_what_comes_late() -> None:
    old = registered(1, closed_at=day(9))
    assert match(day(30), [known(1, NUMBER, old)], NOTHING).targets == {(1, 1)}


def test_two_volumes_of_one_shipment_are_not_two_lives() -> None:
    one = registered(1, 1, closed_at=day(9))
    two = registered(1, 2, registered_at=day(20), closed_at=day(9))
    found = match(day(25), [known(1, NUMBER, one, two)], NOTHING)
    assert found.targets == {(1, 1), (1, 2)}


@pytest.mark.parametrize(
    ("dispatched", "scanned", "expected"),
    [
        (None, -15, True),
        (None, -15.001, False),
        (-10, -25, True),
        (-10, -25.001, False),
        (10, -15, True),  # dispatched later: the label counts
        (10, -15.001, False),
        (-60, -75, True),
        (-300, -75, True),  # no further than 60 days before the label
        (-300, -75.001, False),
    ],
)
@pytest.mark.parametrize(
    "kind", [k for k in ReferenceKind if k not in {KEY, CTE, ORDER}]
)
def test_a_scan_from_before_a_bound_was_about_another_parcel(
    kind: ReferenceKind, dispatched: float | None, scanned: float, expected: bool
) -> None:
    dispatched_at = None if dispatched is None else day(dispatched)
    one = registered(dispatched_at=dispatched_at)
    assert is_current(one, known(1, kind, one), day(scanned)) is expected


def test_the_lower_bound_is_the_contracts() -> None:
    one = registered()
    references = [known(1, NUMBER, one)]
    assert match(day(-3), references, NOTHING).via == 1
    assert match(day(-3), references, NOTHING, timedelta(days=2)) == Match()
    assert timedelta(days=15) == LOWER_BOUND


@pytest.mark.parametrize("kind", [KEY, CTE])
def test_keys_that_are_never_used_again_have_no_lower_bound(
    kind: ReferenceKind,
) -> None:
    assert match(day(-900), [known(1, kind, registered())], NOTHING).via == 1


# By an order id.


def by_order(
    *registrations: Registration,
    others: tuple[KnownReference, ...] = (),
    numbers: dict[ReferenceKind, frozenset[str]] | None = None,
) -> Match:
    references = [known(9, ORDER, *registrations), *others]
    return match(day(1), references, {1: numbers} if numbers else NOTHING)


def test_an_order_id_says_which_parcel_if_there_is_only_one() -> None:
    found = by_order(registered(1, 0))
    assert found == Match(9, frozenset({(1, 0)}), ambiguous=False)


def test_an_order_with_several_volumes_is_ambiguous() -> None:
    assert by_order(registered(1, 0, volumes=2)).ambiguous


def test_an_order_with_several_shipments_is_ambiguous_open_or_closed() -> None:
    assert by_order(registered(1, 0), registered(2, 0)).ambiguous
    closed = registered(2, 0, registered_at=day(-9), closed_at=day(-5))
    found = by_order(registered(1, 0), closed)
    assert found.ambiguous
    assert found.targets == {(1, 0)}


@pytest.mark.parametrize(
    ("kind", "value", "numbers", "ambiguous"),
    [
        (NUMBER, "B", {NUMBER: frozenset({"A"})}, True),
        (NUMBER, "A", {NUMBER: frozenset({"A", "B"})}, False),
        (NUMBER, "B", {KEY: frozenset({"A"})}, False),
        (NUMBER, "B", {NUMBER: frozenset()}, False),
        (NUMBER, "B", None, False),
        (KEY, "B", {KEY: frozenset({"A"})}, True),
        (ORDER, "B", {ORDER: frozenset({"A"})}, False),
    ],
)
def test_another_reference_may_contradict_an_order_id(
    kind: ReferenceKind,
    value: str,
    numbers: dict[ReferenceKind, frozenset[str]] | None,
    ambiguous: bool,
) -> None:
    other = known(8, kind, value=value)
    found = by_order(registered(1, 0), others=(other,), numbers=numbers)
    assert found.ambiguous is ambiguous


def test_only_an_order_id_is_ambiguous() -> None:
    references = [
        known(1, NUMBER, registered(1, 1, volumes=2), value="A"),
        known(2, KEY, value="B"),
    ]
    found = match(day(1), references, {1: {KEY: frozenset({"C"})}})
    assert not found.ambiguous


@pytest.mark.parametrize(("volumes", "doubtful"), [(1, False), (3, True)])
def test_an_unregistered_parcel_of_an_invoice_with_several_is_ambiguous(
    volumes: int, doubtful: bool
) -> None:
    invoice = known(2, KEY, registered(7, 0, volumes=volumes))
    found = match(day(1), [known(1, VOLUME), invoice], NOTHING)
    assert found == Match(2, frozenset({(7, 0)}), ambiguous=doubtful)


# Why an event counts for nobody


def test_nothing_is_said_where_no_label_bears_a_reference() -> None:
    assert why_unmatched(day(1), [known(1, NUMBER)]) is None


def test_an_event_before_every_label_is_too_old() -> None:
    number = known(1, NUMBER, registered(1), registered(2, registered_at=day(2)))
    because = why_unmatched(day(-16), [known(2, ORDER), number])
    assert because is not None
    assert "more than 15 days (lower_bound_days) before the label of V" in because


def test_an_event_may_lie_between_two_lives_of_its_number() -> None:
    first = registered(1, closed_at=day(5))
    number = known(1, NUMBER, first, registered(2, registered_at=day(90)))
    assert match(day(10), [number], NOTHING) == Match()
    because = why_unmatched(day(10), [number])
    assert because is not None
    assert "was closed before" in because


@pytest.mark.parametrize(
    ("named", "contradicted"),
    [
        ("1172452900788-01", False),
        ("1172452900788", False),
        ("1172452900788-02", True),
        ("1172452900", True),
        ("SHOP-9", True),
    ],
)
def test_an_order_is_the_labels_with_or_without_its_suffix(
    named: str, *, contradicted: bool
) -> None:
    label = Registration(1, 1, LABEL)
    number = KnownReference(1, ReferenceKind.TRACKING_NUMBER, "TN", (label,))
    order = KnownReference(2, ReferenceKind.ORDER_ID, named)
    values = {1: {ReferenceKind.ORDER_ID: frozenset({"1172452900788-01"})}}
    found = match(LABEL, [number, order], values)
    assert found.targets == {(1, 1)}
    assert found.contradicted == ({1} if contradicted else set())


ISSUED_IN_MARCH = "35260311222333000181550010000000551000000559"


@pytest.mark.parametrize("kind", [KEY, CTE])
@pytest.mark.parametrize(
    ("at", "precision", "expected"),
    [
        (datetime(2026, 3, 1, 3, tzinfo=UTC), SECOND, Certainty.CERTAIN),
        (datetime(2026, 2, 28, 0, tzinfo=UTC), SECOND, Certainty.CERTAIN),
        (datetime(2026, 2, 27, 23, 59, 59, tzinfo=UTC), SECOND, Certainty.BEFORE_KEY),
        (datetime(2026, 2, 27, 3, tzinfo=UTC), DAY, Certainty.CERTAIN),
        (datetime(2026, 2, 26, 3, tzinfo=UTC), DAY, Certainty.BEFORE_KEY),
        (datetime(2006, 1, 1, tzinfo=UTC), SECOND, Certainty.BEFORE_KEY),
    ],
)
def test_an_event_cannot_be_older_than_the_month_in_its_key(
    kind: ReferenceKind, at: datetime, precision: timedelta, expected: Certainty
) -> None:
    references = [known(1, kind, registered(1, 0), value=ISSUED_IN_MARCH)]
    found = match(at, references, NOTHING, precision=precision)
    assert found.targets == {(1, 0)}
    assert found.certainty(1) is expected


def test_a_key_bounds_only_what_it_finds() -> None:
    """A label is often printed before its invoice is issued."""
    references = [
        known(1, NUMBER, registered()),
        known(2, KEY, registered(1, 0), value=ISSUED_IN_MARCH),
    ]
    found = match(datetime(2026, 2, 20, tzinfo=UTC), references, NOTHING)
    assert found.certainty(1) is Certainty.CERTAIN


@pytest.mark.parametrize("value", ["", "V", ISSUED_IN_MARCH.replace("2603", "2613")])
def test_a_key_without_a_month_bounds_nothing(value: str) -> None:
    references = [known(1, KEY, registered(1, 0), value=value)]
    found = match(datetime(2006, 1, 1, tzinfo=UTC), references, NOTHING)
    assert found.certainty(1) is Certainty.CERTAIN
