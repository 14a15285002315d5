"""Accounts with what is shut of each."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from relay.clock import micros
from relay.store.accounts import AccountState
from relay.store.sqlite import SqliteDatabase
from tests.api.apis import Api
from tests.support.clock import START
from tests.support.way_in import WayIn

LATER = micros(START + timedelta(minutes=5))
SPELLED = "2026-03-02T12:05:00Z"


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is asked here does not depend on it."""
    return sqlite


async def shut(way_in: WayIn, **gates: Any) -> None:
    state = replace(AccountState("store"), **gates)
    async with way_in.database.writing() as tx:
        await tx.run("add_account", account="store")
        await tx.run("save_account", **state.columns())


async def test_an_account_without_a_label_is_open(api: Api) -> None:
    _, body = await api.call("GET", "/v1/accounts")

    assert body == {
        "accounts": [
            {
                "name": "store",
                "zone": "America/Sao_Paulo",
                "due": 0,
                "waiting": 0,
                "stuck": 0,
                "gates": [],
                "lastAcceptedAt": None,
                "listMode": None,
                "listModeEvidence": None,
                "listModeAt": None,
                "shadowSince": None,
                "damage": None,
            }
        ]
    }


@pytest.mark.parametrize(
    ("gates", "shown"),
    [
        ({"paused_reason": "400"}, ("everything, until opened", "400", None)),
        (
            {"write_closed": "403: no", "write_retry_at": LATER},
            ("writing", "403: no", SPELLED),
        ),
        (
            {"read_closed": "401: no", "read_retry_at": LATER},
            ("reading orders", "401: no", SPELLED),
        ),
        ({"busy_until": LATER}, ("everything", "VTEX asked for a pause", SPELLED)),
        (
            {"outage_since": 1, "probe_at": LATER},
            (
                "all but one call",
                "VTEX does not answer; one call at a time tries",
                SPELLED,
            ),
        ),
    ],
)
async def test_a_gate_that_is_shut_says_why_and_until_when(
    api: Api, way_in: WayIn, gates: dict[str, Any], shown: tuple[str | None, ...]
) -> None:
    await shut(way_in, **gates, accepted_at=1_000_000)

    _, body = await api.call("GET", "/v1/accounts")

    (account,) = body["accounts"]
    names = ("what", "reason", "until")
    assert account["gates"] == [dict(zip(names, shown, strict=True))]
    assert account["lastAcceptedAt"] == "1970-01-01T00:00:01Z"


async def test_an_account_says_what_its_updates_do(api: Api, way_in: WayIn) -> None:
    evidence = "order 1, invoice 1, 2 updates: 1 events are shown more than once"
    await shut(
        way_in, list_mode="appends", list_mode_evidence=evidence, list_mode_at=LATER
    )

    _, body = await api.call("GET", "/v1/accounts")

    (account,) = body["accounts"]
    assert (account["listMode"], account["listModeEvidence"]) == ("appends", evidence)
    assert account["listModeAt"] == SPELLED


async def test_an_operator_opens_every_gate(api: Api, way_in: WayIn) -> None:
    gates = {"paused_reason": "400", "write_closed": "403", "read_closed": "401"}
    await shut(way_in, **gates, busy_until=LATER, outage_since=1)

    status, account = await api.call("POST", "/v1/accounts/store/open")

    assert (status, account["gates"]) == (200, [])
    assert api.woken.news == 1


async def test_an_account_without_a_label_can_be_opened(api: Api) -> None:
    assert (await api.call("POST", "/v1/accounts/store/open"))[0] == 200


async def test_an_unknown_account_is_404(api: Api) -> None:
    assert (await api.call("POST", "/v1/accounts/shop/open"))[0] == 404
