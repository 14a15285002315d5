"""The order check before the first write."""

from datetime import timedelta

import pytest

from relay.clock import micros
from relay.domain.shipment import SentTrackingNumber
from relay.outbound.order_check import check_order, shows_tracking
from relay.outbound.settlement import Outcome
from relay.store.snapshots import Claim
from relay.vtex.orders import PackageView
from tests.domain.snapshots import NOW, NUMBER, snapshot
from tests.outbound.making import OURS, WAITS, claim, context, order, package

UNSENT = snapshot(tracking_sent_as=None, order_checked=False)
SECOND = timedelta(seconds=1)


def checked(
    payload: object, of: Claim | None = None, *, adopt: bool = False
) -> Outcome:
    claimed = claim(UNSENT) if of is None else of
    return check_order(claimed, payload, context(adopt=adopt))


def because(found: Outcome) -> str:
    assert found.settlement is not None
    return found.settlement.waiting_reason or ""


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (None, "it shows an answer that is not an order"),
        ({"surprise": 1}, "it shows an answer that is not an order"),
        (order(), "it shows no invoice"),
        (order(package("77"), package("78")), "it shows invoices 77, 78"),
        (order(package("55", type="Input")), "it shows no invoice"),
        (order(package("055")), "it shows it as '055' (leading zeros differ)"),
        (order(package("55-1")), "it shows it as '55-1' (the series differs)"),
    ],
)
def test_an_invoice_that_is_not_shown_is_waited_for(
    payload: object, words: str
) -> None:
    found = checked(payload)
    assert words in because(found)
    assert found.settlement is not None
    assert found.settlement.not_before == NOW + WAITS.not_yet_seconds
    assert found.changes == ()
    assert not found.claim.snapshot.order_checked


def test_an_invoice_that_is_never_shown_needs_an_operator() -> None:
    late = claim(UNSENT, failing_since=NOW - WAITS.not_yet_hours - SECOND)
    found = checked(order(), late)
    assert found.settlement is not None
    assert "it shows no invoice" in (found.settlement.stuck_reason or "")
    assert checked(
        order(), claim(failing_since=NOW - WAITS.not_yet_hours)
    ).settlement != (found.settlement)


def test_a_number_written_otherwise_is_named() -> None:
    found = checked(order(package("0055")), adopt=True)
    assert found.settlement is None
    assert found.claim.snapshot.vtex_invoice_number == "0055"
    other = checked(order(package("77")), adopt=True)
    assert other.settlement is not None
    assert other.claim.snapshot.vtex_invoice_number is None


def test_what_vtex_shows_as_ours_needs_no_write() -> None:
    found = checked(order(package(**OURS)))
    assert found.settlement is None
    assert [q for q, _ in found.changes] == ["record_order_read", "accept_tracking"]
    assert dict(found.changes[0][1])["now"] == micros(NOW)
    assert found.claim.snapshot.order_checked
    assert found.claim.snapshot.tracking_sent_as == NUMBER


@pytest.mark.parametrize("name", ["trackingNumber", "trackingUrl", "courier"])
def test_what_vtex_shows_otherwise_is_sent(name: str) -> None:
    found = checked(order(package(**OURS | {name: "other"})))
    assert [q for q, _ in found.changes] == ["record_order_read"]
    assert found.claim.snapshot.order_checked
    assert found.claim.snapshot.tracking_sent_as is None


def test_a_field_without_a_value_is_never_a_difference() -> None:
    number = SentTrackingNumber("AC9")
    mine = PackageView("55", tracking_number="AC9", courier="whoever")
    assert shows_tracking(number, mine)
    assert not shows_tracking(number, PackageView("55"))
