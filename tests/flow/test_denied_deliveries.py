"""A code that means delivered, with a text that says otherwise, delivers nothing."""

import json
from datetime import datetime
from typing import Any

import pytest

from relay.adapters.codes import CodeRow, both_values
from relay.adapters.protocol import Document, WebhookRequest
from relay.domain.contradictions import DENIED
from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.domain.history import CONTRADICTORY
from relay.store.operator_actions import OperatorActions
from tests.support.world import CONTRACT, GUARD, NUMBER, SpeakingCarrier, World

CODES = {
    "1": CodeRow(milestone=Milestone.PICKED_UP),
    "9": CodeRow(milestone=Milestone.DELIVERED),
}
FIELDS_DIFFER = "another field means in transit"
BY_NUMBER = Reference(kind=ReferenceKind.TRACKING_NUMBER, value=NUMBER)


class Coded(SpeakingCarrier):
    """A carrier with codes and texts."""

    def parse(self, document: Document) -> list[TrackingEvent]:
        scan: dict[str, Any] = json.loads(document.body)
        at = datetime.fromisoformat(scan["occurred_at"])
        code = scan["code"]
        row = CODES[code]
        if scan["description"] == FIELDS_DIFFER:
            row, code = row.contradicted(), both_values(code, "4")
        return [
            row.event(
                code,
                description=scan["description"],
                references=(BY_NUMBER,),
                occurred_at=at,
            )
        ]


async def report(
    world: World, code: str, text: str, at: datetime | None = None
) -> None:
    world.process.reader.reload({CONTRACT: Coded()})
    scan = {"code": code, "description": text}
    body = json.dumps(scan | {"occurred_at": (at or world.now).isoformat()}).encode()
    await world.process.relay.intake.accept(CONTRACT, WebhookRequest({}, body))
    while await world.process.reader.step():
        pass
    await world.rest()


@pytest.mark.parametrize(
    "text",
    [
        "NÃO ENTREGUE",
        "No se pudo entregar",
        "Undelivered",
        "Entrega cancelada",
        "Tentativa de entrega sem sucesso",
    ],
)
async def test_a_delivery_that_its_text_denies_waits_for_an_operator(
    world: World, text: str
) -> None:
    await world.label()
    await world.wait(hours=1)
    await report(world, "1", "Coletado")
    await world.wait(days=1)
    await report(world, "9", text)
    shown = await world.shown()
    assert (shown.texts, shown.finished) == ([GUARD, "Coletado"], False)
    assert list((await world.quarantined()).values()) == [CONTRADICTORY]

    (event,) = await world.quarantined_events()
    await OperatorActions(world.database).decide(event, "released", "me", world.now)
    await world.rest()
    assert (await world.shown()).finished


async def test_a_delivery_that_its_text_confirms_is_published(world: World) -> None:
    await world.label()
    await world.wait(hours=1)
    await report(world, "1", "Coletado")
    await world.wait(days=1)
    await report(world, "9", "Entregue ao porteiro, que não assinou")
    assert (await world.shown()).finished


@pytest.mark.parametrize(
    "texts",
    [
        ("NÃO ENTREGUE", ""),
        ("", "NÃO ENTREGUE"),
        ("NÃO ENTREGUE", "Entregue", ""),
        ("Entregue ao remetente", ""),
        (FIELDS_DIFFER, ""),
        ("", FIELDS_DIFFER),
    ],
)
async def test_a_repeat_without_the_text_that_denied_it_delivers_nothing(
    world: World, texts: tuple[str, ...]
) -> None:
    await world.label()
    await world.wait(hours=1)
    await report(world, "1", "Coletado")
    await world.wait(days=1)
    at = world.now
    await report(world, "9", texts[0], at) if texts[0] else await heard(world, at)
    for text in texts[1:]:
        await report(world, "9", text, at)
    await world.wait(days=2)
    assert not (await world.shown()).finished
    assert set((await world.quarantined()).values()) == {CONTRADICTORY}


async def heard(world: World, at: datetime) -> None:
    """Let the relay read a plain delivery, and publish nothing yet."""
    scan = {"code": "9", "description": "", "occurred_at": at.isoformat()}
    body = json.dumps(scan).encode()
    await world.process.relay.intake.accept(CONTRACT, WebhookRequest({}, body))
    while await world.process.reader.step():
        pass


async def test_a_published_delivery_that_is_denied_later_is_contradicted(
    world: World,
) -> None:
    await world.label()
    await world.wait(hours=1)
    await report(world, "1", "Coletado")
    await world.wait(days=1)
    at = world.now
    await report(world, "9", "Entregue", at)
    await world.wait(minutes=10)
    await report(world, "9", "NÃO ENTREGUE", at)
    await report(world, "9", "", at)
    assert await world.fact("contradicted_reason") == DENIED
