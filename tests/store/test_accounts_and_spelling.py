"""The pace at which an account is called, its gates, and how values are spelled."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.clock import micros
from relay.store.accounts import CALL, Accounts, AccountState
from relay.store.codec import as_dict, at, dumps, ids, loads, rows, stored
from relay.store.database import Database
from relay.text import storable

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
INSTANT = micros(NOW)
SECOND = 1_000_000


# The bucket.


@pytest.mark.parametrize(
    ("permits", "seconds", "wanted", "taken", "left"),
    [
        (0, 0, 3, 0, 0.0),
        (3 * CALL, 0, 3, 3, 0.0),
        (3 * CALL, 0, 2, 2, 1.0),
        (0, 1, 9, 5, 0.0),  # five a second
        (0, 0.3, 9, 1, 0.5),
        (0, 60, 99, 10, 0.0),  # never more than the burst
        (9 * CALL, 60, 0, 0, 10.0),
        (-2 * CALL, 0.5, 9, 0, 0.5),  # a debt is paid first
        (-2 * CALL, 0, 9, 0, -2.0),  # and not forgiven
        (-CALL // 2, 0, 9, 0, -0.5),
        (2 * CALL, 0, -3, 0, 2.0),  # nothing is free
        (2 * CALL, -5, 1, 1, 1.0),  # a clock that was put back
    ],
)
def test_permits_refill_with_time_up_to_the_burst(
    permits: int, seconds: float, wanted: int, taken: int, left: float
) -> None:
    state = AccountState("store", permits=permits, permits_at=INSTANT)
    now = INSTANT + int(seconds * SECOND)
    assert state.take(wanted, now, per_second=5, burst=10) == taken
    assert state.permits == left * CALL
    assert state.permits_at == now


# The gates.


@pytest.mark.parametrize(
    ("columns", "because"),
    [
        ({}, None),
        ({"paused_reason": "ten alike"}, "ten alike"),
        ({"write_closed": "401", "write_retry_at": INSTANT + 1}, "401"),
        ({"write_closed": "401", "write_retry_at": INSTANT}, None),
        ({"write_closed": "401"}, None),
        ({"write_retry_at": INSTANT + 1}, None),
        ({"read_closed": "403", "read_retry_at": INSTANT + 1}, None),
        ({"busy_until": INSTANT + 1}, "VTEX asked for a pause"),
        ({"busy_until": INSTANT}, None),
        (
            {"outage_since": 1, "probe_at": INSTANT + 1},
            "VTEX does not answer; one call at a time tries",
        ),
        ({"outage_since": 1, "probe_at": INSTANT}, None),
        ({"outage_since": 1}, None),
        ({"probe_at": INSTANT + 1}, None),
    ],
)
def test_a_gate_is_shut_until_it_is_time_to_try(
    columns: dict[str, Any], because: str | None
) -> None:
    assert AccountState("store", **columns).closed_reason(INSTANT) == because


def closed(account: str = "store") -> AccountState:
    return AccountState(
        account,
        write_closed="401",
        write_retry_at=9,
        read_closed="403",
        read_retry_at=9,
        busy_until=9,
        outage_since=9,
        probe_at=9,
        refused_message="no",
        refused_count=9,
        paused_reason="ten alike",
        accepted_at=7,
        permits=5,
    )


def test_opening_forgets_every_reason_and_nothing_else() -> None:
    state = closed()
    state.open()
    assert state == AccountState("store", accepted_at=7, permits=5)


def test_a_row_becomes_a_state_and_a_state_a_row() -> None:
    columns = closed().columns()
    assert AccountState.of({**columns, "credentials_at": None}) == closed()


async def test_an_account_is_opened_if_it_is_there(database: Database) -> None:
    accounts = Accounts(database)
    assert not await accounts.open("store")
    async with database.writing() as tx:
        await tx.run("add_account", account="store")
        await tx.run("save_account", **closed().columns())
    assert await accounts.all() == [closed()]
    assert await accounts.open("store")
    assert (await accounts.all())[0].paused_reason is None


async def test_changed_credentials_open_the_gates(database: Database) -> None:
    accounts = Accounts(database)
    assert not await accounts.credentials("store", "first", NOW)
    async with database.writing() as tx:
        shut = closed()
        shut.credentials = "first"
        await tx.run("save_account", **shut.columns())
    assert not await accounts.credentials("store", "first", NOW)
    assert (await accounts.all())[0].paused_reason == "ten alike"
    assert await accounts.credentials("store", "second", NOW)
    (state,) = await accounts.all()
    assert state.paused_reason is None
    assert state.credentials == "second"
    assert state.permits_at == INSTANT


# Spelling.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("São Paulo", "São Paulo"),
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        ("é\0", "é\N{REPLACEMENT CHARACTER}"),
        ("half \ud83d pair", "half ? pair"),
        ("\N{PACKAGE}", "\N{PACKAGE}"),
    ],
)
def test_what_no_database_can_keep_is_replaced(text: str, expected: str) -> None:
    assert storable(text) == expected


def test_an_instant_may_be_missing() -> None:
    assert stored(None) is None
    assert at(None) is None
    assert stored(NOW) == INSTANT
    assert at(INSTANT) == NOW
    assert at(0) == NOW - timedelta(microseconds=INSTANT)


def test_lists_travel_as_one_json_text() -> None:
    assert rows(iter([{"a": 1}, {"a": "é"}])) == '[{"a":1},{"a":"é"}]'
    assert ids("event", [3, 1, 3]) == '[{"event":1},{"event":3}]'
    assert ids("event", []) == "[]"
    assert loads(dumps({"a": [1, None]})) == {"a": [1, None]}


async def test_a_row_of_either_database_is_a_dictionary(database: Database) -> None:
    async with database.writing() as tx:
        await tx.run("add_account", account="store")
        row = await tx.row("account", account="store")
    assert row is not None
    assert as_dict(row)["account"] == "store"
