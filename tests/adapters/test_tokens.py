"""One token shared by all calls."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import ClientSession

from relay.adapters.http import ApiResponse, SharedToken
from relay.adapters.protocol import CarrierFailure

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Carrier:
    """Issues tokens when it is allowed to, and accepts only the newest."""

    def __init__(self) -> None:
        self.given = 0
        self.asked: list[str] = []
        self.open = asyncio.Event()
        self.begun = asyncio.Event()
        self.failing = False

    async def fetch(self, _: ClientSession) -> str:
        self.given += 1
        number = self.given
        self.begun.set()
        await self.open.wait()
        if self.failing:
            raise CarrierFailure("no token today")
        return f"token-{number}"

    async def ask(self, token: str) -> ApiResponse:
        self.asked.append(token)
        good = token == f"token-{self.given}"
        return ApiResponse(200 if good else 401, {}, b"", NOW)


@pytest.fixture
async def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
async def session() -> ClientSession:
    return object()  # type: ignore[return-value] # only handed on


async def test_a_token_is_fetched_once(
    carrier: Carrier, session: ClientSession
) -> None:
    carrier.open.set()
    token = SharedToken(carrier.fetch)
    assert [await token.get(session) for _ in range(3)] == ["token-1"] * 3


async def test_all_who_wait_share_one_call(
    carrier: Carrier, session: ClientSession
) -> None:
    token = SharedToken(carrier.fetch)
    waiting = [asyncio.create_task(token.get(session)) for _ in range(5)]
    await carrier.begun.wait()
    carrier.open.set()
    assert await asyncio.gather(*waiting) == ["token-1"] * 5
    assert carrier.given == 1


async def test_all_who_wait_share_its_failure_and_the_next_tries_again(
    carrier: Carrier, session: ClientSession
) -> None:
    carrier.failing = True
    carrier.open.set()
    token = SharedToken(carrier.fetch)
    waiting = [token.get(session) for _ in range(5)]
    failures = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(failure, CarrierFailure) for failure in failures)
    assert carrier.given == 1
    carrier.failing = False
    assert await token.get(session) == "token-2"


async def test_a_cancelled_caller_does_not_cancel_the_others(
    carrier: Carrier, session: ClientSession
) -> None:
    token = SharedToken(carrier.fetch)
    gone, stays = (asyncio.create_task(token.get(session)) for _ in range(2))
    await carrier.begun.wait()
    gone.cancel()
    carrier.open.set()
    assert await stays == "token-1"


async def test_a_renewal_that_is_stopped_can_be_begun_again(
    carrier: Carrier, session: ClientSession
) -> None:
    token = SharedToken(carrier.fetch)
    waiting = asyncio.create_task(token.get(session))
    await carrier.begun.wait()
    [renewal] = asyncio.all_tasks() - {asyncio.current_task(), waiting}
    renewal.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    carrier.open.set()
    assert await token.get(session) == "token-2"


async def test_a_refused_token_is_renewed_once_for_all(
    carrier: Carrier, session: ClientSession
) -> None:
    carrier.open.set()
    token = SharedToken(carrier.fetch)
    await token.get(session)
    carrier.given = 41  # the carrier has forgotten token-1
    asking = [token.answer(session, carrier.ask) for _ in range(3)]
    answers = await asyncio.gather(*asking)
    assert [found.status for found in answers] == [200, 200, 200]
    assert carrier.given == 42
    assert sorted(carrier.asked) == ["token-1"] * 3 + ["token-42"] * 3


async def test_a_renewed_token_that_is_refused_too_is_the_answer(
    session: ClientSession,
) -> None:
    carrier = Carrier()
    carrier.open.set()

    async def refuse(token: str) -> ApiResponse:
        carrier.asked.append(token)
        return ApiResponse(403, {}, b"", NOW)

    token = SharedToken(carrier.fetch)
    assert (await token.answer(session, refuse)).status == 403
    assert carrier.asked == ["token-1", "token-2"]


async def test_a_token_that_never_changes_is_not_tried_twice(
    session: ClientSession,
) -> None:
    asked: list[str] = []

    async def fixed(_: ClientSession) -> str:
        return "fixed"

    async def refuse(token: str) -> ApiResponse:
        asked.append(token)
        return ApiResponse(401, {}, b"", NOW)

    assert (await SharedToken(fixed).answer(session, refuse)).status == 401
    assert asked == ["fixed"]
