"""Carriers reuse numbers: events that name another order are about another parcel.

A carrier's webhooks may name the order while its answers to polling do not. What one
document named counts, whichever comes last.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from relay.adapters.protocol import Document
from relay.domain.events import Reference, ReferenceKind, TrackingEvent
from relay.domain.other_history import OTHER_INVOICE, OTHER_PARCEL
from relay.store.documents import Documents
from relay.store.operator_actions import OperatorActions
from relay.store.retention import Retention, RetentionPolicy
from tests.support.world import (
    CONTRACT,
    GUARD,
    NUMBER,
    ORDER,
    START,
    SpeakingCarrier,
    World,
)

DAY = timedelta(days=1)
BY_NUMBER = Reference(kind=ReferenceKind.TRACKING_NUMBER, value=NUMBER)
OTHER = Reference(kind=ReferenceKind.ORDER_ID, value="ANOTHER-01")
OURS = Reference(kind=ReferenceKind.ORDER_ID, value=ORDER)
NAMING_ANOTHER = {"delivered": OTHER_INVOICE}
WAYS = {"without": (BY_NUMBER,), "ours": (BY_NUMBER, OURS), "other": (BY_NUMBER, OTHER)}


async def under_way(world: World) -> datetime:
    """Let a parcel be taken by its carrier; return a day later."""
    await world.label()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.wait(days=1)
    return world.now


async def report(world: World, at: datetime, *ways: str, apart: bool = True) -> None:
    """Let the carrier report one delivery once per way, in documents of their own."""
    for way in ways:
        await world.send([world.event("delivered", at, references=WAYS[way])])
        if apart:
            await read_all(world)
    await world.rest()


def written(event: TrackingEvent) -> bytes:
    return json.dumps([event.model_dump(mode="json")]).encode()


async def read_all(world: World) -> None:
    while await world.process.reader.step():
        pass


async def assert_only_taken(world: World) -> None:
    assert await world.quarantined() == NAMING_ANOTHER
    shown = await world.shown()
    assert (shown.texts, shown.finished) == ([GUARD, "picked up"], False)


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "together"])
@pytest.mark.parametrize(
    "ways",
    [
        ("other", "without"),
        ("without", "other"),
        ("other", "ours"),
        *permutations(WAYS),
        ("other", "without", "without", "ours", "without"),
    ],
    ids=" ".join,
)
async def test_another_order_that_one_document_names_counts_whichever_comes_last(
    world: World, ways: Sequence[str], apart: bool
) -> None:
    at = await under_way(world)
    await report(world, at, *ways, apart=apart)
    await assert_only_taken(world)


async def test_repeats_without_the_order_change_nothing_later(world: World) -> None:
    at = await under_way(world)
    await report(world, at, "other")
    for _ in range(3):
        await world.wait(hours=3)
        await report(world, at, "without")
        await assert_only_taken(world)


async def test_an_older_document_that_arrives_late_counts_too(world: World) -> None:
    at = await under_way(world)
    late = Document(
        written(world.event("delivered", at, references=WAYS["other"])),
        at,
        contract=CONTRACT,
        source="webhook",
    )
    await world.wait(hours=1)
    await world.send([world.event("delivered", at, references=WAYS["without"])])
    await read_all(world)
    await Documents(world.database).keep([late])
    await read_all(world)
    await world.rest()
    await assert_only_taken(world)


async def test_a_repeat_of_less_precision_without_the_order_changes_nothing(
    world: World,
) -> None:
    at = await under_way(world)
    await report(world, at, "other")
    await world.wait(days=1)
    await world.scan("delivered", at.replace(hour=3, minute=0), precision=DAY)
    await world.rest()
    await assert_only_taken(world)


async def test_an_operator_releases_what_names_another_order(world: World) -> None:
    at = await under_way(world)
    await report(world, at, "other", "without")
    (event,) = await world.quarantined_events()
    actions = OperatorActions(world.database)
    await actions.decide(event, "released", "operator", world.now)
    await world.rest()
    assert (await world.shown()).finished


class Corrected(SpeakingCarrier):
    """The carrier's adapter, which now parses the order rightly."""

    def parse(self, document: Document) -> list[TrackingEvent]:
        body = document.body.replace(OTHER.value.encode(), ORDER.encode())
        return super().parse(replace(document, body=body))


async def test_a_replayed_document_may_stop_naming_another_order(world: World) -> None:
    at = await under_way(world)
    await report(world, at, "other", "without")
    await assert_only_taken(world)
    documents = Documents(world.database)
    world.process.reader.reload({CONTRACT: Corrected()})
    for listed in await documents.list():
        await documents.replay(listed["document"])
    await read_all(world)
    await world.rest()
    assert await world.quarantined() == {}
    assert (await world.shown()).finished


class Silent(SpeakingCarrier):
    """The carrier's adapter, which no longer takes a document that names an order."""

    def parse(self, document: Document) -> list[TrackingEvent]:
        if OTHER.value.encode() in document.body:
            return []
        return super().parse(document)


async def test_a_replayed_document_may_lose_the_event(world: World) -> None:
    at = await under_way(world)
    await report(world, at, "other", "without")
    documents = Documents(world.database)
    world.process.reader.reload({CONTRACT: Silent()})
    for listed in await documents.list():
        await documents.replay(listed["document"])
    await read_all(world)
    await world.rest()
    assert (await world.shown()).finished


async def test_what_a_deleted_document_named_still_counts(world: World) -> None:
    at = await under_way(world)
    await report(world, at, "other", "without", apart=False)
    await world.wait(days=10)
    deleted = await Retention(world.database, RetentionPolicy()).apply(world.now)
    assert deleted["documents"] == 1, "a repeat is not stored for long"
    await report(world, at, "ours", "without")
    assert await world.quarantined() == NAMING_ANOTHER


# The history of the other parcel


async def history(world: World, way: str, *milestones: str) -> None:
    """Send the history of days before the label, in one document."""
    events = [
        world.event(milestone, START - (4 - days) * DAY, references=WAYS[way])
        for days, milestone in enumerate(milestones)
    ]
    await world.send(events)


COURSE = ("picked_up", "in_transit", "delivered")


@pytest.mark.parametrize("first", ["other", "without"])
async def test_a_history_that_one_document_says_is_of_another_order_is_not_told(
    world: World, first: str
) -> None:
    await world.label()
    for way in (first, "without" if first == "other" else "other"):
        await history(world, way, *COURSE)
    await read_all(world)
    await world.rest()
    assert await world.quarantined() == dict.fromkeys(COURSE, OTHER_INVOICE)
    assert (await world.shown()).events == ()


async def test_scans_before_a_delivery_of_another_order_are_not_told(
    world: World,
) -> None:
    """The webhook told the delivery alone, and the poll the whole history."""
    await world.label()
    delivery = world.event("delivered", START - 2 * DAY, references=WAYS["other"])
    await world.send([delivery])
    await history(world, "without", *COURSE)
    await read_all(world)
    await world.rest()
    quarantined = {"picked_up": OTHER_PARCEL, "in_transit": OTHER_PARCEL}
    assert await world.quarantined() == quarantined | NAMING_ANOTHER
    assert (await world.shown()).events == ()
    await world.wait(days=1)
    await world.scan("held")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "held"]


async def test_scans_after_what_names_another_order_are_told(world: World) -> None:
    await world.label()
    delivery = world.event("delivered", START - 2 * DAY, references=WAYS["other"])
    mine = world.event("picked_up", START - DAY)
    await world.report([delivery, mine])
    await world.rest()
    assert await world.quarantined() == NAMING_ANOTHER
    assert "picked up" in (await world.shown()).texts
