"""One bad event of a document: the others reach VTEX, and nothing false does."""

import json
from dataclasses import dataclass
from typing import Any

from relay.adapters.parts import Parsed, attempt, hold_deliveries, order_of
from relay.adapters.protocol import Document
from relay.domain.events import TrackingEvent
from relay.domain.history import INCOMPLETE
from relay.store.documents import Documents
from tests.support.world import CONTRACT, GUARD, SpeakingCarrier, World


@dataclass
class Careful(SpeakingCarrier):
    """A carrier whose events are parsed one by one; *also* is the field of the time."""

    also: str = "occurred_at"

    def parse(self, document: Document) -> list[Parsed]:
        parts = [
            attempt(str(place), lambda each=each: self._event(each))
            for place, each in enumerate(json.loads(document.body))
        ]
        return hold_deliveries(parts, order_of(parts))

    def _event(self, raw: dict[str, Any]) -> TrackingEvent:
        known = {name: raw[name] for name in raw if name != "at"}
        return TrackingEvent.model_validate(known | {"occurred_at": raw[self.also]})


async def parse(world: World, carrier: Careful) -> None:
    """Parse what is stored, with *carrier* as the contract's adapter."""
    world.process.reader.reload({CONTRACT: carrier})
    while await world.process.reader.step():
        pass
    await world.rest()


def written(world: World, milestone: str, **fields: Any) -> dict[str, Any]:
    event = world.event(milestone, **fields).model_dump(mode="json")
    return event | {"at": event["occurred_at"]}


async def test_a_bad_event_holds_the_delivery_that_it_may_undo_and_nothing_else(
    world: World,
) -> None:
    await world.label()
    await world.rest()
    documents = Documents(world.database)
    await world.wait(hours=1)
    moving = written(world, "picked_up")
    await world.wait(hours=1)
    ended = written(world, "delivered")
    paper = written(world, "in_transit", effect="administrative")
    bad = paper | {"occurred_at": "soon"}
    body = json.dumps([moving, ended, bad]).encode()
    await documents.keep(
        [Document(body, world.now, contract=CONTRACT, source="webhook")]
    )

    await parse(world, Careful())

    shown = await world.shown()
    assert (shown.texts, shown.finished) == ([GUARD, "picked up"], False)
    assert await world.quarantined() == {"delivered": INCOMPLETE}
    [listed] = await documents.list(unreadable=True)
    assert listed["partly_parsed"] == 1

    await documents.replay(listed["document"])
    await parse(world, Careful(also="at"))

    shown = await world.shown()
    assert shown.finished
    assert shown.texts == [GUARD, "picked up", "delivered"]
    assert await world.quarantined() == {}
    assert await documents.list(unreadable=True) == []
