"""Rejected webhooks are listed, verified again, and accepted."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.config.seal import seals
from relay.config.settings import Settings
from relay.errors import VerificationFailed
from relay.store.sqlite import SqliteDatabase
from tests.api.apis import Api
from tests.api.conftest import Serving
from tests.api.test_tokens import CONTRACTS, TABLES, bearer
from tests.support.acme import body, request, scan
from tests.support.clock import START
from tests.support.way_in import WayIn

LIST = "/v1/lists/rejected"
SIGNED_WRONG = {"x-signature": "00"}
BELIEVED = {"unverified": True, "reason": "the carrier confirmed it"}


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is asked here does not depend on it."""
    return sqlite


async def refused(way_in: WayIn, number: str = "BR1") -> None:
    """Let a webhook come whose signature is wrong."""
    intake = way_in.intake()
    content = body(scan(number, "IT", START))
    with pytest.raises(VerificationFailed):
        await intake.accept("acme", request(content, **SIGNED_WRONG))
    await intake.close()


async def refused_with_a_wrong_secret(
    way_in: WayIn, settings: Callable[..., Settings], number: str = "BR1"
) -> None:
    """Let a genuine webhook come while the relay has a wrong secret."""
    way_in.acme.secret = "a-wrong-secret"
    intake = way_in.intake(seals=seals(settings()))
    content = body(scan(number, "IT", START))
    with pytest.raises(VerificationFailed):
        await intake.accept("acme", request(content))
    await intake.close()


async def test_what_was_refused_is_listed_with_the_reason(
    api: Api, way_in: WayIn
) -> None:
    await refused(way_in)

    _, page = await api.call("GET", LIST)

    (entry,) = page["entries"]
    assert entry["contract"] == "acme"
    assert entry["rejectedReason"] == "the signature does not match the body"
    assert (entry["request"], entry["size"] > 10) == (1, True)


@pytest.mark.parametrize("limit", [1, 2, 9])
async def test_the_newest_come_first_page_by_page(
    api: Api, way_in: WayIn, limit: int
) -> None:
    for number in ("BR1", "BR2", "BR3"):
        await refused(way_in, number)
    found, cursor = [], ""
    while cursor is not None:
        _, page = await api.call("GET", f"{LIST}?limit={limit}{cursor}")
        found += [e["request"] for e in page["entries"]]
        cursor = None if page["next"] is None else f"&cursor={page['next']}"
    assert found == [3, 2, 1]


@pytest.mark.parametrize("sent", [None, {}])
async def test_with_the_right_secret_a_rejected_request_is_parsed(
    api: Api, way_in: WayIn, settings: Callable[..., Settings], sent: Any
) -> None:
    await api.register(trackingNumber="BR1")
    await refused_with_a_wrong_secret(way_in, settings)

    status, answer = await api.call("POST", "/v1/rejected/1/accept", sent)

    assert (status, answer) == (202, {"id": 1, "contract": "acme"})
    await way_in.read()
    (event,) = await way_in.rows("events")
    (document,) = await way_in.rows("documents")
    assert (event["code"], document["source"]) == ("IT", "webhook")
    assert (await api.call("GET", LIST))[1]["entries"] == []


async def test_a_request_that_still_fails_needs_an_operators_word_and_reason(
    api: Api, way_in: WayIn
) -> None:
    await refused(way_in)
    path = "/v1/rejected/1/accept"

    status, problem = await api.call("POST", path, {})
    assert status == 409
    assert problem["detail"].startswith("request 1 still fails verification: ")
    assert "`unverified` and a `reason`" in problem["hint"]
    for body_ in ({"unverified": True}, {"unverified": True, "reason": " "}):
        status, problem = await api.call("POST", path, body_)
        assert (status, problem["field"]) == (422, "reason")
    status, problem = await api.call("POST", path, {"reason": "sure"})
    assert (status, problem["field"]) == (422, "reason")
    assert "remove reason" in problem["hint"]
    assert await way_in.rows("documents") == []

    with capture_logs() as lines:
        assert (await api.call("POST", path, BELIEVED))[0] == 202
    (line,) = [one for one in lines if one["event"] == "rejected request accepted"]
    assert (line["by"], line["unverified"]) == ("anybody", "the carrier confirmed it")
    (document,) = await way_in.rows("documents")
    assert document["source"] == "operator"


async def test_all_of_a_contract_are_verified_again(
    api: Api, way_in: WayIn, settings: Callable[..., Settings]
) -> None:
    for number in ("BR1", "BR2"):
        await refused_with_a_wrong_secret(way_in, settings, number)
    intake = way_in.intake(seals=seals(settings()))
    with pytest.raises(VerificationFailed):
        await intake.accept("acme", request(b"{}", **SIGNED_WRONG))
    await intake.close()

    path = "/v1/rejected/accept"
    status, answer = await api.call("POST", path, {"contract": "acme"})

    assert (status, answer["accepted"], answer["next"]) == (202, 2, None)
    assert answer["stillRejected"] == [
        {"id": 3, "reason": "the signature does not match the body"}
    ]
    _, contracts = await api.call("GET", "/v1/contracts")
    rejections = contracts["contracts"][0]["rejections"]
    assert {n: rejections[n] for n in ("rejected", "waiting", "dropped")} == {
        "rejected": 1,
        "waiting": 1,
        "dropped": 0,
    }
    status, problem = await api.call("POST", path, {"contract": "other"})
    assert (status, problem["field"]) == (422, "contract")


async def test_one_can_be_looked_at_before(api: Api, way_in: WayIn) -> None:
    await refused(way_in)
    status, shown = await api.call("GET", "/v1/rejected/1")
    assert status == 200
    assert '"BR1"' in shown["body"]
    assert shown["rejectedReason"] == "the signature does not match the body"
    assert shown["headers"] == {"content-type": "application/json"}


async def test_a_number_is_never_used_again(api: Api, way_in: WayIn) -> None:
    for number in (1, 2):
        await refused(way_in)
        path = f"/v1/rejected/{number}/accept"
        assert (await api.call("POST", path, BELIEVED))[0] == 202
        assert (await api.call("GET", f"/v1/rejected/{number}"))[0] == 404
    bodies = [len(row["body"]) for row in await way_in.rows("rejected_requests")]
    assert bodies == [0, 0], "what was accepted is kept once"


async def test_who_accepted_it_stays_with_the_document(api: Api, way_in: WayIn) -> None:
    await refused(way_in)
    await api.call("POST", "/v1/rejected/1/accept", BELIEVED)
    _, shown = await api.call("GET", "/v1/documents/1")
    assert shown["headers"]["relay-accepted-by"] == "anybody"


@pytest.mark.parametrize("number", ["2", "x", "9" * 19])
async def test_what_is_not_there_is_404(api: Api, way_in: WayIn, number: str) -> None:
    await refused(way_in)
    status, problem = await api.call("POST", f"/v1/rejected/{number}/accept")
    assert status == 404
    assert "there is no rejected request" in problem["detail"]


async def test_a_limited_token_takes_nothing_of_a_contract_it_does_not_see(
    serving: Serving, settings: Callable[..., Settings], way_in: WayIn
) -> None:
    api = await serving(settings(CONTRACTS, **TABLES))
    await refused(way_in)
    path = "/v1/rejected/1/accept"
    assert (await api.call("POST", path, BELIEVED, **bearer("bia")))[0] == 404
    many = {"contract": "acme", **BELIEVED}
    path_of_all = "/v1/rejected/accept"
    _, answer = await api.call("POST", path_of_all, many, **bearer("bia"))
    assert answer == {"accepted": 0, "stillRejected": [], "next": None}
    assert (await api.call("POST", path, BELIEVED, **bearer("ana")))[0] == 202
