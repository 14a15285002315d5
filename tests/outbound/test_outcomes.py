"""What every answer means for every step, for the shipment and for its account."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from relay.clock import micros
from relay.domain.shipment import UnconfirmedWrite
from relay.errors import DeadlineOver, NotSent, Unanswered, VtexError
from relay.outbound.outcomes import outcome_of_answer, outcome_of_error
from relay.outbound.settlement import Outcome, Settlement
from relay.outbound.steps import (
    Call,
    ReadOrder,
    ReadReason,
    SendEvents,
    SendTrackingNumber,
    Write,
)
from relay.store.accounts import AccountState
from relay.store.snapshots import Claim
from relay.vtex.client import VtexResponse
from tests.domain.snapshots import NOW, NUMBER, at, event, published, snapshot
from tests.outbound.making import OURS, WAITS, after, claim, context, order, package

SCAN = event(1, "in_transit", 5)
NEW = published(SCAN, accepted=False)
SEND_NUMBER = SendTrackingNumber(NUMBER, "{}")
PUBLISH = SendEvents((NEW,), "{}", is_delivered=False)
DELIVER = SendEvents((NEW,), "{}", is_delivered=True)
READ = ReadOrder("first")
WRITES = [SEND_NUMBER, PUBLISH, DELIVER]
INSTANT = micros(NOW)
FAR = micros(NOW + timedelta(days=1))
HOUR = timedelta(hours=1)
SUCCESSES = range(200, 300)
RECEIPT = {"date": "2026-08-01", "orderId": "00-v1-01", "receipt": "r-1"}
ERROR = {"error": {"code": "OMS007", "message": "Order Not Found"}}


def answered(
    step: Call,
    status: int,
    words: str = "",
    *,
    of: Claim | None = None,
    state: AccountState | None = None,
    **more: Any,
) -> Outcome:
    if status in SUCCESSES and not isinstance(step, ReadOrder):
        more.setdefault("payload", RECEIPT)
    answer = VtexResponse(status, words, **more)
    claimed = claim() if of is None else of
    return outcome_of_answer(claimed, step, answer, context(state=state))


def failed(
    step: Call,
    error: VtexError,
    of: Claim | None = None,
    state: AccountState | None = None,
) -> Outcome:
    claimed = claim() if of is None else of
    return outcome_of_error(claimed, step, error, context(state=state))


def queries(outcome: Outcome) -> list[str]:
    return [query for query, _ in outcome.changes]


def values(outcome: Outcome, query: str) -> dict[str, Any]:
    (found,) = [dict(v) for q, v in outcome.changes if q == query]
    return found


# Accepted.


def test_an_accepted_tracking_number_is_stored_as_it_was_sent() -> None:
    waiting = claim(
        snapshot(
            tracking_sent_as=None,
            pending=UnconfirmedWrite("send_tracking_number", "{}"),
            in_doubt_since=NOW,
        ),
        failing_since=NOW - HOUR,
    )
    found = answered(SEND_NUMBER, 200, of=waiting)
    assert values(found, "accept_tracking")["tracking_sent_as"] == (
        '{"tracking_number":"AC123","tracking_url":"https://acme.example/AC123",'
        '"courier":"Acme","dispatched_date":"2026-03-02"}'
    )
    assert found.settlement is None
    known = found.claim.snapshot
    assert known.tracking_sent_as == NUMBER
    assert (known.pending, known.in_doubt_since) == (None, None)
    assert found.claim.failing_since is None
    assert after(None, found.amend).accepted_at == INSTANT


@pytest.mark.parametrize("status", [200, 201, 204])
def test_accepted_objects_are_published(status: int) -> None:
    waiting = claim(snapshot(SCAN, published=(NEW,)), failing_since=NOW - HOUR)
    found = answered(PUBLISH, status, of=waiting)
    assert queries(found) == ["accept_published", "accept_publishing", "count_update"]
    assert values(found, "accept_published") == {
        "shipment": 1,
        "volume": 1,
        "occurred_at": micros(at(5)),
        "code": "in_transit",
        "now": INSTANT,
    }
    row = values(found, "accept_publishing")
    assert (row["is_delivered"], row["read_back"]) == (0, 0)
    assert found.claim.snapshot.published == (replace(NEW, accepted=True),)
    assert not found.claim.snapshot.delivered_published
    assert found.claim.failing_since is None
    assert after(None, found.amend).accepted_at == INSTANT


@pytest.mark.parametrize(
    ("in_doubt_since", "step", "read_back"),
    [
        (None, DELIVER, 0),
        (NOW - HOUR, DELIVER, 1),
        (NOW - HOUR, PUBLISH, 0),
    ],
)
def test_only_a_delivery_after_an_unconfirmed_write_is_read_back(
    in_doubt_since: Any, step: SendEvents, read_back: int
) -> None:
    found = answered(step, 200, of=claim(snapshot(in_doubt_since=in_doubt_since)))
    assert values(found, "accept_publishing")["read_back"] == read_back
    known = found.claim.snapshot
    assert known.delivered_published is step.is_delivered
    assert known.in_doubt_since == (in_doubt_since if read_back else None)


# Not accepted.


def cleared(step: Call) -> list[str]:
    """Return the queries that drop a write that was certainly not carried out."""
    if isinstance(step, ReadOrder):
        return []
    events_too = ["delete_unaccepted"] if isinstance(step, SendEvents) else []
    return [*events_too, "clear_pending"]


@pytest.mark.parametrize("step", [READ, *WRITES])
@pytest.mark.parametrize("status", [400, 405, 415, 422, 410])
def test_a_refusal_needs_an_operator(step: Call, status: int) -> None:
    found = answered(step, status, "Invalid tracking url")
    assert found.settlement is not None
    assert found.settlement.stuck_reason is not None
    assert f"VTEX answered {status}: Invalid tracking url. " in (
        found.settlement.stuck_reason
    )
    # Before it is tried again, the order tells whether VTEX has what it accepted.
    reads = [] if isinstance(step, ReadOrder) else ["forget_order_read"]
    assert queries(found) == [*cleared(step), *reads]
    state = after(None, found.amend)
    assert state.refused_message == f"VTEX answered {status}: Invalid tracking url"
    assert state.refused_count == 1


def test_a_refused_delivery_was_certainly_not_taken() -> None:
    assert values(answered(DELIVER, 400), "clear_pending")["delivery_refuted"] == 1
    assert values(answered(PUBLISH, 400), "clear_pending")["delivery_refuted"] == 0
    assert values(answered(SEND_NUMBER, 400), "clear_pending")["delivery_refuted"] == 0


@pytest.mark.parametrize("status", [400, 401, 404, 429, 301])
@pytest.mark.parametrize("step", WRITES)
def test_an_unconfirmed_write_stays_unconfirmed_whatever_its_repetition_gets(
    step: Write, status: int
) -> None:
    doubtful = claim(
        snapshot(pending=UnconfirmedWrite("send_events", "{}"), in_doubt_since=NOW)
    )
    assert queries(answered(step, status, of=doubtful)) == []
    assert queries(failed(step, NotSent("no route"), of=doubtful)) == []
    assert queries(failed(step, DeadlineOver("late"), of=doubtful)) == []


@pytest.mark.parametrize("step", [READ, *WRITES])
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_vtex_is_left_alone(step: Call, status: int) -> None:
    found = answered(step, status, retry_after=120)
    assert found.settlement is not None
    assert found.settlement.due_at == NOW
    assert not found.settlement.counts
    assert not found.settlement.unconfirmed
    assert queries(found) == cleared(step)
    busy_until = after(None, found.amend).busy_until
    assert busy_until == micros(NOW + timedelta(seconds=120))


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_a_mistake_in_the_settings(status: int) -> None:
    found = answered(PUBLISH, status)
    assert found.settlement is not None
    assert "base_url" in (found.settlement.waiting_reason or "")
    state = after(None, found.amend)
    assert state.write_retry_at == micros(NOW + WAITS.probe_seconds)
    assert queries(found) == cleared(PUBLISH)


def test_an_answer_without_text_is_quoted_as_it_is() -> None:
    found = answered(SEND_NUMBER, 503)
    assert found.settlement is not None
    assert (found.settlement.waiting_reason or "").startswith("VTEX answered 503. ")


# Not yet.


@pytest.mark.parametrize("step", [READ, *WRITES])
@pytest.mark.parametrize(
    ("failing_for", "wait"), [(None, 30), (600, 300), (48 * 3600, 6 * 3600)]
)
def test_an_invoice_that_is_missing_is_waited_for(
    step: Call, failing_for: float | None, wait: float
) -> None:
    since = None if failing_for is None else NOW - timedelta(seconds=failing_for)
    found = answered(step, 404, payload=ERROR, of=claim(failing_since=since))
    assert found.settlement is not None
    # After a write the order is read, the first time at once.
    at_once = failing_for is None and step != READ
    waited = 0 if at_once else wait
    assert found.settlement.not_before == NOW + timedelta(seconds=waited)
    assert not found.settlement.counts
    unread = [] if step == READ else ["forget_order_read"]
    assert queries(found) == [*cleared(step), *unread]
    shut = AccountState("store", read_closed="403", outage_since=1)
    assert after(shut, found.amend) == AccountState("store")


NO_INVOICE = {"error": {"code": "OMS008", "message": "Invoice is invalid"}}
BROKEN = {"error": {"code": "OMS001", "message": "Unexpected error"}}


@pytest.mark.parametrize("step", WRITES)
@pytest.mark.parametrize(("status", "payload"), [(400, NO_INVOICE), (500, BROKEN)])
def test_an_invoice_that_is_gone_has_the_order_read(
    step: Write, status: int, payload: object
) -> None:
    found = answered(step, status, payload=payload)
    assert found.settlement is not None
    assert found.settlement.not_before == NOW
    assert not found.settlement.unconfirmed
    assert queries(found) == [*cleared(step), "forget_order_read"]
    state = after(None, found.amend)
    assert (state.refused_count, state.outage_since) == (0, None)


@pytest.mark.parametrize("step", WRITES)
def test_a_500_about_an_invoice_that_the_order_shows_has_another_cause(
    step: Write,
) -> None:
    shown = claim(failing_since=NOW - timedelta(seconds=1))
    found = answered(step, 500, payload=BROKEN, of=shown)
    assert found.settlement is not None
    assert found.settlement.unconfirmed


CLOSED = (
    "Unable to set invoice when status is cancel, canceled or cancellation_requested"
)


@pytest.mark.parametrize("step", WRITES)
def test_a_closed_order_is_read_and_closed_at_last(step: Write) -> None:
    found = answered(step, 400, CLOSED)
    assert found.settlement is not None
    assert found.settlement.closes_because is None
    assert "forget_order_read" in queries(found)
    assert after(None, found.amend).refused_count == 0
    late = claim(failing_since=NOW - WAITS.not_yet_hours - timedelta(seconds=1))
    found = answered(step, 400, CLOSED, of=late)
    assert found.settlement == Settlement(closes_because="order_cancelled")
    unreadable = AccountState("store", read_closed="403", read_retry_at=FAR)
    found = answered(step, 400, CLOSED, state=unreadable)
    assert found.settlement == Settlement(closes_because="order_cancelled")


def test_an_invoice_that_never_comes_needs_an_operator() -> None:
    late = claim(failing_since=NOW - WAITS.not_yet_hours - timedelta(seconds=1))
    found = answered(PUBLISH, 404, "Invoice Not Found", of=late)
    assert found.settlement is not None
    assert "Invoice Not Found" in (found.settlement.stuck_reason or "")
    just = claim(failing_since=NOW - WAITS.not_yet_hours)
    found = answered(PUBLISH, 404, "Invoice Not Found", of=just)
    assert found.settlement is not None
    assert found.settlement.stuck_reason is None


def test_a_route_that_is_missing_needs_an_operator() -> None:
    found = answered(PUBLISH, 404, payload={"title": "Not Found"})
    assert found.settlement is not None
    assert "base_url" in (found.settlement.stuck_reason or "")


# Unavailable.


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 504])
@pytest.mark.parametrize("step", WRITES)
def test_a_write_that_may_have_been_carried_out_is_unconfirmed(
    step: Write, status: int
) -> None:
    found = answered(step, status)
    assert found.settlement is not None
    assert found.settlement.unconfirmed
    assert found.settlement.not_before == NOW + WAITS.unconfirmed_wait_seconds
    assert not found.settlement.counts
    assert found.changes == ()
    assert after(None, found.amend).outage_since == INSTANT


@pytest.mark.parametrize("payload", [None, {}, {"status": "ok"}, ERROR])
@pytest.mark.parametrize("step", WRITES)
def test_a_success_of_another_shape_leaves_a_write_unconfirmed(
    step: Write, payload: object
) -> None:
    found = answered(step, 200, "We will be back soon", payload=payload)
    assert found.settlement is not None
    assert found.settlement.unconfirmed
    assert found.changes == ()
    assert found.claim == claim()
    because = found.settlement.waiting_reason or ""
    assert because.startswith("VTEX answered 200: We will be back soon. base_url: ")
    learned = after(None, found.amend)
    assert (learned.accepted_at, learned.outage_since) == (None, INSTANT)


@pytest.mark.parametrize("why", ["first", "import", "unconfirmed", "verify"])
@pytest.mark.parametrize("payload", [None, {}, {"status": "ok"}, ERROR, [1]])
def test_a_read_that_is_not_an_order_decides_nothing(
    why: ReadReason, payload: object
) -> None:
    pending = UnconfirmedWrite("send_events", "{}")
    known = snapshot(SCAN, published=(NEW,), pending=pending, in_doubt_since=NOW)
    found = answered(ReadOrder(why), 200, of=claim(known), payload=payload)
    assert found.settlement is not None
    assert not found.settlement.unconfirmed
    assert found.settlement.not_before == NOW + WAITS.unavailable_seconds
    assert found.changes == ()
    shut = AccountState("store", read_closed="403", read_retry_at=1)
    assert after(shut, found.amend).read_closed == "403"


def test_a_timeout_leaves_a_write_unconfirmed_too() -> None:
    found = failed(DELIVER, Unanswered("timeout"))
    assert found.settlement is not None
    assert found.settlement.unconfirmed
    assert found.settlement.waiting_reason == "no answer from VTEX: timeout"
    assert found.changes == ()
    assert after(None, found.amend).outage_since == INSTANT


@pytest.mark.parametrize("attempts", [1, 4])
def test_a_read_without_answer_is_not_unconfirmed(attempts: int) -> None:
    for found in (
        answered(READ, 500, of=claim(attempts=attempts)),
        failed(READ, Unanswered("timeout"), of=claim(attempts=attempts)),
    ):
        assert found.settlement is not None
        assert not found.settlement.unconfirmed
        wait = WAITS.unavailable_seconds * 2 ** (attempts - 1)
        assert found.settlement.not_before == NOW + wait


def test_a_long_backoff_outlasts_the_wait_for_an_unconfirmed_write() -> None:
    found = answered(PUBLISH, 500, of=claim(attempts=7))
    assert found.settlement is not None
    assert found.settlement.not_before == NOW + WAITS.unavailable_seconds * 64


@pytest.mark.parametrize(
    ("failing_since", "accepted_at", "counts"),
    [
        (None, None, False),
        (None, NOW, False),
        (NOW - HOUR, None, False),
        (NOW - HOUR, NOW - 2 * HOUR, False),
        (NOW - HOUR, NOW - HOUR, False),
        (NOW - 2 * HOUR, NOW - HOUR, True),
    ],
)
def test_a_failure_counts_only_if_another_shipment_got_through_meanwhile(
    failing_since: Any, accepted_at: Any, counts: bool
) -> None:
    accepted = None if accepted_at is None else micros(accepted_at)
    state = AccountState("store", accepted_at=accepted)
    for attempts in (1, 11, 12, 40):
        of = claim(failing_since=failing_since, attempts=attempts)
        found = answered(PUBLISH, 500, of=of, state=state)
        assert found.settlement is not None
        gives_up = counts and attempts >= WAITS.max_attempts
        assert bool(found.settlement.stuck_reason) is gives_up
        assert found.settlement.counts is counts


def test_a_write_that_is_given_up_stays_unconfirmed() -> None:
    state = AccountState("store", accepted_at=INSTANT)
    of = claim(failing_since=NOW - HOUR, attempts=12)
    found = answered(DELIVER, 502, of=of, state=state)
    assert found.settlement is not None
    assert found.settlement.stuck_reason is not None
    assert found.settlement.unconfirmed
    assert found.changes == ()
    read = answered(READ, 502, of=of, state=state)
    assert read.settlement is not None
    assert not read.settlement.unconfirmed


@pytest.mark.parametrize(
    ("error", "outage"),
    [(NotSent("no route"), INSTANT), (DeadlineOver("late"), None)],
)
@pytest.mark.parametrize("step", [READ, *WRITES])
def test_what_never_reached_vtex_is_not_unconfirmed(
    step: Call, error: VtexError, outage: int | None
) -> None:
    found = failed(step, error)
    assert found.settlement is not None
    assert not found.settlement.unconfirmed
    assert not found.settlement.counts
    assert found.settlement.not_before == NOW + WAITS.unavailable_seconds
    assert queries(found) == cleared(step)
    assert after(None, found.amend).outage_since == outage


# Forbidden.


@pytest.mark.parametrize("status", [401, 403])
def test_without_the_right_to_read_it_goes_on(status: int) -> None:
    found = answered(READ, status)
    assert found.settlement is None
    assert found.changes == ()
    state = after(None, found.amend)
    assert state.read_retry_at == micros(NOW + WAITS.probe_seconds)
    assert state.write_closed is None


@pytest.mark.parametrize("step", WRITES)
@pytest.mark.parametrize("status", [401, 403])
def test_a_forbidden_write_closes_the_gate_and_nothing_is_stuck(
    step: Write, status: int
) -> None:
    found = answered(step, status)
    assert found.settlement is not None
    assert found.settlement.stuck_reason is None
    assert found.settlement.due_at == NOW
    assert queries(found) == cleared(step)
    state = after(None, found.amend)
    assert state.write_retry_at == micros(NOW + WAITS.probe_seconds)
    assert state.read_closed is None


def test_a_403_after_accepted_writes_first_tries_another_shipment() -> None:
    state = AccountState("store", accepted_at=micros(NOW - HOUR))
    found = answered(PUBLISH, 403, state=state)
    assert found.settlement is not None
    assert found.settlement.stuck_reason is None
    learned = after(replace(state), found.amend)
    assert learned.write_closed is None
    assert (learned.outage_since, learned.write_suspected_at) == (INSTANT, INSTANT)


def test_a_403_while_others_get_through_is_about_this_shipment() -> None:
    state = AccountState("store", accepted_at=micros(NOW - HOUR))
    of = claim(failing_since=NOW - 2 * HOUR)
    found = answered(PUBLISH, 403, of=of, state=state)
    assert found.settlement is not None
    assert "403" in (found.settlement.stuck_reason or "")
    assert found.amend is None
    of = claim(failing_since=NOW - HOUR)
    found = answered(PUBLISH, 403, of=of, state=state)
    assert found.settlement is not None
    assert found.settlement.stuck_reason is None


@pytest.mark.parametrize(
    ("status", "columns"),
    [
        (401, {"accepted_at": INSTANT}),
        (403, {"accepted_at": INSTANT, "write_suspected_at": INSTANT}),
    ],
)
def test_else_a_forbidden_write_is_about_the_account(
    status: int, columns: dict[str, int]
) -> None:
    state = AccountState("store", **columns)  # type: ignore[arg-type]
    found = answered(PUBLISH, status, state=state)
    assert after(replace(state), found.amend).write_closed is not None


# After a look.


def test_an_order_check_opens_the_gate_of_reads_and_goes_on() -> None:
    of = claim(snapshot(tracking_sent_as=None, order_checked=False))
    found = answered(READ, 200, of=of, payload=order(package(**OURS)))
    assert found.settlement is None
    assert found.claim.snapshot.tracking_sent_as == NUMBER
    shut = AccountState("store", read_closed="403")
    assert after(shut, found.amend).read_closed is None


@pytest.mark.parametrize("adopt", [False, True])
def test_a_number_written_otherwise_is_adopted_where_the_settings_say(
    adopt: bool,
) -> None:
    of = claim(snapshot(tracking_sent_as=None, order_checked=False))
    answer = VtexResponse(200, payload=order(package("0055")))
    found = outcome_of_answer(of, READ, answer, context(adopt=adopt))
    if not adopt:
        assert found.settlement is not None
        assert "'0055'" in (found.settlement.waiting_reason or "")
        assert found.claim.snapshot.vtex_invoice_number is None
        return
    assert found.settlement is None
    assert values(found, "record_order_read")["vtex_invoice_number"] == "0055"
    assert found.claim.snapshot.addressed_as == "0055"
    assert found.claim.snapshot.order_checked


@pytest.mark.parametrize(
    ("why", "query"),
    [("unconfirmed", "accept_tracking"), ("verify", "record_verified")],
)
def test_an_order_check_is_judged_by_why_it_was_taken(
    why: ReadReason, query: str
) -> None:
    body = (
        '{"trackingNumber":"AC123","trackingUrl":null,"courier":null,'
        '"dispatchedDate":null}'
    )
    known = snapshot(
        pending=UnconfirmedWrite("send_tracking_number", body), delivered_published=True
    )
    shown = order(package(**OURS, courierStatus={"finished": True}))
    found = answered(ReadOrder(why), 200, of=claim(known), payload=shown)
    assert queries(found) == [query]


# Orders that ended.


@pytest.mark.parametrize("why", get_args(ReadReason))
@pytest.mark.parametrize(
    ("status", "reason"),
    [("canceled", "order_cancelled"), ("replaced", "order_replaced")],
)
def test_an_ended_order_closes_its_shipments_at_every_look(
    why: ReadReason, status: str, reason: str
) -> None:
    doubtful = claim(
        snapshot(pending=UnconfirmedWrite("send_events", "{}"), in_doubt_since=NOW)
    )
    ended = order(package(), status=status)
    found = answered(ReadOrder(why), 200, of=doubtful, payload=ended)
    assert found.settlement == Settlement(closes_because=reason)
    assert queries(found) == ["note_order_end", "close_order", "end_writes"]
    assert values(found, "close_order")["reason"] == reason
    known = found.claim.snapshot
    assert (known.pending, known.in_doubt_since) == (None, None)
