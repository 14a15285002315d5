"""Lists on the terminal show all rows, and name the damaged ones below the table."""

from typing import Any

import pytest

from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import Cli
from tests.store.making import execute

FAR = (1 << 62) - 1
"""Microseconds after the year 9999."""
YEAR_1 = -62135596800000000
"""A time that west of Greenwich is before the first date."""

REFUSED = f"""
    INSERT INTO refused_webhooks
        (contract, path, method, status, reason, hint, requests, first_at, last_at)
    VALUES ('', '/webhooks/x', 'POST', 404, 'unknown', '', 1, {FAR}, 1)
"""  # noqa: S608


@pytest.fixture(autouse=True)
def configured(cli: Cli, documents: list[str]) -> list[str]:
    cli.environ |= {
        "RELAY_CONTRACTS__SWIFT__ADAPTER": "loggi",
        "RELAY_CONTRACTS__SWIFT__SECRET": "user:password",
    }
    return documents


def damage(cli: Cli, *statements: str) -> None:
    async def run(database: SqliteDatabase) -> None:
        for sql in statements:
            await execute(database, sql)

    cli.on_database(run)


def lines(cli: Cli, *arguments: str) -> tuple[str, list[str]]:
    """Return what a command prints, and the lines on standard error."""
    ran = cli(*arguments)
    assert ran.exit_code == 0, ran.output
    return ran.stdout, ran.stderr.splitlines()


@pytest.mark.parametrize(
    ("sql", "command", "shown", "named"),
    [
        (
            f"UPDATE shipments SET registered_at = {FAR} WHERE order_id = 'O-1'",  # noqa: S608
            ("shipments", "list"),
            ("O-1", "O-2"),
            "shipment ",
        ),
        (
            f"UPDATE accounts SET accepted_at = {FAR}",  # noqa: S608
            ("accounts", "list"),
            ("store",),
            "account store: ",
        ),
        (
            f"INSERT INTO handshakes VALUES ('swift', {FAR})",  # noqa: S608
            ("contracts", "list"),
            ("/webhooks/swift",),
            "contract swift: ",
        ),
        (
            f"UPDATE documents SET received_at = {FAR} WHERE document = 1",  # noqa: S608
            ("documents", "list"),
            ("parsed", "no JSON"),
            "document 1: ",
        ),
        (
            f"UPDATE documents SET received_at = {FAR} WHERE document = 2",  # noqa: S608
            ("lists", "unreadable"),
            ("no JSON",),
            "document 2: ",
        ),
        (
            REFUSED,
            ("lists", "refused"),
            ("/webhooks/x",),
            "path /webhooks/x: ",
        ),
    ],
)
def test_a_table_names_the_damaged_row(
    cli: Cli, sql: str, command: tuple[str, ...], shown: tuple[str, ...], named: str
) -> None:
    damage(cli, sql)
    table, (below,) = lines(cli, *command)
    assert all(text in table for text in shown)
    assert below.startswith(named)
    assert "stored row is damaged: OverflowError" in below
    rows = cli.rows(*command)
    assert len([row for row in rows if row["damage"] is not None]) == 1


def test_a_shipment_names_its_damaged_lines(cli: Cli, configured: list[str]) -> None:
    damage(
        cli,
        f"UPDATE events SET occurred_at = {FAR}",  # noqa: S608
        f"UPDATE notes SET noted_at = {FAR}",  # noqa: S608
    )
    table, below = lines(cli, "shipments", "show", configured[0])
    assert "Posted" in table
    assert [line.partition(": ")[0] for line in below] == ["event 1", "note"]


def test_a_time_before_the_first_date_of_the_zone_is_shown_as_it_is(
    cli: Cli, configured: list[str]
) -> None:
    damage(
        cli,
        f"UPDATE events SET occurred_at = {YEAR_1}",  # noqa: S608
        f"UPDATE shipments SET registered_at = {YEAR_1}",  # noqa: S608
        f"UPDATE documents SET received_at = {YEAR_1}",  # noqa: S608
    )
    commands: Any = (
        ("shipments", "list"),
        ("shipments", "list", "--csv", "-"),
        ("shipments", "show", configured[0]),
        ("documents", "list"),
        ("documents", "show", "1"),
    )
    for command in commands:
        text, _ = lines(cli, *command)
        assert "swift" in text or "Posted" in text


def test_the_status_names_the_damaged_account(cli: Cli) -> None:
    damage(cli, f"UPDATE accounts SET accepted_at = {FAR}")  # noqa: S608
    ran = cli("status")
    assert ran.exit_code == 1
    assert "vtex store: unknown" in ran.stdout
    assert "error: stored row is damaged: OverflowError" in ran.stdout
    assert "carrier swift: " in ran.stdout
    assert "Traceback" not in ran.output
