"""All problems of a label are answered at once: values, account and contract."""

from typing import Any

import pytest

from relay.store.sqlite import SqliteDatabase
from tests.api.apis import LABEL, Api
from tests.api.conftest import Serving
from tests.conftest import ACCOUNT

Fields = dict[str, Any]
TWO: Any = {
    "acme": {"account": "store", "courier": "Acme"},
    "zeta": {"account": "other"},
    "beta": {"account": "other"},
}


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: nothing is stored."""
    return sqlite


@pytest.fixture
async def api(serving: Serving, settings: Any) -> Api:
    """Serve two accounts, one of them with two contracts."""
    accounts = {"store": ACCOUNT, "other": ACCOUNT}
    return await serving(settings(TWO, accounts=accounts))


INVALID = {"volumes": 0, "trackingNumber": "two numbers"}
BOTH: list[tuple[Fields, list[tuple[str, str]]]] = [
    ({"account": "shop"}, [("account", "not_configured")]),
    (
        {"account": "shop", "contract": "nobody"},
        [("account", "not_configured"), ("contract", "not_configured")],
    ),
    ({"account": "shop", "contract": "zeta"}, [("account", "not_configured")]),
    (
        {"account": "store", "contract": "zeta"},
        [("contract", "not_configured")],
    ),
    ({"account": "other"}, [("contract", "required")]),
    ({"account": "other", "courier": "Rapid"}, [("courier", "not_configured")]),
    (
        {"account": "other", "carrierTaxId": "1"},
        [("carrierTaxId", "invalid_value")],
    ),
    ({}, [("account", "required")]),
    ({"account": "store"}, []),
]


def named(problem: Any) -> list[tuple[str, str]]:
    assert problem["errors"][0]["detail"] in problem["detail"]
    return [(e["field"], e["code"]) for e in problem["errors"]]


@pytest.mark.parametrize(("fields", "expected"), BOTH)
async def test_values_account_and_contract_are_refused_together(
    api: Api, fields: Fields, expected: list[tuple[str, str]]
) -> None:
    label = LABEL | fields
    status, problem = await api.call("POST", "/v1/shipments", label | INVALID)
    values = [("trackingNumber", "invalid_character"), ("volumes", "out_of_range")]
    assert (status, named(problem)) == (422, [*values, *expected])
    _, bulk = await api.call(
        "POST", "/v1/shipments/bulk", {"labels": [label | INVALID]}
    )
    assert bulk["items"][0]["problem"] == problem
    if expected:  # The same without the values.
        status, problem = await api.call("POST", "/v1/shipments", label)
        assert (status, named(problem)) == (422, expected)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"acount": "store"}, [("acount", "unknown_field")]),
        ({"account": 7}, [("account", "wrong_type")]),
        (
            {"account": "other", "contrat": "zeta"},
            [("contrat", "unknown_field")],
        ),
        (
            {"account": "other", "contract": ["zeta"]},
            [("contract", "wrong_type")],
        ),
        (
            {"account": "shop", "contract": ["zeta"]},
            [("contract", "wrong_type"), ("account", "not_configured")],
        ),
        (
            {"account": "other", "giftWrap": "red"},
            [("giftWrap", "unknown_field"), ("contract", "required")],
        ),
    ],
)
async def test_what_follows_from_another_problem_is_not_reported(
    api: Api, fields: Fields, expected: list[tuple[str, str]]
) -> None:
    status, problem = await api.call("POST", "/v1/shipments", LABEL | fields)
    assert (status, named(problem)) == (422, expected)


PARCELS = [{"volume": 1}, {"volume": 3, "references": [{"type": "awb", "value": ""}]}]
BESIDE = [("parcels[1].references[0].type", "invalid_value"),
          ("parcels[1].references[0].value", "empty")]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"parcels": PARCELS, "volumes": 2, "trackingNumber": "two numbers"},
            [("trackingNumber", "invalid_character"), *BESIDE,
             ("volumes", "contradiction"), ("trackingNumber", "contradiction")],
        ),
        (
            {"orderId": 7, "volume": 3, "volumes": 2, "dispatchedDate": "2090-01-01",
             "estimatedDeliveryDate": "9999-12-31"},
            [("orderId", "wrong_type"), ("estimatedDeliveryDate", "invalid_date"),
             ("volumes", "contradiction"), ("dispatchedDate", "invalid_date")],
        ),
        (
            {"volume": 3, "volumes": 2, "dispatchedDate": "2090-01-01"},
            [("volumes", "contradiction"), ("dispatchedDate", "invalid_date")],
        ),
        (
            {"volume": "three", "volumes": 2, "parcels": "none"},
            [("volume", "wrong_type"), ("parcels", "wrong_type")],
        ),
    ],
)  # fmt: skip
async def test_contradictions_are_reported_with_invalid_values(
    api: Api, fields: Fields, expected: list[tuple[str, str]]
) -> None:
    label = LABEL | {"account": "store", "trackingNumber": None} | fields
    status, problem = await api.call("POST", "/v1/shipments", label)
    assert (status, named(problem)) == (422, expected)


@pytest.mark.parametrize(
    ("date", "says", "hint"),
    [
        ("0001-01-01", "out of range: not between 2005-01-01 and", "remove the field"),
        ("1900-01-01T00:00:00Z", "out of range", "remove the field"),
        ("0000-00-00", "out of range", "remove the field"),
        ("9999-12-31", "out of range", "remove the field"),
        ("27/11/2026", "not an ISO 8601 date", "write 2026-11-27"),
        ("27/13/2026", "not an ISO 8601 date", "write 2026-08-01"),
        ("2026-02-30", "does not exist", "write a date that exists"),
    ],
)
async def test_a_wrong_date_says_what_is_wrong_with_it(
    api: Api, date: str, says: str, hint: str
) -> None:
    dates = {"dispatchedDate": date, "estimatedDeliveryDate": date[:10]}
    label = LABEL | {"account": "store"} | dates
    _, problem = await api.call("POST", "/v1/shipments", label)
    assert [e["field"] for e in problem["errors"]] == list(dates)
    for error in problem["errors"]:
        assert says in error["detail"]
        assert hint in error["hint"]


async def test_only_accounts_of_the_caller_are_named(
    serving: Serving, settings: Any
) -> None:
    token = {"token": "t" * 32, "scopes": ["erp"], "accounts": ["store"]}
    accounts = {"store": ACCOUNT, "other": ACCOUNT}
    api = await serving(settings(TWO, accounts=accounts, tokens={"erp": token}))
    api.headers["Authorization"] = f"Bearer {'t' * 32}"
    label = LABEL | INVALID | {"account": "other", "contract": "zeta"}
    _, problem = await api.call("POST", "/v1/shipments", label)
    errors = problem["errors"][2:]
    assert [(e["field"], e["hint"]) for e in errors] == [
        ("account", "configured: store"),
        ("contract", "configured: acme"),
    ]
