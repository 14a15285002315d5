"""Lists that people work from, and what they do about all of it at once."""

import csv
import io
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from relay.api import openapi, worklists
from relay.clock import micros
from relay.config.settings import Settings
from relay.domain.events import (
    Effect,
    Milestone,
    Reference,
    ReferenceKind,
    TrackingEvent,
)
from relay.errors import InvalidLabel
from relay.service import worklists as service_worklists
from relay.service.access import ListScope
from relay.service.spreadsheets import BOM
from relay.service.worklist_models import ENTRIES
from relay.store.refused import RefusalTally, RefusedWebhook
from relay.store.rejected import RejectedBounds, RejectedRequest
from relay.store.worklist_queries import Position, WorkList
from relay.store.worklists import WorkLists
from tests.api.apis import Api
from tests.api.conftest import Serving
from tests.api.test_tokens import CONTRACTS, TABLES, bearer
from tests.conftest import ACCOUNT
from tests.store.making import execute
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.way_in import DAY, WayIn

ROOT = "/v1/lists"
PAST = {"estimatedDeliveryDate": "2026-02-27"}


async def entries(api: Api, name: str, query: str = "", **headers: str) -> list[Any]:
    """Return the rows of all pages."""
    found: list[Any] = []
    cursor = ""
    while True:
        path = f"{ROOT}/{name}?{query}{cursor}"
        status, page = await api.call("GET", path, **headers)
        assert status == 200, page
        found += page["entries"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def register(api: Api, order: str, **more: Any) -> str:
    given = {"invoiceNumber": "1", "trackingNumber": f"BR{order}"} | more
    return str((await api.register(orderId=order, **given))["id"])


async def stick(way_in: WayIn, shipment: int, because: str = "400: Bad date") -> None:
    """Make a shipment stuck, with a call that VTEX refused."""
    fields = ("due_at", "not_before", "failing_since", "waiting_reason")
    columns = dict.fromkeys((*fields, "closed_reason")) | {"shipment": shipment}
    columns |= {
        "version": 1,
        "lane": 1,
        "attempts": 0,
        "in_doubt": 0,
        "now": micros(START),
    }
    call: dict[str, Any] = {"call": f"c-{shipment}", "shipment": shipment, "now": 1}
    async with way_in.database.writing() as tx:
        await tx.run("settle", **columns, stuck_reason=because)
        await tx.run(
            "store_call",
            **call,
            account="store",
            kind="send_tracking_number",
            body="{}",
        )
        await tx.run(
            "answer_call", call=call["call"], now=2, status=400, message="Bad date",
            sent=1, receipt=None,
        )  # fmt: skip


async def test_stuck_shipments_are_listed_with_vtexs_words(
    api: Api, way_in: WayIn
) -> None:
    id_ = await register(api, "1")
    await stick(way_in, 1)

    assert await entries(api, "stuck") == [
        {
            "id": id_,
            "account": "store",
            "contract": "acme",
            "orderId": "1",
            "invoiceNumber": "1",
            "trackingNumber": "BR1",
            "damage": None,
            "stuckReason": "400: Bad date",
            "since": "2026-03-02T09:00:00-03:00",
            "vtexResponse": "Bad date",
        }
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 200])
@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("stuck", ["3", "2", "1"]),
        ("late", ["2", "1", "3"]),
        ("silent", ["1", "2", "3"]),
        ("waiting", ["3", "2", "1"]),
    ],
)
async def test_shipments_are_listed_page_by_page(
    api: Api, way_in: WayIn, name: str, order: list[str], limit: int
) -> None:
    for place, day in enumerate((27, 20, 28), 1):
        promised = f"2026-02-{day}"
        await register(api, str(place), estimatedDeliveryDate=promised)
        if name == "stuck":
            await stick(way_in, place)
    if name == "waiting":
        async with way_in.database.writing() as tx:
            state = dict((await tx.rows("list_accounts"))[0])
            await tx.run("save_account", **state | {"paused_reason": "ten times 400"})
    api.clock.now = START + 8 * DAY if name == "silent" else START

    found = await entries(api, name, f"limit={limit}")

    assert [e["orderId"] for e in found] == order


async def test_a_promised_day_is_over_when_it_is_over_in_the_stores_zone(
    api: Api,
) -> None:
    await register(api, "1", estimatedDeliveryDate="2026-03-02")
    api.clock.now = START + timedelta(hours=14, minutes=59)
    assert await entries(api, "late") == []

    api.clock.now = START + timedelta(hours=15)

    [late] = await entries(api, "late")
    assert late["promisedOn"] == "2026-03-02"
    assert late["lastEventAt"] is None


async def test_what_was_heard_of_lately_is_not_silent(api: Api, way_in: WayIn) -> None:
    await register(api, "1")
    api.clock.now = START + 5 * DAY
    await way_in.keep(body(scan("BR1", "IT", api.clock())))
    await way_in.read()
    api.clock.now = START + 8 * DAY

    assert await entries(api, "silent") == []
    [silent] = await entries(api, "silent", "days=3")
    assert silent["lastEventAt"] == "2026-03-07T09:00:00-03:00"


async def test_who_drops_an_event_did_not_hear_of_the_parcel(
    api: Api, way_in: WayIn
) -> None:
    await doubted(api, way_in)
    api.clock.now = START + 8 * DAY
    status, _ = await api.call("POST", "/v1/events/1/drop")
    assert status == 200

    silent = await entries(api, "silent")

    heard = {e["orderId"]: e["lastEventAt"] for e in silent}
    at = "2026-03-02T09:00:00-03:00"
    assert heard == {"1": at, "2": None, "3": at}


async def doubted(api: Api, way_in: WayIn) -> str:
    """Quarantine a delivery that two shipments share."""
    id_ = await register(api, "1")
    await register(api, "2")
    number = [["tracking_number", "BR1"]]
    await api.register(
        orderId="3", invoiceNumber="1", trackingNumber="BR1", references=[]
    )
    await way_in.keep(body(scan("", "DL", START, refs=number, text="Entregue")))
    await way_in.read()
    async with way_in.database.writing() as tx:
        for shipment in (1, 3):
            row = {"shipment": shipment, "event": 1, "reason": "too soon"}
            await tx.run("quarantine_event", **row)
    return id_


async def test_a_shipment_that_looks_finished_says_what_is_held_back(
    api: Api, way_in: WayIn
) -> None:
    id_ = await doubted(api, way_in)
    at_rest = "due_at = NULL, events_due_at = NULL, tracking_number = 'BR1'"
    await execute(way_in.database, f"UPDATE shipments SET {at_rest}")  # noqa: S608

    _, listed = await api.call("GET", "/v1/shipments")
    _, one = await api.call("GET", f"/v1/shipments/{id_}")

    why = "event 1 is quarantined: too soon"
    shown = [(s["orderId"], s["state"], s["why"]) for s in listed["shipments"]]
    rest = "up_to_date"
    assert shown == [("3", rest, why), ("2", rest, None), ("1", rest, why)]
    assert one["why"] == why


@pytest.mark.parametrize("limit", [1, 9])
async def test_a_doubtful_event_is_listed_with_each_of_its_shipments(
    api: Api, way_in: WayIn, limit: int
) -> None:
    await doubted(api, way_in)

    found = await entries(api, "quarantined", f"limit={limit}")

    assert [e["orderId"] for e in found] == ["3", "1"]
    assert {e["event"] for e in found} == {1}
    assert found[0]["quarantineReason"] == "too soon"
    assert found[0]["description"] == "Entregue"
    assert found[0]["carrierCode"] == "DL"


@pytest.mark.parametrize(
    ("verb", "decision"), [("release", "released"), ("drop", "dropped")]
)
async def test_a_doubtful_event_is_judged_for_all_its_shipments(
    api: Api, way_in: WayIn, verb: str, decision: str
) -> None:
    id_ = await doubted(api, way_in)

    status, answered = await api.call("POST", f"/v1/events/1/{verb}")

    assert status == 200
    assert (answered["id"], answered["decision"]) == (1, decision)
    assert id_ in answered["shipments"]
    assert await entries(api, "quarantined") == []
    timeline = (await api.one(id_))["timeline"]
    assert timeline["events"][0]["decision"] == decision
    assert timeline["notes"][-1]["text"] == f"event 1 {decision} by anybody"
    assert api.woken.news == 4


@pytest.mark.parametrize("event", ["7", "x", "9" * 19])
async def test_an_event_that_is_not_there_is_404(api: Api, event: str) -> None:
    assert (await api.call("POST", f"/v1/events/{event}/release"))[0] == 404


@pytest.mark.parametrize("limit", [1, 9])
async def test_events_without_a_label_are_listed_with_their_references(
    api: Api, way_in: WayIn, limit: int
) -> None:
    both = [["tracking_number", "BR8"], ["order_id", "v8"]]
    await way_in.keep(
        body(scan("BR7", "IT", START), scan("", "ZZ", START, refs=both, text="Hm"))
    )
    await way_in.read()

    found = await entries(api, "unmatched", f"limit={limit}")

    assert [e["carrierCode"] for e in found] == ["ZZ", "IT"]
    assert found[0]["references"] == [
        {"type": "trackingNumber", "value": "BR8"},
        {"type": "orderId", "value": "V8"},
    ]
    assert found[1]["occurredAt"] == "2026-03-02T09:00:00-03:00"
    assert {e["unmatchedReason"] for e in found} == {
        "no label has any of its references"
    }


async def test_an_event_older_than_its_label_says_so(api: Api, way_in: WayIn) -> None:
    await register(api, "1")
    await way_in.keep(body(scan("BR1", "IT", START - 16 * DAY)))
    await way_in.read()

    [found] = await entries(api, "unmatched")

    assert found["unmatchedReason"] == (
        "more than 15 days (lower_bound_days) before the label of BR1; "
        "carriers reuse numbers"
    )


def event(code: str, text: str, **more: Any) -> TrackingEvent:
    number = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="BR7")
    given = {"milestone": Milestone.UNKNOWN, "occurred_at": START} | more
    return TrackingEvent(
        references=(number,), carrier_code=code, description=text, **given
    )


async def test_unknown_codes_are_what_is_unmapped_and_nothing_else(
    api: Api, way_in: WayIn
) -> None:
    moving = Milestone.IN_TRANSIT
    way_in.acme.returns = [
        event("AA", "a code without a row"),
        event("", "Um texto"),
        event("", "Outro texto"),
        event("NEW", "a new state below a known one", milestone=moving, unmapped=True),
        event("OLD", "a row that says unknown", unmapped=False),
        event("PAPER", "internal", effect=Effect.ADMINISTRATIVE),
        event("MV", "a row", milestone=moving),
    ]
    await way_in.keep(b"{}")
    await way_in.read()

    found = await entries(api, "unknown-codes")

    shown = [(e["carrierCode"], e["example"]) for e in found]
    assert sorted(shown) == [
        ("", "Outro texto"),
        ("", "Um texto"),
        ("AA", "a code without a row"),
        ("NEW", "a new state below a known one"),
    ]


async def test_a_code_that_was_mapped_is_not_listed_after_a_replay(
    api: Api, way_in: WayIn
) -> None:
    way_in.acme.returns = [event("AA", "words")]
    await way_in.keep(b"{}")
    await way_in.read()
    assert len(await entries(api, "unknown-codes")) == 1

    way_in.acme.returns = [event("AA", "words", milestone=Milestone.AT_HUB)]
    await api.call("POST", "/v1/documents/1/replay")
    await way_in.read()

    assert await entries(api, "unknown-codes") == []


async def test_an_event_under_the_wrong_contract_names_the_right_one(
    serving: Serving, settings: Callable[..., Settings], way_in: WayIn
) -> None:
    api = await serving(settings({"acme": {}, "solo": {}}))
    await register(api, "1", contract="acme")
    way_in.carriers["solo"] = way_in.acme
    await way_in.keep(body(scan("BR1", "IT", START)), contract="solo")
    await way_in.read()

    [found] = await entries(api, "unmatched")

    assert found["unmatchedReason"] == (
        "BR1 is registered under contract acme: record a carrier handover, or correct "
        "the contract"
    )
    assert len(await entries(api, "unmatched", "contract=solo")) == 1
    assert await entries(api, "unmatched", "contract=acme") == []


@pytest.mark.parametrize("limit", [1, 9])
async def test_unknown_codes_are_counted_with_an_example(
    api: Api, way_in: WayIn, limit: int
) -> None:
    scans = [("X1", 0, "one"), ("X2", 1, "two"), ("X1", 2, "last")]
    await way_in.keep(
        body(*(scan("BR7", c, START + h * DAY / 24, text=t) for c, h, t in scans))
    )
    await way_in.read()

    found = await entries(api, "unknown-codes", f"limit={limit}")

    shown = [(e["carrierCode"], e["events"], e["example"]) for e in found]
    assert shown == [("X1", 2, "last"), ("X2", 1, "two")]
    assert found[0]["lastReceivedAt"] == "2026-03-02T09:00:00-03:00"
    assert found[0]["reference"] == {"type": "trackingNumber", "value": "BR7"}


@pytest.mark.parametrize("limit", [1, 9])
async def test_unreadable_documents_are_listed_with_the_reason(
    api: Api, way_in: WayIn, limit: int
) -> None:
    await way_in.keep(b"odd", b"[]", body(scan("BR1", "IT", START)))
    await way_in.read()

    found = await entries(api, "unreadable", f"limit={limit}")

    assert [(e["document"], e["size"]) for e in found] == [(2, 2), (1, 3)]
    assert found[0]["unreadableReason"].startswith("TypeError")


async def test_a_contract_that_is_gone_has_its_times_in_utc(
    way_in: WayIn, serving: Serving, settings: Callable[..., Settings]
) -> None:
    await way_in.keep(b"odd")
    await way_in.read()
    api = await serving(settings({}))

    [found] = await entries(api, "unreadable")

    assert found["receivedAt"] == "2026-03-02T12:00:00Z"
    assert await entries(api, "unreadable", "account=store") == []


@pytest.mark.parametrize("name", [*WorkList])
async def test_other_stores_are_not_listed(
    serving: Serving, settings: Callable[..., Settings], way_in: WayIn, name: str
) -> None:
    api = await serving(settings(CONTRACTS, **TABLES))
    way_in.carriers = dict.fromkeys(CONTRACTS, way_in.acme)
    await api.call(
        "POST",
        "/v1/shipments",
        {"orderId": "1", "invoiceNumber": "1", "trackingNumber": "BR1"}
        | {"account": "store", "contract": "acme"}
        | PAST,
        **bearer("ana"),
    )
    await way_in.keep(b"odd", body(scan("BR1", "X", START), scan("BR7", "X", START)))
    await way_in.read()
    await stick(way_in, 1)
    async with way_in.database.writing() as tx:
        await tx.run("quarantine_event", shipment=1, event=1, reason="too soon")
        await tx.run("record_contradiction", shipment=1, reason="returned", now=1)
    await way_in.documents.rejected_requests.put(
        [RejectedRequest("acme", START, {}, b"odd", b"", "no signature")],
        RejectedBounds(999, START),
    )
    refusal = RefusedWebhook("acme", "/webhooks/acme", "GET", 405, "not accepted")
    tally = RefusalTally(START, START, 1)
    await way_in.documents.refused_webhooks.put([(refusal, tally)])
    if name in {"late", "silent"}:
        api.clock.now = START + 30 * DAY

    seen = await entries(api, name, **bearer("ana"))
    narrowed = await entries(api, name, "account=outlet", **bearer("ana"))

    assert bool(seen) is (name != "waiting")
    assert all(e.get("account", "") != "store" for e in narrowed)
    limited = ListScope(settings(CONTRACTS, **TABLES), {"outlet"})
    page = await WorkLists(way_in.database).page(
        WorkList(name), limited.work_filter(), api.clock(), limit=9
    )
    assert page.rows == ()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("days=0", "days"),
        ("odd=1", "odd"),
        ("cursor=odd", "cursor"),
        ("cursor=é", "cursor"),
        (f"cursor={urlsafe_b64encode(b'before 7').decode()}", "cursor"),
    ],
)
async def test_an_odd_question_is_refused_with_its_field(
    api: Api, query: str, field: str
) -> None:
    status, answered = await api.call("GET", f"{ROOT}/silent?{query}")
    assert (status, answered["field"]) == (422, field)


async def test_rows_of_several_stores_are_in_one_order(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    stores = {"accounts": {"store": ACCOUNT, "outlet": ACCOUNT}}
    contract = {"account": "store", "accounts": ["store", "outlet"]}
    api = await serving(settings({"acme": contract}, **stores))
    promised = {"1": ("store", 27), "2": ("outlet", 20), "3": ("store", 10)}
    for order, (account, day) in promised.items():
        day_ = f"2026-02-{day}"
        await register(api, order, account=account, estimatedDeliveryDate=day_)

    assert [e["orderId"] for e in await entries(api, "late", "limit=1")] == list("321")
    found = await entries(api, "late", "account=store")
    assert [e["orderId"] for e in found] == ["3", "1"]


@pytest.mark.parametrize("name", [*WorkList])
@pytest.mark.parametrize(
    ("field", "known"), [("contract", "acme, solo"), ("account", "store")]
)
async def test_a_name_that_nobody_configured_is_refused(
    serving: Serving,
    settings: Callable[..., Settings],
    name: str,
    field: str,
    known: str,
) -> None:
    api = await serving(settings({"acme": {}, "solo": {}}))
    status, answered = await api.call("GET", f"{ROOT}/{name}?{field}=zzz")
    assert (status, answered["field"]) == (422, field)
    assert answered["detail"] == "'zzz' is not configured"
    assert answered["hint"] == f"configured: {known}"


async def test_who_sees_some_stores_is_told_of_their_contracts_only(
    serving: Serving, settings: Callable[..., Settings], way_in: WayIn
) -> None:
    api = await serving(settings(CONTRACTS, **TABLES))
    way_in.carriers = {"gone": way_in.acme}
    await way_in.keep(body(scan("BR7", "X", START)), contract="gone")
    await way_in.read()
    limited = ListScope(settings(CONTRACTS, **TABLES), {"outlet"}, None, "gone")
    with pytest.raises(InvalidLabel, match="not configured") as caught:
        await limited.check(way_in.database)
    assert "outlet" not in str(caught.value)
    for name in ("unmatched", "unknown-codes"):
        gone = await entries(api, name, "contract=gone", **bearer("ana"))
        assert {e["contract"] for e in gone} == {"gone"}


@pytest.mark.parametrize("body_", [b"odd", b"parked"])
async def test_a_contract_that_is_gone_may_be_named_if_anything_came_from_it(
    api: Api, way_in: WayIn, body_: bytes
) -> None:
    contracts = {b"odd": {"gone": way_in.acme}, b"parked": {}}
    way_in.carriers = contracts[body_]
    await way_in.keep(body_, contract="gone")
    await way_in.read()

    found = await entries(api, "unreadable", "contract=gone")

    assert len(found) == (body_ == b"odd")


async def table(api: Api, path: str, **headers: str) -> tuple[Any, list[list[str]]]:
    """Return the headers of an answer, and its rows as a spreadsheet reads them."""
    answered = await api.client.get(f"{ROOT}/{path}", headers=headers)
    text = await answered.text()
    assert answered.status == 200, text
    assert answered.content_type == "text/csv"
    assert text.startswith(BOM)
    delimiter = ";" if "delimiter" in path else ","
    lines = io.StringIO(text.removeprefix(BOM))
    return answered.headers, list(csv.reader(lines, delimiter=delimiter))


@pytest.mark.parametrize("name", [*WorkList])
async def test_every_list_can_be_had_as_a_table(api: Api, name: str) -> None:
    headers, [head] = await table(api, f"{name}?format=csv")
    assert headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    assert "Link" not in headers
    entry = ENTRIES[WorkList(name)]
    assert sorted(head) == sorted(entry.model_json_schema()["properties"])
    described = openapi.document(worklists.operations)["paths"][f"{ROOT}/{name}"]
    answers = described["get"]["responses"]
    assert answers["200"]["content"].keys() == {"application/json", "text/csv"}
    assert answers["422"]["content"].keys() == {"application/problem+json"}


async def test_a_table_has_the_rows_of_all_pages(
    api: Api, way_in: WayIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_worklists, "PAGE", 2)
    for place, order in enumerate("12345", 1):
        await register(api, order)
        await stick(way_in, place, "=1+1")

    _, [head, *rows] = await table(api, "stuck?delimiter=;", Accept="text/csv")

    found = [dict(zip(head, row, strict=True)) for row in rows]
    assert [r["orderId"] for r in found] == list("54321")
    assert {r["stuckReason"] for r in found} == {"'=1+1"}
    assert found[0]["since"] == "2026-03-02 09:00:00-03:00"
    status, page = await api.call("GET", f"{ROOT}/stuck?format=json", Accept="text/csv")
    assert (status, len(page["entries"])) == (200, 5)
    assert sorted(head) == sorted(page["entries"][0])


async def test_a_table_that_is_too_long_says_where_it_goes_on(
    api: Api, way_in: WayIn
) -> None:
    for place, order in enumerate("123", 1):
        await register(api, order)
        await stick(way_in, place)

    headers, rows = await table(api, "stuck?format=csv&limit=2")
    link = headers["Link"]
    path = link[link.index(ROOT) + len(ROOT) + 1 : link.index(">")]
    more, rest = await table(api, path)

    assert (len(rows), len(rest)) == (3, 2)
    assert link.endswith('>; rel="next"')
    assert "Link" not in more


async def test_a_table_is_not_looked_for_without_end(
    api: Api, way_in: WayIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_worklists, "PAGE", 1)
    monkeypatch.setattr(service_worklists, "MOST_PAGES", 1)
    for place, order in enumerate("12", 1):
        await register(api, order)
        await stick(way_in, place)
    headers, rows = await table(api, "stuck?format=csv")
    assert len(rows) == 2
    assert "rel" in headers["Link"]


async def test_a_page_looks_at_so_many_rows_and_no_more(
    api: Api, way_in: WayIn, settings: Callable[..., Settings]
) -> None:
    for order in "12345":
        await register(api, order)
    await execute(way_in.database, "UPDATE shipments SET last_event_at = registered_at")
    lists = WorkLists(way_in.database, batch=2, rounds=2)
    asked = ListScope(settings()).work_filter()

    first = await lists.page(WorkList.SILENT, asked, START, limit=9)
    second = await lists.page(WorkList.SILENT, asked, START, limit=9, after=first.next)

    assert (first.rows, first.next) == ((), Position(id=4))
    assert (second.rows, second.next) == ((), None)
