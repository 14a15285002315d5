"""The VTEX-compatible endpoint when VTEX's answer, the body or the database fails."""

import gzip
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pytest_aiohttp.plugin import AiohttpClient
from structlog.testing import capture_logs

from relay.adapters.loader import load_carrier
from relay.api import endpoint
from relay.api.content import SERVER
from relay.api.keys import PROCESS, RECEPTION, SERVICES
from relay.api.problems import problems
from relay.api.process import Process
from relay.clock import utcnow
from relay.config.account import AccountSettings, hash_token
from relay.config.settings import Settings
from relay.errors import RelayError
from relay.inbound.reception import Reception
from relay.runtime.vtex_calls import InvoiceForwarder
from relay.service.access import Caller
from relay.service.context import ForwardedAnswer, ServiceContext
from relay.service.services import Services
from relay.store.database import Database
from relay.store.event_rows import Pace
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms
from relay.vtex.client import VtexClient
from relay.vtex.http import vtex_session
from tests.support.clock import Clock
from tests.support.way_in import everything

Client = TestClient[web.Request, web.Application]
Start = Callable[["Vtex"], Awaitable[Client]]

KEYS = {
    "X-VTEX-API-AppKey": "relaykey-store-0A1B2C3D",
    "X-VTEX-API-AppToken": "the-token-of-the-erp",
}
RECEIPT = b'{"date":"2026-08-01","orderId":"1-01","receipt":"r-1"}'
INVOICE = {"type": "Output", "invoiceNumber": 12345, "trackingNumber": "BR1"}
POST = "/api/oms/pvt/orders/1-01/invoice"
PATCH = POST + "/12345"
PUT = PATCH + "/tracking"


@dataclass
class Vtex:
    """Answers each invoice in the same way; `got` are those that arrived."""

    answer: ForwardedAnswer | Exception
    got: list[tuple[str, str, bytes]] = field(default_factory=list)

    async def __call__(
        self, account: AccountSettings, order_id: str, body: bytes
    ) -> ForwardedAnswer:
        self.got.append((account.name, order_id, body))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def start(
    database: Database,
    clock: Clock,
    settings: Callable[..., Settings],
    aiohttp_client: AiohttpClient,
) -> Start:
    """Serve the endpoint of one account before a given VTEX."""
    pair = {
        "app_key": KEYS["X-VTEX-API-AppKey"],
        "hash": hash_token(KEYS["X-VTEX-API-AppToken"]),
        "account": "store",
        "contract": "erp",
    }
    erp = {"adapter": "vtex_endpoint", "verification": "endpoint"}
    made = settings({"erp": erp}, endpoint={"hub": pair})

    async def serve(vtex: Vtex) -> Client:
        context = ServiceContext(
            settings=made,
            carriers={
                n: load_carrier(c.adapter, c.for_adapter())
                for n, c in made.contracts.items()
            },
            database=database,
            terms=ReaderTerms(Pace(), {}),
            clock=clock,
            forward=vtex,
        )
        app = web.Application(middlewares=[problems], client_max_size=10_000)
        app[SERVICES] = Services.build(context)
        app[RECEPTION] = Reception(made.intake, lambda _: None)
        app[PROCESS] = Process()
        app.add_routes(endpoint.routes())
        server = TestServer(app)
        await server.start_server(**SERVER)
        return await aiohttp_client(server)

    return serve


async def call(
    client: Client, method: str, path: str, body: Any, **headers: str
) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client.request(
        method, path, data=data, headers=KEYS | headers
    ) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_numbers_in_an_invoice_become_those_of_the_label(
    start: Start, database: Database
) -> None:
    vtex = Vtex(ForwardedAnswer(200, RECEIPT, "application/json; charset=utf-8"))
    status, answer = await call(await start(vtex), "POST", POST, INVOICE)
    assert (status, answer["receipt"]) == (200, "r-1")
    assert vtex.got == [("store", "1-01", json.dumps(INVOICE).encode())]
    [shipment] = await everything(database, "shipments")
    assert (shipment["invoice_number"], shipment["contract"]) == ("12345", "erp")
    assert shipment["tracking_sent_as"] is not None


async def test_an_answer_that_breaks_off_is_not_passed_on(
    start: Start, database: Database
) -> None:
    vtex = Vtex(ForwardedAnswer(200, b'{"date"', "application/json", complete=False))
    status, answer = await call(await start(vtex), "POST", POST, INVOICE)
    assert status == 502
    assert answer["error"]["message"].startswith("VTEX answered 200, but its answer ")
    assert len(vtex.got) == 1
    [shipment] = await everything(database, "shipments")
    assert shipment["tracking_sent_as"] is None  # the relay reads the order first


@pytest.mark.parametrize(
    "tracking",
    [
        {"trackingNumber": "A 1"},
        {"trackingNumber": ["A"]},
        {"trackingNumber": "BR1", "invoiceNumber": None},
        {"trackingNumber": "BR1", "dispatchedDate": "soon"},
    ],
)
async def test_a_parcel_that_cannot_be_registered_never_stops_an_invoice(
    start: Start, database: Database, tracking: dict[str, Any]
) -> None:
    client = await start(Vtex(ForwardedAnswer(200, RECEIPT, "application/json")))
    with capture_logs() as lines:
        status, _ = await call(client, "POST", POST, INVOICE | tracking)
    assert status == 200
    [line] = [one for one in lines if one["log_level"] == "error"]
    assert line["event"].startswith("the parcel of an invoice was not registered")
    assert (line["account"], line["order"]) == ("store", "1-01")
    assert await everything(database, "shipments") == []


async def test_no_failure_here_makes_an_erp_repeat_an_invoice(
    start: Start, database: Database
) -> None:
    client = await start(Vtex(ForwardedAnswer(200, RECEIPT, "application/json")))
    await database.close()
    with capture_logs() as lines:
        status, answer = await call(client, "POST", POST, INVOICE)
    assert (status, answer["receipt"]) == (200, "r-1")
    [line] = [one for one in lines if one["log_level"] == "error"]
    assert line["event"].startswith("the parcel of an invoice was not registered")


@pytest.fixture
async def broken(database: Database) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Make the database refuse every write, as each kind does."""
    others: list[sqlite3.Connection] = []

    async def break_it() -> None:
        if not isinstance(database, SqliteDatabase):
            await database.close()
            return
        await database.pragma("busy_timeout = 10")
        others.append(sqlite3.connect(database.path, isolation_level=None))
        others[0].execute("BEGIN IMMEDIATE")

    yield break_it
    for other in others:
        other.close()


async def test_without_a_database_an_invoice_passes_and_tracking_is_repeated(
    start: Start, broken: Callable[[], Awaitable[None]]
) -> None:
    client = await start(Vtex(ForwardedAnswer(200, RECEIPT, "application/json")))
    await broken()
    status, _ = await call(client, "POST", POST, {"type": "Output"})
    assert status == 200
    for method, path, body in (
        ("PATCH", PATCH, {"trackingNumber": "BR1"}),
        ("PUT", PUT, {"isDelivered": True}),
    ):
        async with client.request(method, path, json=body, headers=KEYS) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "5"
            message = (await answer.json())["error"]["message"]
            assert "nothing was saved; send it again" in message


@pytest.mark.parametrize(
    ("body", "headers", "status", "start_of"),
    [
        (b"{" + b" " * 10_000 + b"}", {}, 413, "the body is too large"),
        (b'{"isDelivered": tru', {}, 400, "the body must be a JSON object"),
        (b"\xff\xfe\x00\xd8", {}, 400, "the body "),
        (b"[" * 5000, {}, 400, "the body must be a JSON object"),
        (b"not gzip", {"Content-Encoding": "gzip"}, 400, "the body is not valid gzip"),
        (b"{}", {"Content-Encoding": "br"}, 415, "Content-Encoding: unknown"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    start: Start, body: bytes, headers: dict[str, str], status: int, start_of: str
) -> None:
    vtex = Vtex(ForwardedAnswer(200, RECEIPT))
    client = await start(vtex)
    for method, path in (("POST", POST), ("PATCH", PATCH), ("PUT", PUT)):
        got, answer = await call(client, method, path, body, **headers)
        assert (method, got) == (method, status)
        assert answer["error"]["message"].startswith(start_of)
    assert vtex.got == []


async def test_a_body_may_be_compressed_or_of_another_content_type(
    start: Start,
) -> None:
    vtex = Vtex(ForwardedAnswer(200, RECEIPT, "application/json"))
    client = await start(vtex)
    plain = json.dumps({"type": "Output", "note": "é"}, ensure_ascii=False).encode()
    packed = gzip.compress(plain)
    await call(client, "POST", POST, packed, **{"Content-Encoding": "gzip"})
    await call(client, "POST", POST, plain, **{"Content-Type": "text/plain"})
    assert [body for _, _, body in vtex.got] == [plain, plain]


async def test_an_order_that_the_operator_cancelled_takes_no_tracking(
    start: Start, database: Database
) -> None:
    client = await start(Vtex(ForwardedAnswer(200, RECEIPT)))
    await call(client, "PATCH", PATCH, {"trackingNumber": "BR1"})
    [shipment] = await everything(database, "shipments")
    services = client.app[SERVICES]
    await services.shipment_actions.cancel(Caller("operator"), shipment["id"])
    status, answer = await call(client, "PUT", PUT, {"isDelivered": True})
    assert (status, answer["error"]["code"]) == (409, "cancelled")
    status, _ = await call(client, "PATCH", PATCH, {"trackingNumber": "BR2"})
    assert status == 200  # a new label
    status, _ = await call(client, "PUT", PUT, {"isDelivered": True})
    assert status == 200


async def test_calls_are_counted_by_account_method_and_status(start: Start) -> None:
    client = await start(Vtex(ForwardedAnswer(404, b"{}", "application/json")))
    await call(client, "POST", POST, INVOICE)
    await call(client, "PUT", PUT, {})
    await call(client, "PUT", PUT, {}, **{"X-VTEX-API-AppToken": "wrong"})
    text = client.app[PROCESS].metrics.text().decode()
    counted = [x for x in text.splitlines() if x.startswith("relay_endpoint_calls_tot")]
    assert sorted(counted) == [
        'relay_endpoint_calls_total{account="",method="PUT",status="401"} 1.0',
        'relay_endpoint_calls_total{account="store",method="POST",status="404"} 1.0',
        'relay_endpoint_calls_total{account="store",method="PUT",status="400"} 1.0',
    ]


async def test_the_callers_keys_are_logged_nowhere(start: Start) -> None:
    client = await start(Vtex(ForwardedAnswer(200, RECEIPT)))
    with capture_logs() as lines:
        await call(client, "POST", POST, INVOICE)
        await call(client, "PUT", PUT, {})
        wrong = {"X-VTEX-API-AppToken": "a-wrong-token-of-the-erp"}
        await call(client, "PUT", PUT, {}, **wrong)
    assert [line["event"] for line in lines].count("refused") == 2
    assert "token-of-the-erp" not in repr(lines)


async def test_a_token_that_vtex_echoes_is_masked(
    aiohttp_server: Callable[..., Awaitable[Any]],
) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=request.headers["X-VTEX-API-AppToken"], status=400)

    app = web.Application()
    app.router.add_post("/api/oms/pvt/orders/{order}/invoice", echo)
    server = await aiohttp_server(app)
    account = AccountSettings.model_validate(
        {
            "name": "store",
            "app_key": "key-of-the-store",
            "app_token": "token-of-the-store",
            "base_url": str(server.make_url("/")).rstrip("/"),
        }
    )
    async with vtex_session() as session:
        forward = InvoiceForwarder(VtexClient(session), utcnow)
        answer = await forward(account, "1-01", b"{}")
        assert (answer.status, answer.body) == (400, b"***")
        nowhere = account.model_copy(update={"base_url": "http://127.0.0.1:1"})
        with pytest.raises(RelayError, match="cannot connect"):
            await forward(nowhere, "1-01", b"{}")
