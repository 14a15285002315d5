"""What shoppers read in VTEX of a carrier's texts."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from relay.domain.history import TEXT_ONLY
from relay.store.operator_actions import OperatorActions
from tests.support.world import INVOICE, NUMBER, ORDER, PAGE, START, World, settings_for

Worlds = Callable[..., AbstractAsyncContextManager[World]]

OPEN = {"mask_personal_data": False}
RECEIVED = "Recebido por João da Silva, CPF 529.982.247-25"
HOUR = timedelta(hours=1)


async def texts(world: World) -> list[str]:
    """Return what VTEX shows, without the e-mail trigger event."""
    return (await world.shown()).texts[1:]


async def reconfigure(world: World, **settings: Any) -> None:
    """Restart the relay with other settings."""
    url = world.settings.accounts["acme"].base_url.removesuffix("/vtex/acme")
    world.settings = settings_for(url, **settings)
    await world.restart()


async def told(world: World, *descriptions: str) -> None:
    """Register a label, and let the carrier report scans with these texts."""
    await world.label()
    await report(world, *descriptions)


async def report(world: World, *descriptions: str) -> None:
    for description in descriptions:
        await world.wait(hours=1)
        await world.scan("in_transit", description=description)
        await world.rest()


async def stored(world: World) -> Sequence[str]:
    """Return the texts as they are stored."""
    async with world.database.reading() as tx:
        shipment = await world.fact("shipment")
        rows = await tx.rows(
            "events_of_shipments", rows=f'[{{"shipment": {shipment}}}]'
        )
    return [r["description"] for r in rows]


# Personal data


async def test_vtex_gets_no_personal_data_and_the_store_keeps_it(world: World) -> None:
    await told(world, RECEIVED, "Objeto TN1 em trânsito")
    masked = ["Recebido por ***, CPF ***", "Objeto TN1 em trânsito"]
    assert await texts(world) == masked
    assert all("Silva" not in str(put) for put in await world.puts())
    assert RECEIVED in await stored(world)


async def test_a_contract_sends_texts_as_they_are(worlds: Worlds) -> None:
    async with worlds(contract=OPEN) as world:
        await told(world, RECEIVED)
        assert await texts(world) == [RECEIVED]


async def test_numbers_of_the_shipment_are_not_masked(world: World) -> None:
    number = "52998224725"  # a CPF by its check digits
    await world.label(numbers=number)
    await world.wait(hours=1)
    await world.scan("in_transit", number=number, description=f"Objeto: {number}")
    await world.rest()
    assert await texts(world) == [f"Objeto: {number}"]


async def test_what_was_published_before_masking_stays_as_it_is(worlds: Worlds) -> None:
    async with worlds(contract=OPEN) as world:
        await told(world, RECEIVED)
        puts = len(await world.puts())
        await reconfigure(world)
        await world.rest()
        assert len(await world.puts()) == puts
        await report(world, "Recebido por Ana")
        assert len(await world.puts()) == puts + 1
        assert await texts(world) == [RECEIVED, "Recebido por ***"]


async def test_an_unconfirmed_write_is_recognised_after_masking_began(
    worlds: Worlds,
) -> None:
    async with worlds(contract=OPEN) as world:
        await told(world, "Em trânsito")
        await world.scan("held", description=RECEIVED)
        await world.wait(seconds=1)
        await world.vtex.fault("cut_after", times=1)
        await world.wait(seconds=10)
        await reconfigure(world)
        await world.rest()
        assert await texts(world) == ["Em trânsito", RECEIVED]


async def test_an_event_that_vtex_shows_unmasked_is_not_sent_again(
    world: World,
) -> None:
    shown = {"trackingNumber": NUMBER, "trackingUrl": f"{PAGE}{NUMBER}"}
    await world.vtex.order(ORDER, INVOICE, courier="A Carrier", **shown)
    await world.vtex.publish((START - HOUR, RECEIVED))
    puts = len(await world.puts())
    await world.scan("in_transit", START - HOUR, description=RECEIVED)
    await world.label(imported=True, invoiced=False)
    await world.rest()
    assert len(await world.puts()) == puts
    await report(world, "Em rota")
    assert (await world.shown()).texts == [RECEIVED, "Em rota"]


# Milestones in place of the carrier's texts


SCANS = ("picked_up", "in_transit", "out_for_delivery", "delivered")


async def delivered(world: World, **fields: Any) -> list[str]:
    """Deliver a parcel whose carrier writes its own texts; return what VTEX shows."""
    await world.label()
    for milestone in SCANS:
        await world.wait(hours=1)
        await world.scan(
            milestone, description=f"EVT {milestone[:4].upper()}", **fields
        )
        await world.rest()
    assert (await world.shown()).finished
    assert await world.vtex.complaints() == []
    return await texts(world)


async def test_shoppers_read_milestones_in_the_language_of_the_store(
    worlds: Worlds,
) -> None:
    contract = {"description": "milestone"}
    async with worlds(contract=contract, language="es") as world:
        assert await delivered(world) == [
            "Paquete recolectado", "En tránsito", "Salió a reparto", "Entregado",
        ]  # fmt: skip


async def test_a_contract_has_a_language_of_its_own(worlds: Worlds) -> None:
    contract = {"description": "milestone", "language": "en"}
    async with worlds(contract=contract, language="es") as world:
        assert (await delivered(world))[-1] == "Delivered"
        assert (await world.shown()).texts[0] == "Label printed"


async def test_shoppers_read_both(worlds: Worlds) -> None:
    async with worlds(contract={"description": "both"}) as world:
        assert await delivered(world) == [
            "Objeto coletado - EVT PICK", "Em trânsito - EVT IN_T",
            "Saiu para entrega - EVT OUT_", "Entregue - EVT DELI",
        ]  # fmt: skip


async def test_a_text_that_says_the_milestone_is_not_said_twice(worlds: Worlds) -> None:
    async with worlds(contract={"description": "both"}) as world:
        await told(world, "EM TRÂNSITO para Curitiba", "", "Recebido por Ana")
        assert await texts(world) == [
            "EM TRÂNSITO para Curitiba",
            "Em trânsito",
            "Em trânsito - Recebido por ***",
        ]


async def test_an_unconfirmed_delivery_and_a_withdrawal_keep_their_texts(
    worlds: Worlds,
) -> None:
    """A shopper would take "Delivered" for a fact."""
    async with worlds(contract={"description": "milestone"}) as world:
        await world.label()
        await world.wait(hours=1)
        await world.scan("delivered", effect="provisional", description="Pré-baixa")
        await world.rest()
        await world.wait(hours=1)
        await world.scan("exception", effect="rollback", description="Estorno")
        await world.rest()
        assert await texts(world) == ["Pré-baixa", "Estorno"]


async def test_another_form_of_texts_changes_nothing_that_was_published(
    worlds: Worlds,
) -> None:
    async with worlds() as world:
        await told(world, "Saiu da base")
        puts = len(await world.puts())
        await reconfigure(world, contract={"description": "milestone"})
        await world.rest()
        assert len(await world.puts()) == puts
        await report(world, "Chegou")
        assert await texts(world) == ["Saiu da base", "Em trânsito"]


# Several parcels of an invoice


async def test_texts_name_the_parcel_in_the_language_of_the_store(
    worlds: Worlds,
) -> None:
    async with worlds(language="es") as world:
        await world.label(numbers=["A1", "B2"], volumes=3)
        for number in ("A1", "B2"):
            await world.wait(hours=1)
            await world.scan(
                "in_transit", number=number, description="Recibido por Ana"
            )
            await world.rest()
        assert await texts(world) == [
            "bulto 1/3, A1: Recibido por ***", "bulto 2/3, B2: Recibido por ***",
        ]  # fmt: skip


async def test_vtex_gets_the_number_of_the_first_parcel(world: World) -> None:
    await world.label(numbers=["A1", "B2"])
    await world.rest()
    assert [p["trackingNumber"] for p in await world.patches()] == ["A1"]


async def test_vtex_gets_all_numbers_joined(worlds: Worlds) -> None:
    async with worlds(contract={"announce_numbers": "joined"}) as world:
        await world.label(numbers=["A1", "B2"])
        await world.rest()
        [patch] = await world.patches()
        assert (patch["trackingNumber"], patch["trackingUrl"]) == ("A1;B2", f"{PAGE}A1")
        for number in ("A1", "B2"):
            await world.wait(hours=1)
            await world.scan("delivered", number=number)
            await world.rest()
        assert (await world.shown()).finished
        assert len(await world.patches()) == 1


async def test_numbers_are_joined_when_the_last_label_is_printed(
    worlds: Worlds,
) -> None:
    """Each change of the number may repeat the shopper's e-mail."""
    async with worlds(contract={"announce_numbers": "joined"}) as world:
        for number in ("A1", "B2", "C3"):
            await world.label(numbers=[number], volumes=3)
            await world.rest()
        sent = [p["trackingNumber"] for p in await world.patches()]
        assert sent == ["A1", "A1;B2;C3"]


async def test_joined_numbers_that_vtex_shows_are_not_sent_again(
    worlds: Worlds,
) -> None:
    async with worlds(contract={"announce_numbers": "joined"}) as world:
        shown = {"trackingNumber": "A1;B2", "trackingUrl": f"{PAGE}A1"}
        await world.vtex.order(ORDER, INVOICE, courier="A Carrier", **shown)
        await world.label(numbers=["A1", "B2"], invoiced=False)
        await world.rest()
        assert await world.patches() == []


async def test_an_unconfirmed_joined_number_is_read_back(worlds: Worlds) -> None:
    async with worlds(contract={"announce_numbers": "joined"}) as world:
        await world.label(numbers=["A1", "B2"])
        await world.vtex.fault("cut_after", call="patch", times=1)
        await world.rest()
        assert (await world.shown()).tracking_number == "A1;B2"
        assert len(await world.patches()) == 1


async def test_a_joined_number_is_read_back_as_it_was_sent(worlds: Worlds) -> None:
    async with worlds(contract={"announce_numbers": "joined"}) as world:
        await world.label(numbers=["A1", "B2"])
        await world.scan("picked_up", number="A1")
        await world.rest()
        assert await world.fact("verified_at")
        assert [p["trackingNumber"] for p in await world.patches()] == ["A1;B2"]


# Dates


DAYS = {"event_time": "day"}


async def test_dates_go_out_as_vtex_documents_them(worlds: Worlds) -> None:
    async with worlds(**DAYS) as world:
        await delivered(world)
        puts = await world.puts()
        dates = {event["date"] for put in puts for event in put["events"]}
        assert dates == {"2026-08-01"}
        assert [p["deliveredDate"] for p in puts if p["isDelivered"]] == [
            "2026-08-01 15:00"
        ]
        assert await world.fact("verified_at")


async def test_only_the_delivery_has_the_documented_form(worlds: Worlds) -> None:
    async with worlds(delivered_time="minute") as world:
        await delivered(world)
        last = (await world.puts())[-1]
        assert last["deliveredDate"] == "2026-08-01 15:00"
        assert last["events"][-1]["date"].startswith("2026-08-01T15:00:")
        assert await world.fact("verified_at")


async def test_two_scans_of_a_day_with_the_same_text_are_one(worlds: Worlds) -> None:
    async with worlds(**DAYS) as world:
        await told(world, "Em trânsito", "Em trânsito", "Chegou")
        shown = (await world.shown()).texts  # by day, then by text
        assert shown == ["Chegou", "Em trânsito", "Etiqueta emitida"]
        assert await world.vtex.complaints() == []


async def test_an_unconfirmed_write_with_days_is_read_back(worlds: Worlds) -> None:
    async with worlds(**DAYS) as world:
        await told(world, "Em trânsito")
        puts = len(await world.puts())
        await world.wait(hours=1)
        await world.vtex.fault("cut_after", call="put", times=1)
        await report(world, "Chegou")
        assert len(await world.puts()) == puts + 1
        assert await world.fact("pending") is None
        shown = (await world.shown()).texts  # by day, then by text
        assert shown == ["Chegou", "Em trânsito", "Etiqueta emitida"]


async def test_times_that_vtex_shows_are_not_sent_again_as_days(worlds: Worlds) -> None:
    async with worlds(**DAYS) as world:
        shown = {"trackingNumber": NUMBER, "trackingUrl": f"{PAGE}{NUMBER}"}
        await world.vtex.order(ORDER, INVOICE, courier="A Carrier", **shown)
        await world.vtex.publish((START - HOUR, "Coletado"))
        puts = len(await world.puts())
        await world.scan("picked_up", START - HOUR, description="Coletado")
        await world.label(imported=True, invoiced=False)
        await world.rest()
        assert len(await world.puts()) == puts


# A delivery that only its text says


async def test_a_delivery_by_its_text_alone_waits_for_an_operator(world: World) -> None:
    await world.label()
    await world.wait(hours=1)
    await world.scan("in_transit")
    await world.wait(hours=1)
    await world.scan("delivered", effect="text_only", description="Entregue")
    await world.rest()
    assert not (await world.shown()).finished
    assert await world.quarantined() == {"delivered": TEXT_ONLY}
    assert await texts(world) == ["in transit"]
    [event] = await world.quarantined_events()
    actions = OperatorActions(world.database)
    await actions.decide(event, "released", "operator", world.now)
    await world.rest()
    assert (await world.shown()).finished


async def test_a_code_confirms_a_delivery_by_its_text(world: World) -> None:
    await world.label()
    await world.wait(hours=1)
    await world.scan("delivered", effect="text_only", carrier_code="")
    await world.wait(hours=1)
    await world.scan("delivered", carrier_code="01")
    await world.rest()
    await world.wait(hours=1)
    await world.scan("in_transit")
    await world.rest()
    assert (await world.shown()).finished
