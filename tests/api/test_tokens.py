"""Who may ask for what: tokens, scopes, and the accounts of others."""

from collections.abc import Callable
from typing import Any

import pytest

from relay.api.auth import check_tokens
from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.store.sqlite import SqliteDatabase
from tests.api.apis import LABEL, Api
from tests.api.conftest import Serving
from tests.conftest import ACCOUNT

ROOT = "/v1/shipments"
TABLES: Any = {
    "accounts": {"store": ACCOUNT, "outlet": ACCOUNT},
    "tokens": {
        "erp": {"token": "erp-" * 8, "scopes": ["erp"]},
        "outlet": {"token": "outlet-" * 8, "scopes": ["erp"], "accounts": ["outlet"]},
        "ana": {"token": "operator-" * 8, "scopes": ["operator"]},
        "bia": {
            "token": "limited-" * 8,
            "scopes": ["operator"],
            "accounts": ["outlet"],
        },
        "eva": {"token": "reader-" * 8, "scopes": ["reader"]},
        "prometheus": {"token": "metrics-" * 8, "scopes": ["metrics"]},
    },
}
CONTRACTS: Any = {
    "acme": {"account": "store", "accounts": ["store", "outlet"]},
    "zeta": {"account": "outlet"},
    "solo": {"account": "store"},
}


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is asked here does not depend on it."""
    return sqlite


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TABLES['tokens'][name]['token']}"}


@pytest.fixture
async def api(serving: Serving, settings: Callable[..., Settings]) -> Api:
    return await serving(settings(CONTRACTS, **TABLES))


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer x", "Basic " + "erp-" * 8, "erp-" * 8],
)
async def test_without_a_token_nothing_is_shown(
    api: Api, authorization: str | None
) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}

    answer = await api.client.get(ROOT, headers=headers)

    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="relay"'
    assert (await answer.json(content_type=None))["status"] == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_may_be_written_as_one_likes(api: Api, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {'erp-' * 8}"}

    assert (await api.call("GET", ROOT, **headers))[0] == 200


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("erp", ROOT, 200),
        ("erp", "/v1/documents", 403),
        ("erp", "/v1/accounts", 403),
        ("erp", "/metrics", 403),
        ("prometheus", ROOT, 403),
        ("prometheus", "/metrics", 200),
        ("eva", ROOT, 200),
        ("eva", "/v1/lists/stuck", 200),
        ("eva", "/v1/documents", 200),
        ("eva", "/v1/accounts", 200),
        ("eva", "/v1/status", 200),
        ("eva", "/metrics", 403),
        ("erp", "/v1/status", 403),
        ("ana", ROOT, 200),
        ("ana", "/v1/documents", 200),
        ("ana", "/metrics", 200),
    ],
)
async def test_a_token_is_good_for_its_scopes(
    api: Api, name: str, path: str, status: int
) -> None:
    answer = await api.client.get(path, headers=bearer(name))

    assert answer.status == status


async def test_a_refusal_names_the_scope_that_is_missing(api: Api) -> None:
    _, body = await api.call("GET", "/v1/documents", **bearer("erp"))

    assert "operator or reader" in body["detail"]
    assert "tokens.erp.scopes" in body["hint"]


@pytest.mark.parametrize(
    ("authorization", "words"),
    [
        (None, "the token is missing"),
        ("Bearer", "the token is missing"),
        ("Basic " + "erp-" * 8, "the token is missing"),
        ("Bearer x", "the token is unknown to this relay"),
    ],
)
async def test_a_wrong_token_is_told_from_none(
    api: Api, authorization: str | None, words: str
) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}

    status, body = await api.call("GET", ROOT, **headers)

    assert (status, body["detail"]) == (401, words)
    assert body["hint"]


async def test_the_description_needs_no_token(api: Api) -> None:
    assert (await api.call("GET", "/openapi.json"))[0] == 200


async def test_shipments_of_other_accounts_do_not_exist(api: Api) -> None:
    _, made = await api.call(
        "POST", ROOT, LABEL | {"account": "store", "contract": "acme"}, **bearer("erp")
    )
    path = f"{ROOT}/{made['id']}"

    for method, where in (
        ("GET", path),
        ("PATCH", path),
        ("POST", f"{path}/cancel"),
        ("POST", f"{path}/retry"),
    ):
        sent: Any = {} if method == "PATCH" else None
        status, _ = await api.call(method, where, sent, **bearer("outlet"))
        assert status == 404
    for query in ("", "?trackingNumber=BR123"):
        _, listed = await api.call("GET", ROOT + query, **bearer("outlet"))
        assert listed["shipments"] == []
    other = await api.call("GET", f"{ROOT}?account=store", **bearer("outlet"))
    assert (other[0], other[1]["hint"]) == (422, "configured: outlet")
    assert (await api.call("GET", path, **bearer("erp")))[0] == 200


async def test_labels_are_registered_for_the_accounts_of_the_token(api: Api) -> None:
    label = LABEL | {"contract": "acme"}

    _, made = await api.call("POST", ROOT, label, **bearer("outlet"))
    status, refused = await api.call(
        "POST", ROOT, label | {"account": "store"}, **bearer("outlet")
    )

    _, shipment = await api.call("GET", f"{ROOT}/{made['id']}", **bearer("outlet"))
    assert shipment["account"] == "outlet"
    assert (status, refused["hint"]) == (422, "configured: outlet")


async def test_a_limited_token_sees_its_own_accounts_and_contracts(api: Api) -> None:
    _, accounts = await api.call("GET", "/v1/accounts", **bearer("bia"))
    _, contracts = await api.call("GET", "/v1/contracts", **bearer("bia"))

    assert [a["name"] for a in accounts["accounts"]] == ["outlet"]
    found = {c["name"]: (c["account"], c["accounts"]) for c in contracts["contracts"]}
    assert found == {"acme": ("outlet", ["outlet"]), "zeta": ("outlet", ["outlet"])}
    status, _ = await api.call("POST", "/v1/accounts/store/open", **bearer("bia"))
    assert status == 404


async def test_who_did_it_is_written_down(api: Api) -> None:
    _, made = await api.call(
        "POST", ROOT, LABEL | {"account": "store", "contract": "acme"}, **bearer("erp")
    )
    path = f"{ROOT}/{made['id']}"

    await api.call("POST", f"{path}/retry", **bearer("ana"))

    _, shipment = await api.call("GET", path, **bearer("ana"))
    notes = [n["text"] for n in shipment["timeline"]["notes"]]
    assert notes == ["registered", "retry requested by ana"]


@pytest.mark.parametrize("listen", ["127.0.0.1:80", "[::1]:80", "localhost:80"])
def test_without_tokens_the_api_is_open_to_this_machine(
    settings: Callable[..., Settings], listen: str
) -> None:
    check_tokens(settings(listen=listen))


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80", "relay.example:80"])
def test_without_tokens_the_api_is_not_open_to_other_machines(
    settings: Callable[..., Settings], listen: str
) -> None:
    tokens = {"erp": TABLES["tokens"]["erp"]}
    with pytest.raises(ConfigurationError, match=r"tokens: required") as found:
        check_tokens(settings(listen=listen))

    assert "openssl rand" in str(found.value)
    check_tokens(settings(listen=listen, tokens=tokens))


@pytest.mark.parametrize(
    "path",
    [
        ROOT,
        f"{ROOT}/x/cancel",
        f"{ROOT}/x/retry",
        "/v1/documents/1/replay",
        "/v1/accounts/store/open",
        "/v1/events/1/drop",
    ],
)
async def test_a_reader_changes_nothing(api: Api, path: str) -> None:
    status, body = await api.call("POST", path, LABEL, **bearer("eva"))
    assert status == 403
    assert "lacks the scope" in body["detail"]
