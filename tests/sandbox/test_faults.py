"""Each kind of fault can be injected."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession

from relay.sandbox.server import serve_sandbox
from relay.sandbox.world import SandboxOptions


async def cut(call: Awaitable[Any]) -> bool:
    """Tell whether a call ends without an answer."""
    try:
        await call
    except ClientError:
        return True
    return False


@pytest.mark.parametrize("status", [401, 403, 408, 409, 425, 429, 500, 502, 503, 504])
async def test_any_status_can_be_answered(sandbox: Any, status: int) -> None:
    await sandbox.fault("status", status=status)

    response = await sandbox.patch()

    assert response.status == status
    assert "error" in await response.json()
    assert (await sandbox.listed("writes")) == []


async def test_a_fault_ends_after_its_times(sandbox: Any) -> None:
    await sandbox.fault("status", status=500, times=2)
    statuses = [(await sandbox.get()).status for _ in range(3)]
    assert statuses == [500, 500, 200]
    assert await sandbox.listed("faults") == []


async def test_a_fault_ends_after_its_seconds(sandbox: Any, clock: Any) -> None:
    await sandbox.fault("outage", seconds=30)
    assert (await sandbox.get()).status == 503
    clock.forward(29)
    assert (await sandbox.patch()).status == 503
    clock.forward(1)
    assert (await sandbox.get()).status == 200


async def test_a_fault_lasts_until_it_is_ended(sandbox: Any) -> None:
    await sandbox.fault("outage", status=500)
    assert [(await sandbox.get()).status for _ in range(3)] == [500] * 3
    await sandbox.ask("DELETE", "/faults")
    assert (await sandbox.get()).status == 200


async def test_faults_in_force_are_listed(sandbox: Any) -> None:
    await sandbox.fault("status", status=429, times=3, call="put")
    await sandbox.get()
    expected = {"id": 1, "left": 3, "kind": "status", "status": 429, "times": 3}
    assert await sandbox.listed("faults") == [expected | {"call": "put"}]


@pytest.mark.parametrize(
    "scope", [{"account": "other"}, {"orderId": "other"}, {"call": "put"}]
)
async def test_a_fault_concerns_its_scope_only(
    sandbox: Any, scope: dict[str, str]
) -> None:
    await sandbox.fault("status", status=500, **scope)
    assert (await sandbox.patch()).status == 200


async def test_the_first_matching_fault_applies(sandbox: Any) -> None:
    scope = {"account": "acme", "orderId": sandbox.order, "call": "get"}
    await sandbox.fault("status", status=500, **scope, times=1)
    await sandbox.fault("status", status=502)
    assert [(await sandbox.get()).status for _ in range(2)] == [500, 502]


async def test_retry_after_is_seconds_or_a_date_or_anything(sandbox: Any) -> None:
    limited = {"status": 429, "times": 1}
    await sandbox.fault("status", **limited, retryAfter=7)
    await sandbox.fault("status", **limited, retryAfter=60, retryAfterAsDate=True)
    await sandbox.fault("outage", times=1, retryAfter="soon")

    headers = [(await sandbox.get()).headers["Retry-After"] for _ in range(3)]

    assert headers == ["7", "Sat, 01 Aug 2026 12:01:00 GMT", "soon"]


async def test_a_body_can_be_given_as_json_or_as_text(sandbox: Any) -> None:
    await sandbox.fault("status", status=200, times=1, body={"odd": True})
    await sandbox.fault("status", status=502, times=1, body="<h1>Bad Gateway</h1>")

    assert await (await sandbox.get()).json() == {"odd": True}
    page = await sandbox.get()
    assert page.content_type == "text/plain"
    assert await page.text() == "<h1>Bad Gateway</h1>"


async def test_a_connection_is_cut_before_anything_is_done(sandbox: Any) -> None:
    await sandbox.fault("cut_before", times=1)

    assert await cut(sandbox.patch())

    assert await sandbox.listed("writes") == []
    (call,) = await sandbox.listed("calls")
    assert (call["answered"], call["carriedOut"]) == ("cut", False)
    assert call["fault"] == "cut_before"


async def test_a_connection_is_cut_after_the_call_was_carried_out(sandbox: Any) -> None:
    await sandbox.fault("cut_after", times=1)

    assert await cut(sandbox.patch())

    assert (await sandbox.package())["trackingNumber"] == "TN1"
    (published,) = await sandbox.listed("writes")
    assert (published["answered"], published["carriedOut"]) == ("cut", True)


async def test_the_second_put_of_aiohttp_is_recorded(sandbox: Any, scan: Any) -> None:
    """aiohttp's client repeats a PUT by itself on a connection used before."""
    await sandbox.patch()
    await sandbox.fault("cut_after", times=1, call="put")
    path = f"/vtex/acme/api/oms/pvt/orders/{sandbox.order}/invoice/1/tracking"
    url = sandbox.client.make_url(path)
    body = {"isDelivered": False, "deliveredDate": None, "events": [scan()]}
    async with ClientSession(headers=sandbox.headers) as session:
        assert (await session.get(url)).status == 405
        assert (await session.put(url, json=body)).status == 200
    counts = (await sandbox.ask("GET", "/calls"))["counts"]
    assert counts["put"] == 2


async def test_a_call_is_carried_out_after_its_caller_gave_up(
    sandbox: Any, clock: Any
) -> None:
    await sandbox.fault("late", times=1, delaySeconds=0.5)

    assert await cut(sandbox.patch())
    (published,) = await sandbox.listed("writes")
    assert (published["answered"], published["carriedOut"]) == ("late", False)
    assert (await sandbox.package())["trackingNumber"] is None

    clock.forward(30)
    await sandbox.world.settled()

    assert (await sandbox.package())["trackingNumber"] == "TN1"
    (published,) = await sandbox.listed("writes")
    assert published["carriedOut"] is True
    assert published["at"] == "2026-08-01T12:00:00.0000000+00:00"
    assert published["carriedOutAt"] == "2026-08-01T12:00:30.0000000+00:00"


async def test_a_late_call_can_keep_its_caller_waiting(sandbox: Any) -> None:
    await sandbox.fault("late", times=1, delaySeconds=0.01, hang=True)

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(sandbox.patch())
        while not await sandbox.listed("writes"):
            assert not waiting.done()
        await sandbox.world.settled()
        assert not waiting.done()
        waiting.cancel()
    while not await sandbox.listed("calls", "?answered=late"):
        assert await sandbox.listed("calls", "?answered=None")

    assert (await sandbox.listed("writes"))[0]["carriedOut"] is True


async def test_a_late_read_is_no_write(sandbox: Any) -> None:
    await sandbox.fault("late", times=1)
    assert await cut(sandbox.get())
    await sandbox.world.settled()
    assert await sandbox.listed("writes") == []


async def test_a_slow_call_is_carried_out_at_once(sandbox: Any) -> None:
    await sandbox.fault("slow", times=1, delaySeconds=60)

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(sandbox.patch())
        while not await sandbox.listed("writes"):
            assert not waiting.done()
        assert (await sandbox.package())["trackingNumber"] == "TN1"
        sandbox.world.closing.set()

    assert (await waiting).status == 200


async def test_a_slow_call_is_answered_in_the_end(sandbox: Any) -> None:
    await sandbox.fault("slow", times=1, delaySeconds=0.001)
    assert (await sandbox.patch()).status == 200


async def test_a_refused_call_can_be_carried_out(sandbox: Any) -> None:
    await sandbox.fault("refuse_after", times=1)
    assert (await sandbox.patch()).status == 500
    await sandbox.fault("refuse_after", times=1, status=504)
    assert (await sandbox.patch(trackingNumber="TN2")).status == 504
    assert (await sandbox.package())["trackingNumber"] == "TN2"


async def test_an_accepted_call_can_have_no_effect(sandbox: Any) -> None:
    await sandbox.fault("vanish", times=1)

    response = await sandbox.patch()

    assert response.status == 200
    assert (await response.json())["receipt"]
    assert (await sandbox.package())["trackingNumber"] is None
    (published,) = await sandbox.listed("writes")
    assert (published["answered"], published["carriedOut"]) == (200, False)


async def test_following_a_redirect_is_a_complaint(sandbox: Any) -> None:
    await sandbox.fault("redirect", times=1)
    response = await sandbox.patch()
    assert response.status == 302
    assert await sandbox.listed("writes") == []
    assert await sandbox.rules() == []

    await sandbox.client.session.get(response.headers["Location"])

    assert await sandbox.rules() == ["redirect-followed"]


async def test_a_redirect_can_lead_anywhere(sandbox: Any) -> None:
    await sandbox.fault("redirect", status=307, location="https://elsewhere.example")
    response = await sandbox.get()
    assert response.status == 307
    assert response.headers["Location"] == "https://elsewhere.example"


async def test_an_invalid_call_is_refused_under_a_fault_too(sandbox: Any) -> None:
    await sandbox.fault("late", times=1)
    assert await cut(sandbox.patch(trackingNumber=1))
    await sandbox.world.settled()
    assert await sandbox.listed("writes") == []
    assert await sandbox.rules() == ["body"]


async def test_a_write_before_a_late_one_is_carried_out_is_a_complaint(
    sandbox: Any,
) -> None:
    await sandbox.fault("late", times=1, delaySeconds=60)
    assert await cut(sandbox.patch())
    assert (await sandbox.patch()).status == 200
    assert await sandbox.rules() == ["two-at-once"]


async def test_two_concurrent_writes_are_a_complaint(sandbox: Any) -> None:
    await sandbox.fault("slow", times=1, delaySeconds=60)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sandbox.patch())
        while not await sandbox.listed("writes"):
            pass
        await sandbox.patch()
        sandbox.world.closing.set()
    assert await sandbox.rules() == ["two-at-once"]


async def test_a_write_after_a_late_one_was_carried_out_is_accepted(
    sandbox: Any,
) -> None:
    await sandbox.fault("late", times=1)
    assert await cut(sandbox.patch())
    await sandbox.world.settled()
    assert (await sandbox.patch()).status == 200
    assert await sandbox.rules() == []


async def test_a_reset_drops_what_is_to_be_carried_out_late(sandbox: Any) -> None:
    await sandbox.fault("late", times=1, delaySeconds=60)
    assert await cut(sandbox.patch())

    await sandbox.ask("POST", "/reset")
    await sandbox.world.settled()

    await sandbox.add_order({"invoiceNumber": "1"})
    assert (await sandbox.package())["trackingNumber"] is None
    assert await sandbox.rules() == []


async def test_latency_delays_every_answer(made: Any) -> None:
    sandbox = await made(latency_ms=60_000)
    await sandbox.add_order()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await sandbox.get()
    options = await sandbox.ask("POST", "/options", {"latencyMs": 1})
    expected = {"mode": "merge", "modes": {}, "noInvoice": "now", "latencyMs": 1}
    assert options == expected
    assert (await sandbox.get()).status == 200


async def test_an_outage_applies_to_unroutable_calls_too(sandbox: Any) -> None:
    await sandbox.fault("outage")
    assert (await sandbox.patch("1%2F2")).status == 503


async def test_a_cut_after_the_caller_has_gone_is_recorded(clock: Any) -> None:
    options = SandboxOptions(latency_ms=20, clock=clock, simulators={})
    async with serve_sandbox(options=options) as address, ClientSession() as session:
        fault = {"kind": "cut_before", "times": 1}
        await session.post(f"{address}/sandbox/faults", json=fault)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.get(f"{address}/vtex/acme/api/oms/pvt/orders/1")
        outcomes: dict[str, int] = {}
        while not outcomes:
            async with session.get(f"{address}/sandbox/calls") as response:
                outcomes = (await response.json())["outcomes"]
    assert outcomes == {"cut": 1}


async def test_a_page_can_be_answered_instead_of_vtex(sandbox: Any) -> None:
    await sandbox.fault("page", times=1)
    await sandbox.fault("page", times=1, body="<p>Sign in</p>")

    first, second = await sandbox.patch(), await sandbox.get()

    assert (first.status, first.content_type) == (200, "text/html")
    assert "back soon" in await first.text()
    assert (second.status, await second.text()) == (200, "<p>Sign in</p>")
    assert (await sandbox.package())["trackingNumber"] is None
