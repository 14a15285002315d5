"""What the pages show, to whom, and what they never do with a carrier's text."""

import asyncio
import csv
from io import StringIO
from string import Formatter
from typing import Any, get_args

import aiohttp
import pytest

from relay.api.keys import SERVICES
from relay.console.live import OPEN
from relay.console.texts import LANGUAGES, texts
from relay.domain.alert_facts import AlertKind
from relay.domain.events import Milestone
from relay.domain.status import ShipmentState
from relay.domain.unknown_to_vtex import Actor, Lack
from relay.outbound.list_mode import ListMode
from relay.service.worklist_models import ENTRIES
from relay.store.accounts import CallLimits
from relay.store.shadow import ReadLimits, Shadow, compared_change
from relay.store.worklist_queries import WorkList
from tests.api.apis import Api
from tests.console.conftest import Opening
from tests.console.visitors import Visitor, scan
from tests.store.making import execute
from tests.support.clock import Clock
from tests.support.way_in import WayIn

SCRIPT = '<script>alert("x")</script>'
FORMULA = "=HYPERLINK(1)"


async def test_the_first_page_counts_what_waits_and_leads_to_it(
    maria: Visitor, way_in: WayIn
) -> None:
    await way_in.keep(b"no JSON")
    await way_in.read()
    page = await maria.get("/console/")
    assert page.status == 200
    assert "1 Unreadable documents" in page.text
    assert 'href="/console/lists/unreadable"' in page.html


async def test_every_page_answers_and_limits_what_it_may_do(maria: Visitor) -> None:
    for path in (
        "/console/", "/console/shipments", "/console/labels", "/console/carriers",
        "/console/vtex", "/console/audit", "/console/settings", "/console/alerts",
        "/console/static/console.css", "/console/static/console.js",
        *(f"/console/lists/{name}" for name in WorkList),
    ):  # fmt: skip
        answer = await maria.client.get(path)
        assert answer.status == 200, path
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        text = await answer.text()
        assert "style=" not in text, path
        assert "onclick" not in text, path


async def test_a_page_that_is_not_there_says_so(maria: Visitor) -> None:
    for path in (
        "/console/nothing", "/console/lists/nothing", "/console/shipments/none",
        "/console/documents/7", "/console/rejected/7",
        "/console/shipments/x/explode", "/console/events/x/release",
    ):  # fmt: skip
        page = await maria.get(path)
        if page.status == 200:  # a form: it fails when it is sent
            form = {"csrf": page.csrf, "reason": "try"}
            page = await maria.post(path, form)
        assert page.status == 404, path
        assert "did not work" in page.text


async def test_texts_of_carriers_and_labels_are_never_markup(
    maria: Visitor, api: Api, way_in: WayIn
) -> None:
    made = await api.register(account="store", courier=SCRIPT, orderId="1<i>2-01")
    await scan(way_in, "BR123", SCRIPT, "<b>")
    await scan(way_in, "XX999", SCRIPT, "<b>")
    for path in (
        "/console/", f"/console/shipments/{made['id']}", "/console/shipments",
        "/console/lists/unmatched", "/console/lists/unknown-codes",
        "/console/lists/waiting", "/console/carriers", "/console/documents/1",
        "/console/shipments?search=%3Cscript%3E",
    ):  # fmt: skip
        page = await maria.get(path)
        assert page.status == 200, path
        assert "<script>alert" not in page.html, path
        assert "<b>" not in page.html, path
        assert "<i>" not in page.html, path


@pytest.mark.parametrize(
    "path", ["/console/shipments.csv", "/console/lists/unmatched.csv"]
)
async def test_a_spreadsheet_runs_no_formula(
    maria: Visitor, api: Api, way_in: WayIn, path: str
) -> None:
    await api.register(account="store", courier=FORMULA)
    await scan(way_in, "XX999", FORMULA)
    answer = await maria.client.get(path)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.reader(StringIO(await answer.text()), delimiter=";"))
    cells = [cell for row in rows[1:] for cell in row]
    assert f"'{FORMULA}" in cells


async def test_a_search_for_any_number_leads_to_the_shipment(
    maria: Visitor, api: Api
) -> None:
    made = await api.register(account="store")
    for number in ("1172452900788-01", "000012345", "BR123", made["id"]):
        page = await maria.get(f"/console/shipments?search={number}")
        assert page.path == f"/console/shipments/{made['id']}"
    page = await maria.get("/console/shipments?search=nothing")
    assert "0 result(s)" in page.text
    await api.register(account="other")
    page = await maria.get("/console/shipments?search=BR123")
    assert "2 result(s)" in page.text


async def test_a_shipments_page_begins_with_where_the_parcel_is(
    maria: Visitor, api: Api, way_in: WayIn
) -> None:
    made = await api.register(account="store")
    page = await maria.get(f"/console/shipments/{made['id']}")
    assert "Last event" not in page.text
    await scan(way_in, "BR123", "at the depot")
    await scan(way_in, "BR123", "too soon to be true", "DL")
    page = await maria.get(f"/console/shipments/{made['id']}")
    assert "Last event in transit, occurred" in page.text
    assert page.text.index("Last event") < page.text.index("Timeline")


async def test_a_list_shows_first_what_decides(maria: Visitor, api: Api) -> None:
    await api.register(account="store")
    page = await maria.get("/console/lists/unknown-to-vtex")
    order = ("Order", "Why", "Since", "Who acts", "Tracking number", "Account")
    places = [page.html.index(f'<th scope="col">{name}<') for name in order]
    assert places == sorted(places)


async def test_filters_that_are_left_empty_filter_nothing(
    maria: Visitor, api: Api
) -> None:
    await api.register(account="store")
    page = await maria.get("/console/shipments?account=&contract=acme&state=")
    assert "1172452900788-01" in page.text
    page = await maria.get("/console/shipments?account=nowhere")
    assert page.status == 422
    assert "configured: other, store" in page.text


async def test_lists_go_on_to_the_next_page(maria: Visitor, api: Api) -> None:
    for number in range(3):
        await api.register(account="store", orderId=f"{number}-01")
    page = await maria.get("/console/shipments?limit=2")
    assert "2-01" in page.text
    assert 'rel="next"' in page.html
    following = page.html.partition('rel="next" href="')[2].partition('"')[0]
    page = await maria.get(following.replace("&amp;", "&"))
    assert "0-01" in page.text
    assert 'rel="next"' not in page.html


async def test_one_timeline_shows_document_event_and_label(
    maria: Visitor, api: Api, way_in: WayIn
) -> None:
    made = await api.register(account="store")
    await scan(way_in, "BR123", "Left the hub")
    page = await maria.get(f"/console/shipments/{made['id']}")
    order = [page.text.index(t) for t in ("Left the hub", "Label registered by")]
    assert order == sorted(order)  # the newest first
    assert "Received from acme (webhook)" in page.text


async def test_the_pages_show_what_was_read_back(
    maria: Visitor, api: Api, way_in: WayIn
) -> None:
    made = await api.register(account="store")
    page = await maria.get(f"/console/shipments/{made['id']}")
    assert "VTEX shows it since" not in page.text
    await execute(
        way_in.database, "UPDATE shipments SET verified_at = 1785585600000000"
    )
    await execute(
        way_in.database,
        "UPDATE accounts SET list_mode = 'appends', list_mode_evidence = 'order O-9'",
    )
    page = await maria.get(f"/console/shipments/{made['id']}")
    assert "VTEX shows it since 2026-08-01" in page.text
    page = await maria.get("/console/vtex")
    assert "appends to the list of events (order O-9)" in page.text


async def test_shadow_mode_shows_what_would_differ(
    visitor: Visitor, api: Api, way_in: WayIn, clock: Clock
) -> None:
    made = await api.register(account="store")
    shadow, now = Shadow(way_in.database), clock()
    await shadow.switch("store", now, on=True)
    limits = ReadLimits(CallLimits(5, 5), 10)
    (read,) = await shadow.take("store", now, limits, 8)
    found = {"field": "trackingUrl", "relay": "'ours'", "vtex": "'<theirs>'"}
    await shadow.store("store", [compared_change(read.row, now, [found], [])])
    await visitor.sign_in()
    page = await visitor.get("/console/vtex")
    assert "Nothing is written to VTEX." in page.text
    assert "'<theirs>'" in page.text
    assert "<theirs>" not in page.html
    assert made["id"] in page.html
    table = await visitor.client.get("/console/vtex/store/shadow.csv")
    assert "trackingUrl" in await table.text()
    assert (await visitor.get("/console/vtex/nothing/shadow.csv")).status == 404


async def test_a_person_sees_only_their_accounts(
    visitor: Visitor, api: Api, way_in: WayIn
) -> None:
    made = await api.register(account="store")
    await scan(way_in, "BR123")
    await visitor.sign_in("otto")
    assert "1172452900788-01" not in (await visitor.get("/console/shipments")).text
    for path in (
        f"/console/shipments/{made['id']}",
        f"/console/shipments?search={made['id']}",
        "/console/documents/1",
        "/console/vtex/store/shadow.csv",
    ):
        page = await visitor.get(path)
        assert page.status == 404 or "0 result(s)" in page.text
    page = await visitor.submit(
        f"/console/shipments/{made['id']}/cancel", reason="not mine"
    )
    assert page.status == 422
    assert "store" not in (await visitor.get("/console/vtex")).text


async def test_the_page_hears_of_changes(maria: Visitor, api: Api) -> None:
    answer = await maria.client.get("/console/live")
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert await line(answer) == "event: changed"
    await api.register(account="store")
    async with asyncio.timeout(20):
        while await line(answer) != "event: changed":
            pass
    answer.close()


async def test_too_many_open_pages_are_refused(maria: Visitor) -> None:
    app = maria.client.app
    assert app is not None
    [console] = [sub for sub in app._subapps if OPEN in sub]  # noqa: SLF001
    console[OPEN].extend(range(50))
    assert (await maria.client.get("/console/live")).status == 503


async def line(answer: aiohttp.ClientResponse) -> str:
    """Return the next line of a stream that is not empty."""
    while not (found := (await answer.content.readline()).decode().strip()):
        pass
    return found


async def test_an_unexpected_error_is_a_page_and_says_nothing_of_it(
    maria: Visitor,
) -> None:
    app = maria.client.app
    assert app is not None
    context = app[SERVICES].context
    context.carriers = Broken()  # type: ignore[assignment]
    page = await maria.submit(
        "/console/labels", orderId="1-01", invoiceNumber="1", account="store",
        contract="acme",
    )  # fmt: skip
    assert page.status == 500
    assert "see the relay's log" in page.text


class Broken(dict[str, Any]):
    """Adapters that nothing can be asked of."""

    def __getitem__(self, key: str) -> Any:
        raise ArithmeticError(key)

    get = __getitem__  # type: ignore[assignment]


async def test_without_the_database_the_page_says_so(maria: Visitor) -> None:
    app = maria.client.app
    assert app is not None
    await app[SERVICES].context.database.close()
    page = await maria.get("/console/shipments")
    assert page.status in {500, 503}


async def test_settings_show_the_address_to_give_and_no_secret(
    opening: Opening,
) -> None:
    visitor = await opening(public_url="https://relay.example.com")
    await visitor.sign_in()
    page = await visitor.get("/console/settings")
    assert "https://relay.example.com/webhooks/acme" in page.text
    assert "secret-of-acme" not in page.html


def test_every_state_and_column_has_a_name() -> None:
    columns = {c for e in ENTRIES.values() for c in e.model_fields} - {"damage"}
    hidden = {"id", "event", "document", "request"}
    for language in LANGUAGES:
        t = texts(language)
        for state in ShipmentState:
            assert t(f"state.{state}")
        for kind in AlertKind:
            assert t(f"alert.{kind}")
        for lack in Lack:
            assert t(f"lack.{lack}")
        for mode in get_args(ListMode):
            assert t(f"list_mode.{mode}")
        for actor in Actor:
            assert t(f"actor.{actor}")
        for milestone in Milestone:
            assert t(f"milestone.{milestone}")
        for name in WorkList:
            assert t(f"list.{name}")
            assert t(f"about.{name}")
        for column in columns - hidden:
            assert t(f"column.{column}")


def test_the_languages_have_the_same_texts_with_the_same_placeholders() -> None:
    def placeholders(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    tables = {name: texts(name)._texts for name in LANGUAGES}  # noqa: SLF001
    first = tables["en"]
    for name, table in tables.items():
        assert table.keys() == first.keys(), name
        for key, text in table.items():
            assert placeholders(text) == placeholders(first[key]), (name, key)
