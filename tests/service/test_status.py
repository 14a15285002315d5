"""The status of VTEX and of each carrier: what last worked, and what is wrong now."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.protocol import WebhookRequest
from relay.config.settings import Settings
from relay.errors import VerificationFailed
from relay.registration.invoice_requests import InvoiceNotificationRequest
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.services import Services
from relay.service.status import ProcessState
from relay.service.status_models import StatusAnswer, StatusLine
from relay.store.database import Database
from relay.store.event_rows import Pace
from relay.store.rejected import Acceptance, RejectedRequests
from relay.store.unread import ReaderTerms
from tests.store.making import execute
from tests.support.clock import Clock
from tests.support.way_in import WayIn
from tests.support.world import ACCOUNT, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]
EVERYONE = Caller("operator")
SERVING = ProcessState(running=True, last_good="was ready", last_good_at=None)


async def status(
    database: Database, settings: Settings, clock: Any, caller: Caller = EVERYONE
) -> StatusAnswer:
    context = ServiceContext(
        settings=settings,
        carriers={},
        database=database,
        terms=ReaderTerms(Pace(), {}),
        clock=clock,
    )
    return await Services.build(context).status.status(caller, SERVING)


async def account_of(world: World) -> StatusLine:
    found = await status(world.database, world.settings, world.clock)
    return found.lines[1]


def messages(line: StatusLine) -> list[str]:
    return [problem.message for problem in line.problems]


async def test_an_account_shows_the_last_write_that_vtex_accepted(
    world: World,
) -> None:
    line = await account_of(world)
    assert (line.last_good, line.last_good_at) == ("accepted nothing yet", None)
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    line = await account_of(world)
    assert (line.ok, line.last_good) == (True, "accepted a write")
    assert line.last_good_at is not None
    assert line.last_good_at <= world.now - timedelta(minutes=59)


async def test_a_gate_that_a_403_closed_is_an_error_until_it_opens(
    world: World,
) -> None:
    await world.vtex.status(403)
    await world.label()
    await world.wait(minutes=9)
    found = await status(world.database, world.settings, world.clock)
    line = found.lines[1]
    assert (found.ok, line.ok) == (False, False)
    assert any(m.startswith("not done: writing, because VTEX") for m in messages(line))
    assert all(f"relay accounts open {ACCOUNT}" in p.hint for p in line.problems)
    await world.vtex.recover()
    await world.rest()
    assert (await account_of(world)).problems == ()


async def test_a_pause_that_vtex_asked_for_is_not_an_error(world: World) -> None:
    await world.vtex.status(429, times=1)
    await world.label()
    await world.work()
    line = await account_of(world)
    assert line.ok
    assert [p.hint for p in line.problems] == ["nothing to do"]


async def test_shipments_that_are_due_and_not_sent_are_an_error(world: World) -> None:
    await world.label()
    await world.clock.move_to(world.now + timedelta(minutes=9))
    assert (await account_of(world)).ok
    await world.clock.move_to(world.now + timedelta(minutes=9))
    line = await account_of(world)
    assert not line.ok
    assert messages(line) == ["due since 2026-08-01 12:00 UTC, and nothing is sent"]


async def test_stuck_shipments_are_worth_knowing(world: World) -> None:
    await world.label()
    await execute(
        world.database, "UPDATE shipments SET stuck_reason = 'x', stuck_at = 0"
    )
    line = await account_of(world)
    assert line.ok
    assert messages(line) == ["1 shipment stuck"]


async def test_stuck_invoices_are_worth_knowing(world: World) -> None:
    services = world.process.relay.services
    fields = {
        "orderId": "O-9",
        "invoiceNumber": "1",
        "invoiceValue": "100",
        "issuanceDate": world.now.isoformat(),
    }
    request = InvoiceNotificationRequest.model_validate(fields)
    await services.invoices.register(Caller("erp"), request)
    await world.rest()
    line = await account_of(world)
    assert line.ok
    assert messages(line) == ["1 invoice stuck"]


async def carrier_of(way_in: WayIn, settings: Settings) -> StatusLine:
    found = await status(way_in.database, settings, way_in.clock)
    return found.lines[2]


async def test_rejected_webhooks_are_an_error_until_a_good_one_arrives(
    way_in: WayIn, settings: Callable[..., Settings]
) -> None:
    line = await carrier_of(way_in, settings())
    assert (line.ok, line.last_good) == (True, "sent nothing yet")
    intake = way_in.intake()
    for _ in range(3):
        with pytest.raises(VerificationFailed):
            await intake.accept("acme", WebhookRequest({"x-signature": "00"}, b"{}"))
    await intake.rejected_requests.close()
    line = await carrier_of(way_in, settings())
    assert not line.ok
    [message] = messages(line)
    assert message.startswith("3 webhooks with a wrong signature rejected since 2026-")
    assert "relay lists rejected --contract acme" in line.problems[0].hint
    way_in.clock.advance(timedelta(minutes=1))
    await way_in.keep(b"{}")
    line = await carrier_of(way_in, settings())
    assert (line.ok, line.last_good) == (True, "sent or answered")
    assert line.last_good_at == way_in.clock()
    await intake.close()


async def test_requests_without_a_signature_and_old_rejections_are_no_error(
    way_in: WayIn, settings: Callable[..., Settings]
) -> None:
    intake = way_in.intake()
    for headers in ({}, {}, {"x-signature": "00"}):
        with pytest.raises(VerificationFailed):
            await intake.accept("acme", WebhookRequest(headers, b"{}"))
    await intake.rejected_requests.close()
    line = await carrier_of(way_in, settings())
    found = [(p.level, p.message.partition(" rejected")[0]) for p in line.problems]
    assert found == [
        ("error", "1 webhook with a wrong signature"),
        ("warning", "2 requests without a signature"),
    ]
    assert "secret" not in line.problems[1].hint
    way_in.clock.advance(timedelta(days=1, seconds=1))
    line = await carrier_of(way_in, settings())
    assert [p.level for p in line.problems] == ["info"]
    await intake.close()


async def test_rejected_requests_that_wait_are_counted_after_a_good_webhook(
    way_in: WayIn, settings: Callable[..., Settings]
) -> None:
    assert (await carrier_of(way_in, settings())).rejected_waiting == 0
    intake = way_in.intake()
    for _ in range(3):
        with pytest.raises(VerificationFailed):
            await intake.accept("acme", WebhookRequest({"x-signature": "00"}, b"{}"))
    await intake.rejected_requests.close()
    assert (await carrier_of(way_in, settings())).rejected_waiting == 3
    way_in.clock.advance(timedelta(minutes=1))
    await way_in.keep(b"{}")
    line = await carrier_of(way_in, settings())
    assert (line.ok, line.rejected_waiting) == (True, 3)
    (problem,) = line.problems
    assert problem.level == "info"
    assert problem.message.startswith(
        "3 rejected requests waiting, the newest of 2026-"
    )
    assert problem.hint == "relay lists rejected --contract acme"

    # Two more, after the good one: the error names them, and all five are counted.
    way_in.clock.advance(timedelta(minutes=1))
    for _ in range(2):
        with pytest.raises(VerificationFailed):
            await intake.accept("acme", WebhookRequest({"x-signature": "00"}, b"{}"))
    await intake.rejected_requests.close()
    line = await carrier_of(way_in, settings())
    assert (line.ok, line.rejected_waiting) == (False, 5)
    assert [problem.level for problem in line.problems] == ["error", "info"]
    now = way_in.clock()
    rejected = RejectedRequests(way_in.database)
    rows = await rejected.of_contract("acme")
    numbers = [row["rejected_request"] for row in rows]
    await rejected.accept(numbers, Acceptance("operator", now, "they called"))
    line = await carrier_of(way_in, settings())
    assert (line.ok, line.rejected_waiting, line.problems) == (True, 0, ())
    await intake.close()


async def test_a_latest_document_that_is_unreadable_is_worth_knowing(
    way_in: WayIn, settings: Callable[..., Settings]
) -> None:
    await way_in.keep(b"{}")
    await execute(way_in.database, "UPDATE documents SET unreadable_reason = 'odd'")
    line = await carrier_of(way_in, settings())
    assert line.ok
    assert messages(line) == ["its latest document is unreadable: odd"]


@pytest.mark.parametrize(
    ("open_for", "ok"), [(timedelta(hours=1), False), (timedelta(0), True)]
)
async def test_polls_that_fail_are_named_and_an_error_while_paused(
    way_in: WayIn, settings: Callable[..., Settings], open_for: timedelta, ok: bool
) -> None:
    answered = int(way_in.clock().timestamp()) * 1_000_000
    until = answered + open_for // timedelta(microseconds=1)
    await execute(
        way_in.database,
        "INSERT INTO polls (contract, failures, open_until, reason, answered_at) "  # noqa: S608
        f"VALUES ('acme', 5, {until}, 'HTTP 401', {answered})",
    )
    line = await carrier_of(way_in, settings())
    assert (line.ok, line.last_good_at) == (ok, way_in.clock())
    assert messages(line) == ["5 polls failed in a row: HTTP 401"]


async def test_documents_that_wait_too_long_are_an_error_of_the_relay(
    way_in: WayIn, settings: Callable[..., Settings]
) -> None:
    await way_in.keep(b"{}")
    way_in.clock.advance(timedelta(minutes=6))
    found = await status(way_in.database, settings(), way_in.clock)
    assert not found.lines[0].ok
    assert messages(found.lines[0])[0].startswith("reader: documents have been waiting")


async def test_a_limited_caller_sees_its_accounts_and_contracts_only(
    sqlite: Database, settings: Callable[..., Settings], clock: Clock
) -> None:
    account = {"app_key": "key", "app_token": "token"}
    made = settings(
        {"acme": {"account": "store"}, "zeta": {"account": "outlet"}},
        accounts={"store": account, "outlet": account},
    )
    found = await status(sqlite, made, clock, Caller("bia", ["outlet"]))
    assert [(one.part, one.name) for one in found.lines[1:]] == [
        ("vtex", "outlet"),
        ("carrier", "zeta"),
    ]
