"""How what VTEX shows differs from what it accepted."""

from dataclasses import replace
from typing import Any

import pytest

from relay.domain.shipment import ReadBack, SentTrackingNumber, Snapshot
from relay.outbound.differences import differences, same_date
from relay.vtex.orders import PackageView, parse_order
from tests.domain.snapshots import NUMBER, POLICY, event, published, snapshot
from tests.outbound.making import OURS, order, package

SCAN, HELD = published(event(1, "in_transit", 5)), published(event(2, "held", 6))
DATE = "2026-03-02T09:30:00-03:00"
SENT = snapshot(published=(SCAN, HELD))
DELIVERED = replace(
    SENT, delivered_published=True, read_back=ReadBack(delivered_as=DATE)
)


def shown(*events: Any, status: dict[str, Any] | None = None, **more: Any) -> Any:
    data = [
        {"lastChange": e.object["date"], "description": e.object["description"]}
        for e in events
    ]
    tracking = {"finished": False, "data": data} | (status or {})
    read = parse_order(order(package(courierStatus=tracking, **OURS | more)))
    assert read is not None
    return read.packages[0]


def found(known: Snapshot, seen: PackageView) -> list[str]:
    return [str(one) for one in differences(known, seen, POLICY.zone)]


def test_what_is_shown_as_sent_does_not_differ() -> None:
    assert found(SENT, shown(SCAN, HELD)) == []
    finished = {"finished": True, "deliveredDate": DATE}
    assert found(DELIVERED, shown(SCAN, HELD, status=finished)) == []


def test_events_of_other_systems_are_no_difference() -> None:
    other = published(event(3, "exception", 7))
    assert found(SENT, shown(other, HELD, SCAN)) == []


def test_both_values_of_a_difference_are_named() -> None:
    assert found(SENT, shown(SCAN, HELD, trackingNumber="X")) == [
        f"trackingNumber: sent '{NUMBER.tracking_number}', VTEX shows 'X'"
    ]
    (missing,) = found(SENT, shown(SCAN))
    assert missing.startswith("events: sent ")
    assert missing.endswith("VTEX shows 1 events without them")
    (missing,) = found(SENT, shown())
    assert missing.endswith("VTEX shows no event")


def test_a_field_without_a_value_here_never_differs() -> None:
    bare = replace(SENT, tracking_sent_as=SentTrackingNumber("AC123"))
    assert found(bare, shown(SCAN, HELD, trackingUrl="https://other.example")) == []
    assert found(replace(SENT, tracking_sent_as=None), shown(SCAN, HELD)) == []


@pytest.mark.parametrize(
    ("status", "differs"),
    [
        ({"finished": False}, "finished: sent true, VTEX shows false"),
        (
            {"finished": True, "deliveredDate": "2026-03-03 09:30"},
            f"deliveredDate: sent '{DATE}', VTEX shows '2026-03-03 09:30'",
        ),
        (
            {"finished": True, "deliveredDate": None},
            f"deliveredDate: sent '{DATE}', VTEX shows ''",
        ),
    ],
)
def test_a_delivery_is_compared_with_its_date(
    status: dict[str, Any], differs: str
) -> None:
    assert found(DELIVERED, shown(SCAN, HELD, status=status)) == [differs]


def test_a_delivery_of_another_system_differs_unless_it_is_taken_back() -> None:
    finished = shown(SCAN, HELD, status={"finished": True})
    assert found(SENT, finished) == ["finished: sent false, VTEX shows true"]
    assert found(replace(SENT, taking_back="sent"), finished) == []


@pytest.mark.parametrize(
    ("seen", "same"),
    [
        (DATE, True),
        ("2026-03-02T12:30:00.0000000+00:00", True),
        ("2026-03-02 12:30:59.1234567+00:00", True),
        ("2026-03-02 12:30", True),
        ("2026-03-02 09:30", True),
        ("2026-03-02", True),
        ("2026-03-03", False),
        ("2026-03-02 09:31", False),
        ("", False),
        ("soon", False),
    ],
)
def test_a_date_may_be_shown_in_every_documented_form(seen: str, same: bool) -> None:
    assert same_date(DATE, seen, POLICY.zone) is same


def test_of_a_number_that_the_erp_has_sent_only_the_number_is_compared() -> None:
    stated = replace(SENT, tracking_sent_as=replace(NUMBER, stated=True))
    assert found(stated, shown(SCAN, HELD, trackingUrl="", courier="")) == []
    assert len(found(stated, shown(SCAN, HELD, trackingNumber="X"))) == 1
