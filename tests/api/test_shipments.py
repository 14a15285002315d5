"""Labels come in over HTTP; people look, correct, cancel and try again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from relay.config.settings import Settings
from relay.domain.fiscal import check_digit
from tests.api.apis import LABEL, Api
from tests.api.conftest import Serving
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.way_in import WayIn

ROOT = "/v1/shipments"


async def status_of(api: Api, body: Any, method: str = "POST", path: str = ROOT) -> Any:
    """Send a body that is refused; return the status and the field at fault."""
    status, answer = await api.call(method, path, body)
    assert answer["status"] == status
    return status, answer.get("field")


# Registration


async def test_a_new_label_is_created_with_its_place(api: Api) -> None:
    label = LABEL | {"dispatchedDate": "2026-03-01"}
    answer = await api.client.post(ROOT, json=label)

    body = await answer.json()
    assert answer.status == 201, body
    assert answer.headers["Location"] == f"{ROOT}/{body['id']}"
    assert body == {
        "id": body["id"],
        "state": "due",
        "why": None,
        "closedReason": None,
        "updated": [],
        "warnings": [],
    }
    assert api.woken.news == 1


async def test_the_same_label_again_is_200_and_updates_nothing(api: Api) -> None:
    first = await api.register()

    status, again = await api.call("POST", ROOT, LABEL)

    assert status == 200
    assert again == first


async def test_what_came_later_is_named(api: Api) -> None:
    await api.register(trackingNumber=None)

    again = await api.register(estimatedDeliveryDate="2026-03-09")

    assert again["updated"] == [
        "estimatedDeliveryDate",
        "trackingNumber",
        "trackingUrl",
    ]


async def test_a_label_without_a_number_waits_for_one(api: Api) -> None:
    body = await api.register(trackingNumber=None)

    assert body["state"] == "awaiting_number"


async def test_several_parcels_come_in_one_label(api: Api) -> None:
    parcels = [
        {"trackingNumber": "A", "references": [{"type": "volumeCode", "value": "V1"}]},
        {"trackingNumber": "B"},
    ]
    body = await api.register(trackingNumber=None, parcels=parcels)

    shipment = await api.one(body["id"])
    found = [(p["volume"], p["trackingNumber"]) for p in shipment["parcels"]]
    assert found == [(1, "A"), (2, "B")]
    kinds = {r["type"] for r in shipment["parcels"][0]["references"]}
    assert kinds == {"trackingNumber", "volumeCode"}
    assert shipment["trackingNumber"] == "A"


async def test_another_number_is_a_conflict_that_names_both_ways_out(api: Api) -> None:
    await api.register()

    status, body = await api.call("POST", ROOT, LABEL | {"trackingNumber": "BR9"})

    assert status == 409
    assert body["field"] == "trackingNumber"
    assert "PATCH" in body["hint"]
    assert "`volume`" in body["hint"]


async def test_all_warnings_are_in_the_answer(api: Api) -> None:
    await api.register()

    body = await api.register(
        orderId="O-2", invoiceNumber="1 2", dispatchedDate="2026-03-09"
    )

    found = [(w["field"], w["code"]) for w in body["warnings"]]
    assert found == [
        ("invoiceNumber", "invoice_number_space"),
        ("dispatchedDate", "dispatched_date_future"),
        ("trackingNumber", "tracking_number_shared"),
    ]
    assert all(w["message"].startswith(f"{w['field']}: ") for w in body["warnings"])


@pytest.mark.parametrize(
    ("come_late", "means"),
    [
        (False, "a delivery from before this registration waits for an operator"),
        (True, "a delivery of an earlier parcel with the same number may be published"),
    ],
)
async def test_a_label_without_a_dispatch_date_is_warned_of_until_it_has_one(
    serving: Serving, settings: Callable[..., Settings], come_late: bool, means: str
) -> None:
    api = await serving(settings({"acme": {"labels_come_late": come_late}}))
    (first,) = (await api.register())["warnings"]
    (again,) = (await api.register())["warnings"]
    dated = await api.register(dispatchedDate="2026-03-01")
    after = await api.register()

    assert first == again
    assert (first["code"], first["field"]) == (
        "dispatched_date_missing",
        "dispatchedDate",
    )
    assert means in first["message"]
    assert (dated["warnings"], after["warnings"]) == ([], [])


# One shipment


async def test_a_shipment_shows_all_that_is_known_of_it(api: Api) -> None:
    id_ = (await api.register(dispatchedDate="2026-03-01", trackingSent=True))["id"]

    shipment = await api.one(id_)

    assert shipment | {"timeline": None, "parcels": None, "references": None} == {
        "id": id_,
        "account": "store",
        "orderId": "1172452900788-01",
        "invoiceNumber": "000012345",
        "invoiceKey": None,
        "contract": "acme",
        "volumes": 1,
        "trackingNumber": "BR123",
        "trackingUrl": "https://acme.example/BR123",
        "courier": "Acme Express",
        "dispatchedDate": "2026-03-01",
        "estimatedDeliveryDate": None,
        "state": "due",
        "why": None,
        "closedReason": None,
        "registeredAt": "2026-03-02T12:00:00Z",
        "lastEventAt": None,
        "deliveredPublishedAt": None,
        "verifiedAt": None,
        "updatedAt": "2026-03-02T12:00:00Z",
        "damage": None,
        "trackingSentAs": {
            "trackingNumber": "BR123",
            "trackingUrl": "https://acme.example/BR123",
            "courier": "Acme Express",
            "dispatchedDate": "2026-03-01",
        },
        "vtexInvoiceNumber": None,
        "parcels": None,
        "references": None,
        "polls": [],
        "timeline": None,
    }
    reference = {
        "contract": "acme",
        "registeredAt": "2026-03-02T12:00:00Z",
        "voidedAt": None,
    }
    order = {"type": "orderId", "value": "1172452900788-01"}
    number = {"type": "trackingNumber", "value": "BR123"}
    assert shipment["references"] == [order | reference]
    assert shipment["parcels"] == [
        {
            "volume": 1,
            "contract": "acme",
            "trackingNumber": "BR123",
            "references": [number | reference],
        }
    ]
    noted = {"at": "2026-03-02T12:00:00Z", "text": "registered", "damage": None}
    assert shipment["timeline"] == {
        "documents": [],
        "events": [],
        "published": [],
        "calls": [],
        "notes": [noted],
    }


async def test_the_timeline_shows_events_with_their_documents(
    api: Api, way_in: WayIn
) -> None:
    id_ = (await api.register())["id"]
    at = START - timedelta(hours=1)
    await way_in.keep(body(scan("BR123", "DL", at, text="Entregue")))
    await way_in.read()
    async with way_in.database.writing() as tx:
        because = {"shipment": 1, "event": 1, "reason": "delivered too soon"}
        await tx.run("quarantine_event", **because)

    timeline = (await api.one(id_))["timeline"]

    assert timeline["documents"] == [
        {
            "id": 1,
            "contract": "acme",
            "source": "webhook",
            "receivedAt": "2026-03-02T12:00:00Z",
            "parsedAt": "2026-03-02T12:00:00Z",
            "newEvents": 1,
            "unreadableReason": None,
            "damage": None,
        }
    ]
    assert timeline["events"] == [
        {
            "id": 1,
            "volume": 1,
            "milestone": "delivered",
            "reason": None,
            "effect": "normal",
            "occurredAt": "2026-03-02T11:00:00Z",
            "receivedAt": "2026-03-02T12:00:00Z",
            "carrierCode": "DL",
            "description": "Entregue",
            "city": "",
            "state": "",
            "country": "",
            "quarantineReason": "delivered too soon",
            "namedIn": [{"document": 1, "references": [], "deniesDelivery": False}],
            "decision": None,
            "damage": None,
        }
    ]


async def test_the_timeline_shows_what_vtex_was_told_and_what_it_said(
    api: Api, way_in: WayIn
) -> None:
    id_ = (await api.register())["id"]
    key = {"shipment": 1, "volume": 0, "occurred_at": 5, "code": "IT"}
    answer = {"status": 200, "message": "fine", "receipt": "R", "sent": 1}
    call = {"shipment": 1, "account": "store", "kind": "send_events", "body": "{}"}
    async with way_in.database.writing() as tx:
        published = {"position": 0, "object": '{"city": "X"}', "event": None}
        await tx.run("store_published", **key, **published, now=0)
        await tx.run("accept_published", **key, now=1_000_000)
        for name in ("c1", "c2"):
            await tx.run("store_call", **call, call=name, now=0)
        await tx.run("answer_call", **answer, call="c1", now=1_000_000)

    timeline = (await api.one(id_))["timeline"]

    assert timeline["published"] == [
        {
            "volume": None,
            "code": "IT",
            "object": {"city": "X"},
            "event": None,
            "storedAt": "1970-01-01T00:00:00Z",
            "acceptedAt": "1970-01-01T00:00:01Z",
            "withdrawnAt": None,
            "damage": None,
        }
    ]
    assert [c["id"] for c in timeline["calls"]] == ["c1", "c2"]
    assert timeline["calls"][0] == {
        "id": "c1",
        "kind": "send_events",
        "body": "{}",
        "sent": True,
        "storedAt": "1970-01-01T00:00:00Z",
        "answeredAt": "1970-01-01T00:00:01Z",
        "status": 200,
        "message": "fine",
        "receipt": "R",
        "damage": None,
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PATCH", ""), ("POST", "/cancel"), ("POST", "/retry")],
)
async def test_a_shipment_that_is_not_there_is_404(
    api: Api, method: str, path: str
) -> None:
    sent: Any = {} if method == "PATCH" else None

    status, body = await api.call(method, f"{ROOT}/nobody{path}", sent)

    assert status == 404
    assert body["detail"] == "shipment not found"
    assert "orderId=" in body["hint"]


# Corrections


async def test_a_wrong_number_is_corrected_and_its_page_with_it(api: Api) -> None:
    id_ = (await api.register())["id"]

    status, body = await api.call(
        "PATCH", f"{ROOT}/{id_}", {"trackingNumber": "BR9", "history": "keep"}
    )

    assert status == 200
    assert body["updated"] == ["trackingNumber", "trackingUrl"]
    shipment = await api.one(id_)
    assert shipment["trackingNumber"] == "BR9"
    assert shipment["trackingUrl"] == "https://acme.example/BR9"
    assert shipment["parcels"][0]["trackingNumber"] == "BR9"
    assert "kept" in shipment["timeline"]["notes"][-1]["text"]
    assert api.woken.news == 2


async def test_a_page_that_the_erp_gave_stays_with_a_warning(api: Api) -> None:
    given = {"trackingUrl": "https://other.example/BR123"}
    id_ = (await api.register(**given))["id"]

    _, body = await api.call("PATCH", f"{ROOT}/{id_}", {"trackingNumber": "BR9"})

    assert body["updated"] == ["trackingNumber"]
    stays = "trackingUrl: was given for the old number and stays; send a new one"
    assert [w["message"] for w in body["warnings"]] == [stays]


async def test_page_and_courier_are_corrected_alone(api: Api) -> None:
    id_ = (await api.register())["id"]
    changed = {"trackingUrl": "https://other.example", "courier": "Other"}

    _, body = await api.call("PATCH", f"{ROOT}/{id_}", changed)

    assert body["updated"] == ["courier", "trackingUrl"]
    assert changed.items() <= (await api.one(id_)).items()


async def test_the_number_of_another_volume_leaves_what_is_announced(api: Api) -> None:
    parcels = [{"trackingNumber": "A"}, {"trackingNumber": "B"}]
    id_ = (await api.register(trackingNumber=None, parcels=parcels))["id"]
    changed = {"trackingNumber": "C", "volume": 2}

    _, body = await api.call("PATCH", f"{ROOT}/{id_}", changed)

    assert body["updated"] == ["trackingNumber"]
    shipment = await api.one(id_)
    assert shipment["trackingNumber"] == "A"
    assert [p["trackingNumber"] for p in shipment["parcels"]] == ["A", "C"]


async def test_a_missing_number_is_added_with_all_that_follows(api: Api) -> None:
    id_ = (await api.register(trackingNumber=None))["id"]

    _, body = await api.call("PATCH", f"{ROOT}/{id_}", {"trackingNumber": "BR9"})

    assert body["state"] == "due"
    assert (await api.one(id_))["trackingUrl"] == "https://acme.example/BR9"


async def test_a_number_that_is_still_missing_brings_no_page(api: Api) -> None:
    id_ = (await api.register(trackingNumber=None))["id"]

    _, body = await api.call("PATCH", f"{ROOT}/{id_}", {"courier": "Other"})

    assert body["updated"] == ["courier"]
    assert (await api.one(id_))["trackingUrl"] is None


NFE_KEY = "35260311222333000181550010000123451000000017"


def keyed(number: str) -> str:
    head = NFE_KEY[:25] + f"{number:0>9}" + NFE_KEY[34:-1]
    return head + check_digit(head)


async def test_key_and_dates_are_corrected(api: Api) -> None:
    given = {"invoiceKey": keyed("1"), "dispatchedDate": "2026-03-01"}
    id_ = (await api.register(**given))["id"]
    changed = {
        "invoiceKey": keyed("12345"),
        "dispatchedDate": "2026-02-27",
        "estimatedDeliveryDate": "2026-03-09",
    }

    status, body = await api.call("PATCH", f"{ROOT}/{id_}", changed)

    assert (status, body["warnings"]) == (200, [])
    assert body["updated"] == sorted(["estimatedDeliveryDate", *given])
    shipment = await api.one(id_)
    assert changed.items() <= shipment.items()
    assert (await api.call("PATCH", f"{ROOT}/{id_}", changed))[1]["updated"] == []


async def test_a_key_is_linted_as_at_registration(api: Api) -> None:
    id_ = (await api.register())["id"]

    _, body = await api.call("PATCH", f"{ROOT}/{id_}", {"invoiceKey": keyed("77")})

    assert body["updated"] == ["invoiceKey"]
    (warning,) = body["warnings"]
    assert warning["code"] == "invoice_key_of_other_invoice"
    assert warning["message"].startswith("invoiceKey: belongs to invoice 77")


async def test_what_vtex_is_told_follows_the_right_key(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    page = "https://acme.example/?k={invoice_key}"
    by_key = {"tracking_number": "nfe_key", "tracking_url": page}
    api = await serving(settings({"acme": by_key}))
    id_ = (await api.register(invoiceKey=keyed("1")))["id"]
    key = keyed("12345")

    _, body = await api.call("PATCH", f"{ROOT}/{id_}", {"invoiceKey": key})

    assert body["updated"] == ["invoiceKey", "trackingNumber", "trackingUrl"]
    shipment = await api.one(id_)
    assert shipment["trackingNumber"] == key
    assert shipment["trackingUrl"] == page.format(invoice_key=key)


@pytest.mark.parametrize(
    "body",
    [{}, {"trackingNumber": None}, {"trackingNumber": ""}, {"history": "keep"}],
)
async def test_a_correction_of_nothing_says_what_there_is_to_correct(
    api: Api, body: dict[str, Any]
) -> None:
    id_ = (await api.register())["id"]

    status, answer = await api.call("PATCH", f"{ROOT}/{id_}", body)

    assert (status, answer["detail"]) == (422, "nothing to correct")
    assert "trackingNumber, trackingUrl, courier, contract" in answer["hint"]


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({"invoiceNumber": "2"}, "it identifies the shipment: cancel this one"),
        ({"references": []}, "POST the label again"),
        ({"traking": "A"}, "did you mean `trackingNumber`?"),
        ({"volume": None}, "leave it out"),
    ],
)
async def test_what_a_correction_cannot_change_has_another_way_out(
    api: Api, body: dict[str, Any], hint: str
) -> None:
    id_ = (await api.register())["id"]

    status, answer = await api.call("PATCH", f"{ROOT}/{id_}", body)

    assert (status, answer["field"]) == (422, next(iter(body)))
    assert answer["hint"].startswith(hint)


async def test_a_reprint_with_an_earlier_dispatch_date_is_taken_over(api: Api) -> None:
    id_ = (await api.register(dispatchedDate="2026-03-01"))["id"]

    again = await api.register(dispatchedDate="2026-02-27T10:00")

    assert (again["updated"], again["warnings"]) == (["dispatchedDate"], [])
    assert (await api.one(id_))["dispatchedDate"] == "2026-02-27T10:00:00-03:00"


CONTRACTS: Any = {"acme": {}, "zeta": {"courier": "Zeta"}}


async def test_a_wrong_contract_is_corrected_and_the_courier_with_it(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    api = await serving(settings(CONTRACTS))
    id_ = (await api.register(contract="acme"))["id"]

    _, body = await api.call("PATCH", f"{ROOT}/{id_}", {"contract": "zeta"})

    assert body["updated"] == ["contract", "courier"]
    shipment = await api.one(id_)
    assert (shipment["contract"], shipment["courier"]) == ("zeta", "Zeta")


async def test_the_contract_that_is_gone_can_be_corrected_too(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    before = await serving(settings(CONTRACTS))
    id_ = (await before.register(contract="acme"))["id"]
    after = await serving(settings({"zeta": CONTRACTS["zeta"]}))

    assert await status_of(after, {"courier": "X"}, "PATCH", f"{ROOT}/{id_}") == (
        422,
        "contract",
    )
    _, body = await after.call("PATCH", f"{ROOT}/{id_}", {"contract": "zeta"})
    assert body["updated"] == ["contract"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"trackingNumber": "BR 9"}, 422, "trackingNumber"),
        ({"trackingNumber": "BR9", "volume": 2}, 422, "volume"),
        ({"trackingUrl": "odd"}, 422, "trackingUrl"),
        ({"contract": "other"}, 422, "contract"),
        ({"history": "forget"}, 422, "history"),
        ({"invoiceKey": "123"}, 422, "invoiceKey"),
        ({"dispatchedDate": "01/03/2026"}, 422, "dispatchedDate"),
        ({"estimatedDeliveryDate": "2026-13-01"}, 422, "estimatedDeliveryDate"),
        ({"invoiceNumber": "2"}, 422, "invoiceNumber"),
    ],
)
async def test_what_cannot_be_a_correction_is_refused_with_its_field(
    api: Api, body: dict[str, Any], status: int, field: str
) -> None:
    id_ = (await api.register())["id"]

    found = await status_of(api, body, "PATCH", f"{ROOT}/{id_}")

    assert found == (status, field)


# Cancel and retry


async def test_a_cancelled_label_can_be_registered_anew(api: Api) -> None:
    id_ = (await api.register())["id"]

    status, body = await api.call("POST", f"{ROOT}/{id_}/cancel")
    assert (status, body["state"]) == (200, "cancelled")
    assert (await api.call("POST", f"{ROOT}/{id_}/retry"))[0] == 409

    status, again = await api.call("POST", ROOT, LABEL)
    assert (status, again["id"], again["state"]) == (201, id_, "due")


async def test_a_stuck_shipment_is_tried_again(api: Api, way_in: WayIn) -> None:
    id_ = (await api.register())["id"]
    async with way_in.database.writing() as tx:
        settled = {"shipment": 1, "version": 1, "now": 0, "due_at": None, "in_doubt": 0}
        settled |= {"not_before": None, "lane": 1, "attempts": 12}
        settled |= dict.fromkeys(("failing_since", "waiting_reason", "closed_reason"))
        await tx.run("settle", **settled, stuck_reason="400: odd")
    assert (await api.one(id_))["why"] == "400: odd"

    status, body = await api.call("POST", f"{ROOT}/{id_}/retry")

    assert (status, body["state"]) == (200, "due")
    assert api.woken.news == 2
