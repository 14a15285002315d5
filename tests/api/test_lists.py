"""Lists of shipments: filters, pages, and what other accounts do not show."""

from collections.abc import Callable
from typing import Any

import pytest

from relay.clock import micros
from relay.config.settings import Settings
from relay.domain.fiscal import check_digit
from tests.api.apis import Api
from tests.api.conftest import Serving
from tests.conftest import ACCOUNT
from tests.support.clock import START
from tests.support.way_in import DAY, WayIn

ROOT = "/v1/shipments"
HEAD = "3526031122233300018155001000000001100000001"
KEY = HEAD + check_digit(HEAD)


async def orders(api: Api, query: str = "") -> list[str]:
    """Return the order ids of all pages."""
    found: list[str] = []
    cursor = ""
    while True:
        status, body = await api.call("GET", f"{ROOT}?{query}{cursor}")
        assert status == 200, body
        found += [s["orderId"] for s in body["shipments"]]
        if body["next"] is None:
            return found
        cursor = f"&cursor={body['next']}"


async def register(api: Api, order: str, **more: Any) -> str:
    more = {"invoiceNumber": "1", "trackingNumber": f"BR{order}"} | more
    body = await api.register(orderId=order, **more)
    return str(body["id"])


async def settle(way_in: WayIn, shipment: int, **more: Any) -> None:
    """Give a shipment back as the publisher does; at rest unless said otherwise."""
    fields = ("due_at", "not_before", "failing_since", "waiting_reason")
    columns = dict.fromkeys((*fields, "stuck_reason", "closed_reason"))
    columns |= {"shipment": shipment, "version": 1, "now": 1, "lane": 1}
    async with way_in.database.writing() as tx:
        await tx.run("settle", **columns | {"attempts": 0, "in_doubt": 0} | more)


async def test_the_newest_shipment_is_first(api: Api) -> None:
    for order in ("1", "2", "3"):
        await register(api, order)

    assert await orders(api) == ["3", "2", "1"]


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
async def test_pages_follow_one_another(api: Api, limit: int) -> None:
    for order in ("1", "2", "3"):
        await register(api, order)

    assert await orders(api, f"limit={limit}") == ["3", "2", "1"]


async def test_what_comes_while_pages_are_turned_moves_nothing(api: Api) -> None:
    for order in ("1", "2", "3"):
        await register(api, order)
    _, first = await api.call("GET", f"{ROOT}?limit=2")

    await register(api, "4")

    _, second = await api.call("GET", f"{ROOT}?limit=2&cursor={first['next']}")
    assert [s["orderId"] for s in second["shipments"]] == ["1"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("orderId=2", ["2"]),
        ("invoiceNumber=1", ["3", "1"]),
        ("invoiceNumber=1&orderId=3", ["3"]),
        (f"invoiceKey={KEY[:22]}%20{KEY[22:]}", ["3"]),
        (f"invoiceKey={KEY}&orderId=1", []),
        ("trackingNumber=br1", ["1"]),
        ("trackingNumber=BR1&orderId=2", []),
        ("trackingNumber=BR1&invoiceKey=X", []),
        ("trackingNumber=BR7", []),
        ("account=store", ["3", "2", "1"]),
        ("contract=acme", ["3", "2", "1"]),
        ("state=due", ["3", "2", "1"]),
        ("state=stuck&trackingNumber=BR1", []),
    ],
)
async def test_a_filter_shows_what_fits(api: Api, query: str, found: list[str]) -> None:
    await register(api, "1")
    await register(api, "2", invoiceNumber="2")
    await register(api, "3", invoiceKey=KEY)

    assert await orders(api, query) == found


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("awaiting_number", ["number"]),
        ("due", ["due", "leased"]),
        ("waiting", ["waiting"]),
        ("in_doubt", ["doubt"]),
        ("stuck", ["stuck"]),
        ("up_to_date", ["rest"]),
        ("delivered", ["delivered"]),
        ("closed", ["closed"]),
        ("cancelled", ["cancelled"]),
    ],
)
async def test_every_state_can_be_listed(
    api: Api, way_in: WayIn, state: str, found: list[str]
) -> None:
    await every_state(api, way_in)

    _, body = await api.call("GET", f"{ROOT}?state={state}")

    assert [s["orderId"] for s in body["shipments"]] == found
    assert {s["state"] for s in body["shipments"]} == {state}
    assert body["next"] is None


async def every_state(api: Api, way_in: WayIn) -> None:
    """Register one shipment for each state; one more is due, and being told."""
    later = micros(START + DAY)
    await register(api, "leased")
    async with way_in.database.writing() as tx:
        claimed = {"account": "store", "lane": 0, "now": later, "limit": 9}
        await tx.rows("claim_shipments", **claimed, lease="L", lease_until=later)
    names = ("due", "waiting", "doubt", "stuck", "rest", "delivered", "closed")
    for name in names:
        await register(api, name)
    await settle(way_in, 3, due_at=later, not_before=later, waiting_reason="500")
    await settle(way_in, 4, due_at=1, not_before=later, in_doubt=1)
    await settle(way_in, 5, stuck_reason="400")
    await settle(way_in, 6)
    async with way_in.database.writing() as tx:
        write = {"pending": '{"kind": "announce", "body": "{}"}', "is_delivered": 0}
        await tx.run("store_write", shipment=4, **write, now=1)
        published = {"is_delivered": 1, "read_back": 0}
        await tx.run("accept_publishing", shipment=7, **published, now=1)
    await settle(way_in, 7, closed_reason="delivered")
    await settle(way_in, 8, closed_reason="returned")
    cancelled = await register(api, "cancelled")
    await api.call("POST", f"{ROOT}/{cancelled}/cancel")
    await register(api, "number", trackingNumber=None)


async def test_a_closed_shipment_says_why(api: Api, way_in: WayIn) -> None:
    await register(api, "1")
    await settle(way_in, 1, closed_reason="returned")

    _, body = await api.call("GET", f"{ROOT}?state=closed")

    assert body["shipments"][0]["closedReason"] == "returned"


async def test_what_is_due_waits_with_its_account(api: Api, way_in: WayIn) -> None:
    await register(api, "1")
    async with way_in.database.writing() as tx:
        state = dict((await tx.rows("list_accounts"))[0])
        await tx.run("save_account", **state | {"paused_reason": "ten times 400"})

    _, body = await api.call("GET", f"{ROOT}?state=waiting")

    assert [s["why"] for s in body["shipments"]] == ["ten times 400"]


async def test_shipments_of_several_accounts_are_in_one_order(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    stores = {"accounts": {"store": ACCOUNT, "outlet": ACCOUNT}}
    contract = {"account": "store", "accounts": ["store", "outlet"]}
    api = await serving(settings({"acme": contract}, **stores))
    for order, account in (("1", "store"), ("2", "outlet"), ("3", "store")):
        await register(api, order, account=account)

    assert await orders(api, "limit=1") == ["3", "2", "1"]
    assert await orders(api, "account=store") == ["3", "1"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("state=odd", "state"),
        ("order=1", "order"),
        ("cursor=odd", "cursor"),
        ("cursor=%20", "cursor"),
        ("cursor=aaaaa", "cursor"),
        ("cursor=é", "cursor"),
        ("cursor=YWZ0ZXIgNw", "cursor"),
    ],
)
async def test_an_odd_query_is_refused_with_its_field(
    api: Api, query: str, field: str
) -> None:
    status, body = await api.call("GET", f"{ROOT}?{query}")

    assert (status, body["field"]) == (422, field)
    assert body["hint"]


async def test_without_shipments_there_is_an_empty_page(api: Api) -> None:
    empty = {"shipments": [], "next": None, "resume": None}
    assert await api.call("GET", ROOT) == (200, empty)
