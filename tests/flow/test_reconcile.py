"""Reconciling: what VTEX shows against what the relay has, and its repair."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from relay.cli import app
from relay.domain.status import ShipmentState
from relay.outbound.reconciliation import (
    ReconciledBatch,
    ReconciledShipment,
    Reconciler,
    ReconcileRequest,
)
from relay.runtime.wiring import publisher_terms
from relay.store.shipment_lists import ShipmentFilter
from relay.store.sqlite import SqliteDatabase
from relay.vtex.client import VtexClient
from tests.support.world import (
    ACCOUNT,
    CONTRACT,
    GUARD,
    INVOICE,
    NUMBER,
    ORDER,
    PAGE,
    START,
    World,
    living,
)

Worlds = Callable[..., AbstractAsyncContextManager[World]]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SHOWN = {
    "trackingNumber": NUMBER,
    "trackingUrl": f"{PAGE}{NUMBER}",
    "courier": "A Carrier",
}


def reconciler(world: World) -> Reconciler:
    """Return a reconciler as the command line has it, with the world's clock."""
    terms = publisher_terms(world.settings)
    vtex = VtexClient(world.session, clock=world.clock, waits=())
    return Reconciler(world.database, vtex, terms, world.clock, _passing(world))


def _passing(world: World) -> Callable[[float], Any]:
    async def pass_(seconds: float) -> None:
        await world.clock.move_to(world.now + timedelta(seconds=seconds))

    return pass_


async def reconciled(
    world: World, *, repair: bool = False, closed: bool = False, **wanted: Any
) -> list[ReconciledShipment]:
    """Reconcile all shipments, to the end; return those that differ or failed."""
    asked = ReconcileRequest(ShipmentFilter(**wanted), closed, repair, "somebody")
    by, found, before = reconciler(world), [], None
    while True:
        batch: ReconciledBatch = await by.batch(asked, before)
        assert batch.stopped == ""
        found += [s for s in batch.shipments if s.differences or s.problem]
        before = batch.next
        if before is None:
            return found


def listed(found: list[ReconciledShipment]) -> dict[str, list[tuple[str, str, str]]]:
    """Return the differences by order: field, the relay's value, VTEX's value."""
    return {
        one.row["order_id"]: [(d.field, d.sent, d.shown) for d in one.differences]
        for one in found
    }


async def sent(world: World) -> int:
    counts = await world.vtex.counts()
    return sum(counts[call] for call in ("patch", "put", "post"))


async def half_published(world: World) -> None:
    """Let three orders go live that another integration published before.

    The usual one is half and wrong: another number, another text, no delivery. One is
    right, and of one VTEX has nothing.
    """
    await world.vtex.order(ORDER, INVOICE, **SHOWN)
    await world.vtex.set_number("OTHER")
    await world.vtex.publish((START - 2 * DAY, "Objeto postado"))
    await world.vtex.order("O-2", "1", **SHOWN | {"trackingNumber": "TN2"})
    await world.scan("picked_up", at=START - 2 * DAY)
    await world.scan("delivered", at=START - HOUR)
    going = {"imported": True, "dispatched": START - 3 * DAY, "invoiced": False}
    await world.label(**going)
    await world.label("O-2", numbers="TN2", tracking_url=SHOWN["trackingUrl"], **going)
    await world.label("O-3", numbers="TN3", **going | {"invoiced": True})


# Going live


async def test_exactly_what_differs_is_listed_and_nothing_is_sent(
    worlds: Worlds,
) -> None:
    async with worlds(mode="replace") as world:
        await half_published(world)
        before, shown = await sent(world), await world.shown()
        found = listed(await reconciled(world))
        assert found == {
            "O-3": [
                ("trackingNumber", "'TN3'", "''"),
                ("trackingUrl", f"'{PAGE}TN3'", "''"),
            ],
            ORDER: [
                ("trackingNumber", f"'{NUMBER}'", "'OTHER'"),
                ("trackingUrl", f"'{PAGE}{NUMBER}'", f"'{PAGE}OTHER'"),
                ("finished", "true", "false"),
                (
                    "events",
                    "2026-07-30T09:00:00-03:00 'picked up'",
                    "'Objeto postado'",
                ),
                (
                    "events",
                    "2026-08-01T08:00:00-03:00 'delivered'",
                    "no event at this time",
                ),
            ],
        }
        assert await sent(world) == before
        assert await world.shown() == shown


async def test_repair_leads_to_what_is_right(worlds: Worlds) -> None:
    async with worlds(mode="replace") as world:
        await half_published(world)
        await reconciled(world, repair=True)
        await world.rest()
        shown = await world.shown()
        assert (shown.tracking_number, shown.finished) == (NUMBER, True)
        assert shown.texts == ["picked up", "delivered"]
        assert (await world.shown("O-3")).tracking_number == "TN3"
        assert await world.vtex.complaints() == []
        emails = await world.vtex.emails()
        assert emails.count("delivered 1") == 1
        assert await reconciled(world, closed=True) == []
        again = await sent(world)
        await world.rest()
        assert await sent(world) == again


@pytest.mark.parametrize("status", ["canceled", "replaced"])
async def test_nothing_is_written_to_an_order_that_was_shown_as_ended(
    world: World, status: str
) -> None:
    await world.vtex.status(422, call="put", times=1)
    await under_way(world)
    assert await world.fact("stuck_reason") is not None
    await world.vtex.end_order(ORDER, status)
    before = await sent(world)
    await reconciled(world, repair=True)
    await world.rest()
    assert await sent(world) == before
    assert "order_" in await world.fact("closed_reason")


# Later


async def under_way(world: World, order: str = ORDER, number: str = NUMBER) -> None:
    await world.label(order, numbers=number)
    await world.wait(hours=1)
    await world.scan("picked_up", number=number)
    await world.rest()


async def test_what_another_system_changed_is_sent_again_once(
    worlds: Worlds,
) -> None:
    async with worlds(mode="replace") as world:
        await under_way(world)
        await under_way(world, "O-2", "TN2")
        assert await reconciled(world) == []
        await world.vtex.set_number("OTHER")
        await world.vtex.publish((world.now, "Em trânsito"))
        (found,) = await reconciled(world, repair=True)
        assert found.marked
        fields = [d.field for d in found.differences]
        assert fields == ["trackingNumber", "trackingUrl", "events", "events"]
        before, emails = await sent(world), await world.vtex.emails()
        await world.wait(minutes=9)
        assert await sent(world) == before
        await world.rest()
        shown = await world.shown()
        assert shown.tracking_number == NUMBER
        assert shown.texts == ["picked up"]  # the e-mail trigger event did its work
        assert await sent(world) - before <= 3
        more = (await world.vtex.emails())[len(emails) :]
        assert more.count("shipped 1") <= 1
        assert await world.fact("verified_at") is not None
        assert await reconciled(world) == []


async def test_what_is_right_at_the_second_sight_is_not_sent(world: World) -> None:
    await under_way(world)
    await world.vtex.fault("stale", call="get", times=1)
    await world.scan("in_transit")
    await world.wait(seconds=30)
    before = await sent(world)
    await reconciled(world, repair=True)
    await world.rest()
    assert await sent(world) == before
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]


async def test_a_delivery_of_another_system_is_listed_and_left(world: World) -> None:
    await under_way(world)
    await world.scan("in_transit")
    await world.rest()
    await world.vtex.publish(
        (world.now, "Entregue"),
        delivered=True,
    )
    (found,) = await reconciled(world, repair=True)
    assert ("finished", "false", "true") in [
        (d.field, d.sent, d.shown) for d in found.differences
    ]
    assert not found.marked


async def test_an_error_of_one_shipment_does_not_stop_the_others(
    worlds: Worlds,
) -> None:
    async with worlds(read_back="off") as world:
        for n in range(1, 12):
            await world.label(f"O-{n}", numbers=f"TN{n}")
        await world.rest()
        await world.vtex.set_number("OTHER")
        await world.vtex.status(500, call="get", times=1)
        found = await reconciled(world)
        problems = [s.problem for s in found if s.problem]
        assert len(problems) == 1
        assert "VTEX answered 500" in problems[0]
        assert ORDER in {s.row["order_id"] for s in found if s.differences}


async def test_without_the_right_to_read_few_calls_are_made(worlds: Worlds) -> None:
    async with worlds(read_back="off") as world:
        for n in range(1, 31):
            await world.label(f"O-{n}", numbers=f"TN{n}")
        await world.vtex.status(403, call="get")
        found = await reconciled(world)
        assert len(found) == 30
        assert all("403" in one.problem for one in found)
        assert (await world.vtex.counts())["get"] <= 8


async def test_the_quota_stops_it_and_the_cursor_goes_on(worlds: Worlds) -> None:
    async with worlds(read_back="off", read_backs_per_day=12) as world:
        for n in range(1, 21):
            await world.label(f"O-{n}", numbers=f"TN{n}")
        asked = ReconcileRequest(ShipmentFilter())
        first = await reconciler(world).batch(asked)
        second = await reconciler(world).batch(asked, first.next)
        assert (len(first.shipments), len(second.shipments)) == (8, 4)
        assert "quota" in second.stopped
        await world.clock.move_to(world.now + DAY)
        third = await reconciler(world).batch(asked, second.next)
        orders = [
            s.row["order_id"] for b in (first, second, third) for s in b.shipments
        ]
        assert orders == [f"O-{n}" for n in range(20, 0, -1)]
        assert third.next is None or third.stopped == ""


async def test_a_pause_that_vtex_asks_for_stops_it_before_that_order(
    worlds: Worlds,
) -> None:
    async with worlds(read_back="off") as world:
        for n in range(1, 4):
            await world.label(f"O-{n}", numbers=f"TN{n}")
        await world.vtex.status(429, call="get", times=1)
        asked = ReconcileRequest(ShipmentFilter())
        first = await reconciler(world).batch(asked)
        assert "429" in first.stopped
        again = await reconciler(world).batch(asked, first.next)
        assert (again.shipments, again.stopped) == ([], "VTEX asked for a pause")
        await world.clock.move_to(world.now + HOUR)
        rest = await reconciler(world).batch(asked, again.next)
        orders = [s.row["order_id"] for b in (first, rest) for s in b.shipments]
        assert orders == ["O-3", "O-2", "O-1"]
        assert all(s.differences for s in rest.shipments)


async def test_without_any_answer_it_stops(worlds: Worlds) -> None:
    async with worlds(read_back="off") as world:
        for n in range(1, 31):
            await world.label(f"O-{n}", numbers=f"TN{n}")
        async with world.elsewhere():
            asked = ReconcileRequest(ShipmentFilter(accounts=(ACCOUNT,)))
            batch = await reconciler(world).batch(asked)
        assert "no answer from VTEX" in batch.stopped
        assert (batch.shipments, batch.next) == ([], None)


async def test_the_rate_of_the_account_is_respected(worlds: Worlds) -> None:
    async with worlds(read_back="off", requests_per_second=1, burst=1) as world:
        for n in range(1, 7):
            await world.label(f"O-{n}", numbers=f"TN{n}")
        before = world.now
        await reconciler(world).batch(ReconcileRequest(ShipmentFilter()))
        assert world.now - before >= timedelta(seconds=5)


async def test_filters_choose_what_is_read(world: World) -> None:
    await under_way(world)
    await world.label("O-2", numbers="TN2")
    await world.vtex.set_number("OTHER")
    assert listed(await reconciled(world, order_id="O-2")).keys() == {"O-2"}
    assert await reconciled(world, contract="another") == []
    up_to_date = await reconciled(world, state=ShipmentState.UP_TO_DATE)
    assert listed(up_to_date).keys() == {ORDER}


# The command


def command(world: World, file: Path, *arguments: str) -> Any:
    account = f"RELAY_ACCOUNTS__{ACCOUNT.upper()}__"
    environ = {
        "RELAY_DATABASE": f"sqlite:///{file}",
        f"{account}APP_KEY": "sandbox-key",
        f"{account}APP_TOKEN": "sandbox-token",
        f"{account}BASE_URL": f"{world.vtex.url}/vtex/{ACCOUNT}",
        "COLUMNS": "200",
    }
    return CliRunner().invoke(app, ["reconcile", *arguments], env=environ)


async def test_the_command_lists_both_values(
    sqlite: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with living(sqlite, mode="replace") as world:
        await under_way(world)
        await world.vtex.set_number("OTHER")
        before = await sent(world)

        async def run(*arguments: str) -> Any:
            return await asyncio.to_thread(command, world, sqlite.path, *arguments)

        ran = await run("--dry-run")
        assert ran.exit_code == 1, ran.output
        assert f"'{NUMBER}'" in ran.stdout
        assert "'OTHER'" in ran.stdout
        assert "1 shipment compared, 1 differs." in ran.stdout
        found = json.loads((await run("--json")).stdout)
        assert (found["compared"], found["different"], found["marked"]) == (1, 1, 0)
        assert found["shipments"][0]["differences"][0] == {
            "field": "trackingNumber",
            "relay": f"'{NUMBER}'",
            "vtex": "'OTHER'",
        }
        await run("--csv", "found.csv")
        head, first, *_ = (tmp_path / "found.csv").read_text().splitlines()
        assert "orderId" in head
        assert CONTRACT in first
        assert await sent(world) == before
        marked = await run("--repair")
        assert marked.exit_code == 0, marked.output
        assert "1 marked as due" in marked.stdout
        assert await sent(world) == before
        wrong = await run("--after", "nonsense")
        assert wrong.exit_code == 1
