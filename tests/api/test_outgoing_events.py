"""`/v1/outgoing`: receivers, events, sending again; readiness, status and metrics."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from relay.api.keys import SERVICES
from relay.config.settings import Settings
from relay.store.outgoing_claims import DeliveryOutcome, OutgoingClaims
from tests.api.apis import Api
from tests.api.conftest import Serving
from tests.conftest import ACCOUNT

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CRM = {"url": "https://crm.example/hook/a-token", "secret": SECRET}
ERP = CRM | {"url": "https://erp.example/", "accounts": ["store"]}
TOKENS = {
    "op": {"token": "o" * 24, "scopes": ["operator"]},
    "limited": {"token": "l" * 24, "scopes": ["operator"], "accounts": ["store"]},
}
OP = {"Authorization": f"Bearer {'o' * 24}"}
LIMITED = {"Authorization": f"Bearer {'l' * 24}"}
RECEIVERS, EVENTS = "/v1/outgoing/receivers", "/v1/outgoing/events"


@pytest.fixture
async def api(serving: Serving, settings: Callable[..., Settings]) -> Api:
    accounts = {"store": ACCOUNT, "other": ACCOUNT}
    tables = {"outgoing": {"crm": CRM, "erp": ERP}, "tokens": TOKENS}
    contracts = {"acme": {"accounts": ["store", "other"]}}
    return await serving(settings(contracts, accounts=accounts, **tables))


async def ask(api: Api, method: str, path: str, **given: Any) -> tuple[int, Any]:
    headers = given.pop("headers", OP)
    answer = await api.client.request(method, path, headers=headers, **given)
    return answer.status, await answer.json()


async def fail(api: Api, error: str, *, gone: bool = False) -> None:
    """Let the CRM fail at what waits for it."""
    claims, now = OutgoingClaims(api.app[SERVICES].context.database), api.clock()
    await claims.enroll([("crm", "address")])
    for due in await claims.claim("crm", 8, now, now + timedelta(seconds=30)):
        pause = None if gone else now
        outcome = DeliveryOutcome(410, error, pause_until=pause, gone=gone)
        await claims.settle(due, outcome, now)


async def test_a_test_event_is_stored_and_shown_without_secrets(api: Api) -> None:
    status, sent = await ask(api, "POST", f"{RECEIVERS}/crm/test")
    assert (status, sent["receivers"]) == (202, ["crm"])
    status, listed = await ask(api, "GET", EVENTS)
    (event,) = listed["events"]
    assert (event["type"], event["deliveries"][0]["state"]) == ("relay.test", "waiting")
    status, found = await ask(api, "GET", f"{EVENTS}/{sent['id']}")
    assert found["body"]["data"] == {"receiver": "crm", "sentBy": "op"}
    status, receivers = await ask(api, "GET", RECEIVERS)
    crm, erp = receivers["receivers"]
    assert (crm["host"], crm["waiting"], erp["waiting"]) == (
        "https://crm.example",
        1,
        0,
    )
    assert "a-token" not in str((listed, found, receivers))
    assert "whsec" not in str((listed, found, receivers))


async def test_a_receiver_that_fails_is_shown_and_enabled(api: Api) -> None:
    await ask(api, "POST", f"{RECEIVERS}/crm/test")
    await fail(api, "answered 410", gone=True)
    _, receivers = await ask(api, "GET", RECEIVERS)
    assert receivers["receivers"][0]["state"] == "disabled"
    _, found = await ask(api, "GET", "/v1/status")
    line = next(one for one in found["lines"] if one["name"] == "crm")
    assert (line["part"], line["ok"]) == ("receiver", False)
    assert "answered 410" in line["problems"][0]["message"]
    text = await (await api.client.get("/metrics", headers=OP)).text()
    assert 'relay_outgoing_broken{receiver="crm"} 1.0' in text
    assert 'relay_outgoing_waiting_events{receiver="erp"} 0.0' in text
    status, enabled = await ask(api, "POST", f"{RECEIVERS}/crm/enable")
    assert (status, enabled["state"]) == (200, "new")


async def test_events_are_sent_again_with_their_ids_and_audited(api: Api) -> None:
    _, sent = await ask(api, "POST", f"{RECEIVERS}/crm/test")
    await fail(api, "answered 410", gone=True)
    one = {"receiver": "erp", "reason": "new ERP"}
    status, again = await ask(api, "POST", f"{EVENTS}/{sent['id']}/replay", json=one)
    assert (status, again) == (202, {"id": sent["id"], "receivers": ["erp"]})
    many = {"since": "2026-01-01T00:00:00Z", "failed": True, "reason": "restored"}
    api.clock.advance(timedelta(seconds=1))
    status, counted = await ask(api, "POST", f"{EVENTS}/replay", json=many)
    assert (status, counted) == (202, {"count": 1, "next": None})
    _, found = await ask(api, "GET", f"{EVENTS}?state=waiting")
    states = {d["receiver"]: d["state"] for d in found["events"][0]["deliveries"]}
    assert states == {"crm": "waiting", "erp": "waiting"}
    async with api.app[SERVICES].context.database.reading() as tx:
        entries = await tx.rows("audit_page", before=999, limit=9)
    did = {entry["did"]: entry["reason"] for entry in entries}
    assert did["outgoing event sent again"] == "new ERP"
    assert did["outgoing events sent again"] == "restored"


async def test_a_limited_token_sees_the_receivers_of_its_accounts_only(
    api: Api,
) -> None:
    _, sent = await ask(api, "POST", f"{RECEIVERS}/crm/test")
    _, receivers = await ask(api, "GET", RECEIVERS, headers=LIMITED)
    assert [one["name"] for one in receivers["receivers"]] == ["erp"]
    _, listed = await ask(api, "GET", EVENTS, headers=LIMITED)
    assert listed["events"] == []
    for method, path in (
        ("GET", f"{EVENTS}/{sent['id']}"),
        ("POST", f"{RECEIVERS}/crm/test"),
        ("POST", f"{RECEIVERS}/crm/enable"),
    ):
        status, problem = await ask(api, method, path, headers=LIMITED)
        assert status == 404, problem


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        (f"{EVENTS}/replay", {}, 422, "since"),
        (f"{EVENTS}/replay", {"since": "2026-01-02T00:00:00Z"} | {
            "until": "2026-01-01T00:00:00Z"}, 422, "until"),
        (f"{EVENTS}/replay", {"since": "2026-01-02T00:00:00Z", "receiver": "cr"},
         404, ""),
        (f"{EVENTS}/none/replay", {}, 404, ""),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(
    api: Api, path: str, body: Any, status: int, field: str
) -> None:
    found, problem = await ask(api, "POST", path, json=body)
    assert (found, problem.get("field", "")) == (status, field)
    assert problem["hint"]
