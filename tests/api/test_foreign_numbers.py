"""Under a contract that stores share, nobody gets another store's events by its number.

A token that is limited to one account registers, corrects or hands over to a tracking
number of another account's open parcel: refused, and nothing of it is shown.
"""

from collections.abc import Callable
from typing import Any

import pytest

from relay.config.settings import Settings
from tests.api.apis import LABEL, Api
from tests.api.conftest import Serving
from tests.api.test_tokens import CONTRACTS, ROOT, TABLES, bearer

THEIRS = "TN-THEIRS"
SHARED = {"contract": "acme"}


@pytest.fixture
async def api(serving: Serving, settings: Callable[..., Settings]) -> Api:
    """Serve two accounts that share a contract; the store has one parcel under it."""
    tokens = {
        "one": {
            "token": "limited-to-one-" * 3,
            "scopes": ["erp", "operator"],
            "accounts": ["outlet"],
        }
    }
    tables = TABLES | {"tokens": TABLES["tokens"] | tokens}
    api = await serving(settings(CONTRACTS, **tables))
    theirs = LABEL | SHARED | {"account": "store", "trackingNumber": THEIRS}
    status, made = await api.call("POST", ROOT, theirs, **bearer("erp"))
    assert status == 201
    api.theirs = made["id"]  # type: ignore[attr-defined]
    return api


ONE = {"Authorization": f"Bearer {'limited-to-one-' * 3}"}
OWN = (
    LABEL | SHARED | {"account": "outlet", "orderId": "O-2", "trackingNumber": "TN-OWN"}
)


async def own(api: Api, **changes: Any) -> tuple[int, Any]:
    return await api.call("POST", ROOT, OWN | changes, **ONE)


def refused(found: tuple[int, Any]) -> None:
    status, body = found
    assert (status, body["field"]) == (409, "trackingNumber")
    assert THEIRS in body["title"] + body["detail"]
    assert "store" not in str(body)
    assert LABEL["orderId"] not in str(body)


async def test_a_label_with_it_is_refused(api: Api) -> None:
    refused(await own(api, trackingNumber=THEIRS))
    status, listed = await api.call("GET", ROOT, **ONE)
    assert (status, listed["shipments"]) == (200, [])


async def test_an_order_id_that_another_store_has_too_is_no_reason(api: Api) -> None:
    status, _ = await own(api, orderId=LABEL["orderId"])
    assert status == 201


async def test_a_code_of_their_parcel_is_refused_by_its_field(api: Api) -> None:
    code = [{"type": "volumeCode", "value": "V-THEIRS"}]
    theirs = LABEL | SHARED | {"account": "store", "references": code}
    await api.call("POST", ROOT, theirs | {"trackingNumber": THEIRS}, **bearer("erp"))
    status, body = await own(api, references=code)
    assert (status, body["field"]) == (409, "references")
    assert "V-THEIRS" in body["title"] + body["detail"]


async def test_in_bulk_only_its_label_is_refused(api: Api) -> None:
    labels = [OWN, OWN | {"orderId": "O-3", "trackingNumber": THEIRS}]
    _, body = await api.call("POST", f"{ROOT}/bulk", {"labels": labels}, **ONE)
    assert [item["status"] for item in body["items"]] == [201, 409]


async def test_a_correction_to_it_is_refused(api: Api) -> None:
    _, made = await own(api)
    path = f"{ROOT}/{made['id']}"
    refused(await api.call("PATCH", path, {"trackingNumber": THEIRS}, **ONE))
    _, shown = await api.call("GET", path, **ONE)
    assert shown["trackingNumber"] == "TN-OWN"


async def test_a_handover_to_it_is_refused(api: Api) -> None:
    _, made = await own(api, contract="zeta")
    request = {"contract": "acme", "trackingNumber": THEIRS}
    path = f"{ROOT}/{made['id']}/handover"
    refused(await api.call("POST", path, request, **ONE))


async def test_a_number_of_a_closed_shipment_may_be_used(api: Api) -> None:
    path = f"{ROOT}/{api.theirs}/cancel"  # type: ignore[attr-defined]
    status, _ = await api.call("POST", path, **bearer("ana"))
    assert status == 200
    assert (await own(api, trackingNumber=THEIRS))[0] == 201


async def test_an_unlimited_token_may_register_it(api: Api) -> None:
    label = OWN | {"trackingNumber": THEIRS}
    assert (await api.call("POST", ROOT, label, **bearer("erp")))[0] == 201
