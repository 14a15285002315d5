"""Contracts without their secrets, and how their carriers are asked."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from relay.clock import micros
from relay.config.settings import Settings
from relay.store.due_polls import Allowance, PollState
from relay.store.handshakes import Handshakes
from relay.store.polls import PollClaims
from relay.store.sqlite import SqliteDatabase
from tests.api.conftest import Serving
from tests.support.clock import START
from tests.support.way_in import WayIn


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is asked here does not depend on it."""
    return sqlite


async def test_contracts_are_listed_without_their_secrets(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    contracts: Any = {
        "acme": {"courier": "Acme", "tax_ids": ["11.222.333/0001-81"]},
        "zeta": {"verification": "url", "url_secret": "secret-in-the-address"},
    }
    api = await serving(settings(contracts))

    answer = await api.client.get("/v1/contracts")

    text = await answer.text()
    assert "secret-" not in text
    first, second = (await answer.json())["contracts"]
    assert first == {
        "name": "acme",
        "adapter": "acme",
        "account": "store",
        "accounts": ["store"],
        "verification": "signature",
        "trackingNumber": "given",
        "courier": "Acme",
        "courierNames": [],
        "taxIds": ["11222333000181"],
        "webhook": "/webhooks/acme",
        "lastHandshakeAt": None,
        "polling": None,
        "rejections": None,
        "damage": None,
    }
    assert second["webhook"] == "/webhooks/zeta/{secret}"


async def test_the_last_handshake_of_a_contract_is_shown(
    serving: Serving, settings: Callable[..., Settings], way_in: WayIn
) -> None:
    for minutes in (0, 5):
        at = START + timedelta(minutes=minutes)
        await Handshakes(way_in.database).put("acme", at)
    api = await serving(settings({"acme": {}, "zeta": {}}))

    _, body = await api.call("GET", "/v1/contracts")

    found = [one["lastHandshakeAt"] for one in body["contracts"]]
    assert found == ["2026-03-02T12:05:00Z", None]


async def test_a_contract_that_is_only_asked_has_no_webhook(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    api = await serving(settings({"acme": {"verification": "polling_only"}}))

    _, body = await api.call("GET", "/v1/contracts")

    assert body["contracts"][0]["webhook"] is None


@pytest.mark.parametrize(
    ("minutes", "until"), [(5, "2026-03-02T12:05:00Z"), (-5, None)]
)
async def test_how_a_carrier_is_asked_is_shown(
    serving: Serving,
    settings: Callable[..., Settings],
    way_in: WayIn,
    minutes: int,
    until: str | None,
) -> None:
    published = settings({"acme": {"poll_daily_quota": 500}})
    today = Allowance(zone=published.contracts["acme"].zone).day(START)
    asked = {"day": today, "used": 7, "failures": 6, "reason": "HTTP 500"}
    opens = micros(START + timedelta(minutes=minutes))
    await PollClaims(way_in.database).begin(["acme"], START)
    state = replace(PollState("acme"), **asked, open_until=opens)
    async with way_in.database.writing() as tx:
        await tx.run("save_poll", **state.columns())
    api = await serving(published)

    _, body = await api.call("GET", "/v1/contracts")

    assert body["contracts"][0]["polling"] == {
        "callsToday": 7,
        "dailyQuota": 500,
        "failures": 6,
        "pausedUntil": until,
        "lastFailure": "HTTP 500",
    }


async def test_who_is_not_asked_any_more_is_not_shown_as_asked(
    serving: Serving, settings: Callable[..., Settings], way_in: WayIn
) -> None:
    await PollClaims(way_in.database).begin(["acme"], START)
    api = await serving(settings({"acme": {"poll": False}}))

    _, body = await api.call("GET", "/v1/contracts")

    assert body["contracts"][0]["polling"] is None
