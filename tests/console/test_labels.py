"""Labels by form and by file: nothing is stored before the preview was seen."""

from html import unescape

from aiohttp import FormData

from relay.console import labels
from tests.api.apis import Api
from tests.console.visitors import Page, Visitor

HEADER = "orderId;invoiceNumber;trackingNumber\n"
ONE = {"orderId": "1-01", "invoiceNumber": "7", "account": "store", "contract": "acme"}


async def test_a_label_is_registered_by_the_form(maria: Visitor) -> None:
    page = await maria.submit("/console/labels", **ONE, trackingNumber="BR1")
    assert page.path.startswith("/console/shipments/")
    assert "Order 1-01, invoice 7" in page.text


async def test_all_errors_of_a_label_are_shown_with_what_was_entered(
    maria: Visitor,
) -> None:
    page = await maria.submit(
        "/console/labels", **ONE | {"orderId": "?"}, trackingNumber="N/A"
    )
    assert page.status == 422
    assert "trackingNumber" in page.text
    assert 'value="N/A"' in page.html


async def test_a_file_is_previewed_then_imported_and_refused_rows_are_named(
    maria: Visitor, api: Api
) -> None:
    rows = "1-01;7;BR1\n2-01;;BR2\n3-01;9;rounded 1,2E+5\n4-01;8;BR4\n"
    page = await upload(maria, HEADER + rows)
    assert "4 rows, 2 with a problem. Nothing is stored yet." in page.text
    assert "line 3: invoiceNumber" in page.text
    _, listed = await api.call("GET", "/v1/shipments")
    assert listed["shipments"] == []
    page = await carry_on(maria, page)
    assert "4 of 4 rows, 2 refused Finished." in page.text
    _, listed = await api.call("GET", "/v1/shipments")
    assert {s["orderId"] for s in listed["shipments"]} == {"1-01", "4-01"}


async def test_a_long_file_goes_on_with_progress(maria: Visitor, api: Api) -> None:
    total = labels.AT_ONCE + 1
    rows = "".join(f"{n}-01;{n};BR{n}\n" for n in range(1, total + 1))
    page = await carry_on(maria, await upload(maria, HEADER + rows))
    assert f"{labels.AT_ONCE} of {total} rows" in page.text
    assert "data-continue" in page.html
    page = await carry_on(maria, page)
    assert f"{total} of {total} rows, 0 refused Finished." in page.text
    _, listed = await api.call("GET", f"/v1/shipments?orderId={total}-01")
    assert len(listed["shipments"]) == 1


async def test_what_is_no_table_is_refused_by_name(maria: Visitor) -> None:
    page = await upload(maria, "PK\x03\x04 a workbook")
    assert page.status == 422
    assert "not CSV" in page.text
    page = await maria.submit("/console/labels/preview".replace("/preview", ""))
    assert page.status == 422
    form = await maria.get("/console/labels")
    page = await maria.post("/console/labels/preview", {"csrf": form.csrf})
    assert page.status == 422
    assert "choose a CSV file" in page.text


async def test_parcels_in_transit_are_imported_as_such(
    maria: Visitor, api: Api
) -> None:
    page = await upload(maria, HEADER + "1-01;7;BR1\n", imported="yes")
    await carry_on(maria, page)
    _, listed = await api.call("GET", "/v1/shipments")
    [one] = listed["shipments"]
    assert one["orderId"] == "1-01"


async def upload(visitor: Visitor, content: str, **fields: str) -> Page:
    """Choose a file in the form, and ask for its preview."""
    form = FormData()
    csrf = (await visitor.get("/console/labels")).csrf
    shared = {"csrf": csrf, "account": "store", "contract": "acme"}
    for name, value in (shared | fields).items():
        form.add_field(name, value)
    form.add_field("file", content.encode(), filename="labels.csv")
    return await visitor.post("/console/labels/preview", form)


async def carry_on(visitor: Visitor, page: Page) -> Page:
    """Press the button of a page that goes on with an import."""
    state = page.html.partition('name="state" value="')[2].partition('">')[0]
    assert state, page.text
    form = {"csrf": page.csrf, "state": unescape(state)}
    return await visitor.post("/console/labels/import", form)
