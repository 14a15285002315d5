"""The stories of the demo's shipments: what happens to each, in which phase; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import cycle
from typing import Final

from relay.demo.plan import (
    ACCOUNT,
    APPENDING,
    BOTH,
    DELIVERED,
    POLL,
    WEBHOOK,
    Box,
    DemoCarrier,
    DemoShipment,
    LabelPrint,
    Phase,
    Scan,
    Step,
)
from relay.domain.postal import postal_number

OLDER: Final = timedelta(days=400)
"""How long ago the tracking number belonged to another parcel."""

DISPATCHED: Final = timedelta(days=2)
LATE_SECONDS: Final = 6.0
FIRST_INVOICE: Final = 71000
EXCHANGED: Final = 10_000
"""How much higher the number of an invoice's replacement is."""

Steps = Mapping[Phase, Sequence[Step]]


@dataclass(frozen=True, slots=True)
class StoryParts:
    """A shipment's labels, its events before the delivery, and its deliveries."""

    labels: tuple[LabelPrint, ...]
    in_transit: tuple[Scan, ...]
    deliveries: tuple[Scan, ...]

    @property
    def start(self) -> tuple[Step, ...]:
        """The labels, then the events before the delivery."""
        return (*self.labels, *self.in_transit)


def regular(parts: StoryParts) -> Steps:
    """Label and scan the boxes first, and deliver them last."""
    return {Phase.OPENING: parts.start, Phase.CLOSING: parts.deliveries}


def in_transit(parts: StoryParts) -> Steps:
    """Label and scan the boxes, and deliver none."""
    return {Phase.OPENING: parts.start}


def _before_its_label(parts: StoryParts) -> Steps:
    opening: list[Step] = [*parts.in_transit, *parts.labels]
    return {Phase.OPENING: opening, Phase.CLOSING: parts.deliveries}


def _duplicates(parts: StoryParts) -> Steps:
    return {
        Phase.OPENING: [replace(step, times=2) for step in parts.start],
        Phase.CLOSING: [replace(scan, times=2) for scan in parts.deliveries],
    }


def _out_of_order(parts: StoryParts) -> Steps:
    opening: list[Step] = [*parts.labels, *parts.deliveries]
    return {Phase.OPENING: opening, Phase.CLOSING: parts.in_transit[::-1]}


def _forged(parts: StoryParts) -> Steps:
    forged = [replace(scan, forged=True) for scan in parts.deliveries]
    return {Phase.OPENING: (*parts.start, *forged)}


def _number_used_before(parts: StoryParts) -> Steps:
    older = [
        replace(scan, older=True, occurred_at=scan.occurred_at - OLDER)
        for scan in parts.deliveries
    ]
    later = [replace(s, occurred_at=s.occurred_at + timedelta(days=1)) for s in older]
    return {Phase.OPENING: (*older, *parts.start, *later)}


def _used_before_and_delivered(parts: StoryParts) -> Steps:
    return {**_number_used_before(parts), Phase.CLOSING: parts.deliveries}


def _all_but_one_box(parts: StoryParts) -> Steps:
    return {Phase.OPENING: parts.start, Phase.CLOSING: parts.deliveries[:-1]}


def _delivered_in(phase: Phase) -> Callable[[StoryParts], Steps]:
    return lambda parts: {Phase.OPENING: parts.start, phase: parts.deliveries}


def _webhook_lost(parts: StoryParts) -> Steps:
    """Lose the webhook of the delivery: only polling finds it."""
    unsent = [replace(scan, unsent=True) for scan in parts.deliveries]
    return {Phase.OPENING: parts.start, Phase.CLOSING: unsent}


def _printed_in(phase: Phase) -> Callable[[StoryParts], Steps]:
    return lambda parts: {phase: parts.start, Phase.CLOSING: parts.deliveries}


def _all_in_closing(parts: StoryParts) -> Steps:
    return {Phase.CLOSING: (*parts.start, *parts.deliveries)}


@dataclass(frozen=True, slots=True)
class Story:
    """One story, and how many shipments follow it."""

    name: str
    shipments: int
    steps: Callable[[StoryParts], Steps]
    volumes: int = 1
    visible_after: float = 0
    account: str = ACCOUNT
    exchanged: bool = False


STORIES: Final = (
    Story("regular delivery", 6, regular),
    Story("in transit", 2, in_transit),
    Story("events before label", 3, _before_its_label),
    Story("duplicates", 3, _duplicates),
    Story("events out of order", 3, _out_of_order),
    Story("forged delivery", 2, _forged),
    Story("reused number", 1, _number_used_before),
    Story("reused, delivered", 1, _used_before_and_delivered),
    Story("three volumes", 1, regular, volumes=3),
    Story("two of three volumes", 1, _all_but_one_box, volumes=3),
    Story("late invoice", 1, regular, visible_after=LATE_SECONDS),
    Story("response lost", 1, _delivered_in(Phase.LOST_ANSWER)),
    Story("delivered in outage", 4, _delivered_in(Phase.OUTAGE)),
    Story("label in outage", 2, _printed_in(Phase.OUTAGE)),
    Story("delivered at kill", 6, _delivered_in(Phase.KILL)),
    Story("label at kill", 2, _printed_in(Phase.KILL)),
    Story("delivery vanishes", 1, _delivered_in(Phase.VANISHED)),
    Story("invoice exchanged", 1, _delivered_in(Phase.EXCHANGED), exchanged=True),
    Story("account appends", 1, _printed_in(Phase.APPENDED), account=APPENDING),
    Story("appends, later", 2, _all_in_closing, account=APPENDING),
)


POLLED: Final = (
    Story("polled, delivered", 2, regular),
    Story("polled, in transit", 1, in_transit),
    Story("polled, early event", 1, _before_its_label),
    Story("polled after kill", 1, _delivered_in(Phase.KILL)),
)
"""The stories of every polling carrier."""

DUAL: Final = (Story("webhook lost, polled", 2, _webhook_lost),)
"""The story of every carrier with webhook and polling."""


FOR_THE_VISIT: Final = Story("stuck", 1, regular)
"""A delivery that VTEX does not keep, so that a person has something to repair."""


def shipments(
    carriers: Sequence[DemoCarrier], now: datetime, stories: Sequence[Story] = STORIES
) -> list[DemoShipment]:
    """Return the shipments of all stories.

    *stories* are distributed over the webhook carriers; each other carrier has all
    stories of its channel.
    """
    senders = [c for c in carriers if c.channel == WEBHOOK]
    cast = list(zip(_each(stories), cycle(senders)))
    for channel, own in ((POLL, POLLED), (BOTH, DUAL)):
        cast += [(t, c) for c in carriers if c.channel == channel for t in _each(own)]
    return [_shipment(*part, index, now) for index, part in enumerate(cast)]


def for_the_visit(plan: Sequence[DemoShipment], now: datetime) -> DemoShipment:
    """Return one more shipment, of the first carrier, with numbers of its own."""
    return _shipment(FOR_THE_VISIT, plan[0].carrier, len(plan), now)


def _each(stories: Sequence[Story]) -> list[Story]:
    return [story for story in stories for _ in range(story.shipments)]


def _shipment(
    story: Story, carrier: DemoCarrier, index: int, now: datetime
) -> DemoShipment:
    dispatched_at = now.replace(second=0, microsecond=0) - DISPATCHED
    boxes = tuple(
        Box(v, postal_number("RL", f"{index:06}{v:02}", "BR"), f"demo-{index:03}-{v}")
        for v in range(1, story.volumes + 1)
    )
    steps = story.steps(_parts(boxes, carrier, dispatched_at))
    by_key = POLL in carrier.channels
    return DemoShipment(
        order_id=f"1500{index:03}-01",
        invoice_number=str(FIRST_INVOICE + index),
        story=story.name,
        carrier=carrier,
        dispatched_at=dispatched_at,
        boxes=boxes,
        steps={phase: tuple(taken) for phase, taken in steps.items()},
        visible_after=story.visible_after,
        invoice_key=nfe_key(FIRST_INVOICE + index, now) if by_key else "",
        account=story.account,
        exchanged_for=str(FIRST_INVOICE + EXCHANGED + index)
        if story.exchanged
        else None,
    )


def _parts(
    boxes: Sequence[Box], carrier: DemoCarrier, dispatched_at: datetime
) -> StoryParts:
    """Return a shipment's labels and events; no two events share an instant."""
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    in_transit = tuple(
        Scan(box, milestone, dispatched_at + 6 * hour * step + box.volume * minute)
        for box in boxes
        for step, milestone in enumerate(carrier.journey, 1)
    )
    deliveries = tuple(
        Scan(box, DELIVERED, dispatched_at + 46 * hour + box.volume * minute)
        for box in boxes
    )
    return StoryParts(tuple(LabelPrint(box) for box in boxes), in_transit, deliveries)


# An NF-e key: state, month, issuer's CNPJ, model and series, number, form of issue,
# random code and check digit (Manual de Orientação do Contribuinte, chave de acesso).
_STATE: Final = "35"
_ISSUER: Final = "11222333000181"  # invented
_MODEL_AND_SERIES: Final = "55001"
_ORDINARY: Final = "1"


def nfe_key(number: int, issued_at: datetime) -> str:
    """Return the NF-e key of invoice *number*."""
    month = f"{issued_at:%y%m}"
    head = f"{_STATE}{month}{_ISSUER}{_MODEL_AND_SERIES}{number:09}{_ORDINARY}"
    text = f"{head}{number:08}"
    return text + _check_digit(text)


def _check_digit(digits: str) -> str:
    """Return the check digit of *digits*: modulo 11, weights 2 to 9 from the right."""
    weighted = zip(reversed(digits), cycle(range(2, 10)))
    rest = sum(int(digit) * weight for digit, weight in weighted) % 11
    return "0" if rest < 2 else str(11 - rest)  # noqa: PLR2004 -- ten has no digit
