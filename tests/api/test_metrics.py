"""What Prometheus is shown."""

import platform
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import pytest

from relay.adapters.protocol import Document
from relay.api.keys import PROCESS
from relay.clock import micros
from relay.config.settings import Settings
from relay.metrics import Metrics
from relay.store.accounts import GATES, AccountState
from relay.store.sqlite import SqliteDatabase
from tests.api.apis import Api
from tests.api.conftest import Serving
from tests.conftest import ACCOUNT
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.way_in import WayIn


async def text(api: Api) -> list[str]:
    answer = await api.client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return (await answer.text()).splitlines()


async def test_what_was_counted_is_shown(api: Api) -> None:
    metrics = api.app[PROCESS].metrics
    metrics.documents_stored.labels("acme").inc()
    metrics.vtex_calls.labels("store", "send_events", "200").inc()

    lines = await text(api)

    assert 'relay_documents_stored_total{contract="acme"} 1.0' in lines
    call = 'relay_vtex_calls_total{account="store",kind="send_events",status="200"} 1.0'
    assert call in lines


async def test_what_waits_is_shown_as_it_is_now(api: Api, way_in: WayIn) -> None:
    empty = await text(api)
    await api.register()
    await way_in.keep(b"{}", b"{}")
    api.clock.advance(timedelta(seconds=90))

    lines = await text(api)

    assert "relay_unread_documents 0.0" in empty
    assert "relay_unread_age_seconds 0.0" in empty
    assert 'relay_due_shipments{account="store"} 0.0' in empty
    assert "relay_unread_documents 2.0" in lines
    assert "relay_unread_age_seconds 90.0" in lines
    assert 'relay_due_shipments{account="store"} 1.0' in lines
    assert 'relay_stuck_shipments{account="store"} 0.0' in lines
    assert 'relay_stuck_invoices{account="store"} 0.0' in lines


async def test_what_waits_for_a_person_or_for_time_is_counted(
    api: Api, way_in: WayIn
) -> None:
    await api.register(trackingNumber="BR1", estimatedDeliveryDate="2026-02-20")
    scans = body(scan("BR1", "DL", START), scan("BR2", "IT", START))
    await way_in.keep(scans)
    await way_in.read()
    later = micros(START + timedelta(hours=1))
    columns = dict.fromkeys(("stuck_reason", "closed_reason", "failing_since"))
    columns |= {"shipment": 1, "version": 1, "lane": 1, "attempts": 0, "in_doubt": 0}
    columns |= {"due_at": later, "not_before": later, "now": 1}
    async with way_in.database.writing() as tx:
        await tx.run("quarantine_event", shipment=1, event=1, reason="too soon")
        await tx.run("settle", **columns, waiting_reason="404: Order Not Found")

    lines = await text(api)

    for name in ("late", "quarantined", "waiting"):
        assert f'relay_{name}_shipments{{account="store"}} 1.0' in lines, name
    assert 'relay_unmatched_events{contract="acme"} 1.0' in lines


async def test_a_clock_that_went_back_makes_no_negative_age(
    api: Api, way_in: WayIn
) -> None:
    await way_in.keep(b"{}")
    api.clock.advance(timedelta(seconds=-90))

    assert "relay_unread_age_seconds 0.0" in await text(api)


async def _saved(way_in: WayIn, **columns: Any) -> None:
    state = AccountState("store", **columns)
    async with way_in.database.writing() as tx:
        await tx.run("add_account", account="store")
        await tx.run("save_account", **state.columns())


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        # The time for a probe has come, and the gate is still closed.
        ({"write_closed": "403", "write_retry_at": 1}, "write_forbidden"),
        ({"read_closed": "403", "read_retry_at": 1}, "read_forbidden"),
        ({"outage_since": micros(START) - 60_000_000}, "outage"),
        ({"busy_until": micros(START) + 1}, "throttled"),
        # A pause ended, and no write was accepted since.
        ({"busy_until": micros(START), "accepted_at": 1}, "throttled"),
        ({"paused_reason": "ten alike"}, "paused"),
        ({"outage_since": micros(START) - 59_999_999}, None),
        ({"busy_until": micros(START), "accepted_at": micros(START)}, None),
        ({"busy_until": micros(START) - 60_000_000}, None),
        ({}, None),
    ],
)
async def test_a_closed_gate_is_shown_by_its_reason(
    api: Api, way_in: WayIn, columns: dict[str, Any], reason: str | None
) -> None:
    await _saved(way_in, **columns)

    lines = await text(api)

    shown = {
        line.split('reason="')[1].split('"')[0]: line.split()[-1]
        for line in lines
        if line.startswith('relay_vtex_gate_closed{account="store"')
    }
    assert shown == {gate: "1.0" if gate == reason else "0.0" for gate in GATES}


async def test_the_age_of_the_oldest_due_shipment_is_shown(api: Api) -> None:
    assert 'relay_due_age_seconds{account="store"} 0.0' in await text(api)
    await api.register()
    api.clock.advance(timedelta(seconds=90))
    await api.register(orderId="2", invoiceNumber="2")

    assert 'relay_due_age_seconds{account="store"} 90.0' in await text(api)


async def test_unconfirmed_writes_and_the_last_accepted_one_are_shown(
    api: Api, way_in: WayIn
) -> None:
    empty = await text(api)
    await api.register()
    await _saved(way_in, accepted_at=micros(START))
    columns = dict.fromkeys(("stuck_reason", "closed_reason", "failing_since"))
    columns |= {"shipment": 1, "version": 1, "lane": 1, "attempts": 0, "in_doubt": 1}
    columns |= {"due_at": 1, "not_before": 1, "now": 1, "waiting_reason": "504"}
    async with way_in.database.writing() as tx:
        await tx.run("settle", **columns)

    lines = await text(api)

    accepted = "relay_vtex_last_accepted_timestamp_seconds"
    assert not any(line.startswith(f"{accepted}{{") for line in empty)
    assert 'relay_unconfirmed_shipments{account="store"} 0.0' in empty
    assert sample(lines, f'{accepted}{{account="store"}}') == START.timestamp()
    assert 'relay_unconfirmed_shipments{account="store"} 1.0' in lines


def sample(lines: list[str], name: str) -> float:
    """Return the value of the one sample called *name*, labels included."""
    [value] = [line.split()[-1] for line in lines if line.rsplit(" ", 1)[0] == name]
    return float(value)


async def test_the_latest_webhook_of_each_contract_is_shown(
    api: Api, way_in: WayIn
) -> None:
    name = 'relay_webhook_last_received_timestamp_seconds{contract="acme"}'
    assert not any(line.startswith(name) for line in await text(api))
    await way_in.keep(body(scan("BR1", "IT", START)))
    received = way_in.clock()
    way_in.clock.advance(timedelta(hours=1))
    polled = Document(b"{}", way_in.clock(), {}, "acme", "poll")
    await way_in.documents.keep([polled])

    assert sample(await text(api), name) == received.timestamp()


async def test_the_space_that_data_takes_is_shown(api: Api, way_in: WayIn) -> None:
    before = sample(await text(api), "relay_database_size_bytes")
    await way_in.keep(*(b"%d" % n * 100_000 for n in range(9)))

    lines = await text(api)

    assert sample(lines, "relay_database_size_bytes") > before
    free = [line for line in lines if line.startswith("relay_disk_free_bytes{path=")]
    if isinstance(way_in.database, SqliteDatabase):
        assert str(way_in.database.path.parent) in free[0]
        assert float(free[0].split()[-1]) > 1_000_000
    else:
        assert free == []  # it is the server's


async def test_the_process_and_its_version_are_shown(api: Api) -> None:
    lines = await text(api)

    build = (
        f'relay_build_info{{python="{platform.python_version()}",'
        f'version="{version("carrier-tracking-relay")}"}}'
    )
    assert sample(lines, build) == 1
    assert sample(lines, "process_resident_memory_bytes") > 1_000_000
    assert sample(lines, "process_cpu_seconds_total") > 0
    assert sample(lines, "process_open_fds") > 3
    assert 0 < sample(lines, "process_start_time_seconds") < time.time()


def test_durations_of_calls_to_vtex_are_counted_by_bucket() -> None:
    metrics = Metrics()
    for seconds in (0.2, 0.3, 29.0):
        metrics.count_call("store", "send_events", None, seconds)

    lines = metrics.text().decode().splitlines()

    name, of = "relay_vtex_call_duration_seconds", 'account="store",kind="send_events"'
    assert sample(lines, f'{name}_bucket{{{of},le="0.25"}}') == 1
    assert sample(lines, f'{name}_bucket{{{of},le="0.5"}}') == 2
    assert sample(lines, f"{name}_count{{{of}}}") == 3
    assert sample(lines, f"{name}_sum{{{of}}}") == pytest.approx(29.5)
    calls = 'relay_vtex_calls_total{account="store",kind="send_events",status="0"}'
    assert sample(lines, calls) == 3


async def test_a_token_limited_to_an_account_sees_only_its_series(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    tokens = {
        "all": {"token": "secret-of-all-" * 3, "scopes": ["metrics"]},
        "one": {
            "token": "secret-of-one-" * 3,
            "scopes": ["metrics"],
            "accounts": ["store"],
        },
    }
    accounts = dict.fromkeys(("store", "other"), ACCOUNT)
    contracts = {
        "own": {"account": "store"},
        "foreign": {"account": "other"},
        "shared": {"account": "store", "accounts": ["store", "other"]},
    }
    api = await serving(settings(contracts, accounts=accounts, tokens=tokens))
    counted = api.app[PROCESS].metrics
    for contract in contracts:
        counted.documents_stored.labels(contract).inc()
    for account in accounts:
        counted.count_call(account, "send_events", 200, 0.1)

    async def seen(token: str) -> set[str]:
        headers = {"Authorization": f"Bearer {tokens[token]['token']}"}
        async with api.client.get("/metrics", headers=headers) as answer:
            shown = await answer.text()
        names = (*accounts, *contracts)
        assert "relay_unread_documents 0.0" in shown  # it describes the relay
        return {name for name in names if f'="{name}"' in shown}

    assert await seen("all") == {*accounts, *contracts}
    assert await seen("one") == {"store", "own"}
