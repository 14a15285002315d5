"""What came from carriers, as operators look at it and have it read again."""

from collections.abc import Callable
from typing import Any

import pytest

from relay.config.settings import Settings
from tests.api.apis import Api
from tests.api.conftest import Serving
from tests.api.test_tokens import CONTRACTS, TABLES, bearer
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.way_in import WayIn

ROOT = "/v1/documents"


async def numbers(api: Api, query: str = "", **headers: str) -> list[int]:
    """Return the numbers of the documents of all pages."""
    found: list[int] = []
    cursor = ""
    while True:
        status, page = await api.call("GET", f"{ROOT}?{query}{cursor}", **headers)
        assert status == 200, page
        found += [d["id"] for d in page["documents"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


async def test_documents_are_listed_the_newest_first(api: Api, way_in: WayIn) -> None:
    await way_in.keep(b"{}", b"[]", b"x")

    assert await numbers(api) == [3, 2, 1]
    assert await numbers(api, "limit=1") == [3, 2, 1]


async def test_a_document_is_listed_with_what_became_of_it(
    api: Api, way_in: WayIn
) -> None:
    content = body(scan("BR1", "IT", START))
    await way_in.keep(content)
    await way_in.read()

    _, page = await api.call("GET", ROOT)

    assert page["documents"] == [
        {
            "id": 1,
            "contract": "acme",
            "source": "webhook",
            "receivedAt": "2026-03-02T12:00:00Z",
            "parsedAt": "2026-03-02T12:00:00Z",
            "newEvents": 1,
            "parked": False,
            "state": "parsed",
            "tries": 0,
            "unreadableReason": None,
            "size": len(content),
        }
    ]


BAD = {"code": "IT", "refs": []}
"""A scan without a time and a number."""


async def test_a_partly_parsed_document_is_listed_and_shown_with_its_bad_parts(
    api: Api, way_in: WayIn
) -> None:
    await way_in.keep(body(BAD, scan("BR1", "IT", START), BAD))
    await way_in.read()

    _, page = await api.call("GET", f"{ROOT}?unreadable=true")
    _, found = await api.call("GET", f"{ROOT}/1")

    [listed] = page["documents"]
    assert (listed["state"], listed["newEvents"]) == ("partly_parsed", 1)
    assert listed["unreadableReason"] == (
        "2 of 3 parts unreadable: scans.0: KeyError: 'at'"
    )
    assert found["unreadableParts"] == [
        {"position": f"scans.{number}", "reason": "KeyError: 'at'"} for number in (0, 2)
    ]
    assert "acme.py" in found["traceback"]
    _, work = await api.call("GET", "/v1/lists/unreadable")
    assert [e["state"] for e in work["entries"]] == ["partly_parsed"]


async def test_a_document_that_will_be_parsed_again_has_no_bad_parts_yet(
    api: Api, way_in: WayIn
) -> None:
    await way_in.keep(body(BAD, scan("BR1", "IT", START)))
    await way_in.read()

    await api.call("POST", f"{ROOT}/1/replay")
    _, found = await api.call("GET", f"{ROOT}/1")

    assert (found["state"], found["unreadableParts"]) == ("unparsed", [])
    assert found["traceback"] is None


@pytest.mark.parametrize(
    ("content", "contract", "state"),
    [(b"odd", "acme", "unreadable"), (b"{}", "gone", "parked")],
)
async def test_a_document_says_how_far_it_was_parsed(
    api: Api, way_in: WayIn, content: bytes, contract: str, state: str
) -> None:
    await way_in.keep(content, contract=contract)
    assert (await api.call("GET", f"{ROOT}/1"))[1]["state"] == "unparsed"
    await way_in.read()
    assert (await api.call("GET", f"{ROOT}/1"))[1]["state"] == state


async def test_unreadable_documents_are_listed_alone(api: Api, way_in: WayIn) -> None:
    await way_in.keep(b"odd", body(scan("BR1", "IT", START)))
    await way_in.read()

    assert await numbers(api, "unreadable=true") == [1]


@pytest.mark.parametrize(
    ("content", "encoding", "shown"),
    [("olá".encode(), "text", "olá"), (b"\xff\x00", "base64", "/wA=")],
)
async def test_a_document_is_shown_with_its_body(
    api: Api, way_in: WayIn, content: bytes, encoding: str, shown: str
) -> None:
    await way_in.keep(content)

    _, document = await api.call("GET", f"{ROOT}/1")

    assert (document["bodyEncoding"], document["body"]) == (encoding, shown)
    assert document["headers"] == {"content-type": "application/json"}
    assert (document["digest"], document["replays"]) == (None, 0)
    assert document["size"] == len(content)


async def test_a_document_is_read_again(api: Api, way_in: WayIn) -> None:
    await way_in.keep(b"odd")
    await way_in.read()
    way_in.acme.returns = []

    status, answer = await api.call("POST", f"{ROOT}/1/replay")
    await way_in.read()

    _, document = await api.call("GET", f"{ROOT}/1")
    assert (status, answer) == (202, {"id": 1})
    assert api.woken.replay == 1
    assert document["unreadableReason"] is None
    assert document["replays"] == 1


@pytest.mark.parametrize("number", ["7", "x", "-1", "1.5", "9" * 19, "²"])
@pytest.mark.parametrize(("method", "verb"), [("GET", ""), ("POST", "/replay")])
async def test_a_document_that_is_not_there_is_404(
    api: Api, method: str, verb: str, number: str
) -> None:
    assert (await api.call(method, f"{ROOT}/{number}{verb}"))[0] == 404


@pytest.mark.parametrize("limit", [1, 2, 50])
async def test_what_a_carrier_says_to_other_accounts_does_not_exist(
    serving: Serving, settings: Callable[..., Settings], way_in: WayIn, limit: int
) -> None:
    api = await serving(settings(CONTRACTS, **TABLES))
    for contract in ("zeta", "acme", "gone", "zeta", "solo", "acme"):
        await way_in.keep(b"{}", contract=contract)

    own: Any = await numbers(api, f"limit={limit}", **bearer("bia"))

    assert own == [4, 1]
    assert (await api.call("GET", f"{ROOT}/1", **bearer("bia")))[0] == 200
    assert (await api.call("GET", f"{ROOT}/2", **bearer("bia")))[0] == 404
    assert await numbers(api, **bearer("ana")) == [6, 5, 4, 3, 2, 1]


async def test_a_page_looks_at_no_more_than_some_batches(
    serving: Serving, settings: Callable[..., Settings], way_in: WayIn
) -> None:
    api = await serving(settings(CONTRACTS, **TABLES))
    await way_in.keep(b"{}", contract="zeta")
    await way_in.keep(*[b"{}"] * 12, contract="acme")

    _, page = await api.call("GET", f"{ROOT}?limit=1", **bearer("bia"))

    assert page["documents"] == []
    assert page["next"] is not None
    assert await numbers(api, "limit=1", **bearer("bia")) == [1]
