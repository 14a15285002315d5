"""Second carriers, telling again, and a person's word, over HTTP."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from relay.adapters.operator import Operator
from relay.adapters.protocol import WebhookRequest
from relay.config.settings import Settings
from relay.domain.events import ParcelView
from relay.domain.fiscal import check_digit
from relay.errors import VerificationFailed
from tests.api.apis import LABEL, Api
from tests.api.conftest import Serving
from tests.support.way_in import WayIn

HOUR = timedelta(hours=1)
NFE_KEY = "35260712345678000195550010000123451000012346"


@pytest.fixture
async def api(serving: Serving, settings: Callable[..., Settings]) -> Api:
    """Serve the API of a contract for the long way, and one for the last mile."""
    return await serving(settings({"acme": {}, "last_mile": {}}))


async def registered(api: Api, **changed: Any) -> str:
    found: str = (await api.register(contract="acme", **changed))["id"]
    return found


def references(shipment: Any, contract: str) -> list[tuple[str, str]]:
    """Return what a contract has registered, of the invoice and its parcels."""
    lists = [shipment["references"], *(p["references"] for p in shipment["parcels"])]
    found = [r for them in lists for r in them if r["contract"] == contract]
    return sorted((r["type"], r["value"]) for r in found)


# A parcel changes hands


async def test_a_second_carrier_stands_beside_the_first(api: Api) -> None:
    id_ = await registered(api)
    body = {"contract": "last_mile", "trackingNumber": "LM1"}

    status, answer = await api.call("POST", f"/v1/shipments/{id_}/handover", body)

    assert (status, answer["updated"]) == (200, ["references"])
    shipment = await api.one(id_)
    assert ("trackingNumber", "LM1") in references(shipment, "last_mile")
    assert ("trackingNumber", "BR123") in references(shipment, "acme")
    assert (shipment["contract"], shipment["trackingNumber"]) == ("acme", "BR123")
    note = shipment["timeline"]["notes"][-1]["text"]
    assert note == (
        "carrier handover: volume 1 to contract last_mile as LM1; requested by anybody"
    )

    status, answer = await api.call("POST", f"/v1/shipments/{id_}/handover", body)
    assert (status, answer["updated"]) == (200, [])


async def test_it_may_speak_of_the_invoice(api: Api) -> None:
    key = NFE_KEY[:-1] + check_digit(NFE_KEY[:-1])
    id_ = await registered(api, invoiceKey=key)

    status, _ = await api.call(
        "POST", f"/v1/shipments/{id_}/handover", {"contract": "last_mile"}
    )

    assert status == 200
    found = references(await api.one(id_), "last_mile")
    assert [kind for kind, _ in found] == ["invoice", "invoiceKey", "orderId"]


async def test_of_several_volumes_it_has_the_one_that_changed_hands(api: Api) -> None:
    id_ = await registered(api, volumes=2)
    given = [{"type": "invoice", "value": "11222333000181/1/77"}]
    body = {"contract": "last_mile", "volume": 2, "references": given}

    status, _ = await api.call("POST", f"/v1/shipments/{id_}/handover", body)

    assert status == 200
    second = (await api.one(id_))["parcels"][1]
    assert [r["type"] for r in second["references"]] == ["invoice"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"contract": "nobody"}, "contract"),
        ({"volume": 2}, "volume"),
        ({"trackingNumber": None}, "trackingNumber"),
        ({"trackingNumber": "L M"}, "trackingNumber"),
    ],
)
async def test_a_hand_over_that_cannot_be_is_refused(
    api: Api, changed: dict[str, Any], field: str
) -> None:
    id_ = await registered(api)
    body = {"contract": "last_mile", "trackingNumber": "LM1"} | changed

    status, answer = await api.call("POST", f"/v1/shipments/{id_}/handover", body)

    assert (status, answer["field"]) == (422, field)


async def test_a_cancelled_shipment_is_not_handed_over(api: Api) -> None:
    id_ = await registered(api)
    await api.call("POST", f"/v1/shipments/{id_}/cancel")
    body = {"contract": "last_mile", "trackingNumber": "LM1"}

    status, _ = await api.call("POST", f"/v1/shipments/{id_}/handover", body)
    assert status == 409
    status, _ = await api.call("POST", "/v1/shipments/nothing/handover", body)
    assert status == 404


async def test_a_number_of_another_order_is_warned_of(api: Api) -> None:
    await api.register(contract="last_mile", trackingNumber="LM1", orderId="v9-01")
    id_ = await registered(api)
    body = {"contract": "last_mile", "trackingNumber": "LM1"}

    _, answer = await api.call("POST", f"/v1/shipments/{id_}/handover", body)

    assert "also used by open order v9-01" in answer["warnings"][0]["message"]
    assert LABEL["orderId"] != "v9-01"


# Telling again


async def test_a_shipment_is_told_again(api: Api) -> None:
    id_ = await registered(api, trackingSent=True)

    status, answer = await api.call("POST", f"/v1/shipments/{id_}/resend", {})

    assert (status, answer["state"]) == (200, "due")
    assert "twice" in answer["warnings"][0]["message"]
    shipment = await api.one(id_)
    assert shipment["trackingSentAs"] is None
    assert shipment["trackingUrl"] == "https://acme.example/BR123"
    assert shipment["timeline"]["notes"][-1]["text"].startswith("resend of tracking")


@pytest.mark.parametrize("what", ["tracking", "events"])
async def test_a_part_of_it_is_told_again(api: Api, what: str) -> None:
    id_ = await registered(api, trackingSent=True, courier="Given by the shop")

    status, _ = await api.call("POST", f"/v1/shipments/{id_}/resend", {"what": what})

    assert status == 200
    shipment = await api.one(id_)
    assert (shipment["trackingSentAs"] is None) == (what == "tracking")
    assert shipment["courier"] == "Given by the shop"


async def test_a_contract_that_is_gone_resolves_nothing(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    before = await serving(settings({"acme": {}}))
    id_ = await registered(before)
    after = await serving(settings({"other": {}}))

    status, _ = await after.call("POST", f"/v1/shipments/{id_}/resend", {})

    assert status == 200
    assert (await after.one(id_))["trackingUrl"] == "https://acme.example/BR123"


async def test_what_is_to_be_told_again_is_one_of_three(api: Api) -> None:
    id_ = await registered(api)
    body = {"what": "everything"}

    status, answer = await api.call("POST", f"/v1/shipments/{id_}/resend", body)

    assert (status, answer["field"]) == (422, "what")


# A person's word


async def test_a_persons_word_is_kept_and_read(api: Api, way_in: WayIn) -> None:
    id_ = await registered(api)
    at = (api.clock() - HOUR).isoformat()
    path = f"/v1/shipments/{id_}/mark-delivered"

    status, answer = await api.call("POST", path, {"occurredAt": at})

    assert (status, answer["id"]) == (200, id_)
    assert api.woken.replay == 1
    assert await way_in.read() == 1
    event = (await api.one(id_))["timeline"]["events"][0]
    assert event["milestone"] == "delivered"
    assert event["description"] == "Entregue"
    assert event["decision"] == "released"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"occurredAt": "2030-01-01T00:00:00Z"}, "occurredAt"),
        ({"occurredAt": "2026-03-01"}, "occurredAt"),
        ({"occurredAt": "01/03/2026"}, "occurredAt"),
        ({"occurredAt": "2025-01-01T00:00:00Z"}, "occurredAt"),
        ({"volume": 2}, "volume"),
    ],
)
async def test_a_word_that_cannot_be_is_refused(
    api: Api, changed: dict[str, Any], field: str
) -> None:
    id_ = await registered(api)
    body = {"occurredAt": api.clock().isoformat()} | changed

    status, answer = await api.call("POST", f"/v1/shipments/{id_}/mark-delivered", body)

    assert (status, answer["field"]) == (422, field)


async def test_nobody_sends_a_persons_word_as_a_webhook() -> None:
    with pytest.raises(VerificationFailed):
        Operator().verify(WebhookRequest({}, b""))
    assert Operator().tracking_url(ParcelView(())) is None
