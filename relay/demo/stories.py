"""The stories that the demo's shipments live through; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from relay.demo.bodies import nfe_key
from relay.demo.plan import (
    BOTH,
    DELIVERED,
    POLL,
    WEBHOOK,
    Box,
    DemoShipment,
    LabelPrint,
    Phase,
    Scan,
    Speaker,
    Step,
)

OLDER: Final = timedelta(days=400)
"""How long ago a number was another parcel's."""

DISPATCHED: Final = timedelta(days=2)
LATE_SECONDS: Final = 6.0
FIRST_INVOICE: Final = 71000

Steps = Mapping[Phase, Sequence[Step]]


@dataclass(frozen=True, slots=True)
class StoryParts:
    """What a story is made of: the labels of a shipment's boxes, and their scans."""

    labels: tuple[LabelPrint, ...]
    on_its_way: tuple[Scan, ...]
    deliveries: tuple[Scan, ...]

    @property
    def begins(self) -> tuple[Step, ...]:
        """The labels, then the scans on the way."""
        return (*self.labels, *self.on_its_way)


def as_it_should(parts: StoryParts) -> Steps:
    """Print and scan the boxes first, and deliver them last."""
    return {Phase.OPENING: parts.begins, Phase.CLOSING: parts.deliveries}


def still_on_its_way(parts: StoryParts) -> Steps:
    """Print and scan the boxes, and deliver none."""
    return {Phase.OPENING: parts.begins}


def _before_its_label(parts: StoryParts) -> Steps:
    opening: list[Step] = [*parts.on_its_way, *parts.labels]
    return {Phase.OPENING: opening, Phase.CLOSING: parts.deliveries}


def _everything_twice(parts: StoryParts) -> Steps:
    return {
        Phase.OPENING: [replace(step, times=2) for step in parts.begins],
        Phase.CLOSING: [replace(scan, times=2) for scan in parts.deliveries],
    }


def _out_of_order(parts: StoryParts) -> Steps:
    opening: list[Step] = [*parts.labels, *parts.deliveries]
    return {Phase.OPENING: opening, Phase.CLOSING: parts.on_its_way[::-1]}


def _forged(parts: StoryParts) -> Steps:
    forged = [replace(scan, forged=True) for scan in parts.deliveries]
    return {Phase.OPENING: (*parts.begins, *forged)}


def _number_used_before(parts: StoryParts) -> Steps:
    older = [
        replace(scan, older=True, occurred_at=scan.occurred_at - OLDER)
        for scan in parts.deliveries
    ]
    later = [replace(s, occurred_at=s.occurred_at + timedelta(days=1)) for s in older]
    return {Phase.OPENING: (*older, *parts.begins, *later)}


def _used_before_and_delivered(parts: StoryParts) -> Steps:
    return {**_number_used_before(parts), Phase.CLOSING: parts.deliveries}


def _all_but_one_box(parts: StoryParts) -> Steps:
    return {Phase.OPENING: parts.begins, Phase.CLOSING: parts.deliveries[:-1]}


def _delivered_in(act: Phase) -> Callable[[StoryParts], Steps]:
    return lambda parts: {Phase.OPENING: parts.begins, act: parts.deliveries}


def _webhook_lost(parts: StoryParts) -> Steps:
    """Let the carrier call for everything but the delivery."""
    unsaid = [replace(scan, unsaid=True) for scan in parts.deliveries]
    return {Phase.OPENING: parts.begins, Phase.CLOSING: unsaid}


def _printed_in(act: Phase) -> Callable[[StoryParts], Steps]:
    return lambda parts: {act: parts.begins, Phase.CLOSING: parts.deliveries}


@dataclass(frozen=True, slots=True)
class Story:
    """One story, and how many shipments live through it."""

    name: str
    shipments: int
    steps: Callable[[StoryParts], Steps]
    volumes: int = 1
    visible_after: float = 0


STORIES: Final = (
    Story("as it should be", 6, as_it_should),
    Story("still on its way", 2, still_on_its_way),
    Story("scans before the label", 3, _before_its_label),
    Story("everything twice", 3, _everything_twice),
    Story("delivery before scans", 3, _out_of_order),
    Story("forged delivery", 2, _forged),
    Story("number used before", 1, _number_used_before),
    Story("used number, delivered", 1, _used_before_and_delivered),
    Story("three volumes", 1, as_it_should, volumes=3),
    Story("two of three volumes", 1, _all_but_one_box, volumes=3),
    Story("late invoice", 1, as_it_should, visible_after=LATE_SECONDS),
    Story("answer to delivery lost", 1, _delivered_in(Phase.LOST_ANSWER)),
    Story("delivered in the outage", 4, _delivered_in(Phase.OUTAGE)),
    Story("printed in the outage", 2, _printed_in(Phase.OUTAGE)),
    Story("delivered at the kill", 6, _delivered_in(Phase.KILL)),
    Story("printed at the kill", 2, _printed_in(Phase.KILL)),
)


ASKED: Final = (
    Story("asked, delivered", 2, as_it_should),
    Story("asked, on its way", 1, still_on_its_way),
    Story("scanned before asked", 1, _before_its_label),
    Story("asked after the kill", 1, _delivered_in(Phase.KILL)),
)
"""What each carrier that is asked lives through."""

BY_BOTH: Final = (Story("webhook lost, then asked", 2, _webhook_lost),)
"""What each carrier lives through that calls, and is asked as well."""


def shipments(
    speakers: Sequence[Speaker], now: datetime, stories: Sequence[Story] = STORIES
) -> list[DemoShipment]:
    """Return the shipments of all stories.

    *stories* are shared out among the carriers that only call; each of the others
    lives through all of its own.
    """
    callers = [s for s in speakers if s.channel == WEBHOOK]
    published = _each(stories)
    cast = [(story, callers[i % len(callers)]) for i, story in enumerate(published)]
    for channel, own in ((POLL, ASKED), (BOTH, BY_BOTH)):
        cast += [(t, s) for s in speakers if s.channel == channel for t in _each(own)]
    return [_shipment(*part, index, now) for index, part in enumerate(cast)]


def _each(stories: Sequence[Story]) -> list[Story]:
    return [story for story in stories for _ in range(story.shipments)]


def _shipment(
    story: Story, speaker: Speaker, index: int, now: datetime
) -> DemoShipment:
    dispatched_at = now.replace(second=0, microsecond=0) - DISPATCHED
    boxes = tuple(
        Box(v, f"RL{index:07}{v:02}BR", f"demo-{index:03}-{v}")
        for v in range(1, story.volumes + 1)
    )
    steps = story.steps(_parts(boxes, speaker, dispatched_at))
    by_key = POLL in speaker.channels
    return DemoShipment(
        order_id=f"1500{index:03}-01",
        invoice_number=str(FIRST_INVOICE + index),
        story=story.name,
        speaker=speaker,
        dispatched_at=dispatched_at,
        boxes=boxes,
        steps={act: tuple(published) for act, published in steps.items()},
        visible_after=story.visible_after,
        invoice_key=nfe_key(FIRST_INVOICE + index, now) if by_key else "",
    )


def _parts(
    boxes: Sequence[Box], speaker: Speaker, dispatched_at: datetime
) -> StoryParts:
    """Return a shipment's labels and scans; all scans are minutes apart."""
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    on_its_way = tuple(
        Scan(box, milestone, dispatched_at + 6 * hour * step + box.volume * minute)
        for box in boxes
        for step, milestone in enumerate(speaker.journey, 1)
    )
    deliveries = tuple(
        Scan(box, DELIVERED, dispatched_at + 46 * hour + box.volume * minute)
        for box in boxes
    )
    return StoryParts(tuple(LabelPrint(box) for box in boxes), on_its_way, deliveries)
