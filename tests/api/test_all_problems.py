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
