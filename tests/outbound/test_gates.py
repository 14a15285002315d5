"""What an answer does to the gates of its account."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from relay.clock import micros
from relay.outbound import gates
from relay.service.accounts import gates_of
from relay.store.accounts import CALL, AccountState
from tests.domain.snapshots import NOW
from tests.outbound.making import after

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
INSTANT = micros(NOW)


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
    found = after(replace(SHUT), gates.accepted(NOW))
    assert found == AccountState(
        "store", read_closed="403", read_retry_at=9, accepted_at=INSTANT
    )


def test_an_answered_read_opens_what_is_about_reads() -> None:
    found = after(replace(SHUT), gates.answered(NOW))
    assert (found.read_closed, found.read_retry_at) == (None, None)
    assert (found.outage_since, found.probe_at) == (None, None)
    assert found.write_closed == "401"


def test_an_answered_read_does_not_end_an_outage_of_writes() -> None:
    found = after(None, gates.unavailable(NOW, write=True))
    found = after(found, gates.answered(NOW + MINUTE))
    assert (found.outage_since, found.write_suspected_at) == (INSTANT, INSTANT)
    found = after(found, gates.accepted(NOW + 2 * MINUTE))
    assert (found.outage_since, found.write_suspected_at) == (None, None)


def test_a_failed_write_that_is_not_tried_again_is_forgotten() -> None:
    found = after(None, gates.unavailable(NOW, write=True))
    found = after(found, gates.answered(NOW + HOUR + MINUTE))
    assert (found.outage_since, found.write_suspected_at) == (None, None)


@pytest.mark.parametrize("forbidden", [gates.write_forbidden, gates.read_forbidden])
def test_a_refused_permission_is_an_answer_and_ends_an_outage(
    forbidden: Callable[..., gates.Amend],
) -> None:
    found = after(None, gates.unavailable(NOW))
    found = after(found, forbidden("403", NOW + MINUTE, HOUR))
    assert (found.outage_since, found.probe_at) == (None, None)
    [gate] = gates_of(found, micros(NOW + MINUTE))
    assert gate.reason == "403"


def test_a_read_that_is_refused_does_not_end_an_outage_of_writes() -> None:
    found = after(None, gates.unavailable(NOW, write=True))
    found = after(found, gates.read_forbidden("403", NOW + MINUTE, HOUR))
    assert found.outage_since == INSTANT


def test_an_outage_begins_once() -> None:
    found = after(None, gates.unavailable(NOW))
    assert found.outage_since == INSTANT
    assert after(found, gates.unavailable(NOW + HOUR)).outage_since == INSTANT


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(None, 60), (0, 60), (30, 60), (61, 61), (3600, 3600), (86400, 3600)],
)
def test_vtex_is_left_alone_for_as_long_as_it_says_within_bounds(
    asked: float | None, seconds: int
) -> None:
    found = after(None, gates.busy(NOW, asked, MINUTE, HOUR))
    assert found.busy_until == micros(NOW + timedelta(seconds=seconds))


def test_a_longer_pause_stays() -> None:
    state = after(None, gates.busy(NOW, 3600, MINUTE, HOUR))
    assert after(state, gates.busy(NOW, 60, MINUTE, HOUR)).busy_until == micros(
        NOW + HOUR
    )


def test_a_forbidden_call_closes_its_kind_alone() -> None:
    writes = after(None, gates.write_forbidden("401", NOW, HOUR))
    retry_at = micros(NOW + HOUR)
    assert writes == AccountState("store", write_closed="401", write_retry_at=retry_at)
    reads = after(None, gates.read_forbidden("403", NOW, HOUR))
    assert reads == AccountState("store", read_closed="403", read_retry_at=retry_at)


def test_the_tenth_refusal_alike_pauses_the_account() -> None:
    state = AccountState("store")
    for _ in range(9):
        after(state, gates.refused("bad url"))
    assert state.paused_reason is None
    after(state, gates.refused("bad url"))
    assert state.paused_reason == "10 shipments in a row were refused alike: bad url"


def test_refusals_that_differ_pause_nothing() -> None:
    state = AccountState("store")
    for n in range(30):
        after(state, gates.refused("bad url" if n % 10 else "bad date"))
    assert state.paused_reason is None
    assert (state.refused_message, state.refused_count) == ("bad url", 9)


def test_a_further_call_of_a_claim_is_owed() -> None:
    assert after(AccountState("store", permits=CALL), gates.spend).permits == 0
    assert after(AccountState("store"), gates.spend).permits == -CALL


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
    assert gates.can_read(state, NOW) is expected
