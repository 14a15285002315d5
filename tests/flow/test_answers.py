"""What each answer of VTEX does to a shipment and to its account."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest

from relay.store.accounts import Accounts
from tests.support.world import ACCOUNT, GUARD, NUMBER, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

HOUR = timedelta(hours=1)


async def labels(world: World, *numbers: int) -> None:
    """Print one label for each of several orders."""
    for n in numbers:
        await world.label(order=f"O-{n}", numbers=f"TN{n}")


async def tracking_sent(world: World) -> set[str]:
    """Return the orders whose tracking number was sent."""
    return {t["orderId"] for t in await world.vtex.published("patch")}


async def attempted(world: World, *kinds: str) -> int:
    """Return how many calls arrived at VTEX."""
    counts = await world.vtex.counts()
    return sum(counts[k] for k in kinds or ("get", "patch", "put"))


# Refused: stuck, with VTEX's words and a hint


@pytest.mark.parametrize("status", [400, 405, 410, 415, 422])
async def test_what_vtex_refuses_is_stuck_with_its_message_and_a_hint(
    world: World, status: int
) -> None:
    body = {"error": {"code": "9", "message": "The field courier is odd"}}
    await world.vtex.status(status, call="patch", body=body)
    await world.label()
    await world.rest()
    because = await world.fact("stuck_reason")
    assert because.startswith(f"VTEX answered {status}: The field courier is odd")
    assert len(because.split(". ")) > 1
    await world.wait(hours=5)
    await world.scan("picked_up")
    await world.rest()
    assert await attempted(world, "patch") == 1


async def test_a_refused_events_call_is_stuck_too(world: World) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.vtex.status(400, call="put")
    await world.scan("picked_up")
    await world.rest()
    assert (await world.fact("stuck_reason")).startswith("VTEX answered 400")
    assert await attempted(world, "put") == 1


async def test_an_unknown_route_is_stuck(world: World) -> None:
    body = {"title": "Not Found", "status": 404}
    await world.vtex.status(404, call="patch", body=body)
    await world.label()
    await world.rest()
    assert "base_url" in await world.fact("stuck_reason")


async def test_a_refusal_of_one_shipment_is_not_the_others(world: World) -> None:
    await world.vtex.status(400, call="patch", orderId="O-1")
    await labels(world, 1, 2, 3)
    await world.rest()
    assert await tracking_sent(world) == {"O-2", "O-3"}


async def test_ten_refusals_alike_pause_the_account(world: World) -> None:
    await world.vtex.status(400, call="patch")
    for n in range(1, 13):
        await labels(world, n)
        await world.wait(seconds=1)
    await world.wait(hours=5)
    assert await attempted(world, "patch") == 10
    assert "10 shipments in a row" in ((await world.account()).paused_reason or "")
    assert await world.fact("stuck_reason", "O-12") is None
    await world.vtex.recover()
    await Accounts(world.database).open(ACCOUNT)
    await world.rest()
    assert await tracking_sent(world) == {"O-11", "O-12"}


async def test_a_success_between_refusals_keeps_the_account_open(world: World) -> None:
    for n in (*range(1, 7), *range(8, 14)):
        await world.vtex.status(400, call="patch", orderId=f"O-{n}")
    for n in range(1, 14):
        await labels(world, n)
        await world.rest()
    assert (await world.account()).paused_reason is None
    assert await tracking_sent(world) == {"O-7"}


# Forbidden: the account's gate


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key_closes_the_account_and_nothing_is_stuck(
    world: World, status: int
) -> None:
    await world.vtex.status(status)
    await labels(world, *range(1, 6))
    await world.wait(minutes=9)
    tried = await attempted(world, "patch")
    assert tried <= 5  # all that were claimed at once
    await world.wait(minutes=11)
    assert tried < await attempted(world, "patch") <= tried + 2
    for n in range(1, 6):
        assert await world.fact("stuck_reason", f"O-{n}") is None
    await world.vtex.recover()
    await world.rest()
    assert len(await tracking_sent(world)) == 5


async def test_changed_credentials_open_the_account(world: World) -> None:
    accounts = Accounts(world.database)
    await accounts.credentials(ACCOUNT, "old pair", world.now)
    await world.vtex.status(401)
    await labels(world, 1, 2)
    await world.wait(minutes=1)
    await world.vtex.recover()
    await world.wait(minutes=1)
    assert await tracking_sent(world) == set()
    assert await accounts.credentials(ACCOUNT, "new pair", world.now)
    await world.wait(seconds=10)
    assert await tracking_sent(world) == {"O-1", "O-2"}


async def test_the_same_credentials_open_nothing(world: World) -> None:
    accounts = Accounts(world.database)
    await accounts.credentials(ACCOUNT, "pair", world.now)
    await world.vtex.status(401)
    await world.label()
    await world.wait(minutes=1)
    before = await attempted(world)
    assert not await accounts.credentials(ACCOUNT, "pair", world.now)
    await world.wait(minutes=1)
    assert await attempted(world) == before


async def test_without_the_right_to_read_it_goes_on(world: World) -> None:
    await world.vtex.status(403, call="get")
    await world.label()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.wait(minutes=1)
    shown = await world.shown()
    assert shown.texts == [GUARD, "picked up"]
    assert (await world.account()).read_closed is not None
    assert await attempted(world, "get") <= 1 + 60 // 10


async def test_reading_is_tried_again_ten_minutes_later(world: World) -> None:
    await world.vtex.status(403, call="get", times=1)
    await labels(world, 1)
    await world.wait(minutes=5)
    await labels(world, 2)
    await world.wait(minutes=6)
    assert await attempted(world, "get") == 1
    await labels(world, 3)
    await world.rest()
    assert await attempted(world, "get") == 2
    assert (await world.account()).read_closed is None


async def test_a_403_after_accepted_writes_first_tries_another_shipment(
    worlds: Worlds,
) -> None:
    async with worlds(requests_per_second=1, burst=1) as world:
        await labels(world, 1)
        await world.rest()
        await world.vtex.status(403, call="patch", orderId="O-2")
        await labels(world, 2)
        await labels(world, 3)
        for _ in range(6):  # a claim of a busy machine may miss one of them
            await world.wait(seconds=10)
        assert await tracking_sent(world) == {"O-1", "O-3"}
        because = await world.fact("stuck_reason", "O-2")
        assert because.startswith("VTEX answered 403")
        assert (await world.account()).write_closed is None


async def test_a_403_to_everything_after_accepted_writes_closes_the_gate(
    world: World,
) -> None:
    await labels(world, 1)
    await world.rest()
    await world.vtex.status(403)
    await labels(world, 2, 3, 4)
    await world.wait(minutes=30)
    assert (await world.account()).write_closed is not None
    for n in (2, 3, 4):
        assert await world.fact("stuck_reason", f"O-{n}") is None


# Not yet


async def test_an_invoice_that_appears_late_is_waited_for(world: World) -> None:
    await world.vtex.order("O-1")
    await world.label(invoiced=False)
    await world.scan("picked_up", at=world.now + HOUR)
    await world.wait(hours=9)
    assert await attempted(world, "patch") == 0
    assert await world.fact("stuck_reason") is None
    await world.vtex.invoice("O-1", "1")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


async def test_an_order_that_appears_late_is_waited_for(world: World) -> None:
    await world.label(invoiced=False)
    await world.wait(hours=2)
    assert await attempted(world, "patch", "put") == 0
    await world.vtex.order("O-1", "1")
    await world.rest()
    assert await tracking_sent(world) == {"O-1"}


async def test_it_waits_for_an_invoice_slower_and_slower(world: World) -> None:
    await world.vtex.order("O-1")
    await world.label(invoiced=False)
    await world.wait(hours=1)
    first = await attempted(world, "get")
    await world.wait(hours=23)
    assert await attempted(world, "get") - first < first


async def test_an_invoice_that_never_appears_is_stuck_after_days(world: World) -> None:
    await world.vtex.order("O-1")
    await world.label(invoiced=False)
    await world.wait(days=2)
    assert await world.fact("stuck_reason") is None
    await world.rest()
    because = await world.fact("stuck_reason")
    assert because.startswith("VTEX does not show the invoice yet")


async def test_a_404_to_a_write_is_waited_for(world: World) -> None:
    body = {"error": {"code": "1", "message": "Invoice Not Found"}}
    await world.vtex.status(404, call="patch", body=body, times=3)
    await world.label()
    await world.rest()
    assert await tracking_sent(world) == {"O-1"}
    assert await world.vtex.complaints() == []


async def test_the_name_that_vtex_uses_is_given_as_the_reason(world: World) -> None:
    await world.vtex.order("O-1", "0001")
    await world.label(invoice="1", invoiced=False)
    await world.wait(minutes=1)
    assert "'0001'" in await world.fact("waiting_reason")
    assert await attempted(world, "patch") == 0


async def test_the_name_that_vtex_uses_is_adopted_where_settings_say_so(
    worlds: Worlds,
) -> None:
    async with worlds(adopt_invoice_number=True) as world:
        await world.vtex.order("O-1", "0001")
        await world.label(invoice="1", invoiced=False)
        await world.rest()
        assert (await world.shown(invoice="0001")).tracking_number == "TN1"


async def test_a_cancelled_order_is_closed_and_left_alone(world: World) -> None:
    await world.vtex.status(
        200, call="get", body={"orderId": "O-1", "status": "canceled"}
    )
    await world.label()
    await world.rest()
    assert await world.fact("closed_reason") == "order_cancelled"
    assert await attempted(world, "patch") == 0


# Trouble


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 504])
@pytest.mark.parametrize("call", ["patch", "put"])
async def test_trouble_with_a_write_is_read_before_it_is_repeated(
    world: World, status: int, call: str
) -> None:
    if call == "put":
        await world.label()
        await world.rest()
        await world.wait(hours=1)
    await world.vtex.status(status, call=call, times=1)
    if call == "put":
        await world.scan("picked_up")
    else:
        await world.label()
    before = await attempted(world, "get")
    await world.wait(seconds=85)
    assert await attempted(world, call) == 1
    await world.rest()
    # The order check or the account's first read-back, and the unconfirmed write's.
    assert await attempted(world, "get") == before + 2
    assert await attempted(world, call) == (2 if call == "patch" else 3)
    assert await world.fact("stuck_reason") is None
    assert await world.vtex.complaints() == []


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 504])
async def test_a_problem_with_reading_is_not_unconfirmed(
    world: World, status: int
) -> None:
    await world.vtex.status(status, call="get", times=1)
    await world.label()
    await world.wait(seconds=16)
    assert await tracking_sent(world) == {"O-1"}


async def test_in_an_outage_one_call_at_a_time_tries_and_nothing_is_stuck(
    world: World,
) -> None:
    await labels(world, 1)
    await world.rest()
    before = await attempted(world)
    await world.vtex.fault("outage", status=500)
    await labels(world, *range(2, 22))
    await world.wait(minutes=20)
    assert await attempted(world) - before <= 16 + 120
    for n in range(2, 22):
        assert await world.fact("stuck_reason", f"O-{n}") is None
    await world.vtex.recover()
    await world.rest()
    assert len(await tracking_sent(world)) == 21


async def test_an_outage_of_writes_alone_makes_nothing_stuck(world: World) -> None:
    await world.vtex.fault("outage", status=502, call="patch")
    await labels(world, *range(1, 6))
    await world.wait(minutes=30)
    for n in range(1, 6):
        assert await world.fact("stuck_reason", f"O-{n}") is None
    await world.vtex.recover()
    await world.rest()
    assert len(await tracking_sent(world)) == 5
    assert await world.vtex.complaints() == []


async def test_a_poison_shipment_does_not_hold_its_account_shut(world: World) -> None:
    await world.vtex.status(500, call="patch", orderId="O-1")
    await labels(world, 1)
    await world.wait(minutes=3)
    for n in range(2, 12):
        await labels(world, n)
        await world.wait(seconds=30)
        assert f"O-{n}" in await tracking_sent(world)


async def test_a_poison_shipment_is_stuck_at_last_with_a_hint(world: World) -> None:
    await world.vtex.status(500, call="patch", orderId="O-1")
    await labels(world, 1)
    for n in range(2, 200):
        await labels(world, n)
        await world.wait(minutes=5)
        if await world.fact("stuck_reason", "O-1"):
            break
    assert "VTEX answered 500" in await world.fact("stuck_reason", "O-1")
    assert n < 50


async def test_a_number_with_a_blank_is_stuck_with_the_known_issue(
    world: World,
) -> None:
    await world.label(invoice="1 2", numbers="A")
    for n in range(2, 200):
        await labels(world, n)
        await world.wait(minutes=5)
        if await world.fact("stuck_reason", invoice="1 2"):
            break
    assert "known issue 409225" in await world.fact("stuck_reason", invoice="1 2")


# Busy


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "waited"), [(None, 60), (5, 60), (300, 300), (999_999, 3600)]
)
@pytest.mark.parametrize("as_date", [False, True])
async def test_vtex_is_left_alone_for_as_long_as_it_asks(
    world: World, status: int, asked: int | None, waited: int, *, as_date: bool
) -> None:
    fields: dict[str, Any] = {"retryAfter": asked, "retryAfterAsDate": as_date}
    await world.vtex.status(status, times=1, **fields)
    await labels(world, 1)
    await world.work()
    assert await attempted(world) == 1
    await labels(world, 2)
    await world.wait(seconds=waited - 1)
    assert await attempted(world) == 1
    await world.wait(seconds=2)
    assert await tracking_sent(world) == {"O-1", "O-2"}


async def test_a_busy_vtex_leaves_nothing_unconfirmed(world: World) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.vtex.status(429, call="put", times=1)
    await world.scan("picked_up")
    await world.wait(seconds=3)
    before = await attempted(world, "get")
    await world.wait(seconds=61)
    assert (await world.shown()).texts == [GUARD, "picked up"]
    assert await attempted(world, "get") == before + 1  # the account's first read-back


async def test_a_storm_of_429_makes_nothing_stuck(world: World) -> None:
    await world.vtex.status(429)
    await labels(world, 1, 2, 3)
    await world.wait(hours=2)
    await world.vtex.recover()
    await world.rest()
    assert len(await tracking_sent(world)) == 3


# Redirected


@pytest.mark.parametrize("call", ["get", "patch"])
async def test_a_redirect_is_never_followed(world: World, call: str) -> None:
    await world.vtex.fault("redirect", call=call)
    await world.label()
    await world.wait(minutes=5)
    assert await world.vtex.complaints() == []
    assert await tracking_sent(world) == set()
    assert await world.fact("stuck_reason") is None
    assert "base_url" in ((await world.account()).write_closed or "")


# The pace


async def test_an_account_is_called_no_faster_than_it_allows(worlds: Worlds) -> None:
    async with worlds(requests_per_second=2, burst=4) as world:
        await labels(world, *range(1, 21))
        began = world.now
        await world.rest()
        assert await attempted(world) == 40
        assert world.now - began >= timedelta(seconds=(40 - 4) / 2 - 4)


async def test_permits_that_were_not_needed_are_not_lost(worlds: Worlds) -> None:
    async with worlds(requests_per_second=1, burst=8) as world:
        for n in range(1, 5):
            await labels(world, n)
            await world.work()
        assert len(await tracking_sent(world)) == 4


async def test_fresh_labels_go_before_the_backlog(worlds: Worlds) -> None:
    async with worlds(requests_per_second=1, burst=1, in_flight=1) as world:
        await world.vtex.order("O-0")
        for n in range(1, 6):
            await world.label(
                order="O-0", invoice=str(n), numbers=f"A{n}", invoiced=False
            )
        await world.wait(minutes=2)
        for n in range(1, 6):
            await world.vtex.invoice("O-0", str(n))
        await labels(world, 7)
        await world.wait(seconds=5)
        assert "O-7" in await tracking_sent(world)


PAGE_200 = {"status": 200, "body": "<html><body>Please sign in</body></html>"}


@pytest.mark.parametrize("body", [PAGE_200["body"], {}, {"ok": True}, [], "", "OK"])
@pytest.mark.parametrize("call", ["patch", "put"])
async def test_a_200_of_another_shape_is_no_acceptance(
    world: World, call: str, body: object
) -> None:
    await world.vtex.fault("status", status=200, body=body, call=call, times=1)
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()
    shown = await world.shown()
    assert shown.tracking_number == NUMBER
    assert shown.texts == [GUARD, "picked up"]
    assert await world.vtex.complaints() == []


@pytest.mark.parametrize("call", ["patch", "put"])
async def test_a_write_that_was_carried_out_behind_a_page_is_not_repeated(
    world: World, call: str
) -> None:
    await world.vtex.fault("refuse_after", **PAGE_200, call=call, times=1)
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.wait(hours=1)
    await world.scan("delivered")
    await world.rest()
    assert (await world.shown()).finished
    assert len(await world.patches()) == 1
    assert await world.vtex.complaints() == []


async def test_an_order_that_is_a_page_is_read_again(world: World) -> None:
    await world.vtex.fault("status", **PAGE_200, call="get", times=2)
    await world.label()
    await world.rest()
    assert (await world.shown()).tracking_number == NUMBER
