"""`/v1/codes` and the statistics of a contract, over HTTP."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from relay.config.settings import Settings
from relay.store.database import Database
from tests.api.apis import Api, Woken, application
from tests.support.clock import Clock

GENERIC = {"acme": {"adapter": "generic", "secret": "s" * 20}}


@pytest.fixture
async def api(
    database: Database,
    clock: Clock,
    settings: Callable[..., Settings],
    aiohttp_client: Callable[..., Awaitable[Any]],
) -> Api:
    woken = Woken()
    app = application(settings(GENERIC), database, clock, woken)
    return Api(await aiohttp_client(app), app, woken, clock)


async def test_a_code_is_previewed_mapped_and_removed(api: Api) -> None:
    body = {"contract": "acme", "carrierCode": "X7", "why": "support said so"}
    wanted = body | {"milestone": "held", "text": "Na agência"}
    status, seen = await api.call("POST", "/v1/codes/preview", wanted)
    assert (status, seen["events"], seen["meaning"]["milestone"]) == (200, 0, "held")
    assert "no stored event has this code" in seen["warnings"][0]
    status, made = await api.call("POST", "/v1/codes", wanted)
    assert (status, made["mappedBy"], api.woken.replay) == (202, "anybody", 1)
    status, problem = await api.call("POST", "/v1/codes", wanted)
    assert (status, problem["field"]) == (409, "carrierCode")
    assert "mapped to held by anybody" in problem["detail"]
    status, listed = await api.call("GET", "/v1/codes?contract=acme")
    assert [one["carrierCode"] for one in listed["mappings"]] == ["X7"]
    status, exported = await api.call("GET", "/v1/codes/export?form=adapter")
    assert "[codes]" in exported["toml"]
    assert (await api.call("POST", "/v1/codes/remove/preview", body))[0] == 200
    status, gone = await api.call("POST", "/v1/codes/remove", body)
    assert (status, gone["removedWhy"]) == (202, "support said so")
    assert (await api.call("POST", "/v1/codes/remove", body))[0] == 404


@pytest.mark.parametrize(
    ("changed", "field", "hint"),
    [
        ({"milestone": "delivred"}, "milestone", "did you mean `delivered`?"),
        ({"milestone": "delivered"}, "confirmDelivered", "preview the mapping first"),
        ({"contract": "nowhere"}, "contract", "configured: acme"),
        ({"why": " "}, "why", "say it in a few words"),
        ({"carrierCode": ""}, "carrierCode", ""),
        ({"effect": "rollback"}, "effect", ""),
    ],
)
async def test_a_wrong_request_names_field_and_fix(
    api: Api, changed: dict[str, str], field: str, hint: str
) -> None:
    given = {"contract": "acme", "carrierCode": "X7", "milestone": "held", "why": "y"}
    status, problem = await api.call("POST", "/v1/codes", given | changed)
    assert (status, problem["field"]) == (422, field), problem
    assert hint in problem.get("hint", "")
    assert (await api.call("GET", "/v1/codes"))[1] == {"mappings": []}


async def test_the_statistics_of_a_contract(api: Api) -> None:
    status, found = await api.call("GET", "/v1/contracts/acme/statistics?days=7")
    assert (status, len(found["days"]), found["countedAt"]) == (200, 7, None)
    assert (await api.call("GET", "/v1/contracts/x/statistics"))[0] == 404
    path = "/v1/contracts/acme/statistics?days=0"
    assert (await api.call("GET", path))[0] == 422
