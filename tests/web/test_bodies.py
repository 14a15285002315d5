"""What cannot be taken over is refused, with its field and the way out."""

from typing import Any

import pytest

from relay.store.sqlite import SqliteDatabase
from tests.web.apis import LABEL, Api

ROOT = "/v1/shipments"


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is asked here does not depend on it."""
    return sqlite


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"{", 400, None),
        (b'{"orderId": "\\ud800"}', 400, None),
        (b"[]", 422, None),
        (b"{}", 422, "orderId"),
        (LABEL | {"orderId": 7}, 422, "orderId"),
        (LABEL | {"trackingnumber": "A"}, 422, "trackingnumber"),
        (LABEL | {"invoiceNumber": "1/2"}, 422, "invoiceNumber"),
        (LABEL | {"trackingNumber": "BR 1"}, 422, "trackingNumber"),
        (LABEL | {"contract": "other"}, 422, "contract"),
        (LABEL | {"parcels": [{"volume": 0}]}, 422, "parcels[0].volume"),
        (LABEL | {"parcels": [{"odd": 0}]}, 422, "parcels[0].odd"),
        (
            LABEL | {"references": [{"type": "awb", "value": "1"}]},
            422,
            "references[0].type",
        ),
    ],
)
async def test_what_cannot_be_a_label_is_refused_with_its_field(
    api: Api, body: Any, status: int, field: str | None
) -> None:
    headers = {"Content-Type": "application/json"}

    found, problem = await api.call("POST", ROOT, body, **headers)

    assert (found, problem.get("field")) == (status, field)
    assert problem["status"] == status
    assert status == 400 or problem["wayOut"]


@pytest.mark.parametrize(
    ("changed", "way_out"),
    [
        ({"invoiceNumber": 12}, "write it as text, in quotes: leading zeros count"),
        ({"trackingnumber": "A"}, "is trackingNumber meant?"),
        ({"zzz": 1}, "leave it out; known are account, contract, carrierTaxId,"),
        ({"references": [{"type": "awb", "value": "1"}]}, "use 'tracking_number',"),
        ({"volume": 1000}, "see /openapi.json"),
    ],
)
async def test_a_refusal_says_what_to_do(
    api: Api, changed: dict[str, Any], way_out: str
) -> None:
    _, problem = await api.call("POST", ROOT, LABEL | changed)

    assert problem["wayOut"].startswith(way_out)


async def test_a_refusal_names_the_other_faults_too(api: Api) -> None:
    _, problem = await api.call("POST", ROOT, {"volume": 0})

    assert problem["field"] == "orderId"
    assert problem["detail"].startswith("it is missing; also invoiceNumber: ")
    assert "volume: Input should be greater" in problem["detail"]


async def test_only_json_is_taken(api: Api) -> None:
    status, _ = await api.call("POST", ROOT, b"a=b", **{"Content-Type": "text/plain"})

    assert status == 415


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    status, _ = await api.call("POST", ROOT, b" " * 100_001, **headers)

    assert status == 413
