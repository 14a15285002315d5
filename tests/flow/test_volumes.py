"""The number of parcels is corrected: it decides when an order is delivered."""

import asyncio

import pytest

from relay.domain.events import Reference, ReferenceKind
from relay.domain.labels import Correction, Label, LabelParcel
from relay.errors import InvalidLabel
from relay.store.corrections import CorrectionResult
from relay.store.operator_actions import OperatorActions
from tests.support.world import ACCOUNT, CONTRACT, INVOICE, NUMBER, ORDER, World


async def correct(world: World, id_: str, volumes: int) -> CorrectionResult:
    was = (CONTRACT, NUMBER)
    change = Correction(was, CONTRACT, volumes=volumes)
    actions = OperatorActions(world.database)
    done = await actions.correct(id_, change, world.now, "ana")
    await world.rest()
    return done


async def deliver(world: World, number: str = NUMBER) -> None:
    """Let the carrier collect and deliver one parcel."""
    await world.wait(hours=1)
    await world.scan("picked_up", number=number)
    await world.wait(hours=1)
    await world.scan("delivered", number=number)
    await world.rest()


async def refusal(world: World, id_: str, volumes: int) -> str:
    with pytest.raises(InvalidLabel) as refused:
        await correct(world, id_, volumes)
    assert refused.value.field == "volumes"
    assert "cancel the shipment" in (refused.value.hint or "")
    return str(refused.value)


async def test_a_lowered_number_lets_the_delivery_through(world: World) -> None:
    label = await world.label(volumes=3)  # by mistake: there is one parcel
    await deliver(world)
    assert not (await world.shown()).finished
    done = await correct(world, label.id, 1)
    assert (done.updated, done.warnings) == (("volumes",), ())
    assert (await world.shown()).finished
    assert await world.fact("volumes") == 1


async def test_a_raised_number_holds_the_delivery_back(world: World) -> None:
    label = await world.label()
    await correct(world, label.id, 2)
    await deliver(world)
    assert not (await world.shown()).finished
    await world.label(numbers=["TN1", "TN2"])
    await deliver(world, "TN2")
    assert (await world.shown()).finished


async def test_after_a_published_delivery_it_is_stored_with_an_alert(
    world: World,
) -> None:
    label = await world.label()
    await deliver(world)
    puts = len(await world.puts())
    done = await correct(world, label.id, 2)
    assert done.updated == ("volumes",)
    [alert] = done.warnings
    assert "alert" in str(alert)
    assert len(await world.puts()) == puts
    assert await world.fact("volumes") == 2


async def test_the_same_number_changes_nothing(world: World) -> None:
    label = await world.label(volumes=2)
    assert (await correct(world, label.id, 2)).updated == ()


async def test_a_parcel_with_a_number_is_not_removed(world: World) -> None:
    label = await world.label(numbers=["TN1", "TN2"])
    said = await refusal(world, label.id, 1)
    assert said == "cannot be lowered to 1: volume 2 has tracking number TN2"
    assert await world.fact("volumes") == 2


async def test_a_parcel_with_references_is_not_removed(world: World) -> None:
    code = Reference(kind=ReferenceKind.VOLUME_CODE, value="V3")
    label = await world.label(volumes=3)
    third = LabelParcel(volume=3, references=(code,))
    again = Label(ACCOUNT, CONTRACT, ORDER, INVOICE, (third,), volumes=3)
    await world.labels.register(again, world.now)
    said = await refusal(world, label.id, 2)
    assert said == "cannot be lowered to 2: volume 3 has references"


async def test_a_label_that_raises_it_at_the_same_time_is_not_lost(
    world: World,
) -> None:
    label = await world.label(volumes=2)
    lowering = correct(world, label.id, 1)
    raising = world.label(numbers=["TN1", "TN2"])
    await asyncio.gather(lowering, raising, return_exceptions=True)
    await deliver(world)
    assert not (await world.shown()).finished
    await deliver(world, "TN2")
    assert (await world.shown()).finished
