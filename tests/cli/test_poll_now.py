"""`relay shipments poll-now` has the carrier asked at once."""

from typing import Any

import pytest

from relay.errors import Conflict, NotFound
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def asked(cli: Cli) -> None:
    cli.environ |= {
        "RELAY_CONTRACTS__SWIFT__ADAPTER": "ssw",
        "RELAY_CONTRACTS__SWIFT__VERIFICATION": "polling_only",
        "RELAY_CONTRACTS__SWIFT__CNPJ": "11222333000181",
        "RELAY_CONTRACTS__SWIFT__PASSWORD": "p",
        "RELAY_CONTRACTS__SWIFT__SIGLA_EMP": "ABC",
    }


def test_a_carrier_that_only_calls_is_not_asked(cli: Cli, ids: list[str]) -> None:
    ran = cli("shipments", "poll-now", ids[0], CONTRACTS__SWIFT__POLL="false")
    assert isinstance(ran.exception, Conflict)
    assert "sends webhooks" in ran.exception.hint


@pytest.mark.parametrize("named", [None, "O-1", "tn1"])
def test_the_carrier_is_to_be_asked_at_once(
    cli: Cli, ids: list[str], named: str | None
) -> None:
    ran = cli("shipments", "poll-now", named or ids[0])
    assert ran.exit_code == 0, ran.output
    assert f"{ids[0]}: a running relay polls its carrier" in ran.stdout

    async def lanes(database: SqliteDatabase) -> list[Any]:
        async with database.reading() as tx:
            rows = await tx.rows("polls_of_shipment", shipment=1)
        return [r["poll_lane"] for r in rows]

    assert cli.on_database(lanes) == [0]


@pytest.mark.usefixtures("ids")
def test_one_that_is_not_there_is_named(cli: Cli) -> None:
    ran = cli("shipments", "poll-now", "nothing")
    assert isinstance(ran.exception, NotFound)
