"""How a claim ends, and what an answer does to the gates of its account."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from relay.clock import micros
from relay.outbound import settlement
from relay.outbound.settlement import (
    PublisherTerms,
    Settlement,
    Waits,
    backoff,
    postponed,
    settle_change,
    slower,
    stuck,
)
from relay.store.accounts import CALL, AccountState
from relay.store.snapshots import BACKLOG
from tests.domain.snapshots import NOW, POLICY
from tests.outbound.making import after, claim

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
INSTANT = micros(NOW)


def settled(settlement: Settlement, **more: Any) -> dict[str, Any]:
    query, values = settle_change(claim(**more), settlement, NOW)
    assert query == "settle"
    return dict(values)


def test_a_shipment_at_rest_is_due_when_it_says_and_has_failed_at_nothing() -> None:
    row = settled(Settlement(due_at=NOW + HOUR), attempts=5, failing_since=NOW - HOUR)
    assert row == {
        "shipment": 1,
        "version": 3,
        "now": INSTANT,
        "due_at": micros(NOW + HOUR),
        "not_before": None,
        "lane": 0,
        "attempts": 0,
        "failing_since": None,
        "waiting_reason": None,
        "stuck_reason": None,
        "closed_reason": None,
        "in_doubt": 0,
    }


@pytest.mark.parametrize(
    ("counts", "attempts", "expected"),
    [(False, 1, 0), (False, 4, 3), (False, 0, 0), (True, 1, 1), (True, 4, 4)],
)
def test_a_postponement_for_the_accounts_sake_gives_its_count_back(
    counts: bool, attempts: int, expected: int
) -> None:
    row = settled(postponed(NOW + HOUR, "busy", counts=counts), attempts=attempts)
    assert row["attempts"] == expected
    assert row["due_at"] == row["not_before"] == micros(NOW + HOUR)
    assert (row["lane"], row["waiting_reason"]) == (BACKLOG, "busy")


def test_a_failure_is_remembered_from_its_beginning() -> None:
    failing = postponed(NOW, "not yet", doubt=True)
    assert settled(failing)["failing_since"] == INSTANT
    began = micros(NOW - HOUR)
    assert settled(failing, failing_since=NOW - HOUR)["failing_since"] == began
    assert settled(failing)["in_doubt"] == 1


def test_what_is_stuck_is_due_no_more() -> None:
    row = settled(stuck("refused"), attempts=2)
    assert row["stuck_reason"] == "refused"
    assert (row["due_at"], row["attempts"]) == (None, 2)


def test_what_is_over_says_why() -> None:
    row = settled(Settlement(closes_because="returned"))
    assert (row["closed_reason"], row["due_at"]) == ("returned", None)


@pytest.mark.parametrize(
    ("failing_for", "expected"),
    [(None, 1), (0, 1), (1, 1), (6, 3), (60, 30), (6000, 360)],
)
def test_a_wait_grows_with_how_long_a_thing_fails(
    failing_for: float | None, expected: float
) -> None:
    since = None if failing_for is None else NOW - failing_for * MINUTE
    wait = slower(since, NOW, least=MINUTE, most=6 * HOUR)
    assert wait == expected * MINUTE


@pytest.mark.parametrize(
    ("attempts", "jitter", "seconds"),
    [
        (0, 1.0, 10),
        (1, 1.0, 10),
        (1, 0.0, 5),
        (1, 0.5, 7.5),
        (2, 1.0, 20),
        (4, 1.0, 80),
        (9, 1.0, 900),
        (9, 0.0, 450),
        (10_000, 1.0, 900),
    ],
)
def test_a_wait_doubles_with_every_try(
    attempts: int, jitter: float, seconds: float
) -> None:
    least, most = timedelta(seconds=10), timedelta(seconds=900)
    found = backoff(attempts, jitter, least=least, most=most)
    assert found == timedelta(seconds=seconds)


def test_terms_have_waits_of_their_own() -> None:
    terms = PublisherTerms(accounts={}, policy=lambda _account, _contract: POLICY)
    assert terms.waits == Waits()
    assert terms.waits.doubt == timedelta(seconds=90)
    assert terms.waits.deadline + terms.waits.lease_margin == MINUTE


# The gates.


SHUT = AccountState(
    "store",
    write_closed="401",
    write_retry_at=9,
    read_closed="403",
    read_retry_at=9,
    outage_since=9,
    probe_at=9,
    refused_message="no",
    refused_count=9,
)


def test_an_accepted_write_opens_what_is_about_writes() -> None:
    found = after(replace(SHUT), settlement.accepted(NOW))
    assert found == AccountState(
        "store", read_closed="403", read_retry_at=9, accepted_at=INSTANT
    )


def test_an_answered_read_opens_what_is_about_reads() -> None:
    found = after(replace(SHUT), settlement.answered)
    assert (found.read_closed, found.read_retry_at) == (None, None)
    assert (found.outage_since, found.probe_at) == (None, None)
    assert found.write_closed == "401"


def test_an_outage_begins_once() -> None:
    found = after(None, settlement.unavailable(NOW))
    assert found.outage_since == INSTANT
    assert after(found, settlement.unavailable(NOW + HOUR)).outage_since == INSTANT


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(None, 60), (0, 60), (30, 60), (61, 61), (3600, 3600), (86400, 3600)],
)
def test_vtex_is_left_alone_for_as_long_as_it_says_within_bounds(
    asked: float | None, seconds: int
) -> None:
    found = after(None, settlement.busy(NOW, asked, MINUTE, HOUR))
    assert found.busy_until == micros(NOW + timedelta(seconds=seconds))


def test_a_longer_pause_stays() -> None:
    state = after(None, settlement.busy(NOW, 3600, MINUTE, HOUR))
    assert after(state, settlement.busy(NOW, 60, MINUTE, HOUR)).busy_until == micros(
        NOW + HOUR
    )


def test_a_forbidden_call_closes_its_kind_alone() -> None:
    writes = after(None, settlement.write_forbidden("401", NOW, HOUR))
    retry_at = micros(NOW + HOUR)
    assert writes == AccountState("store", write_closed="401", write_retry_at=retry_at)
    reads = after(None, settlement.read_forbidden("403", NOW, HOUR))
    assert reads == AccountState("store", read_closed="403", read_retry_at=retry_at)


def test_the_tenth_refusal_alike_pauses_the_account() -> None:
    state = AccountState("store")
    for _ in range(9):
        after(state, settlement.refused("bad url"))
    assert state.paused_reason is None
    after(state, settlement.refused("bad url"))
    assert state.paused_reason == "10 shipments in a row were refused alike: bad url"


def test_refusals_that_differ_pause_nothing() -> None:
    state = AccountState("store")
    for n in range(30):
        after(state, settlement.refused("bad url" if n % 10 else "bad date"))
    assert state.paused_reason is None
    assert (state.refused_message, state.refused_count) == ("bad url", 9)


def test_a_further_call_of_a_claim_is_owed() -> None:
    assert after(AccountState("store", permits=CALL), settlement.spend).permits == 0
    assert after(AccountState("store"), settlement.spend).permits == -CALL


@pytest.mark.parametrize(
    ("closed", "retry_at", "expected"),
    [
        (None, None, True),
        ("403", None, True),
        ("403", INSTANT, True),
        ("403", INSTANT + 1, False),
        (None, INSTANT + 1, True),
    ],
)
def test_orders_may_be_read_while_the_gate_is_open_or_it_is_time_to_try(
    closed: str | None, retry_at: int | None, expected: bool
) -> None:
    state = AccountState("store", read_closed=closed, read_retry_at=retry_at)
    assert settlement.can_read(state, NOW) is expected


def test_what_was_told_as_delivered_stays_closed_while_it_is_read_back() -> None:
    published = claim(replace(claim().snapshot, delivered_published=True))
    _, row = settle_change(published, postponed(NOW, "not shown yet"), NOW)
    assert row["closed_reason"] == "delivered"
