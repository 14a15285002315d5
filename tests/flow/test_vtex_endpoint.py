"""A hub that uses only VTEX's API works by the relay, with another URL and pair."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from relay.config.account import hash_token
from tests.support.way_in import everything
from tests.support.world import ACCOUNT, CONTRACT, START, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

ERP = "erp"
ORDER = "1500000000001-01"
INVOICE = "000012345"
NUMBER = "BR123456789"
PAGE = "https://carrier.example/BR123456789"
TOKEN = "a-token-that-the-relay-issued"
KEYS = {"X-VTEX-API-AppKey": "relaykey-acme-0A1B2C3D", "X-VTEX-API-AppToken": TOKEN}
OTHER_KEYS = {
    "X-VTEX-API-AppKey": "relaykey-outlet-0A1B2C3D",
    "X-VTEX-API-AppToken": "another-token",
}
BY_ENDPOINT = {
    "adapter": "vtex_endpoint",
    "verification": "endpoint",
    "accounts": [ACCOUNT],
    "publish_unknown": True,
    "courier_names": ["Transportes ERP"],
}
PAIR = {
    "app_key": KEYS["X-VTEX-API-AppKey"],
    "hash": hash_token(TOKEN),
    "account": ACCOUNT,
    "contract": ERP,
}
TABLES = {"contracts": {ERP: BY_ENDPOINT}, "endpoint": {"hub": PAIR}}
POST = {
    "type": "Output",
    "issuanceDate": "2026-08-01T09:00:00-03:00",
    "invoiceNumber": INVOICE,
    "invoiceValue": "9990",
    "courier": "",
    "trackingNumber": "",
    "trackingUrl": "",
    "items": [],
}
TRACKED = {
    "courier": "Transportes ERP",
    "trackingNumber": NUMBER,
    "trackingUrl": PAGE,
    "dispatchedDate": "2026-08-01T09:00:00-03:00",
}


def event(text: str, at: datetime | str) -> dict[str, str]:
    date = at if isinstance(at, str) else at.isoformat()
    return {"city": "Recife", "state": "PE", "description": text, "date": date}


@dataclass
class Hub:
    """A client of VTEX's API, with the relay's base URL and pair."""

    world: World
    client: TestClient[Any, Any]
    keys: Mapping[str, str]

    async def call(
        self, method: str, path: str, body: Any = None, **sent: Any
    ) -> tuple[int, Any]:
        given = sent or {"json": body}
        address = f"/api/oms/pvt/orders/{path}"
        keys = dict(self.keys)
        async with self.client.request(
            method, address, headers=keys, **given
        ) as answer:
            return answer.status, await answer.json(content_type=None)

    async def done(self, method: str, path: str, body: Any) -> Any:
        status, answer = await self.call(method, path, body)
        assert status == 200, answer
        assert answer["receipt"]
        return answer

    async def invoice(self, **changed: Any) -> Any:
        return await self.done("POST", f"{ORDER}/invoice", POST | changed)

    async def number(self, body: Any, invoice: str = INVOICE) -> Any:
        return await self.done("PATCH", f"{ORDER}/invoice/{invoice}", body)

    async def track(self, body: Any, invoice: str = INVOICE) -> Any:
        return await self.done("PUT", f"{ORDER}/invoice/{invoice}/tracking", body)

    async def refused(self, method: str, path: str, body: Any = None) -> str:
        """Send what is refused; return the sentence."""
        status, answer = await self.call(method, path, body)
        assert status >= 400
        assert answer["error"].keys() == {"code", "message", "exception"}
        return f"{status} {answer['error']['message']}"


@pytest.fixture
async def hub(worlds: Worlds) -> AsyncIterator[Hub]:
    """Give a hub, and VTEX an order that is not invoiced yet."""
    async with worlds(tables=TABLES) as world, serving(world) as client:
        await world.vtex.order(ORDER)
        yield Hub(world, client, KEYS)


def serving(world: World) -> TestClient[Any, Any]:
    """Serve the relay's own application."""
    server = TestServer(world.process.relay.application())
    return TestClient(server)


async def calls(hub: Hub, kind: str) -> list[Any]:
    return [c for c in await hub.world.vtex.calls() if c["kind"] == kind]


# The whole way of a parcel


async def test_a_hub_that_knows_only_vtex_works(hub: Hub) -> None:
    world = hub.world
    await hub.invoice()
    answer = await hub.number(TRACKED)
    assert answer["orderId"] == ORDER
    await world.rest()
    shown = await world.shown(ORDER, INVOICE)
    assert (shown.tracking_number, shown.courier) == (NUMBER, "Transportes ERP")
    await world.wait(hours=5)
    first = event("Objeto coletado", world.now)
    await hub.track({"isDelivered": False, "deliveredDate": None, "events": [first]})
    await world.rest()
    await world.wait(hours=20)
    second = event("Chegou na base de Recife", world.now)
    await hub.track({"isDelivered": False, "events": [first, second]})
    await world.rest()
    await world.wait(hours=5)
    await hub.track({"isDelivered": True, "deliveredDate": world.now.isoformat()})
    await world.rest()
    shown = await world.shown(ORDER, INVOICE)
    assert shown.texts[-3:] == [
        "Objeto coletado",
        "Chegou na base de Recife",
        "Objeto entregue ao destinatário",
    ]
    assert shown.finished
    assert await world.vtex.complaints() == []


async def test_an_invoice_with_tracking_is_a_parcel(hub: Hub) -> None:
    world = hub.world
    await hub.invoice(**TRACKED)
    await world.rest()
    assert await world.patches(ORDER) == []  # VTEX has it by the invoice
    await world.wait(hours=5)
    await hub.track({"isDelivered": False, "events": event("Na base", world.now)})
    await world.rest()
    assert "Na base" in (await world.shown(ORDER, INVOICE)).texts
    assert await world.vtex.complaints() == []


async def test_an_invoice_without_tracking_is_no_parcel(hub: Hub) -> None:
    await hub.invoice()
    await hub.invoice(invoiceNumber="2", type="Input", trackingNumber="R1")
    assert await hub.world.shipment(ORDER, INVOICE) is None
    assert await hub.world.shipment(ORDER, "2") is None


async def test_the_same_invoice_is_sent_again_with_tracking(hub: Hub) -> None:
    await hub.invoice()
    await hub.invoice(**TRACKED)
    assert (await hub.world.fact("tracking_number", ORDER, INVOICE)) == NUMBER
    assert len(await calls(hub, "post")) == 2  # as the hub sent it


async def test_a_courier_chooses_the_contract(worlds: Worlds) -> None:
    carrier = {"courier_names": ["Swift Cargo"]}
    async with (
        worlds(tables=TABLES, contract=carrier) as world,
        serving(world) as client,
    ):
        await world.vtex.order(ORDER, INVOICE)
        hub = Hub(world, client, KEYS)
        await hub.number(TRACKED | {"courier": "swift cargo"})
        await world.rest()
        await world.wait(hours=1)
        await world.scan("picked_up", number=NUMBER)
        await world.rest()
        assert await world.fact("contract", ORDER, INVOICE) == CONTRACT
        assert "picked up" in (await world.shown(ORDER, INVOICE)).texts
        # What the hub itself reports of the parcel counts as well.
        await world.wait(hours=20)
        await hub.track({"isDelivered": True})
        await world.rest()
        assert (await world.shown(ORDER, INVOICE)).finished


async def test_an_event_before_its_number_waits_for_it(hub: Hub) -> None:
    world = hub.world
    await hub.invoice()
    await hub.track({"events": [event("Objeto coletado", START)]})
    await world.rest()
    assert (await world.vtex.counts())["put"] == 0
    await hub.number(TRACKED)
    await world.rest()
    assert "Objeto coletado" in (await world.shown(ORDER, INVOICE)).texts


async def test_a_parcel_from_before_the_relay_keeps_its_number(hub: Hub) -> None:
    world = hub.world
    tracking = {"trackingNumber": NUMBER, "trackingUrl": PAGE, "courier": "Antiga"}
    await world.vtex.order(ORDER, INVOICE, **tracking)
    await world.wait(hours=4)
    await hub.track({"events": event("Na base", world.now)})
    await world.rest()
    assert await world.fact("tracking_number", ORDER, INVOICE) == NUMBER
    assert await world.patches(ORDER) == []
    shown = await world.shown(ORDER, INVOICE)
    assert (shown.courier, shown.texts) == ("Antiga", ["Na base"])
    assert await world.vtex.complaints() == []


async def test_without_an_answer_of_vtex_events_wait_for_the_number(hub: Hub) -> None:
    world = hub.world
    await world.vtex.order(ORDER, INVOICE, trackingNumber=NUMBER, trackingUrl=PAGE)
    await world.vtex.status(500, times=1)
    await hub.track({"events": event("Na base", START)})
    assert await world.fact("tracking_number", ORDER, INVOICE) is None
    await hub.track({"events": event("Na base", START)})
    await world.rest()
    assert "Na base" in (await world.shown(ORDER, INVOICE)).texts


# What is really sent


@pytest.mark.parametrize(
    "body",
    [
        {"trackingNumber": 123456789, "trackingUrl": PAGE, "courier": "X"},
        {"trackingNumber": NUMBER, "trackingUrl": None, "courier": ""},
        {"trackingNumber": NUMBER},
        TRACKED | {"dispatchedDate": "2026-08-01 09:00:00"},
        TRACKED | {"dispatchedDate": "2026-08-01"},
        TRACKED | {"dispatchedDate": "0001-01-01T00:00:00"},
        TRACKED | {"dispatchedDate": "2026-08-01T09:00:00.4617653-03:00"},
        TRACKED | {"trackingUrl": "www.carrier.example/BR123456789"},
        TRACKED | {"isDelivered": False, "unknownField": [1]},
    ],
)
async def test_a_number_is_taken_in_every_form(hub: Hub, body: dict[str, Any]) -> None:
    await hub.invoice()
    await hub.number(body)
    await hub.world.rest()
    shown = await hub.world.shown(ORDER, INVOICE)
    assert shown.tracking_number == str(body["trackingNumber"])
    assert shown.courier == (body.get("courier") or "Transportadora")
    assert await hub.world.vtex.complaints() == []


@pytest.mark.parametrize(
    ("body", "texts", "finished"),
    [
        ({"isDelivered": True}, ["Objeto entregue ao destinatário"], True),
        ({"events": event("Na base", "2026-08-01 10:00:00")}, ["Na base"], False),
        ({"isDelivered": False, "events": [event("Na base", "2026-08-01 10:00")]},
         ["Na base"], False),
        ({"isDelivered": "true", "deliveredDate": "2026-08-01 11:30:00"},
         ["Objeto entregue ao destinatário"], True),
        ({"isDelivered": False,
          "events": [{"date": "2026-08-01T13:00:00Z", "description": "Na base"}]},
         ["Na base"], False),
    ],
)  # fmt: skip
async def test_tracking_is_taken_in_every_form(
    hub: Hub, body: dict[str, Any], texts: list[str], finished: bool
) -> None:
    world = hub.world
    await hub.invoice()
    await hub.number(TRACKED)
    await world.rest()
    await world.wait(hours=4)
    await hub.track(body)
    await world.rest()
    shown = await world.shown(ORDER, INVOICE)
    assert shown.texts[-1:] == texts
    assert shown.finished is finished
    assert await world.vtex.complaints() == []


async def test_a_delivery_that_is_repeated_is_one_event(hub: Hub) -> None:
    world = hub.world
    await hub.invoice()
    await hub.number(TRACKED)
    await world.rest()
    await world.wait(minutes=40)
    for _ in range(3):
        await hub.track({"isDelivered": True})
        await world.clock.move_to(world.now + timedelta(seconds=20))
    await world.rest()
    shown = await world.shown(ORDER, INVOICE)
    assert shown.finished
    assert shown.texts.count("Objeto entregue ao destinatário") == 1
    assert await world.quarantined(ORDER, INVOICE) == {}


async def test_an_empty_update_is_accepted_and_changes_nothing(hub: Hub) -> None:
    world = hub.world
    await hub.track({"isDelivered": False, "deliveredDate": None, "events": []})
    assert await world.shipment(ORDER, INVOICE) is None
    await world.process.work()
    [stored] = await everything(world.database, "documents")
    assert (stored["new_events"], stored["unreadable_reason"]) == (0, None)


async def test_what_was_answered_200_survives_the_process(hub: Hub) -> None:
    world = hub.world
    await hub.invoice()
    await hub.number(TRACKED)
    await hub.track({"events": event("Objeto coletado", START)})
    await world.restart()
    await world.rest()
    assert "Objeto coletado" in (await world.shown(ORDER, INVOICE)).texts


async def test_a_number_of_an_invoice_with_several_volumes_is_not_guessed(
    hub: Hub,
) -> None:
    world = hub.world
    await world.label(ORDER, INVOICE, numbers=["V1", "V2"])
    path = f"{ORDER}/invoice/{INVOICE}"
    await hub.number({"trackingNumber": "V2"})
    sentence = await hub.refused("PATCH", path, {"trackingNumber": "V3"})
    assert sentence.startswith("409 trackingNumber: volume 1 of this invoice has")


async def test_a_second_number_replaces_the_first(hub: Hub) -> None:
    world = hub.world
    await hub.invoice()
    await hub.number(TRACKED)
    await world.rest()
    changed = TRACKED | {"trackingNumber": "BR999", "trackingUrl": PAGE + "9"}
    await hub.number(changed)
    await world.rest()
    await hub.number(changed)
    await hub.number({"trackingNumber": "BR999", "courier": "Outra"})
    await world.rest()
    shown = await world.shown(ORDER, INVOICE)
    assert (shown.tracking_number, shown.courier) == ("BR999", "Outra")
    assert len(await world.patches(ORDER)) == 3
    await world.wait(hours=4)
    await hub.track({"isDelivered": True})
    await world.rest()
    assert (await world.shown(ORDER, INVOICE)).finished


async def test_a_delivery_of_a_parcel_that_came_back_waits_for_an_operator(
    hub: Hub,
) -> None:
    world = hub.world
    await hub.invoice()
    await hub.number(TRACKED)
    await world.wait(hours=4)
    back = event("Devolvido ao remetente", world.now)
    await hub.track({"isDelivered": True, "events": [back]})
    await world.rest()
    assert not (await world.shown(ORDER, INVOICE)).finished
    assert list(await world.quarantined(ORDER, INVOICE)) == ["isDelivered"]


async def test_what_was_accepted_is_stored_as_it_came(hub: Hub) -> None:
    world = hub.world
    await hub.number({"trackingNumber": 12345})
    await hub.track({"isDelivered": True, "extra": "é"})
    stored = await everything(world.database, "documents")
    assert [d["source"] for d in stored] == ["endpoint", "endpoint"]
    assert b'"body": {"trackingNumber": 12345}' in stored[0]["body"]
    assert '"extra": "é"' in stored[1]["body"].decode()
    assert not any(TOKEN in d["headers"] + str(d["body"]) for d in stored)


# VTEX's own answers


async def test_the_answer_of_vtex_comes_back_as_it_is(hub: Hub) -> None:
    refusal = {"error": {"code": "OMS999", "message": "Não pode", "exception": None}}
    await hub.world.vtex.status(400, body=refusal, times=1)
    answer = await hub.call("POST", f"{ORDER}/invoice", POST | TRACKED)
    assert answer == (400, refusal)
    assert await hub.world.shipment(ORDER, INVOICE) is None
    status, answer = await hub.call("POST", "9-01/invoice", POST)
    assert (status, answer["error"]["message"]) == (404, "Order Not Found")


async def test_vtex_gets_the_accounts_own_keys_and_the_same_bytes(hub: Hub) -> None:
    body = b'{"type":"Output", "invoiceNumber": "7" , "note": "\xc3\xa9"}'
    status, _ = await hub.call("POST", f"{ORDER}/invoice", data=body)
    assert status == 400  # fields are missing; the keys were accepted
    [call] = await calls(hub, "post")
    assert call["answered"] == 400


async def test_a_throttled_invoice_says_when_to_repeat_it(hub: Hub) -> None:
    await hub.world.vtex.fault("status", status=429, retryAfter=30, times=1)
    async with hub.client.post(
        f"/api/oms/pvt/orders/{ORDER}/invoice", json=POST, headers=dict(KEYS)
    ) as answer:
        assert answer.status == 429
        assert answer.headers["Retry-After"] == "30"
        assert answer.headers["Via"]


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
async def test_an_invoice_without_an_answer_is_not_repeated(
    hub: Hub, kind: str
) -> None:
    world = hub.world
    await world.vtex.fault(kind, times=1)
    sentence = await hub.refused("POST", f"{ORDER}/invoice", POST | TRACKED)
    assert sentence.startswith("504 VTEX did not answer: the invoice may exist")
    await world.rest(timedelta(hours=1))
    assert len(await calls(hub, "post")) == 1
    if kind == "cut_after":  # it exists, so its parcel is followed
        await world.wait(hours=4)
        await hub.track({"isDelivered": True})
        await world.rest()
        assert (await world.shown(ORDER, INVOICE)).finished
    assert await world.vtex.complaints() == []


async def test_an_invoice_that_cannot_be_sent_was_not(worlds: Worlds) -> None:
    nowhere = {"base_url": "http://127.0.0.1:1"}
    async with worlds(tables=TABLES, **nowhere) as world, serving(world) as client:
        hub = Hub(world, client, KEYS)
        sentence = await hub.refused("POST", f"{ORDER}/invoice", POST | TRACKED)
        assert sentence.startswith("502 VTEX could not be reached, so nothing was sent")
        assert await everything(world.database, "shipments") == []
        await hub.number(TRACKED)  # tracking is accepted meanwhile


async def test_a_redirect_is_not_passed_on(hub: Hub) -> None:
    await hub.world.vtex.fault("redirect", status=302, times=1)
    sentence = await hub.refused("POST", f"{ORDER}/invoice", POST)
    assert sentence.startswith("502 VTEX's address redirects")
    assert await hub.world.vtex.complaints() == []


async def test_a_page_with_status_200_proves_no_tracking_number(hub: Hub) -> None:
    world = hub.world
    await world.vtex.fault("page", status=200, times=1)
    async with hub.client.post(
        f"/api/oms/pvt/orders/{ORDER}/invoice",
        json=POST | TRACKED,
        headers=dict(KEYS),
    ) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/html"
    assert await world.fact("tracking_sent_as", ORDER, INVOICE) is None


# Who may call, and what


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({}, "is missing"),
        ({"X-VTEX-API-AppKey": KEYS["X-VTEX-API-AppKey"]}, "is missing"),
        (KEYS | {"X-VTEX-API-AppToken": "wrong"}, "unknown to this relay"),
        (KEYS | {"X-VTEX-API-AppToken": PAIR["hash"]}, "unknown to this relay"),
        (OTHER_KEYS, "unknown to this relay"),
        ({"X-VTEX-API-AppKey": "sandbox-key", "X-VTEX-API-AppToken": "sandbox-token"},
         "unknown to this relay"),
        ({"VtexIdclientAutCookie": "eyJhbGciOi"}, "is missing"),
    ],
)  # fmt: skip
async def test_a_wrong_pair_is_refused(
    hub: Hub, keys: dict[str, str], why: str
) -> None:
    stranger = Hub(hub.world, hub.client, keys)
    for method, path in (
        ("POST", f"{ORDER}/invoice"),
        ("PATCH", f"{ORDER}/invoice/{INVOICE}"),
        ("PUT", f"{ORDER}/invoice/{INVOICE}/tracking"),
    ):
        sentence = await stranger.refused(method, path, POST | TRACKED)
        assert sentence.startswith("401 Unauthorized access: ")
        assert why in sentence
    assert await hub.world.vtex.calls() == []
    assert await everything(hub.world.database, "documents") == []


async def test_a_pair_is_for_one_account(worlds: Worlds) -> None:
    other = PAIR | {
        "app_key": OTHER_KEYS["X-VTEX-API-AppKey"],
        "hash": hash_token("another-token"),
        "account": "outlet",
    }
    tables = {
        "contracts": {ERP: BY_ENDPOINT | {"accounts": [ACCOUNT, "outlet"]}},
        "endpoint": {"hub": PAIR, "outlet": other},
    }
    async with (
        worlds(tables=tables, other_account="outlet") as world,
        serving(world) as client,
    ):
        await world.vtex.order(ORDER)
        here, there = (Hub(world, client, k) for k in (KEYS, OTHER_KEYS))
        await here.number(TRACKED)
        await there.number({"trackingNumber": "OUT1"})
        await there.track({"isDelivered": True})
        rows = await everything(world.database, "shipments")
        assert [(r["account"], r["tracking_number"]) for r in rows] == [
            (ACCOUNT, NUMBER),
            ("outlet", "OUT1"),
        ]
        await world.process.work()
        events = await everything(world.database, "event_parcels")
        assert {e["shipment"] for e in events} == {rows[1]["shipment"]}


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("POST", f"{ORDER}/invoice", [], "400 the body must be a JSON object"),
        ("PATCH", f"{ORDER}/invoice/1", None, "400 the body must be a JSON object"),
        ("PATCH", f"{ORDER}/invoice/1", {}, "400 the body has no value to store"),
        ("PATCH", f"{ORDER}/invoice/1", {"courier": ""}, "400 the body has no value"),
        ("PATCH", f"{ORDER}/invoice/1", {"trackingNumber": ["A"]},
         "400 trackingNumber: must be a string"),
        ("PATCH", f"{ORDER}/invoice/1", {"trackingNumber": "A 1"},
         "400 trackingNumber: contains a space"),
        ("PATCH", f"{ORDER}/invoice/1", {"trackingNumber": "A1;A2"},
         "400 trackingNumber: contains several values"),
        ("PATCH", f"{ORDER}/invoice/1", TRACKED | {"dispatchedDate": "01/08/2026"},
         "400 dispatchedDate: not an ISO 8601 date"),
        ("PATCH", f"{ORDER}/invoice/1%2F2", TRACKED,
         "400 invoiceNumber: contains a slash"),
        ("PATCH", "%20/invoice/1", TRACKED, "400 orderId: "),
        ("PUT", f"{ORDER}/invoice/1/tracking", {"deliveredDate": "2026-08-01"},
         "400 the body has no event and no delivery"),
        ("PUT", f"{ORDER}/invoice/1/tracking", {"isDelivered": "perhaps"},
         "400 isDelivered: "),
        ("PUT", f"{ORDER}/invoice/1/tracking", {"events": ["x"]}, "400 events[0]: "),
        ("PUT", f"{ORDER}/invoice/1/tracking", {"events": [{"date": "2026-08-01"}]},
         "400 events[0]: description: required"),
        ("PUT", f"{ORDER}/invoice/1/tracking",
         {"events": [event("A", "2026-08-01"), event("B", "yesterday")]},
         "400 events[1]: date: not a date"),
        ("PUT", f"{ORDER}/invoice/1/tracking",
         {"isDelivered": True, "deliveredDate": "soon"},
         "400 deliveredDate: not a date"),
        ("POST", f"{ORDER}/invoice/1", TRACKED, "405 POST on this route"),
        ("POST", f"{ORDER}/invoice/1/tracking", {"isDelivered": True},
         "405 POST on this route"),
        ("GET", ORDER, None, f"404 GET /api/oms/pvt/orders/{ORDER}: not a route"),
        ("POST", f"{ORDER}/start-handling", None, "404 POST "),
        ("DELETE", f"{ORDER}/invoice/1", None, "404 DELETE "),
        ("GET", f"{ORDER}/invoice", None, "404 GET "),
    ],
)  # fmt: skip
async def test_bad_input_gets_one_sentence_and_leaves_nothing(
    hub: Hub, method: str, path: str, body: Any, sentence: str
) -> None:
    assert (await hub.refused(method, path, body)).startswith(sentence)
    assert await hub.world.vtex.calls() == []
    assert await everything(hub.world.database, "documents") == []
    assert await everything(hub.world.database, "shipments") == []


async def test_a_base_url_with_a_slash_at_its_end_is_explained(hub: Hub) -> None:
    url = f"http://{hub.client.host}:{hub.client.port}//api/catalog/pvt/product/1"
    async with hub.world.session.get(url) as answer:
        assert answer.status == 404
        text = (await answer.json())["error"]["message"]
        assert text.startswith("the path begins with two slashes")
