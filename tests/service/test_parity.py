"""The command line prints what the API answers, and refuses what the API refuses."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from relay.adapters.protocol import Document
from relay.api.application import mount_api
from relay.api.keys import RECEPTION
from relay.api.problems import problems
from relay.cli import app
from relay.config.load import load
from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.domain.invoices import InvoiceNotification, InvoiceType
from relay.domain.labels import Label, LabelParcel
from relay.errors import InvalidLabel, RegistrationError
from relay.inbound.reception import Reception
from relay.registration.contract_terms import reading_terms
from relay.runtime.wiring import carriers, event_pace
from relay.service.context import ServiceContext
from relay.service.services import Services
from relay.store.code_mappings import CodeMappings, MappingChange
from relay.store.documents import Documents
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.invoices import InvoiceOrder, Invoices
from relay.store.refused import RefusalTally, RefusedWebhook, RefusedWebhooks
from relay.store.rejected import (
    RejectedBounds,
    RejectedRequest,
    RejectedRequests,
    RejectedTally,
)
from relay.store.shipments import Shipments
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms
from relay.store.worklist_queries import WorkList
from tests.store.making import execute
from tests.support.alerts import condition, judged
from tests.support.clock import START

INVOICE = InvoiceNotification(
    "store", "O-1", "1", InvoiceType.OUTPUT, 1000, START.isoformat()
)
SHIPMENT = "the shipment's id"
"""Stands for the id of the first shipment in a command or a path."""


class Both:
    """The API and the command line over one database file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "relay.db"
        self.environ = {
            "RELAY_DATABASE": f"sqlite:///{self.file}",
            "RELAY_LISTEN": "127.0.0.1:0",
            "RELAY_ACCOUNTS__STORE__APP_KEY": "key-of-the-store",
            "RELAY_ACCOUNTS__STORE__APP_TOKEN": "token-of-the-store",
            "RELAY_CONTRACTS__SWIFT__ADAPTER": "loggi",
            "RELAY_CONTRACTS__SWIFT__SECRET": "user:password",
        }
        self.shipment = ""

    def cli(self, *arguments: str) -> Any:
        words = [word.replace(SHIPMENT, self.shipment) for word in arguments]
        return CliRunner().invoke(app, words, env=self.environ)

    def printed(self, *arguments: str) -> Any:
        ran = self.cli(*arguments, "--json")
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    def api(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async def call() -> tuple[int, Any]:
            database = SqliteDatabase(self.file)
            await database.open()
            try:
                async with TestClient(TestServer(self._app(database))) as client:
                    address = path.replace(SHIPMENT, self.shipment)
                    answer = await client.request(method, address, json=body)
                    return answer.status, await answer.json(content_type=None)
            finally:
                await database.close()

        return asyncio.run(call())

    def _app(self, database: SqliteDatabase) -> web.Application:
        settings = load(None, self.environ)
        adapters = carriers(settings)
        terms = reading_terms(settings.contracts, adapters, event_pace(settings))
        context = ServiceContext(
            settings=settings, carriers=adapters, database=database, terms=terms
        )
        app = web.Application(middlewares=[problems])
        app[RECEPTION] = Reception(settings.intake, lambda _: None)
        mount_api(app, Services.build(context))
        return app


async def fill(both: Both) -> None:
    """Store something for every list: labels, events, documents, a rejected request."""
    database = SqliteDatabase(both.file)
    await database.open()
    labels, documents = Shipments(database), Documents(database)
    for order, number in (("O-1", "TN1"), ("O-2", None), ("O-3", "TN3")):
        label = Label(
            account="store",
            contract="swift",
            order_id=order,
            invoice_number="1",
            parcels=(LabelParcel(tracking_number=number),),
            send_tracking=number,
        )
        registered = await labels.register(label, START)
        both.shipment = both.shipment or registered.id
    await Invoices(database, labels).register(
        InvoiceOrder(INVOICE, (), None, "erp"), START
    )
    said = MappingChange("swift", "T9", "ana", "their support said so", START)
    await CodeMappings(database).add(said, {"milestone": "held"})
    bodies = (b'{"n": 1}', b"\xff", b"{}")
    await documents.keep(
        [Document(b, START, contract="swift", source="webhook") for b in bodies]
    )
    seen = [
        (_event("TN1", Milestone.PICKED_UP), _event("TN9", Milestone.UNKNOWN)),
        (),
        (),
    ]
    async with documents.slice(10, 10_000) as piece:
        readings = [
            ParsedDocument(d.number, "swift", START, events)
            for d, events in zip(piece.documents, seen, strict=True)
        ]
        readings[1] = ParsedDocument(2, "swift", START, unreadable="not JSON")
        await piece.store_events(readings, START, ReaderTerms(Pace(), {}))
    row = RejectedRequest("swift", START, {}, b"{}", b"", "wrong secret")
    bounds = RejectedBounds(10_000, START)
    tally = RejectedTally(START, START, rejected=1)
    await RejectedRequests(database).put([row], bounds, {"swift": tally})
    refusal = RefusedWebhook(
        "swift", "/webhooks/swift", "GET", 405, "not accepted", "send POST"
    )
    await RefusedWebhooks(database).put([(refusal, RefusalTally(START, START, 2))])
    stuck = "stuck_reason = 'Bad date', stuck_at = 0"
    late = "promised_on = '2026-01-01', last_event_at = 0"
    await execute(database, f"UPDATE shipments SET {stuck}, {late} WHERE shipment = 1")  # noqa: S608
    async with database.writing() as tx:
        await tx.run("quarantine_event", shipment=1, event=1, reason="too soon")
        await tx.run("record_contradiction", shipment=1, reason="returned", now=1)
    await judged(database, START, condition())
    await database.close()


def _event(number: str, milestone: Milestone) -> TrackingEvent:
    return TrackingEvent(
        references=(Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number),),
        milestone=milestone,
        occurred_at=START,
        carrier_code="PU",
        description="Posted",
    )


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    monkeypatch.chdir(tmp_path)
    made = Both(tmp_path)
    asyncio.run(fill(made))
    return made


READS: Sequence[tuple[list[str], str]] = [
    (["shipments", "list"], "/v1/shipments"),
    (["shipments", "list", "--state", "stuck"], "/v1/shipments?state=stuck"),
    (["shipments", "list", "--contract", "swift"], "/v1/shipments?contract=swift"),
    (["shipments", "list", "--order", "O-2"], "/v1/shipments?orderId=O-2"),
    (["shipments", "list", "--limit", "1"], "/v1/shipments?limit=1"),
    (
        ["shipments", "list", "--updated-since", "2020-01-01T00:00:00"],
        "/v1/shipments?updatedSince=2020-01-01T00:00:00Z",
    ),
    (["shipments", "show", SHIPMENT], f"/v1/shipments/{SHIPMENT}"),
    (["invoices", "list"], "/v1/invoices"),
    (["invoices", "list", "--state", "due"], "/v1/invoices?state=due"),
    (["documents", "list"], "/v1/documents"),
    (["documents", "list", "--unreadable"], "/v1/documents?unreadable=true"),
    (["documents", "list", "--account", "store"], "/v1/documents?account=store"),
    (["documents", "show", "1"], "/v1/documents/1"),
    (["documents", "show", "2"], "/v1/documents/2"),
    (["rejected", "show", "1"], "/v1/rejected/1"),
    (["accounts", "list"], "/v1/accounts"),
    (["lists", "unknown-to-vtex", "--count"], "/v1/lists/unknown-to-vtex/counts"),
    (["contracts", "list"], "/v1/contracts"),
    (["alerts", "list"], "/v1/alerts"),
    (["carriers", "stats", "swift"], "/v1/contracts/swift/statistics"),
    (["codes", "list"], "/v1/codes"),
    (["codes", "export"], "/v1/codes/export"),
    *((["lists", name], f"/v1/lists/{name}?limit=200") for name in WorkList),
]


@pytest.mark.parametrize(("command", "path"), READS, ids=str)
def test_the_command_line_prints_what_the_api_answers(
    both: Both, command: list[str], path: str
) -> None:
    status, answer = both.api("GET", path)
    assert status == 200, answer
    assert both.printed(*command) == answer
    assert any(answer.values()) or command == ["lists", "waiting"]


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (["accounts", "open", "store"], "/v1/accounts/store/open"),
        (["events", "release", "1"], "/v1/events/1/release"),
        (["events", "drop", "1"], "/v1/events/1/drop"),
    ],
    ids=str,
)
def test_a_change_is_answered_alike(both: Both, command: list[str], path: str) -> None:
    _, answer = both.api("POST", path)
    assert both.printed(*command) == answer


def test_the_status_of_vtex_and_carriers_is_the_same(both: Both) -> None:
    status, answer = both.api("GET", "/v1/status")
    ran = both.cli("status", "--json")
    assert (status, ran.exit_code) == (200, 1), ran.output  # no relay is running
    printed = json.loads(ran.stdout)
    assert printed["lines"][1:] == answer["lines"][1:]
    parts = [(one["part"], one["name"]) for one in answer["lines"]]
    assert parts == [("relay", "relay"), ("vtex", "store"), ("carrier", "swift")]


LISTS: Sequence[tuple[list[str], str]] = [
    (["shipments", "list"], "/v1/shipments"),
    (["documents", "list"], "/v1/documents"),
    *((["lists", name], f"/v1/lists/{name}") for name in WorkList),
]
BULKS: Sequence[tuple[list[str], str]] = [
    (["shipments", "retry", "--all-stuck"], "/v1/lists/stuck/retry"),
    (["documents", "replay", "--all"], "/v1/documents/replay"),
]
NAMES = [("account", "store"), ("contract", "swift")]


@pytest.mark.parametrize(("field", "known"), NAMES)
@pytest.mark.parametrize(("command", "path"), [*LISTS, *BULKS], ids=str)
def test_an_unknown_name_is_refused_alike(
    both: Both, command: list[str], path: str, field: str, known: str
) -> None:
    sent = (command, path) in BULKS
    method, query = ("POST", "") if sent else ("GET", f"?{field}=zzz")
    status, answer = both.api(method, path + query, {field: "zzz"} if sent else None)
    assert (status, answer["field"]) == (422, field)
    assert answer["hint"] == f"configured: {known}"
    error = both.cli(*command, f"--{field}", "zzz").exception
    assert isinstance(error, InvalidLabel)
    found = (error.field, str(error), error.hint)
    assert found == (field, answer["detail"], answer.get("hint", ""))


@pytest.mark.parametrize(("field", "known"), NAMES)
@pytest.mark.parametrize("command", [c for c, _ in [*LISTS, *BULKS]], ids=str)
def test_a_configured_name_is_accepted_everywhere(
    both: Both, command: list[str], field: str, known: str
) -> None:
    ran = both.cli(*command, f"--{field}", known)
    assert ran.exit_code == 0, ran.output


@pytest.mark.parametrize(
    ("command", "method", "path"),
    [
        (["shipments", "show"], "GET", "/v1/shipments/{}"),
        (["invoices", "show"], "GET", "/v1/invoices/{}"),
        (["invoices", "retry"], "POST", "/v1/invoices/{}/retry"),
        (["invoices", "cancel"], "POST", "/v1/invoices/{}/cancel"),
        (["invoices", "mark-delivered"], "POST", "/v1/invoices/{}/mark-delivered"),
        (["documents", "show"], "GET", "/v1/documents/{}"),
        (["documents", "replay"], "POST", "/v1/documents/{}/replay"),
        (["rejected", "show"], "GET", "/v1/rejected/{}"),
        (["rejected", "accept"], "POST", "/v1/rejected/{}/accept"),
        (["events", "release"], "POST", "/v1/events/{}/release"),
        (["accounts", "open"], "POST", "/v1/accounts/{}/open"),
    ],
    ids=str,
)
def test_what_does_not_exist_is_refused_by_both(
    both: Both, command: list[str], method: str, path: str
) -> None:
    status, answer = both.api(method, path.format("99"))
    assert status == 404, answer
    error = both.cli(*command, "99").exception
    assert isinstance(error, RegistrationError)
    if command != ["shipments", "show"]:  # where the command line searches by order
        assert (str(error), error.hint) == (answer["detail"], answer.get("hint", ""))
