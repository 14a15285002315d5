"""`POST /v1/shipments/{id}/poll-now` has the carrier asked at once."""

from collections.abc import Callable

import pytest

from relay.config.settings import Settings
from tests.api.apis import Api
from tests.api.conftest import Serving
from tests.inbound.polling.asking import Asked


@pytest.fixture
async def api(serving: Serving, settings: Callable[..., Settings]) -> Api:
    """Serve the API of a contract whose carrier is asked."""
    return await serving(settings(), Asked)


async def test_the_carrier_is_to_be_asked_at_once(api: Api) -> None:
    shipment = await api.register()
    path = f"/v1/shipments/{shipment['id']}/poll-now"
    status, body = await api.call("POST", path)
    assert (status, body["id"]) == (200, shipment["id"])
    notes = (await api.one(shipment["id"]))["timeline"]["notes"]
    assert notes[-1]["text"].startswith("poll requested by")


async def test_one_that_is_not_there_is_404(api: Api) -> None:
    status, body = await api.call("POST", "/v1/shipments/nothing/poll-now")
    assert status == 404, body


async def test_one_whose_carrier_only_calls_is_refused_with_the_way_out(
    serving: Serving, settings: Callable[..., Settings]
) -> None:
    for made in (
        await serving(settings()),
        await serving(settings({"acme": {"poll": False}}), Asked),
    ):
        id_ = (await made.register())["id"]
        status, body = await made.call("POST", f"/v1/shipments/{id_}/poll-now")
        assert (status, body["title"]) == (409, "Conflict")
        assert body["detail"] == "the carrier is not polled under contract acme"
        assert "mark-delivered" in body["hint"]


async def test_a_cancelled_one_is_refused_with_the_way_out(api: Api) -> None:
    shipment = await api.register()
    root = f"/v1/shipments/{shipment['id']}"
    await api.call("POST", f"{root}/cancel")
    status, body = await api.call("POST", f"{root}/poll-now")
    assert status == 409
    assert "POST the label again" in str(body)
