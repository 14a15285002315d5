"""Invoices over HTTP: what is stored, what is refused, and who may start a refund."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from relay.api.keys import SERVICES
from relay.config.settings import Settings
from relay.store.erasure import Erasure
from tests.api.apis import Api
from tests.api.conftest import Serving
from tests.conftest import ACCOUNT

ROOT = "/v1/invoices"
KEY = "35261111222333000181550010000307121000000017"
INVOICE: dict[str, Any] = {
    "orderId": "1172452900788-01",
    "invoiceNumber": "000012345",
    "invoiceValue": "19990",
    "issuanceDate": "2026-02-20T11:32:11-03:00",
    "items": [{"id": "2002495", "price": 17990, "quantity": 1}],
}
PARCEL = {"trackingNumber": "BR123", "dispatchedDate": "2026-02-20"}
TOKENS: Any = {
    "erp": {"token": "erp-" * 8, "scopes": ["erp"]},
    "outlet": {"token": "outlet-" * 8, "scopes": ["erp"], "accounts": ["outlet"]},
    "ana": {"token": "operator-" * 8, "scopes": ["operator"]},
    "bia": {"token": "refunds-" * 8, "scopes": ["erp", "returns"]},
    "eva": {"token": "reader-" * 8, "scopes": ["reader"]},
}


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[name]['token']}"}


@pytest.fixture
async def guarded(serving: Serving, settings: Callable[..., Settings]) -> Api:
    """Serve two accounts with tokens."""
    accounts = {"store": ACCOUNT, "outlet": ACCOUNT}
    contracts = {"acme": {"account": "store"}, "zeta": {"account": "outlet"}}
    return await serving(settings(contracts, accounts=accounts, tokens=TOKENS))


async def post(api: Api, name: str | None = None, **changed: Any) -> tuple[int, Any]:
    headers = bearer(name) if name else {}
    return await api.call("POST", ROOT, INVOICE | changed, **headers)


async def shown(api: Api, id_: str) -> Any:
    status, body = await api.call("GET", f"{ROOT}/{id_}")
    assert status == 200, body
    return body


# What is stored


async def test_an_invoice_is_stored_and_can_be_asked_for(api: Api) -> None:
    answer = await api.client.post(ROOT, json=INVOICE)

    body = await answer.json()
    assert (answer.status, body["state"]) == (201, "due")
    assert answer.headers["Location"] == f"{ROOT}/{body['id']}"
    assert body["shipment"] is None
    found = await shown(api, body["id"])
    in_body = {n: v for n, v in INVOICE.items() if n != "orderId"}
    assert found["content"] == {"type": "Output", **in_body}
    assert (found["invoiceValue"], found["registeredBy"]) == ("19990", "anybody")
    assert (found["postedAt"], found["calls"]) == (None, [])
    assert api.woken.news == 1


async def test_cents_may_be_a_number(api: Api) -> None:
    _, body = await post(api, invoiceValue=19990)
    assert (await shown(api, body["id"]))["content"]["invoiceValue"] == "19990"


async def test_the_embedded_xml_is_stored_and_not_shown(api: Api) -> None:
    xml = "<nfeProc>ção</nfeProc>"
    _, body = await post(api, embeddedInvoice=xml, invoiceUrl="https://erp.example/1")
    content = (await shown(api, body["id"]))["content"]
    assert "embeddedInvoice" not in content
    assert content["invoiceUrl"] == "https://erp.example/1"


async def test_a_tracking_number_registers_the_parcel_too(api: Api) -> None:
    status, body = await post(api, **PARCEL, invoiceKey=KEY)

    assert status == 201
    shipment = await api.one(body["shipment"])
    assert shipment["trackingNumber"] == "BR123"
    assert shipment["invoiceKey"] == KEY
    content = (await shown(api, body["id"]))["content"]
    assert content["trackingNumber"] == "BR123"
    assert content["courier"] == shipment["courier"]
    assert content.get("trackingUrl") == shipment["trackingUrl"]
    assert content["dispatchedDate"] == "2026-02-20"


async def test_a_parcel_that_is_refused_leaves_no_invoice(api: Api) -> None:
    await api.register(trackingNumber="BR999")

    status, body = await post(api, **PARCEL)

    assert (status, body["code"]) == (409, "tracking_number_conflict")
    assert (await api.call("GET", ROOT))[1]["invoices"] == []


async def test_an_invoice_that_is_refused_leaves_no_parcel(api: Api) -> None:
    status, _ = await post(api, **PARCEL, invoiceValue="0")
    assert status == 422
    assert (await api.call("GET", "/v1/shipments"))[1]["shipments"] == []


async def test_the_same_request_again_changes_nothing(api: Api) -> None:
    _, first = await post(api, **PARCEL)
    status, again = await post(api, **PARCEL)

    assert (status, again["id"], again["updated"]) == (200, first["id"], [])
    assert again["shipment"] == first["shipment"]


async def test_another_content_replaces_what_was_not_sent(api: Api) -> None:
    _, first = await post(api)
    status, again = await post(api, invoiceValue="500", invoiceKey="A-77")

    assert (status, again["id"]) == (200, first["id"])
    assert again["updated"] == ["invoiceValue", "invoiceKey"]
    assert (await shown(api, first["id"]))["content"]["invoiceKey"] == "A-77"


async def test_invoices_are_listed_by_order_number_and_state(api: Api) -> None:
    for number in ("1", "2", "3"):
        await post(api, invoiceNumber=number)
    await post(api, orderId="1172452900790-01", invoiceNumber="3")

    async def numbers(query: str) -> list[str]:
        status, body = await api.call("GET", ROOT + query)
        assert status == 200, body
        return [i["invoiceNumber"] for i in body["invoices"]]

    assert await numbers("") == ["3", "3", "2", "1"]
    assert await numbers(f"?orderId={INVOICE['orderId']}") == ["3", "2", "1"]
    assert await numbers("?invoiceNumber=2&state=waiting") == ["2"]
    assert await numbers("?state=due") == ["3", "1"]
    assert await numbers("?state=stuck") == []
    _, first = await api.call("GET", f"{ROOT}?limit=3")
    assert await numbers(f"?cursor={first['next']}") == ["1"]


async def test_an_invoice_is_withdrawn_and_registered_again(api: Api) -> None:
    _, first = await post(api)
    status, body = await api.call("POST", f"{ROOT}/{first['id']}/cancel")
    assert (status, body["state"]) == (200, "cancelled")

    status, body = await api.call("POST", f"{ROOT}/{first['id']}/retry")
    assert (status, body["code"]) == (409, "cancelled")
    status, body = await post(api)
    assert (status, body["id"], body["state"]) == (201, first["id"], "due")


# What is refused, with field and fix


@pytest.mark.parametrize(
    ("changed", "field", "says", "fix"),
    [
        ({"invoiceValue": "199.90"}, "invoiceValue", "not an amount", '"19990"'),
        ({"invoiceValue": 199.9}, "invoiceValue", "not an amount", '"19990"'),
        ({"invoiceValue": "-1"}, "invoiceValue", "not an amount", '"19990"'),
        ({"invoiceValue": True}, "invoiceValue", "not an amount", '"19990"'),
        ({"type": "input"}, "type", "must be Output or Input", "Input is a return"),
        ({"type": "INPUT"}, "type", "must be Output or Input", "Input is a return"),
        ({"issuanceDate": "2026-02-20"}, "issuanceDate", "no time of day", "T14:03:00"),
        ({"issuanceDate": "20/02/2026"}, "issuanceDate", "not an ISO 8601", "write"),
        (
            {"issuanceDate": "2023-02-20T10:00:00Z"},
            "issuanceDate",
            "more than two years ago",
            "correct the year",
        ),
        ({"issuanceDate": None}, "issuanceDate", "", ""),
        ({"account": "wrong"}, "account", "not configured", "configured: store"),
        ({"orderId": "1/2"}, "orderId", "a slash", "as VTEX shows it"),
        ({"invoiceNumber": "1/2"}, "invoiceNumber", "a slash", "without it"),
        ({"invoiceKey": "3" * 44}, "invoiceKey", "", "copy it from"),
        ({"invoiceUrl": "erp"}, "invoiceUrl", "not the address", "https://"),
        ({"items": [{"id": "1", "price": 1}]}, "items[0].quantity", "", ""),
        (
            {"items": [{"id": "1", "price": 1, "quantity": 0}]},
            "items[0].quantity",
            "",
            "1",
        ),
        (
            {"items": [{"id": "1", "price": "1.5", "quantity": 1}]},
            "items[0].price",
            "",
            "",
        ),
        ({"contract": "acme"}, "contract", "without trackingNumber", "/v1/shipments"),
        ({"invoicevalue": "1"}, "invoicevalue", "unknown field", "`invoiceValue`"),
    ],
)
async def test_a_bad_field_is_named_with_its_fix(
    api: Api, changed: dict[str, Any], field: str, says: str, fix: str
) -> None:
    status, body = await post(api, **changed)

    assert (status, body["field"]) == (422, field), body
    assert says in body["detail"]
    assert fix in body["hint"]
    assert (await api.call("GET", ROOT))[1]["invoices"] == []
    assert api.woken.news == 0


async def test_an_unknown_id_is_not_found(api: Api) -> None:
    for path in ("", "/retry", "/cancel", "/mark-delivered"):
        method = "POST" if path else "GET"
        status, body = await api.call(method, f"{ROOT}/nothing{path}")
        assert (status, body["code"]) == (404, "not_found")


# Warnings


async def test_what_vtex_does_is_said_before(api: Api) -> None:
    _, body = await post(api, items=[], issuanceDate="2026-09-20T11:32:11-03:00")
    codes = [w["code"] for w in body["warnings"]]
    assert codes == ["issuance_date_future", "invoice_items_missing"]


async def test_a_parcel_without_a_page_gets_no_shipped_email(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    class Pageless:
        """A carrier without tracking pages."""

        display_name = "Pageless"
        personal_fields: tuple[str, ...] = ()
        stored_headers: frozenset[str] = frozenset()

        def tracking_url(self, _: Any) -> None:
            return None

    api = await serving(settings(), Pageless)  # type: ignore[arg-type]
    _, body = await post(api, **PARCEL)
    warnings = {w["code"]: w["field"] for w in body["warnings"]}
    assert warnings["tracking_url_missing"] == "trackingUrl"


async def test_a_missing_dispatch_date_is_warned_of(api: Api) -> None:
    _, body = await post(api, trackingNumber="BR123")
    codes = [w["code"] for w in body["warnings"]]
    assert "dispatched_date_missing" in codes


# Returns


RETURN = {"type": "Input", "invoiceNumber": "R1"}


@pytest.mark.parametrize("name", ["erp", "ana"])
async def test_no_other_scope_starts_a_refund(guarded: Api, name: str) -> None:
    status, body = await post(guarded, name, account="store", **RETURN)

    assert (status, body["code"]) == (403, "scope_missing")
    assert "lacks the scope returns" in body["detail"]
    listed = await guarded.call("GET", ROOT, **bearer("eva"))
    assert listed[1]["invoices"] == []


async def test_without_tokens_no_refund_starts(api: Api) -> None:
    status, body = await post(api, **RETURN)
    assert (status, body["code"]) == (403, "scope_missing")
    assert "scopes erp and returns" in body["hint"]


async def test_a_token_for_returns_starts_one_and_is_told_so(guarded: Api) -> None:
    status, body = await post(guarded, "bia", account="store", **RETURN)

    assert status == 201
    (warning,) = body["warnings"]
    assert (warning["code"], warning["field"]) == ("refund_starts", "type")
    assert "VTEX refunds 19990 cents" in warning["message"]


async def test_a_return_is_never_a_parcel(guarded: Api) -> None:
    status, body = await post(guarded, "bia", account="store", **RETURN, **PARCEL)

    assert (status, body["field"]) == (422, "trackingNumber")
    assert "never a parcel" in body["detail"]
    assert "remove it" in body["hint"]
    fields = [error["field"] for error in body["errors"]]
    assert fields == ["trackingNumber", "dispatchedDate"]


async def test_marking_a_return_needs_an_operator_and_a_posted_return(
    guarded: Api,
) -> None:
    _, body = await post(guarded, "bia", account="store", **RETURN)
    path = f"{ROOT}/{body['id']}/mark-delivered"

    assert (await guarded.call("POST", path, **bearer("bia")))[0] == 403
    status, body = await guarded.call("POST", path, **bearer("ana"))
    assert (status, body["detail"]) == (409, "the return is not posted yet")


# Accounts of others


async def test_another_stores_invoice_does_not_exist(guarded: Api) -> None:
    _, body = await post(guarded, "erp", account="store")
    id_ = body["id"]

    status, _ = await guarded.call("GET", f"{ROOT}/{id_}", **bearer("outlet"))
    assert status == 404
    _, listed = await guarded.call("GET", ROOT, **bearer("outlet"))
    assert listed["invoices"] == []
    status, body = await post(guarded, "outlet", account="store")
    assert (status, body["field"]) == (422, "account")
    status, body = await post(guarded, "erp")
    assert (status, body["field"]) == (422, "account")
    assert "outlet, store" in body["hint"]


async def test_an_erased_order_is_not_invoiced(api: Api) -> None:
    _, body = await post(api, embeddedInvoice="<name>Maria</name>")
    database = api.app[SERVICES].context.database
    now = api.clock() + timedelta(hours=1)
    done = await Erasure(database).erase("store", INVOICE["orderId"], "ana", now)
    assert (done.shipments, done.invoices) == (0, 1)

    found = await shown(api, body["id"])
    assert (found["state"], found["content"]) == ("cancelled", {})
    status, body = await post(api)
    assert (status, body["code"]) == (409, "erased")
