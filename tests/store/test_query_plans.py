"""No named query looks at every row of a table: SQLite says how it would run each."""

import re
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

import pytest

from relay.store.database import load_queries
from relay.store.schema import schema

SCAN: Final = re.compile(r"SCAN (?P<name>\w+)(?P<how>.*)")
PARAMETER: Final = re.compile(r"(?<![:\w]):(\w+)")
NO_TABLE: Final = re.compile(r"CONSTANT ROW|VIRTUAL TABLE INDEX|\(subquery-\d+\)")
WALK: Final = re.compile(r"\((account|contract|kind)=\?( AND (contract|kind)=\?)*\)")
"""All of an account or a contract is as many rows as there are."""
SUBQUERY: Final = re.compile(r"\) AS (\w+)|(?<=WITH )(\w+) AS MATERIALIZED")

SCANS: Final[dict[str, str]] = {
    "accounts_with_work": "one row per account of VTEX",
    "accounts_with_due_invoices": "one row per account of VTEX",
    "list_accounts": "one row per account of VTEX",
    "account": "one row: the name is the key",
    "lock_account": "one row: the name is the key",
    "save_account": "one row: the name is the key",
    "change_horizon": "one row",
    "code_mappings_version": "one row per code that a person ever mapped",
    "trim_rejected": "the requests of one contract, within their limit",
    "rejections": "one row per contract",
    "rejected_after": "the rejected requests of one contract, within their limit",
    "trim_refused": "a few kinds of refusals per contract",
    "delete_old_rejections": "one row per contract",
    "contract_in_use": "it ends at the first row",
    "list_polls": "one row per contract",
    "list_handshakes": "one row per contract",
    "contracts_to_poll": "one row: the name is the key",
    "lock_poll": "one row: the name is the key",
    "uncount_accepted": "one row: the name is the key",
    "release_poll": "one row: the name is the key",
    "poll_to_claim": "one row: the name is the key",
    "save_poll": "one row: the name is the key",
    "bring_polls_forward": "one row: the name is the key",
    "claim_discovered": "the few rows that it claims",
    "list_discovery_states": "one row per account of VTEX",
    "lock_discovery_state": "one row: the name is the key",
    "save_discovery_state": "one row: the name is the key",
    "end_shadow": "the shipments of one account, once, when shadow mode ends",
    "delete_shadow_comparisons": "those of one account, once, when shadow mode ends",
    "shadow_counts": "the shipments of one account, for a report",
    "alert_messages_due": "the few messages that are not sent yet",
    "next_alert_message": "the few messages that are not sent yet",
    "list_alert_channels": "one row per channel",
    "list_rhythms": "one row per contract",
    "process_reports_since": "one row per process",
    "delete_process_reports": "one row per process",
    "outgoing_receivers": "one row per receiver",
    "latest_discovered": "it ends after a few rows, in the order of the index",
}
"""Queries that may look at every row of a table, and why that is little."""


def _queries() -> Iterator[tuple[str, str]]:
    queries = load_queries("sqlite")
    for name in queries.available_queries:
        if not name.endswith("_cursor"):
            yield name, getattr(queries, name).sql


QUERIES: Final = dict(_queries())


@pytest.fixture(scope="module")
def empty() -> Iterator[sqlite3.Connection]:
    """Open a database without rows and without statistics."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(schema("sqlite"))
    yield connection
    connection.close()


def plan(connection: sqlite3.Connection, sql: str) -> list[str]:
    """Return the steps in which SQLite would run a query."""
    values: dict[str, Any] = dict.fromkeys(PARAMETER.findall(sql), 1)
    if "rows" in values:
        values["rows"] = "[]"
    return [r[3] for r in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def partial_indexes(connection: sqlite3.Connection) -> set[str]:
    """Return the indexes that hold a few rows only."""
    found = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
    )
    return {name for (name,) in found}


def scans(connection: sqlite3.Connection, sql: str) -> list[str]:
    """Return the steps that look at every row of a table, or of an account."""
    few, derived = (
        partial_indexes(connection),
        {a or b for a, b in SUBQUERY.findall(sql)},
    )
    found = []
    for step in plan(connection, sql):
        scan = SCAN.match(step)
        if scan is None and not WALK.search(step):
            continue
        if NO_TABLE.search(step) or (scan is not None and scan["name"] in derived):
            continue
        index = re.search(r"INDEX (\w+)", step)
        if index is None or index[1] not in few:
            found.append(step)
    return found


@pytest.mark.parametrize("name", sorted(QUERIES.keys() - SCANS.keys()))
def test_a_query_goes_along_an_index(empty: sqlite3.Connection, name: str) -> None:
    assert scans(empty, QUERIES[name]) == []


PER_ROW: Final = re.compile(
    r"\((account|contract)=\? AND (invoice|shipment|event)[<>]\?\)"
)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_subquery_for_each_row_does_not_walk_an_account(
    empty: sqlite3.Connection, name: str
) -> None:
    """All earlier rows of an account, for each row, would be the square of them."""
    steps = plan(empty, QUERIES[name])
    inside = [n for n, step in enumerate(steps) if step.startswith("CORRELATED")]
    assert [n for n in inside if PER_ROW.search(steps[n + 1])] == []


@pytest.mark.parametrize("name", sorted(SCANS))
def test_every_exception_is_needed(empty: sqlite3.Connection, name: str) -> None:
    assert scans(empty, QUERIES[name])
