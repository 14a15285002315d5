"""The judge of the kills notices every kind of wrong, on small made-up records."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.system.kills.judging import (
    GUARD,
    Write,
    in_flight,
    invented,
    missing,
    repeated,
    shown_of,
    writes_of,
)
from tests.system.kills.loading import DELIVERED, Parcel, Scan

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
POSTED = Scan("order.posted", NOON)
HANDED_OVER = Scan(DELIVERED, NOON + timedelta(hours=1))


def parcel(*acknowledged: Scan) -> Parcel:
    scans = (POSTED, HANDED_OVER)
    return Parcel(1, "store", scans, 0, acknowledged=list(acknowledged))


def shown(*snapshot: tuple[datetime, str], finished: bool = False) -> Any:
    data = [
        {"lastChange": at.isoformat(), "description": text} for at, text in snapshot
    ]
    status = {"finished": finished, "data": data}
    account, order = parcel().key
    invoices = [{"courierStatus": status}]
    return shown_of([{"account": account, "orderId": order, "invoices": invoices}])


def write(second: float, content: str, account: str = "blind") -> Write:
    return Write((account, "1"), NOON + timedelta(seconds=second), ("put", content))


def test_what_was_acknowledged_and_is_not_shown_is_missing() -> None:
    assert missing([parcel(POSTED)], shown(POSTED.fact)) == []
    (lost,) = missing(
        [parcel(POSTED, HANDED_OVER)], shown(HANDED_OVER.fact, finished=True)
    )
    assert "order.posted" in lost


def test_a_delivery_that_is_shown_and_not_final_is_missing() -> None:
    published = shown(POSTED.fact, HANDED_OVER.fact)
    (lost,) = missing([parcel(POSTED, HANDED_OVER)], published)
    assert lost.endswith("is not delivered")


@pytest.mark.parametrize(
    "published",
    [
        shown(POSTED.fact, (NOON, "Roubado")),
        shown(POSTED.fact, POSTED.fact),
        shown(POSTED.fact, HANDED_OVER.fact),
        shown(POSTED.fact, finished=True),
    ],
    ids=["not said", "twice", "not acknowledged", "delivered"],
)
def test_what_is_shown_and_was_not_said_is_invented(published: Any) -> None:
    assert len(invented([parcel(POSTED)], published)) == 1


def test_the_guard_event_is_the_relays_own() -> None:
    published = shown((NOON - timedelta(seconds=1), GUARD), POSTED.fact)
    assert invented([parcel(POSTED)], published) == []


def test_a_write_is_told_again_rightly_if_a_kill_cut_it_off() -> None:
    writes = [write(0, "a"), write(0.9, "b"), write(5, "b")]
    kill = [NOON + timedelta(seconds=1)]
    assert in_flight(writes, kill, 8) == 1
    assert repeated(writes, kill)["after a kill"] == 1
    assert repeated(writes, kill)["without a kill"] == 0


def test_no_more_writes_are_under_way_than_an_account_may_have() -> None:
    kill = NOON + timedelta(seconds=1)
    orders = [Write((a, str(n)), NOON, ("put", "")) for a in "ab" for n in range(5)]
    assert in_flight(orders, [kill, kill], 3) == 12
    assert in_flight(orders, [kill + timedelta(seconds=1)], 3) == 0


@pytest.mark.parametrize(
    "kill", [0.5, 2.5, 6], ids=["before", "long after", "too late"]
)
def test_a_write_is_told_again_wrongly_without_a_kill_to_explain_it(
    kill: float,
) -> None:
    writes = [write(0, "a"), write(0.9, "b"), write(5, "b")]
    counts = repeated(writes, [NOON + timedelta(seconds=kill)])
    assert (counts["after a kill"], counts["without a kill"]) == (0, 1)


def test_an_older_write_is_never_told_again_rightly() -> None:
    writes = [write(0, "a"), write(0.9, "b"), write(5, "a")]
    counts = repeated(writes, [NOON + timedelta(seconds=1)])
    assert (counts["after a kill"], counts["without a kill"]) == (0, 1)


def test_repeats_are_counted_apart_where_orders_can_be_read() -> None:
    writes = [write(0, "a", "store"), write(5, "a", "store")]
    counts = repeated(writes, [NOON + timedelta(seconds=0.1)])
    assert counts["where orders can be read"] == 1


def test_a_write_began_when_its_call_arrived() -> None:
    published = {
        "account": "blind",
        "orderId": "1",
        "call": 7,
        "kind": "put",
        "body": {},
    }
    call = {"sequence": 7, "at": NOON.isoformat()}
    assert writes_of([published], [call]) == [Write(("blind", "1"), NOON, ("put", {}))]
