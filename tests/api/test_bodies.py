"""What cannot be taken over is refused, with its field and the way out."""

from typing import Any

import pytest

from relay.store.sqlite import SqliteDatabase
from tests.api.apis import LABEL, Api

ROOT = "/v1/shipments"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is asked here does not depend on it."""
    return sqlite


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, None),
        (b'{"orderId": "\\ud800", "invoiceNumber": "1"}', 422, "orderId"),
        (LABEL | {"courier": "A\0"}, 422, "courier"),
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
    found, problem = await api.call("POST", ROOT, body, **JSON)

    assert (found, problem.get("field")) == (status, field)
    assert problem["status"] == status
    assert problem["hint"]


TEXT = "must be a string, not a number"
ADD = ("required", "add it")
CODES = (
    "use trackingNumber, volumeCode, shipmentId, invoiceKey, invoice, cteKey, orderId"
)


@pytest.mark.parametrize(
    ("changed", "words", "hint"),
    [
        (
            {"invoiceNumber": 12},
            TEXT,
            "put it in quotes: leading zeros count",
        ),
        ({"invoiceNumber": ""}, "must not be empty", "write a value, or remove it"),
        ({"invoiceNumber": None}, *ADD),
        (
            {"contract": ["me", "correios"]},
            "must be a string, not a list",
            "write one string, in quotes",
        ),
        (
            {"contract": {}},
            "must be a string, not an object",
            "write one string, in quotes",
        ),
        (
            {"contract": True},
            "must be a string, not true or false",
            "write one string, in quotes",
        ),
        (
            {"estimatedDeliveryDate": 20261231},
            TEXT,
            'put it in quotes, such as "2026-08-07"',
        ),
        (
            {"volume": "2"},
            "must be a whole number, not a string",
            "write it without quotes, such as 2",
        ),
        (
            {"volume": 2.5},
            "must be a whole number, not a decimal number",
            "write it without quotes, such as 2",
        ),
        ({"volume": 0}, "too small", "use 1 or more"),
        ({"volume": 1000}, "too large", "use 999 or less"),
        (
            {"trackingSent": "yes"},
            "must be true or false, not a string",
            "write true or false, without quotes",
        ),
        (
            {"trackingSent": None},
            "must be true or false, not null",
            "leave it out",
        ),
        ({"parcels": None}, "must be a list, not null", "leave it out"),
        ({"parcels": {}}, "must be a list, not an object", "write it in [ ]"),
        (
            {"parcels": ["A"]},
            "must be an object, not a string",
            'write {"trackingNumber": …}',
        ),
        (
            {"references": ["A"]},
            "must be an object, not a string",
            'write {"type": …, "value": …}',
        ),
        (
            {"references": [{"type": "awb", "value": "1"}]},
            "unknown type of reference",
            CODES,
        ),
        (
            {"references": [{"type": 7, "value": "1"}]},
            "unknown type of reference",
            CODES,
        ),
        (
            {"references": [{"type": "volumecode", "value": "1"}]},
            "unknown type of reference",
            "did you mean `volumeCode`?",
        ),
        (
            {"trackingNumber": "A" * 201},
            "longer than 200 characters",
            "use at most 200",
        ),
    ],
)
async def test_a_refusal_says_what_is_wrong_and_what_to_do(
    api: Api, changed: dict[str, Any], words: str, hint: str
) -> None:
    status, problem = await api.call("POST", ROOT, LABEL | changed)

    assert (status, problem["detail"], problem["hint"]) == (422, words, hint)


@pytest.mark.parametrize(
    ("body", "field", "meant"),
    [
        ({"orderID": "1-01", "invoiceNumber": "1"}, "orderID", "orderId"),
        ({"order_id": "1-01", "invoiceNumber": "1"}, "order_id", "orderId"),
        (LABEL | {"trackingnumber": "A"}, "trackingnumber", "trackingNumber"),
        (LABEL | {"trackingCode": "A"}, "trackingCode", "trackingNumber"),
        (
            LABEL | {"references": [{"typ": "volumeCode", "value": "1"}]},
            "references[0].typ",
            "type",
        ),
        (
            LABEL | {"references": [{"kind": "volumeCode", "value": "1"}]},
            "references[0].kind",
            "type",
        ),
        (
            LABEL | {"trackingNumber": None, "parcels": [{"tracking": "A"}]},
            "parcels[0].tracking",
            "trackingNumber",
        ),
    ],
)
async def test_a_misspelt_field_is_what_is_named(
    api: Api, body: dict[str, Any], field: str, meant: str
) -> None:
    _, problem = await api.call("POST", ROOT, body)

    assert (problem["field"], problem["detail"]) == (field, "unknown field")
    assert problem["hint"] == f"did you mean `{meant}`?"


@pytest.mark.parametrize(
    ("changed", "known"),
    [
        ({"zzz": 1}, "account, contract, carrierTaxId, orderId"),
        ({"parcels": [{"zzz": 1}]}, "trackingNumber, volume, references"),
    ],
)
async def test_of_other_fields_those_of_the_same_level_are_listed(
    api: Api, changed: dict[str, Any], known: str
) -> None:
    _, problem = await api.call("POST", ROOT, LABEL | changed)

    assert problem["hint"].startswith(f"remove it; known here: {known}")


async def test_a_refusal_names_the_other_faults_too(api: Api) -> None:
    body = {"volume": 0, "orderID": "1", "zzz": 1, "zzzz": 1, "courier": 1}

    _, problem = await api.call("POST", ROOT, body)

    assert problem["field"] == "orderID"
    assert problem["detail"] == (
        "unknown field; also invoiceNumber: required; "
        f"also volume: too small; also courier: {TEXT}; and 2 more"
    )
    assert [(e["field"], e["code"]) for e in problem["errors"]] == [
        ("orderID", "unknown_field"),
        ("invoiceNumber", "required"),
        ("volume", "out_of_range"),
        ("courier", "wrong_type"),
        ("zzz", "unknown_field"),
        ("zzzz", "unknown_field"),
    ]
    assert all(e["hint"] and e["detail"] for e in problem["errors"])


async def test_a_number_with_too_many_digits_is_too_large(api: Api) -> None:
    _, problem = await api.call("GET", f"{ROOT}?limit={'9' * 5000}")

    assert (problem["field"], problem["detail"]) == ("limit", "too large")
    assert problem["hint"] == "use fewer digits"


async def test_a_time_without_an_offset_is_answered_with_one_that_has_it(
    api: Api,
) -> None:
    body = {"since": "2026-08-01"}

    _, problem = await api.call("POST", "/v1/documents/replay", body)

    assert problem["detail"] == "must be a time with an offset"
    assert problem["hint"].endswith("T14:03:00-03:00")


@pytest.mark.parametrize(
    ("query", "field", "hint"),
    [
        ("limit=x", "limit", "write for example 2"),
        ("limit=900", "limit", "use 200 or less"),
        ("state=odd", "state", "use 'awaiting_number', 'due', "),
        ("order=1", "order", "did you mean `orderId`?"),
    ],
)
async def test_a_question_is_refused_in_the_same_words(
    api: Api, query: str, field: str, hint: str
) -> None:
    status, problem = await api.call("GET", f"{ROOT}?{query}")

    assert (status, problem["field"]) == (422, field)
    assert problem["hint"].startswith(hint)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"orderId":', "it ends too early at line 1, column 11"),
        (b'{"orderId": 1,}', "syntax error at line 1, column 15"),
        (b"orderId=1", "syntax error at line 1, column 1"),
    ],
)
async def test_what_is_no_json_says_where(api: Api, body: bytes, where: str) -> None:
    status, problem = await api.call("POST", ROOT, body, **JSON)

    assert (status, problem["detail"]) == (400, f"The body is not valid JSON: {where}.")
    assert problem["hint"].startswith("check quotes")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("", '"orderId":"1172452900788-01"'),
        ("/bulk", '{"labels":[{'),
        ("/1/handover", '"contract":"last_mile"'),
        ("/1/mark-delivered", '"occurredAt":'),
    ],
)
@pytest.mark.parametrize("body", [None, b"", b" \n"])
async def test_an_empty_body_is_answered_with_an_example(
    api: Api, path: str, shown: str, body: bytes | None
) -> None:
    headers = JSON if body else {}

    status, problem = await api.call("POST", ROOT + path, body, **headers)

    assert (status, problem["status"]) == (400, 400)
    assert problem["detail"] == "the body is empty; JSON is required"
    assert problem["hint"].startswith("send a body like {")
    assert shown in problem["hint"]


@pytest.mark.parametrize(
    ("path", "shape"),
    [("", '{"orderId": …, "invoiceNumber": …}'), ("/bulk", '{"labels": […]}')],
)
async def test_a_bare_list_is_answered_with_what_is_around_it(
    api: Api, path: str, shape: str
) -> None:
    status, problem = await api.call("POST", ROOT + path, [LABEL])

    assert (status, problem["detail"]) == (
        422,
        "the body must be an object, not a list",
    )
    assert problem["hint"] == f"write {shape}"


async def test_only_json_is_taken(api: Api) -> None:
    text = {"Content-Type": "text/plain"}

    status, problem = await api.call("POST", ROOT, b"a=b", **text)

    assert status == 415
    assert "`Content-Type: application/json`" in problem["hint"]


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    status, problem = await api.call("POST", ROOT, b" " * 100_001, **JSON)

    assert (status, problem["hint"]) == (413, "send a smaller body")
