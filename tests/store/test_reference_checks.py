"""References add up over labels and handovers, and have a limit."""

import pytest

from relay.domain.events import Reference, ReferenceKind
from relay.domain.labels import MOST_REFERENCES, Handover, Label, LabelParcel
from relay.errors import InvalidLabel
from relay.store.handovers import Handovers
from relay.store.shipment_rows import registered as rows_of
from tests.support.world import ACCOUNT, CONTRACT, INVOICE, ORDER, World

HALF = MOST_REFERENCES // 2


def codes(first: int, count: int) -> tuple[Reference, ...]:
    return tuple(
        Reference(kind=ReferenceKind.VOLUME_CODE, value=f"V{n}")
        for n in range(first, first + count)
    )


async def register(world: World, first: int, count: int) -> None:
    parcels = (LabelParcel("TN1", references=codes(first, count)),)
    await world.vtex.order(ORDER, INVOICE)
    label = Label(ACCOUNT, CONTRACT, ORDER, INVOICE, parcels)
    await world.labels.register(label, world.now)


async def registered(world: World) -> int:
    """Return how many references the shipment has."""
    async with world.database.reading() as tx:
        shipment = await world.fact("shipment")
        return len(await rows_of(tx, shipment))


async def test_repeated_labels_add_up_to_the_limit_only(world: World) -> None:
    await register(world, 0, HALF)
    await register(world, HALF, MOST_REFERENCES - await registered(world))
    assert await registered(world) == MOST_REFERENCES
    await register(world, 0, HALF)  # nothing new
    with pytest.raises(InvalidLabel) as refused:
        await register(world, MOST_REFERENCES, 1)
    assert refused.value.field == "references"
    assert "2,001 references in all, 2,000 of them registered" in str(refused.value)
    assert "cancel the shipment" in (refused.value.hint or "")


async def test_a_handover_counts_what_is_registered(world: World) -> None:
    label = await world.label()
    had = await registered(world)
    many = tuple((reference, 1) for reference in codes(0, MOST_REFERENCES - had + 1))
    change = Handover("second", 1, many)
    handovers = Handovers(world.database)
    with pytest.raises(InvalidLabel, match="2,001 references in all"):
        await handovers.handover(label.id, change, world.now)
    allowed = Handover("second", 1, many[1:])
    done = await handovers.handover(label.id, allowed, world.now)
    assert done.updated == ("references",)
