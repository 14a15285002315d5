"""How a claim ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from relay.clock import micros
from relay.config.sections import PublisherSettings
from relay.outbound.settlement import (
    PublisherTerms,
    Settlement,
    backoff,
    in_one_update,
    postponed,
    rest,
    settle_change,
    slower,
    stuck,
)
from relay.outbound.steps import Rest
from relay.store.lanes import BACKLOG
from tests.domain.snapshots import NOW, POLICY
from tests.outbound.making import claim

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


def test_a_failure_is_stored_from_its_beginning() -> None:
    failing = postponed(NOW, "not yet", unconfirmed=True)
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
    assert terms.waits == PublisherSettings()
    assert terms.waits.unconfirmed_wait_seconds == timedelta(seconds=90)
    assert terms.waits.deadline_seconds + terms.waits.lease_margin_seconds == MINUTE


def test_what_was_published_as_delivered_stays_closed_while_it_is_read_back() -> None:
    published = claim(replace(claim().snapshot, delivered_published=True))
    _, row = settle_change(published, postponed(NOW, "not shown yet"), NOW)
    assert row["closed_reason"] == "delivered"


def test_a_rest_settles_as_it_says() -> None:
    step = Rest(NOW + timedelta(hours=1), "waits", "closed", "stuck")
    assert rest(step) == Settlement(
        due_at=NOW + timedelta(hours=1),
        waiting_reason="waits",
        closes_because="closed",
        stuck_reason="stuck",
    )


def test_accepted_events_and_the_settlement_are_one_update() -> None:
    accepted = ("accept_publishing", {"shipment": 1, "read_back": 0, "now": INSTANT})
    counted = ("count_update", {"shipment": 1, "by_quota": 1})
    ended = settle_change(claim(), Settlement(), NOW)
    other = ("answer_call", {"call": "c"})
    query, row = in_one_update([other, accepted, counted, ended])[-1]
    assert query == "settle_published"
    assert row == {**accepted[1], **counted[1], **ended[1]}
    assert in_one_update([other, accepted, counted, ended])[:-1] == [other]
    assert in_one_update([accepted, ended]) == [accepted, ended]


@pytest.mark.parametrize("unconfirmed", [True, False])
def test_other_ends_stay_as_they_are(unconfirmed: bool) -> None:
    ended = settle_change(claim(), Settlement(unconfirmed=unconfirmed), NOW)
    accepted = ("accept_publishing", {"shipment": 1, "read_back": 0, "now": INSTANT})
    counted = ("count_update", {"shipment": 1, "by_quota": 1})
    changes = (
        [accepted, counted, ended] if unconfirmed else [("answer_call", {}), ended]
    )
    assert in_one_update(changes) == changes
