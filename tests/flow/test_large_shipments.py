"""A shipment with many events is planned beside the event loop, a small one on it."""

import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta

import pytest

from relay.domain.shipment import Policy
from relay.outbound.computation import LARGE
from tests.support.world import GUARD, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]


class Planner:
    """Hands out the world's policies, and notes in which threads rules ask for them.

    Only what follows an answer of VTEX counts: the first step is always planned in the
    transaction of the claim.
    """

    def __init__(self, world: World) -> None:
        self.threads: set[str] = set()
        self._world = world
        self._policy = world.process.relay.publisher.terms.policy

    def __call__(self, account: str, contract: str) -> Policy:
        if self._world.attempts:
            self.threads.add(threading.current_thread().name)
        return self._policy(account, contract)


async def scan(world: World, count: int) -> None:
    """Let the carrier report *count* scans, a minute apart, the latest of them now."""
    first = world.now - timedelta(minutes=count)
    await world.report(
        world.event(
            "in_transit", first + timedelta(minutes=n + 1), carrier_code=f"C{n}"
        )
        for n in range(count)
    )


@pytest.mark.parametrize("large", [False, True])
async def test_where_the_steps_after_an_answer_are_planned(
    world: World, *, large: bool
) -> None:
    count = LARGE if large else LARGE // 10
    await world.label()
    await world.wait(hours=10)
    await scan(world, count)
    planner = Planner(world)
    publisher = world.process.relay.publisher
    publisher.terms = replace(publisher.terms, policy=planner)
    world.attempts.clear()
    await world.rest()
    assert world.attempts, "VTEX was called"
    shown = await world.shown()
    assert shown.texts == [GUARD, *["in transit"] * count]
    loop = threading.current_thread().name
    assert (loop in planner.threads) is not large
    assert await world.vtex.complaints() == []
