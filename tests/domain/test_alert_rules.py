"""Which facts become alerts, and the course of each alert: tables of rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain.alert_course import (
    Alert,
    AlertRound,
    CourseTerms,
    Notice,
    NoticeKind,
    Returned,
    next_round,
)
from relay.domain.alert_facts import (
    AccountFacts,
    AlertCondition,
    AlertFacts,
    AlertKind,
    AlertTerms,
    ContractFacts,
)
from relay.domain.alert_rules import GATES, conditions
from relay.domain.alert_texts import MOST, digest
from relay.domain.rhythm import WEEK, Rhythm, hour_of
from relay.store.accounts import GATES as STORED_GATES

NOW = datetime(2026, 8, 3, 12, tzinfo=UTC)
TERMS = AlertTerms()


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def contract(**facts: Any) -> AlertFacts:
    return AlertFacts(contracts=[ContractFacts(name="me", **facts)])


def account(**facts: Any) -> AlertFacts:
    return AlertFacts(accounts=[AccountFacts(name="acme", **facts)])


SILENT = {"open": 1, "received_at": NOW - hours(5), "silent_after": hours(4)}
TABLE: list[tuple[AlertFacts, list[str]]] = [
    (contract(), []),
    (contract(**SILENT), ["contract_silent me"]),
    (contract(**SILENT | {"silent_after": hours(6)}), []),
    (contract(**SILENT | {"open": 0}), []),
    (contract(**SILENT | {"takes_webhooks": False}), []),
    (contract(**SILENT | {"watched_since": NOW - hours(1)}), []),
    (contract(**SILENT | {"silent_after": None}), []),
    (contract(poll_failures=4), []),
    (contract(poll_failures=5), ["polls_failing me"]),
    (contract(open=90, stopped=9), []),
    (contract(open=90, stopped=10), ["parcels_stopped me"]),
    (contract(rejected=3), ["webhooks_rejected me"]),
    (contract(used=89, quota=100), []),
    (contract(used=90, quota=100), ["quota_nearly_spent me polls"]),
    (contract(used=90), []),
    (account(gates=frozenset({"outage"})), ["gate_closed acme outage"]),
    (account(stuck=50, newly_stuck=2), []),
    (account(stuck=3, newly_stuck=3), ["stuck_growing acme"]),
    (account(differences=3), ["vtex_differs acme"]),
    (account(read_backs=0, read_back_quota=0), []),
    (
        account(read_backs=4500, read_back_quota=5000),
        ["quota_nearly_spent acme read-backs"],
    ),
    (account(discovery_broken=True), ["discovery_broken acme"]),
    (AlertFacts(free_mb=1024), []),
    (AlertFacts(free_mb=1023), ["disk_nearly_full disk"]),
    (
        AlertFacts(processes={"a": ["poller: failing (KeyError)", "disk: full"]}),
        ["loop_failing a poller"],
    ),
]


def test_facts_become_conditions() -> None:
    found = [
        [f"{c.kind} {c.subject}" for c in conditions(facts, TERMS, NOW)]
        for facts, _ in TABLE
    ]
    assert found == [expected for _, expected in TABLE]


def test_a_threshold_of_zero_turns_a_count_off() -> None:
    off = replace(
        TERMS,
        poll_failures=0,
        parcels=0,
        stuck=0,
        rejected=0,
        quota_percent=0,
        differences=0,
        disk_free_mb=0,
    )
    for facts, expected in TABLE:
        kept = {"contract_silent", "gate_closed", "discovery_broken", "loop_failing"}
        left = [e for e in expected if e.partition(" ")[0] in kept]
        found = [f"{c.kind} {c.subject}" for c in conditions(facts, off, NOW)]
        assert found == left


def test_every_kind_and_gate_says_what_to_do_and_where() -> None:
    every = [c for facts, _ in TABLE for c in conditions(facts, TERMS, NOW)]
    assert {c.kind for c in every} == set(AlertKind)
    assert set(GATES) == set(STORED_GATES)
    for one in every:
        assert one.text
        assert one.hint
        assert one.command.startswith("relay ")
        assert one.page.startswith("/console/")


WORKING_HOURS = range(8, 18)
MONDAY = datetime(2026, 7, 6, tzinfo=UTC)


def office(weeks: int) -> Rhythm:
    """Return the rhythm of a carrier that calls in office hours, from Monday on."""
    first = hour_of(MONDAY)
    active = [
        first + week * WEEK + day * 24 + hour
        for week in range(weeks)
        for day in range(5)
        for hour in WORKING_HOURS
    ]
    return Rhythm.of(first, active)


@pytest.mark.parametrize(
    ("weeks", "day", "hour", "overdue"),
    [
        (2, 13, 23, False),  # Sunday evening: no call was usual
        (2, 14, 11, False),  # Monday, after three missed hours
        (2, 14, 12, True),  # after four of them
        (2, 14, 3, False),  # in the night, nothing was missed
        (1, 8, 15, False),  # nothing is usual before two weeks were observed
    ],
)
def test_a_silence_is_measured_by_the_hours_that_were_usual(
    weeks: int, day: int, hour: int, overdue: bool
) -> None:
    now = MONDAY + timedelta(days=day, hours=hour)
    assert office(weeks).is_overdue(now, MONDAY) is overdue


def test_a_carrier_that_calls_seldom_is_measured_by_its_longest_silence() -> None:
    first = hour_of(MONDAY)
    rhythm = Rhythm.of(first, [first, first + 70, first + 100, first + 350])
    silent = MONDAY + hours(350 + 1)
    assert not rhythm.is_overdue(silent + hours(2 * 249), MONDAY)
    assert rhythm.is_overdue(silent + hours(2 * 249 + 1), MONDAY)


def test_a_silence_while_the_relay_was_stopped_does_not_count() -> None:
    now = MONDAY + timedelta(days=14, hours=17)
    assert office(2).is_overdue(now, MONDAY)
    assert not office(2).is_overdue(now, now - hours(4))


def test_only_four_weeks_are_remembered() -> None:
    rhythm = Rhythm.of(0, [0, 1]).with_hour(4 * WEEK)
    assert rhythm.active == {1, 4 * WEEK}


ABOUT = AlertCondition(
    kind=AlertKind.STUCK_GROWING,
    subject="acme",
    account="acme",
    party="vtex",
    text="acme: 3 stuck",
    hint="fix it",
    command="relay lists stuck",
    page="/console/lists/stuck",
)
COURSE = CourseTerms()


class Rounds:
    """Rounds of one condition; `said` are the notices, by minutes since the start."""

    def __init__(self, terms: CourseTerms = COURSE) -> None:
        self.terms = terms
        self.alert: Alert | None = None
        self.ended: dict[Any, Returned] = {}
        self.said: list[tuple[int, NoticeKind]] = []
        self.minute = 0

    def passes(
        self, number: int, *, holds: bool, about: AlertCondition = ABOUT
    ) -> None:
        """Let minutes pass, each with a round."""
        for _ in range(number):
            now = NOW + minutes(self.minute)
            known = [self.alert] if self.alert else []
            done = next_round(
                known, [about] if holds else [], self.ended, self.terms, now
            )
            self._keep(done)
            self.said += [(self.minute, notice.kind) for notice in done.notices]
            self.minute += 1

    def _keep(self, done: AlertRound) -> None:
        if done.deleted:
            self.alert = None
        for alert in done.stored:
            self.alert = None if alert.resolved_at else alert
            if alert.resolved_at:
                self.ended[alert.condition.key] = Returned(
                    alert.resolved_at, alert.returns
                )


OPENED, REMINDER, RECOVERED = NoticeKind


def test_an_alert_is_sent_once_and_once_a_day_and_when_it_is_over() -> None:
    rounds = Rounds()
    rounds.passes(2 * 1440, holds=True)
    rounds.passes(60, holds=False)
    day = 1440
    assert rounds.said == [(0, OPENED), (day, REMINDER), (2 * day + 9, RECOVERED)]


def test_a_short_interruption_is_not_a_recovery() -> None:
    rounds = Rounds()
    for _ in range(10):
        rounds.passes(3, holds=True)
        rounds.passes(9, holds=False)
    assert rounds.said == [(0, OPENED)]


def test_what_returns_must_stay_away_longer_each_time() -> None:
    rounds = Rounds()
    for _ in range(6):
        rounds.passes(1, holds=True)
        rounds.passes(30, holds=False)
    # Without damping there would be six of each.
    kinds = [kind for _, kind in rounds.said]
    assert kinds == [OPENED, RECOVERED, OPENED, RECOVERED, OPENED]


def test_a_condition_that_must_last_is_silent_before_it_has() -> None:
    lasting = replace(ABOUT, after=minutes(5))
    rounds = Rounds()
    rounds.passes(5, holds=True, about=lasting)
    rounds.passes(30, holds=False)
    assert (rounds.said, rounds.alert) == ([], None)
    rounds.passes(6, holds=True, about=lasting)
    assert rounds.said == [(40, OPENED)]


def test_a_relay_that_was_stopped_waits_before_it_calls_anything_over() -> None:
    rounds = Rounds()
    rounds.passes(1, holds=True)
    rounds.minute = 60
    rounds.terms = replace(COURSE, watched_since=NOW + minutes(60))
    rounds.passes(10, holds=False)
    rounds.passes(5, holds=True)
    assert rounds.said == [(0, OPENED)]


@pytest.mark.parametrize(
    "mute", ["stuck_growing", "acme", "stuck_growing:acme", "gate_closed:acme", "other"]
)
def test_what_is_muted_is_not_sent(mute: str) -> None:
    rounds = Rounds(replace(COURSE, mute=frozenset({mute})))
    rounds.passes(1, holds=True)
    is_muted = mute not in {"gate_closed:acme", "other"}
    assert rounds.said == ([] if is_muted else [(0, OPENED)])
    assert rounds.alert is not None
    assert rounds.alert.raised_at is not None


def test_an_open_alert_is_sent_once_there_is_a_channel() -> None:
    rounds = Rounds(replace(COURSE, has_channel=False))
    rounds.passes(3, holds=True)
    rounds.terms = COURSE
    rounds.passes(3, holds=True)
    assert rounds.said == [(3, OPENED)]


def notice(kind: NoticeKind, about: AlertCondition = ABOUT) -> Notice:
    alert = Alert(condition=about, opened_at=NOW, seen_at=NOW + hours(1))
    over = NOW + hours(2) if kind is RECOVERED else None
    return Notice(kind, replace(alert, resolved_at=over))


def test_a_message_says_what_since_when_who_what_to_do_and_where() -> None:
    made = digest([notice(OPENED)], "https://relay.example.com")
    assert made.subject == "[relay] ALERT: acme: 3 stuck"
    assert made.text.splitlines() == [
        "ALERT: acme: 3 stuck",
        "Since: 2026-08-03 12:00 UTC",
        "Where: VTEX",
        "To do: fix it",
        "See: relay lists stuck, or https://relay.example.com/console/lists/stuck",
    ]


def test_alerts_of_one_round_are_one_message_with_the_new_ones_first() -> None:
    made = digest([notice(RECOVERED), notice(REMINDER), notice(OPENED)], None)
    assert made.subject == "[relay] 3 alerts: 1 alert, 1 still open, 1 recovered"
    heads = [part.partition(":")[0] for part in made.text.split("\n\n")]
    assert heads == ["ALERT", "STILL OPEN", "RECOVERED"]
    assert "over at 2026-08-03 13:00 UTC" in made.text


def test_a_long_message_is_shortened() -> None:
    made = digest([notice(OPENED)] * (MOST + 5), None)
    assert made.text.count("ALERT") == MOST
    assert made.text.endswith("… and 5 more: relay alerts list")
