"""Shadow mode: everything is taken and compared, and nothing is written to VTEX."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from relay.cli import app
from relay.config.account import hash_token
from relay.errors import Conflict
from relay.outbound.expectation import NO_EVENT
from relay.registration.invoice_requests import InvoiceNotificationRequest
from relay.registration.requests import CorrectionRequest, ResendRequest
from relay.service.access import Caller
from relay.service.queries import ShadowQuery
from relay.service.shadow_models import ShadowReport
from relay.service.validation import parse_json
from relay.store.accounts import SHADOW
from relay.store.shipment_lists import NEWEST
from relay.store.sqlite import SqliteDatabase
from tests.support.mortal import MortalVtex
from tests.support.world import (
    ACCOUNT,
    CONTRACT,
    GUARD,
    NUMBER,
    ORDER,
    PAGE,
    START,
    World,
    living,
)

Worlds = Callable[..., AbstractAsyncContextManager[World]]

ANA = Caller("ana")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SHOWN = {
    "trackingNumber": NUMBER,
    "trackingUrl": f"{PAGE}{NUMBER}",
    "courier": "A Carrier",
}


async def written(world: World) -> int:
    """Return how many calls that write an order were made, whoever made them."""
    counts = await world.vtex.counts()
    return sum(counts[call] for call in ("patch", "put", "post"))


async def report(world: World, *, everything: bool = False) -> ShadowReport:
    shadow = world.process.relay.services.shadow
    return await shadow.report(ANA, ACCOUNT, ShadowQuery(all=everything))


async def differences(world: World) -> dict[str, list[tuple[str, str, str]]]:
    """Return the reported differences by order: field, relay's value, VTEX's value."""
    return {
        one.order_id: [(d.field, d.relay, d.vtex) for d in one.differences]
        for one in (await report(world)).shipments
    }


async def told_half(world: World, *, delivered: bool) -> None:
    """Let parcels come that another integration tells VTEX half and wrongly.

    Of the usual order it sent another number, another text, and maybe a delivery on
    another day; of O-2 all that is right; of O-3 nothing; O-4 is not invoiced.
    """
    await world.vtex.order(ORDER, "1", **SHOWN)
    await world.vtex.set_number("OTHER")
    await world.vtex.order("O-2", "1", **SHOWN | {"trackingNumber": "TN2"})
    await world.vtex.sold("O-4")
    await world.label(invoiced=False)
    await world.label(
        "O-2", numbers="TN2", tracking_url=SHOWN["trackingUrl"], invoiced=False
    )
    await world.label("O-3", numbers="TN3")
    await world.label("O-4", numbers="TN4", invoiced=False)
    await world.clock.move_to(START + HOUR)
    for number in (NUMBER, "TN3"):
        await world.scan("picked_up", number=number)
    await world.vtex.publish((world.now, "Objeto postado"))
    await world.clock.move_to(START + DAY)
    await world.scan("in_transit")
    await world.vtex.publish((world.now + HOUR, "Em rota"))
    await world.clock.move_to(START + 2 * DAY)
    await world.scan("delivered")
    if delivered:
        await world.vtex.publish((world.now - DAY, "Entregue"), delivered=True)
    await world.wait(minutes=1)


# Nothing is written


async def test_a_whole_life_writes_nothing_whatever_happens(worlds: Worlds) -> None:
    async with worlds(shadow=True, first_email="at_label") as world:
        actions = world.process.relay.services.shipment_actions
        first = await world.label()
        second = await world.label("O-2", numbers="TN2")
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.scan("picked_up", number="TN2")
        await world.wait(hours=2)
        to = parse_json(b'{"trackingNumber": "TN9", "volume": 1}', CorrectionRequest)
        await actions.correct(ANA, first.id, to)
        await actions.retry(ANA, first.id)
        await actions.cancel(ANA, second.id)
        await world.restart()
        await world.scan("in_transit", number="TN9")
        await world.wait(hours=2)
        await world.scan("delivered", number="TN9")
        await world.wait(days=2)
        assert await written(world) == 0
        assert world.attempts == []
        assert await world.vtex.emails() == []
        found = await world.process.relay.services.shipments.show(ANA, first.id)
        assert (found.state, found.why) == ("waiting", SHADOW)
        assert found.delivered_published_at is None


async def test_a_resend_and_invoices_are_not_sent(worlds: Worlds) -> None:
    async with worlds() as world:
        label = await world.label()
        await world.scan("picked_up")
        await world.rest()
        before = await written(world)
        await world.reload(shadow=True)
        services = world.process.relay.services
        with pytest.raises(Conflict, match="in shadow mode") as refused:
            await services.shipment_actions.resend(
                ANA, label.id, ResendRequest(force=True)
            )
        assert refused.value.code == "shadow_mode"
        await world.vtex.sold("O-2")
        request = {
            "orderId": "O-2",
            "invoiceNumber": "7",
            "invoiceValue": "1000",
            "issuanceDate": world.now.isoformat(),
            "items": [{"id": "SKU1", "price": 500, "quantity": 2}],
        }
        parsed = parse_json(json.dumps(request).encode(), InvoiceNotificationRequest)
        posted = (await services.invoices.register(ANA, parsed)).answer
        await world.wait(days=1)
        assert (posted.state, posted.why) == ("waiting", SHADOW)
        assert await written(world) == before
        await world.reload(shadow=False)
        await world.rest()
        assert len(await world.vtex.published("post", orderId="O-2")) == 1


async def test_a_call_that_was_planned_before_the_switch_is_not_made(
    world: World,
) -> None:
    await world.label()
    vtex = world.process.vtex
    assert isinstance(vtex, MortalVtex)
    vtex.meanwhile = lambda: world.reload(shadow=True)  # between the read and the write
    await world.wait(hours=1)
    assert await written(world) == 0
    await world.reload(shadow=False)
    await world.rest()
    assert len(await world.patches()) == 1


async def test_the_endpoint_refuses_invoices_and_takes_tracking(
    worlds: Worlds,
) -> None:
    pair = {"app_key": "relaykey-1", "hash": hash_token("t" * 32), "account": ACCOUNT}
    erp = {
        "adapter": "vtex_endpoint",
        "verification": "endpoint",
        "accounts": [ACCOUNT],
    }
    tables = {
        "contracts": {"erp": erp},
        "endpoint": {"hub": pair | {"contract": "erp"}},
    }
    async with worlds(shadow=True, tables=tables) as world:
        await world.vtex.order(ORDER, "1")
        relay = world.process.relay
        path = f"/api/oms/pvt/orders/{ORDER}/invoice"
        keys = {
            "X-VTEX-API-AppKey": pair["app_key"],
            "X-VTEX-API-AppToken": "t" * 32,
        }
        number = {"trackingNumber": NUMBER, "courier": "A"}
        async with TestClient(TestServer(relay.application())) as client:
            invoice = {"type": "Output", "invoiceNumber": "2", "invoiceValue": "5"}
            post = await client.post(path, json=invoice, headers=keys)
            assert post.status == 409
            assert "in shadow mode" in (await post.json())["error"]["message"]
            patch = await client.patch(f"{path}/1", json=number, headers=keys)
            assert patch.status == 200
        await world.wait(hours=1)
        assert await written(world) == 0


# The report


async def test_the_report_says_what_would_differ(worlds: Worlds) -> None:
    async with worlds(shadow=True) as world:
        await told_half(world, delivered=True)
        assert await differences(world) == {
            "O-4": [("invoiceNumber", "1", "no invoice")],
            "O-3": [
                ("trackingNumber", "'TN3'", "''"),
                ("trackingUrl", f"'{PAGE}TN3'", "''"),
                ("events", f"2026-08-01T09:00:00-03:00 {GUARD!r}", NO_EVENT),
                ("events", "2026-08-01T10:00:00-03:00 'picked up'", NO_EVENT),
            ],
            ORDER: [
                ("trackingNumber", f"'{NUMBER}'", "'OTHER'"),
                ("trackingUrl", f"'{PAGE}{NUMBER}'", f"'{PAGE}OTHER'"),
                (
                    "deliveredDate",
                    "'2026-08-03T09:00:00-03:00'",
                    "'2026-08-02T12:00:00.0000000+00:00'",
                ),
                (
                    "events",
                    "2026-08-01T10:00:00-03:00 'picked up'",
                    "'Objeto postado'",
                ),
                ("events", "2026-08-02T09:00:00-03:00 'in transit'", "'Entregue'"),
                ("events", "2026-08-03T09:00:00-03:00 'delivered'", NO_EVENT),
                ("events", NO_EVENT, "2026-08-02T10:00:00-03:00 'Em rota'"),
            ],
        }
        found = await report(world, everything=True)
        counts = (found.compared, found.different, found.pending, found.not_compared)
        assert counts == (4, 3, 0, 0)
        assert [one.order_id for one in found.shipments] == ["O-4", "O-3", "O-2", ORDER]
        # VTEX does not take a delivery back, so nothing would be sent.
        assert [len(one.requests) for one in found.shipments] == [0, 3, 0, 0]


async def test_what_vtex_does_not_show_is_said_and_tried_again(world: World) -> None:
    await world.reload(shadow=True)
    await world.label()
    await world.vtex.status(500, call="get", times=1)
    await world.work()
    (one,) = (await report(world)).shipments
    assert one.problem is not None
    assert "VTEX answered 500" in one.problem
    assert one.differences == ()
    await world.wait(hours=1)
    (one,) = (await report(world)).shipments
    assert (one.problem, len(one.differences)) == (None, 2)


async def test_reads_stay_within_the_quota_and_the_rate(worlds: Worlds) -> None:
    limits = {"read_backs_per_day": 12, "requests_per_second": 1, "burst": 5}
    async with worlds(shadow=True, **limits) as world:
        for n in range(1, 21):
            await world.label(f"O-{n}", numbers=f"TN{n}")
        await world.work()
        assert (await world.vtex.counts())["get"] == 5
        for _ in range(6):
            await world.wait(hours=1)
        assert (await world.vtex.counts())["get"] == 12
        assert (await report(world)).pending == 8
        await world.clock.move_to(START + DAY)
        for _ in range(3):
            await world.wait(minutes=1)
        assert (await world.vtex.counts())["get"] == 24
        assert (await report(world)).pending == 0
        assert await written(world) == 0


async def test_an_unchanged_order_is_read_once_a_day(worlds: Worlds) -> None:
    async with worlds(shadow=True) as world:
        await world.label()
        for _ in range(10):
            await world.wait(hours=1)
        assert (await world.vtex.counts())["get"] == 1
        await world.scan("picked_up")
        await world.wait(minutes=1)
        assert (await world.vtex.counts())["get"] == 2
        await world.scan("in_transit")
        await world.wait(minutes=50)
        assert (await world.vtex.counts())["get"] == 2
        await world.wait(minutes=20)
        assert (await world.vtex.counts())["get"] == 3


async def test_an_erased_order_is_not_reported(worlds: Worlds) -> None:
    async with worlds(shadow=True) as world:
        await told_half(world, delivered=False)
        await world.process.relay.services.accounts.erase(ANA, ACCOUNT, ORDER)
        await world.wait(days=2)
        assert (await differences(world)).keys() == {"O-3", "O-4"}
        async with world.database.reading() as tx:
            pages = {"account": ACCOUNT, "before": NEWEST, "limit": 9, "all": 1}
            rows = await tx.rows("shadow_page", **pages)
        assert "Objeto postado" not in str([dict(row) for row in rows])


# Switched off


async def test_once_it_is_off_exactly_what_is_missing_is_sent(worlds: Worlds) -> None:
    async with worlds(shadow=True, mode="merge") as world:
        await told_half(world, delivered=False)
        planned = {
            one.order_id: [(r.method, r.body) for r in one.requests]
            for one in (await report(world, everything=True)).shipments
        }
        before = len(await world.vtex.published())
        await world.restart()
        await world.reload(shadow=False)
        await world.rest(at_most=DAY)
        sent = (await world.vtex.published())[before:]
        kinds = {"patch": "PATCH", "put": "PUT"}
        assert planned == {
            order: [
                (kinds[w["kind"]], w["body"]) for w in sent if w["orderId"] == order
            ]
            for order in (ORDER, "O-2", "O-3", "O-4")
        }
        assert [method for method, _ in planned[ORDER]] == ["PATCH", "PUT"]
        shown = await world.shown()
        assert (shown.tracking_number, shown.finished) == (NUMBER, True)
        theirs = {"Objeto postado", "Em rota"}
        ours = ["picked up", "in transit", "delivered"]
        assert [text for text in shown.texts if text not in theirs] == ours
        emails = await world.vtex.emails()
        assert emails.count("delivered 1") == 1
        assert await world.vtex.complaints() == []
        assert (await report(world)).shipments == ()
        await world.restart()
        await world.rest(at_most=DAY)
        assert len(await world.vtex.published()) == before + len(sent)


async def test_what_the_other_integration_sent_is_not_repeated(
    worlds: Worlds,
) -> None:
    async with worlds(shadow=True) as world:
        await world.vtex.order(ORDER, "1", **SHOWN)
        await world.label(invoiced=False)
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.vtex.publish((world.now, "picked up"))
        await world.wait(hours=2)
        await world.scan("in_transit")
        await world.wait(hours=2)
        before, emails = await written(world), await world.vtex.emails()
        await world.reload(shadow=False)
        await world.rest()
        assert (await world.shown()).texts == ["picked up", "in transit"]
        assert await written(world) == before + 1
        assert len(await world.vtex.emails()) <= len(emails) + 1
        await world.wait(hours=1)
        await world.scan("delivered")
        await world.rest()
        assert await written(world) == before + 2


async def test_the_first_email_is_left_out_only_if_vtex_shows_events(
    worlds: Worlds,
) -> None:
    async with worlds(shadow=True, first_email="at_label") as world:
        await world.vtex.order(ORDER, "1", **SHOWN)
        await world.vtex.publish((world.now, "Objeto postado"))
        await world.label(invoiced=False)
        await world.label("O-2", numbers="TN2")
        await world.wait(hours=1)
        before, reads = await written(world), (await world.vtex.counts())["get"]
        await world.reload(shadow=False, first_email="at_label")
        await world.rest()
        assert (await world.shown()).texts == ["Objeto postado"]
        assert (await world.shown("O-2")).texts == [GUARD]
        assert await written(world) == before + 2
        assert (await world.vtex.counts())["get"] - reads <= 4
        # Told by the other one in time, and by the carrier only now.
        await world.vtex.publish((START, "picked up"))
        await world.scan("picked_up", at=START)
        await world.rest()
        assert (await world.shown()).texts.count("picked up") == 1


async def test_a_delivery_without_a_new_event_is_sent_after_it(
    worlds: Worlds,
) -> None:
    waits = {"contract": {"confirm_provisional_after_hours": 24}}
    async with worlds(**waits) as world:
        await world.label()
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.wait(hours=1)
        await world.scan("delivered", effect="provisional")
        await world.wait(hours=1)
        assert not (await world.shown()).finished
        await world.reload(shadow=True, **waits)
        await world.wait(hours=1)
        await world.reload(shadow=False, **waits)
        await world.rest()
        shown = await world.shown()
        assert shown.finished
        assert shown.texts == [GUARD, "picked up", "delivered"]


async def test_a_live_account_goes_on_where_it_was(world: World) -> None:
    await world.label()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()
    before = await written(world)
    await world.reload(shadow=True)
    await world.scan("in_transit")
    await world.wait(hours=3)
    assert await written(world) == before
    await world.reload(shadow=False)
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]
    assert await written(world) == before + 1


# What people see


async def test_every_view_says_that_nothing_is_written(worlds: Worlds) -> None:
    async with worlds(shadow=True) as world:
        await told_half(world, delivered=True)
        application = world.process.relay.application()
        async with TestClient(TestServer(application)) as client:
            ready = await (await client.get("/readyz")).json()
            assert f"account {ACCOUNT}: {SHADOW}" in ready["warnings"]
            status = await (await client.get("/v1/status")).json()
            (line,) = (one for one in status["lines"] if one["part"] == "vtex")
            assert line["problems"][0]["message"] == SHADOW
            (account,) = (await (await client.get("/v1/accounts")).json())["accounts"]
            assert account["gates"][0]["reason"] == SHADOW
            path = f"/v1/accounts/{ACCOUNT}/shadow"
            found = await (await client.get(path, params={"limit": "1"})).json()
            assert (found["shadow"], found["different"]) == (True, 3)
            assert [one["orderId"] for one in found["shipments"]] == ["O-4"]
            more = {"cursor": found["next"]}
            rest = await (await client.get(path, params=more)).json()
            assert [one["orderId"] for one in rest["shipments"]] == ["O-3", ORDER]
            table = await (await client.get(path, params={"format": "csv"})).text()
            assert "deliveredDate" in table
            assert (await client.get("/v1/accounts/other/shadow")).status == 404


def command(world: World, file: Path, *arguments: str) -> Any:
    account = f"RELAY_ACCOUNTS__{ACCOUNT.upper()}__"
    environ = {
        "RELAY_DATABASE": f"sqlite:///{file}",
        f"{account}APP_KEY": "sandbox-key",
        f"{account}APP_TOKEN": "sandbox-token",
        f"{account}SHADOW": "true",
        f"{account}BASE_URL": f"{world.vtex.url}/vtex/{ACCOUNT}",
        "COLUMNS": "200",
    }
    return CliRunner().invoke(app, [*arguments], env=environ)


async def test_the_command_shows_the_report(
    sqlite: SqliteDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with living(sqlite, shadow=True) as world:
        await told_half(world, delivered=True)
        before = await written(world)

        async def run(*arguments: str) -> Any:
            return await asyncio.to_thread(command, world, sqlite.path, *arguments)

        ran = await run("shadow", ACCOUNT)
        assert ran.exit_code == 0, ran.output
        assert "deliveredDate" in ran.stdout
        assert "4 shipments compared, 3 differ" in ran.stdout
        found = json.loads((await run("shadow", ACCOUNT, "--json", "--all")).stdout)
        assert len(found["shipments"]) == 4
        await run("shadow", ACCOUNT, "--csv", "found.csv")
        rows = (tmp_path / "found.csv").read_text().splitlines()
        assert len(rows) == 1 + 1 + 4 + 7
        assert CONTRACT in rows[1]
        repair = await run("reconcile", "--repair")
        assert "in shadow mode, so nothing is marked: acme" in repair.output
        await world.wait(hours=1)
        assert await written(world) == before
