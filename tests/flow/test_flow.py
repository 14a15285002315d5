"""What the relay does from label and scan to what VTEX shows."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta

import pytest

from relay.domain.events import Reference, ReferenceKind, TrackingEvent
from relay.domain.history import NO_DATE
from relay.domain.labels import Correction
from relay.domain.other_history import OTHER_INVOICE
from relay.errors import Conflict
from relay.registration.contract_terms import lower_bounds
from relay.runtime.wiring import event_pace
from relay.store.operator_actions import OperatorActions
from tests.support.world import CONTRACT, GUARD, NUMBER, PAGE, START, World

Worlds = Callable[..., AbstractAsyncContextManager[World]]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
KEY = Reference(
    kind=ReferenceKind.INVOICE_KEY,
    value="35260811222333000181550010000000551000000559",
)


def texts(put: dict[str, object]) -> list[str]:
    events = put["events"]
    assert isinstance(events, list)
    return [e["description"] for e in events]


async def shipped(world: World, **label: object) -> None:
    """Print a label and let the carrier take the parcel an hour later."""
    await world.label(**label)  # type: ignore[arg-type]
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()


# The main job


async def test_a_parcel_is_sent_followed_and_delivered(world: World) -> None:
    await world.label()
    await world.rest()
    tracking_sent = await world.shown()
    assert (tracking_sent.tracking_number, tracking_sent.courier) == (
        NUMBER,
        "A Carrier",
    )
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.wait(hours=5)
    await world.scan("out_for_delivery")
    await world.wait(hours=5)
    await world.scan("delivered")
    await world.rest()
    shown = await world.shown()
    assert shown.texts == [GUARD, "picked up", "out for delivery", "delivered"]
    assert shown.finished
    assert await world.vtex.complaints() == []


async def test_the_tracking_number_has_all_four_fields(world: World) -> None:
    await world.label(dispatched=START)
    await world.rest()
    assert await world.patches() == [
        {
            "trackingNumber": NUMBER,
            "trackingUrl": f"{PAGE}{NUMBER}",
            "courier": "A Carrier",
            "dispatchedDate": START.isoformat(),
        }
    ]


async def test_the_same_label_twice_is_one_shipment(world: World) -> None:
    first = await world.label()
    await world.rest()
    second = await world.label()
    await world.rest()
    assert (first.id, first.created) == (second.id, True)
    assert not second.created
    assert len(await world.patches()) == 1


async def test_a_reprint_with_another_date_sends_nothing(world: World) -> None:
    await world.label(dispatched=START)
    await world.rest()
    await world.label(dispatched=START + DAY)
    await world.rest()
    assert len(await world.patches()) == 1


async def test_an_invoice_that_shows_our_number_is_not_announced_again(
    world: World,
) -> None:
    await world.vtex.order(
        "O-1",
        "1",
        trackingNumber=NUMBER,
        trackingUrl=PAGE + NUMBER,
        courier="A Carrier",
    )
    await world.label(invoiced=False)
    await world.rest()
    assert await world.patches() == []
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


async def test_a_scan_that_beats_its_label_waits_for_it(world: World) -> None:
    await world.scan("picked_up", at=START - HOUR)
    await world.rest()
    assert (await world.vtex.counts())["put"] == 0
    await world.label()
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


async def test_a_scan_sent_twice_is_one_event(world: World) -> None:
    await shipped(world)
    scan = world.event("in_transit")
    await world.report([scan, scan])
    await world.rest()
    puts = len(await world.puts())
    await world.report([scan])
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]
    assert len(await world.puts()) == puts


async def test_a_repeated_scan_in_another_text_stays_published_as_it_was(
    world: World,
) -> None:
    await shipped(world)
    at = world.now
    await world.scan("in_transit", at=at)
    await world.rest()
    await world.wait(hours=1)
    await world.scan("in_transit", at=at, description="on its way")
    await world.rest()
    await world.scan("at_hub")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit", "at hub"]


async def test_scans_out_of_order_are_published_oldest_first(world: World) -> None:
    await shipped(world)
    await world.wait(hours=5)
    await world.scan("out_for_delivery")
    await world.rest()
    await world.scan("in_transit", at=world.now - 2 * HOUR)
    await world.rest()
    last = (await world.puts())[-1]
    assert texts(last) == [GUARD, "picked up", "in transit", "out for delivery"]
    assert await world.vtex.complaints() == []


async def test_events_of_one_instant_keep_the_order_of_their_source(
    world: World,
) -> None:
    await shipped(world)
    await world.report(
        [
            world.event("in_transit", position=2),
            world.event("at_hub", position=1),
        ]
    )
    await world.rest()
    assert texts((await world.puts())[-1])[-2:] == ["at hub", "in transit"]


async def test_a_burst_of_ten_scans_costs_three_writes_and_two_reads(
    world: World,
) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    for second in range(10):
        await world.scan("in_transit", carrier_code=f"T{second}")
        await world.wait(seconds=1)
    await world.rest()
    counts = await world.vtex.counts()
    assert len((await world.shown()).texts) == 11
    assert counts["patch"] + counts["put"] - 1 <= 3  # the label's own announcement
    assert counts["get"] <= 2


async def test_scans_over_days_cost_at_most_twelve_writes(world: World) -> None:
    await world.label()
    for day in range(9):
        await world.wait(days=1)
        await world.scan("in_transit", carrier_code=f"T{day}")
    await world.wait(days=1)
    await world.scan("delivered")
    await world.rest()
    counts = await world.vtex.counts()
    assert (await world.shown()).finished
    assert counts["patch"] + counts["put"] <= 12


async def test_new_events_wait_for_more_but_ten_seconds_at_most(world: World) -> None:
    await shipped(world)
    first = world.now
    for second in range(20):
        await world.scan("in_transit", carrier_code=f"T{second}")
        await world.wait(seconds=1)
        if len(await world.puts()) > 2:
            break
    assert timedelta(seconds=9) <= world.now - first <= timedelta(seconds=11)


@pytest.mark.parametrize(("places", "at_once"), [(1, 1), (2, 1), (5, 2)])
async def test_half_of_the_places_are_taken_at_once(
    worlds: Worlds, places: int, at_once: int
) -> None:
    async with worlds(publisher={"in_flight": places}) as world:
        orders = [f"label-{number}" for number in range(5)]
        for order in orders:
            await world.label(order, numbers=f"TN-{order}")
        assert await world.process.publisher.step() == at_once
        await world.rest()
        assert await world.patches_of(orders) == len(orders)


async def test_a_mornings_labels_do_not_hold_up_a_delivery(worlds: Worlds) -> None:
    async with worlds(requests_per_second=1, burst=1, in_flight=1) as world:
        await world.label()
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.rest()
        morning = [f"label-{number}" for number in range(40)]
        for order in morning:
            await world.label(order, numbers=f"TN-{order}")
        await world.wait(hours=0)
        await world.scan("delivered")
        await world.wait(seconds=8)
        assert (await world.shown()).finished
        tracking_sent = await world.patches_of(morning)
        assert 0 < tracking_sent < len(morning), "labels have their turns meanwhile"
        await world.wait(minutes=5)
        assert await world.patches_of(morning) == len(morning)


async def test_nothing_is_called_for_a_scan_that_is_known(world: World) -> None:
    await shipped(world)
    before = await world.vtex.counts()
    await world.wait(days=3)
    await world.rest()
    assert await world.vtex.counts() == before


async def test_times_go_out_with_the_offset_of_the_account(world: World) -> None:
    await shipped(world)
    dates = [e["date"] for e in (await world.puts())[-1]["events"]]
    assert dates == ["2026-08-01T09:00:00-03:00", "2026-08-01T10:00:00-03:00"]


async def test_times_go_out_as_the_account_wants_them(worlds: Worlds) -> None:
    async with worlds(event_time="utc") as world:
        await shipped(world)
        last = (await world.puts())[-1]["events"][-1]
        assert last["date"] == "2026-08-01T13:00:00+00:00"


async def test_two_invoices_of_one_order_are_two_stories(world: World) -> None:
    await world.vtex.order("O-1", "1", "2")
    await world.label(invoiced=False, numbers="A")
    await world.label(invoice="2", numbers="B", invoiced=False)
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up", number="A")
    await world.scan("out_for_delivery", number="B")
    await world.rest()
    assert (await world.shown(invoice="1")).texts == [GUARD, "picked up"]
    assert (await world.shown(invoice="2")).texts == [GUARD, "out for delivery"]


async def test_a_waybill_of_two_invoices_speaks_for_both(world: World) -> None:
    await world.vtex.order("O-1", "1", "2")
    await world.label(invoiced=False)
    await world.label(invoice="2", invoiced=False)
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()
    for invoice in ("1", "2"):
        assert (await world.shown(invoice=invoice)).texts == [GUARD, "picked up"]


# The first e-mail


async def test_a_label_alone_sends_and_publishes_nothing(world: World) -> None:
    await world.label()
    await world.rest()
    await world.scan("label_created")
    await world.rest()
    assert await world.puts() == []


async def test_the_first_scan_makes_two_different_calls(world: World) -> None:
    await shipped(world)
    puts = await world.puts()
    assert [texts(p) for p in puts] == [[GUARD], [GUARD, "picked up"]]


async def test_the_first_call_has_the_carriers_own_label_event(world: World) -> None:
    await world.label()
    await world.rest()
    await world.scan("label_created")
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.rest()
    puts = await world.puts()
    assert [texts(p) for p in puts] == [
        ["label created"],
        ["label created", "picked up"],
    ]


async def test_the_relays_own_event_comes_before_an_earlier_scan(world: World) -> None:
    await world.label(dispatched=START - HOUR)
    early = START - HOUR - timedelta(seconds=30)
    await world.scan("picked_up", at=early)
    await world.rest()
    events = (await world.shown()).events
    assert events == (
        (early - timedelta(seconds=1), GUARD),
        (early, "picked up"),
    )


async def test_scans_from_before_the_dispatch_are_not_the_parcels_story(
    world: World,
) -> None:
    await world.label(dispatched=START - HOUR)
    await world.scan("label_created", at=START - 3 * HOUR)
    await world.scan("returning", at=START - 2 * HOUR)
    await world.scan("delivered", effect="provisional", at=START - 2 * HOUR)
    await world.scan("picked_up", at=START - HOUR)
    await world.rest()
    assert (await world.shown()).texts == ["label created", "picked up"]
    await world.wait(days=1)
    await world.scan("delivered", carrier_code="D")
    await world.rest()
    shown = await world.shown()
    assert (shown.texts[-1], shown.finished) == ("delivered", True)


async def test_the_relays_own_event_has_the_time_of_the_dispatch(world: World) -> None:
    await shipped(world, dispatched=START - HOUR)
    assert (await world.shown()).events[0] == (START - HOUR, GUARD)


async def test_a_first_scan_that_delivers_makes_two_calls_too(world: World) -> None:
    await world.label()
    await world.rest()
    await world.wait(days=1)
    await world.scan("delivered")
    await world.rest()
    puts = await world.puts()
    assert [p["isDelivered"] for p in puts] == [False, True]


async def test_the_email_trigger_may_go_out_at_the_label(worlds: Worlds) -> None:
    async with worlds(first_email="at_label") as world:
        await world.label()
        await world.rest()
        assert [texts(p) for p in await world.puts()] == [[GUARD]]
        await world.wait(hours=1)
        await world.scan("picked_up")
        await world.rest()
        assert [texts(p) for p in await world.puts()] == [[GUARD], [GUARD, "picked up"]]


async def test_the_email_trigger_may_be_off(worlds: Worlds) -> None:
    async with worlds(first_email="off") as world:
        await shipped(world)
        assert [texts(p) for p in await world.puts()] == [["picked up"]]


# What goes out, and how it is stored there


async def test_delta_sends_only_what_is_new(worlds: Worlds) -> None:
    async with worlds(events="delta", mode="append") as world:
        await shipped(world)
        await world.scan("in_transit")
        await world.rest()
        puts = await world.puts()
        assert [texts(p) for p in puts] == [[GUARD], ["picked up"], ["in transit"]]
        assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]


async def test_full_is_right_where_vtex_replaces(worlds: Worlds) -> None:
    async with worlds(mode="replace") as world:
        await shipped(world)
        await world.scan("in_transit")
        await world.rest()
        assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]


# Delivered


async def test_the_date_of_delivery_is_that_of_the_scan(world: World) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.scan("delivered", at=datetime(2026, 8, 2, 9, 30, tzinfo=UTC))
    await world.rest()
    assert (await world.puts())[-1]["deliveredDate"] == "2026-08-02T06:30:00-03:00"


async def test_after_delivered_nothing_is_published_any_more(world: World) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.scan("delivered")
    await world.rest()
    before = await world.vtex.counts()
    for milestone in ("in_transit", "returned", "held"):
        await world.scan(milestone)
        await world.rest()
    assert await world.vtex.counts() == before
    assert (await world.shown()).finished
    assert await world.fact("closed_reason") == "delivered"


async def test_a_rollback_after_delivered_was_published_changes_nothing_at_vtex(
    world: World,
) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.scan("delivered")
    await world.rest()
    before = await world.vtex.counts()
    await world.wait(hours=1)
    await world.scan("in_transit", effect="rollback", undoes=["delivered"])
    await world.rest()
    assert await world.vtex.counts() == before


async def test_three_volumes_are_delivered_when_all_of_them_are(world: World) -> None:
    await world.label(numbers=["A", "B", "C"])
    await world.rest()
    await world.wait(days=1)
    for number in "ABC":
        assert not (await world.shown()).finished
        await world.scan("delivered", number=number)
        await world.rest()
        await world.wait(hours=1)
    assert (await world.shown()).finished


async def test_descriptions_say_which_volume_is_meant(world: World) -> None:
    await world.label(numbers=["A", "B"])
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up", number="B")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "volume 2/2, B: picked up"]


async def test_the_date_of_delivery_is_that_of_the_last_volume(world: World) -> None:
    await world.label(numbers=["A", "B"])
    await world.wait(days=2)
    await world.scan("delivered", at=START + DAY, number="B")
    await world.scan("delivered", at=START + DAY + HOUR, number="A")
    await world.rest()
    assert (await world.puts())[-1]["deliveredDate"] == "2026-08-02T10:00:00-03:00"


async def test_partly_delivered_closes_without_saying_it(world: World) -> None:
    await world.label(numbers=["A", "B"])
    await world.rest()
    await world.wait(days=1)
    await world.scan("delivered", number="A")
    await world.wait(hours=1)
    await world.scan("returned", number="B")
    await world.rest()
    assert await world.fact("closed_reason") == "partly_delivered"
    assert not (await world.shown()).finished


async def test_returned_is_published_as_text_and_closes(world: World) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.scan("returned")
    await world.rest()
    shown = await world.shown()
    assert (shown.texts[-1], shown.finished) == ("returned", False)
    assert await world.fact("closed_reason") == "returned"


async def test_lost_closes_only_where_the_codes_row_says_so(world: World) -> None:
    await shipped(world)
    await world.scan("lost")
    await world.rest()
    assert await world.fact("closed_reason") is None
    await world.wait(hours=1)
    await world.scan("lost", final=True)
    await world.rest()
    assert await world.fact("closed_reason") == "lost"
    assert not (await world.shown()).finished


async def test_a_later_scan_reopens_what_was_lost(world: World) -> None:
    await shipped(world)
    await world.scan("lost", final=True)
    await world.rest()
    await world.wait(days=3)
    await world.scan("out_for_delivery")
    await world.rest()
    assert await world.fact("closed_reason") is None
    await world.wait(hours=3)
    await world.scan("delivered")
    await world.rest()
    assert (await world.shown()).finished


# What is told, and what is not


async def test_an_administrative_event_is_never_published(world: World) -> None:
    await shipped(world)
    await world.scan("in_transit", effect="administrative")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


async def test_an_administrative_delivery_delivers_nothing(world: World) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.scan("delivered", effect="administrative")
    await world.rest()
    assert not (await world.shown()).finished


async def test_an_unknown_event_is_not_published(world: World) -> None:
    await shipped(world)
    await world.scan("unknown", description="Codice 77")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


async def test_an_unknown_event_is_published_where_the_contract_says_so(
    worlds: Worlds,
) -> None:
    async with worlds(contract={"publish_unknown": True}) as world:
        await shipped(world)
        await world.wait(hours=1)
        await world.scan("unknown", description="Codice 77")
        await world.rest()
        assert (await world.shown()).texts == [GUARD, "picked up", "Codice 77"]


async def test_a_rollback_takes_back_what_was_not_published(world: World) -> None:
    await shipped(world)
    await world.report(
        [
            world.event("delivered", world.now + HOUR),
            world.event(
                "in_transit",
                world.now + 2 * HOUR,
                effect="rollback",
                undoes=["delivered"],
            ),
        ]
    )
    await world.wait(hours=5)
    await world.rest()
    shown = await world.shown()
    assert (shown.texts, shown.finished) == ([GUARD, "picked up"], False)


async def test_a_rollback_of_what_was_published_is_published_itself(
    world: World,
) -> None:
    await shipped(world)
    await world.scan("out_for_delivery")
    await world.rest()
    await world.wait(hours=1)
    await world.scan(
        "in_transit", effect="rollback", undoes=["out_for_delivery"], description="undo"
    )
    await world.rest()
    assert (await world.shown()).texts == [
        GUARD,
        "picked up",
        "out for delivery",
        "undo",
    ]


async def test_a_provisional_delivery_waits_to_be_confirmed(world: World) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.scan("delivered", effect="provisional", carrier_code="pre")
    await world.rest()
    shown = await world.shown()
    assert (shown.texts[-1], shown.finished) == ("delivered", False)
    await world.wait(days=3)
    await world.rest()
    assert not (await world.shown()).finished
    await world.scan("delivered", description="signed")
    await world.rest()
    assert (await world.shown()).finished


async def test_a_provisional_delivery_counts_in_time_if_the_contract_says_so(
    worlds: Worlds,
) -> None:
    async with worlds(contract={"confirm_provisional_after_hours": 24}) as world:
        await shipped(world)
        await world.wait(days=1)
        await world.scan("delivered", effect="provisional")
        await world.wait(hours=23)
        assert not (await world.shown()).finished
        await world.wait(hours=2)
        assert (await world.shown()).finished


# Plausibility


async def test_an_event_of_tomorrow_waits_for_its_time(world: World) -> None:
    await shipped(world)
    await world.scan("out_for_delivery", at=world.now + 5 * HOUR)
    await world.wait(hours=4)
    assert (await world.shown()).texts == [GUARD, "picked up"]
    await world.wait(hours=2)
    assert (await world.shown()).texts == [GUARD, "picked up", "out for delivery"]


async def test_an_event_far_ahead_is_quarantined(world: World) -> None:
    await shipped(world)
    await world.scan("delivered", at=world.now + 30 * HOUR)
    await world.wait(hours=1)
    assert await world.quarantined() == {
        "delivered": "more than 24 hours in the future"
    }
    assert not (await world.shown()).finished


PLACEHOLDERS = [
    "0001-01-01T00:00:00+00:00",
    "0001-01-01T00:00:00-03:00",
    "1900-01-01T00:00:00-03:00",
    "1970-01-01T00:00:00+00:00",
    "2000-01-01T00:00:00-03:00",
    "9999-12-31T23:59:59+00:00",
    "9999-12-31T23:59:59-03:00",
]


async def test_placeholder_dates_are_stored_but_never_published(world: World) -> None:
    await shipped(world, invoice_references=(KEY,))
    await world.wait(days=1)
    events = [
        world.event("delivered", references=[KEY], carrier_code=f"D{place}")
        for place in range(len(PLACEHOLDERS))
    ]
    dated = [
        TrackingEvent.model_validate(e.model_dump() | {"occurred_at": written})
        for e, written in zip(events, PLACEHOLDERS, strict=True)
    ]
    await world.report([*dated, world.event("in_transit")])
    await world.rest()
    assert await world.quarantined() == dict.fromkeys(
        [e.carrier_code for e in events], NO_DATE
    )
    shown = await world.shown()
    assert (shown.texts, shown.finished) == ([GUARD, "picked up", "in transit"], False)
    assert await world.fact("due_at") is None, "it does not wait for the year 9999"


async def test_a_placeholder_date_cannot_be_released(world: World) -> None:
    await shipped(world, invoice_references=(KEY,))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    await world.scan("delivered", at=epoch, references=[KEY])
    await world.rest()
    (number,) = await world.quarantined_events()
    actions = OperatorActions(world.database)
    with pytest.raises(Conflict, match="placeholder date, which VTEX would show"):
        await actions.decide(number, "released", "operator", world.now)
    await actions.decide(number, "dropped", "operator", world.now)
    await world.rest()
    assert not (await world.shown()).finished


async def test_a_delivery_before_the_dispatch_is_quarantined(world: World) -> None:
    await world.label(dispatched=START + 5 * HOUR)
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up")
    await world.wait(hours=1)
    await world.scan("delivered")
    await world.rest()
    assert await world.quarantined() == {"delivered": "delivered before dispatch"}
    shown = await world.shown()
    assert (shown.texts, shown.finished) == ([], False), "so is the scan before it"


@pytest.mark.parametrize(
    "other",
    [
        Reference(kind=ReferenceKind.ORDER_ID, value="ANOTHER-01"),
        Reference(kind=ReferenceKind.INVOICE, value="11222333000181/1/56"),
        Reference(kind=ReferenceKind.INVOICE_KEY, value=KEY.value[:-1] + "0"),
    ],
    ids=lambda r: str(r.kind),
)
async def test_an_event_that_names_another_order_or_invoice_is_quarantined(
    world: World, other: Reference
) -> None:
    invoice = Reference(kind=ReferenceKind.INVOICE, value="11222333000181/1/55")
    await shipped(world, invoice_references=(KEY, invoice))
    await world.wait(days=1)
    number = Reference(kind=ReferenceKind.TRACKING_NUMBER, value=NUMBER)
    await world.scan("delivered", references=[number, other])
    await world.scan("held", references=[number, KEY, invoice, *by_order("o-1")])
    await world.scan("at_hub", references=[number, KEY, other, invoice, *by_order()])
    await world.rest()
    quarantined = await world.quarantined()
    assert quarantined.pop("delivered") == OTHER_INVOICE
    assert quarantined == {}, "a waybill may name several invoices or orders"
    shown = await world.shown()
    assert sorted(shown.texts[1:]) == ["at hub", "held", "picked up"]
    assert not shown.finished


async def test_a_delivery_as_soon_as_registered_is_quarantined(world: World) -> None:
    await world.label()
    await world.rest()
    await world.wait(minutes=5)
    await world.scan("delivered")
    await world.rest()
    assert not (await world.shown()).finished
    assert len(await world.quarantined()) == 1


async def finished_before(world: World) -> None:
    """Let the carrier report a whole history of days before the label."""
    await world.report(
        [
            world.event("picked_up", START - 4 * DAY),
            world.event("out_for_delivery", START - 3 * DAY),
            world.event("delivered", START - 3 * DAY + HOUR),
        ]
    )


BEFORE = "delivered before its label was registered"


async def test_a_history_from_before_the_label_delivers_nothing(world: World) -> None:
    await world.label()
    await finished_before(world)
    await world.rest()
    assert await world.quarantined() == {"delivered": BEFORE}
    await world.wait(hours=1)
    await world.scan("held")
    await world.rest()
    assert await world.quarantined() == {"delivered": BEFORE}
    assert not (await world.shown()).finished


async def test_a_history_from_before_the_label_waits_for_it_and_delivers_nothing(
    world: World,
) -> None:
    await finished_before(world)
    await world.label()
    await world.rest()
    assert await world.quarantined() == {"delivered": BEFORE}
    assert not (await world.shown()).finished


async def test_an_imported_label_or_one_with_its_dispatch_takes_an_earlier_delivery(
    world: World,
) -> None:
    await world.label(dispatched=START - 5 * DAY)
    await world.label("O-2", numbers="TN2", imported=True)
    await finished_before(world)
    other = [
        world.event("in_transit", START - 2 * DAY, number="TN2"),
        world.event("delivered", START - DAY, number="TN2"),
    ]
    await world.report(other)
    await world.rest()
    assert (await world.shown()).finished
    assert (await world.shown("O-2")).finished


async def test_a_contract_whose_labels_come_late_takes_an_earlier_delivery(
    worlds: Worlds,
) -> None:
    async with worlds(contract={"labels_come_late": True}) as world:
        await world.label()
        await finished_before(world)
        await world.rest()
        assert (await world.shown()).finished


async def test_an_earlier_scan_read_later_lifts_the_quarantine(world: World) -> None:
    await world.label()
    await world.rest()
    await world.wait(minutes=5)
    await world.scan("delivered")
    await world.rest()
    await world.scan("picked_up", at=START + timedelta(minutes=1))
    await world.rest()
    assert (await world.shown()).finished
    assert await world.quarantined() == {}


async def test_a_delivery_on_the_way_back_is_quarantined(world: World) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.scan("returning")
    await world.wait(days=1)
    await world.scan("delivered")
    await world.rest()
    assert await world.quarantined() == {"delivered": "delivered while being returned"}
    assert not (await world.shown()).finished


async def test_a_later_scan_contradicts_a_delivery_until_the_second(
    world: World,
) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.report(
        [
            world.event("delivered", world.now - 3 * HOUR),
            world.event("out_for_delivery", world.now - 2 * HOUR),
        ]
    )
    await world.rest()
    assert await world.quarantined() == {"delivered": "contradicted by a later scan"}
    assert not (await world.shown()).finished
    await world.scan("delivered", carrier_code="again")
    await world.rest()
    assert (await world.shown()).finished
    assert await world.quarantined() == {}


async def test_nothing_else_waits_for_a_quarantined_event(world: World) -> None:
    await shipped(world)
    await world.scan("delivered", at=world.now + 30 * HOUR)
    await world.scan("in_transit")
    await world.wait(minutes=1)
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]


# Numbers


async def test_an_older_parcels_delivery_does_not_deliver_a_new_one(
    world: World,
) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.scan("delivered")
    await world.rest()
    await world.wait(days=2)
    await world.label(order="O-2")
    await world.rest()
    assert (await world.shown("O-2")).texts == []
    await world.scan("delivered", at=START + 2 * HOUR, carrier_code="late")
    await world.wait(days=1)
    assert (await world.shown("O-2")).texts == []
    await world.scan("picked_up", carrier_code="new")
    await world.rest()
    second = await world.shown("O-2")
    assert (second.texts, second.finished) == ([GUARD, "picked up"], False)


async def test_a_scan_long_before_the_label_is_of_another_parcel(world: World) -> None:
    await world.scan("delivered", at=START - 20 * DAY)
    await world.label()
    await world.rest()
    assert await world.puts() == []


async def test_only_equal_kinds_of_references_match(world: World) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    by_volume = Reference(kind=ReferenceKind.VOLUME_CODE, value=NUMBER)
    await world.scan("picked_up", references=[by_volume])
    await world.rest()
    assert await world.puts() == []


async def test_numbers_are_compared_without_blanks_and_case(world: World) -> None:
    await world.label(numbers="ab 12 br")
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up", number="AB12BR")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


def by_order(order: str = "O-1") -> list[Reference]:
    return [Reference(kind=ReferenceKind.ORDER_ID, value=order)]


async def test_an_order_id_speaks_for_the_only_shipment_of_its_order(
    world: World,
) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up", references=by_order())
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up"]


async def test_an_order_id_of_two_shipments_is_quarantined(world: World) -> None:
    await world.vtex.order("O-1", "1", "2")
    await world.label(invoiced=False, numbers="A")
    await world.label(invoice="2", numbers="B", invoiced=False)
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up", references=by_order())
    await world.rest()
    assert await world.puts() == []
    uncertain = "ambiguous: could refer to more than one parcel"
    assert await world.quarantined() == {"picked_up": uncertain}


async def test_an_order_id_of_several_volumes_is_quarantined(world: World) -> None:
    await world.label(numbers=["A", "B"])
    await world.rest()
    await world.wait(hours=1)
    await world.scan("picked_up", references=by_order())
    await world.rest()
    assert await world.puts() == []
    assert list(await world.quarantined()) == ["picked_up"]


async def test_an_order_id_beside_another_number_is_quarantined(world: World) -> None:
    await world.label()
    await world.rest()
    await world.wait(hours=1)
    other = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="ANOTHER")
    await world.scan("picked_up", references=[other, *by_order()])
    await world.rest()
    assert await world.puts() == []
    assert list(await world.quarantined()) == ["picked_up"]


async def test_a_volume_whose_number_comes_later_is_followed_too(world: World) -> None:
    await world.label(numbers=["A"], volumes=2)
    await world.rest()
    await world.label(numbers=["B"], volumes=2)
    await world.rest()
    await world.wait(days=1)
    await world.scan("delivered", number="A")
    await world.scan("delivered", number="B")
    await world.rest()
    assert (await world.shown()).finished


async def test_without_a_number_nothing_is_sent_and_it_says_so(
    world: World,
) -> None:
    await world.label(numbers=[])
    await world.rest()
    assert (await world.vtex.counts())["patch"] == 0
    assert await world.fact("waiting_reason") == (
        "no tracking number yet; nothing is sent to VTEX until there is one"
    )
    await world.label()
    await world.rest()
    assert (await world.shown()).tracking_number == NUMBER


async def corrected(world: World, *, keep: bool) -> None:
    """Correct a wrong tracking number; the old one is another parcel's, or not."""
    registered = await world.label(invoiced=False)
    correction = Correction(
        was=(CONTRACT, NUMBER),
        contract=CONTRACT,
        number="RIGHT",
        tracking_sent={"tracking_number": "RIGHT", "tracking_url": f"{PAGE}RIGHT"},
        keep=keep,
    )
    corrections = OperatorActions(
        world.database,
        event_pace(world.settings),
        lower_bounds(world.settings.contracts),
    )
    await corrections.correct(registered.id, correction, world.now)
    await world.rest()


async def test_a_corrected_number_leaves_the_other_parcels_story_out(
    worlds: Worlds,
) -> None:
    async with worlds(mode="replace") as world:
        await shipped(world)
        await corrected(world, keep=False)
        assert (await world.shown()).tracking_number == "RIGHT"
        await world.wait(hours=1)
        await world.scan("in_transit", number="RIGHT")
        await world.scan("delivered")
        await world.rest()
        shown = await world.shown()
        assert (shown.texts, shown.finished) == ([GUARD, "in transit"], False)


async def test_a_relabelled_parcel_keeps_its_story(world: World) -> None:
    await shipped(world)
    await corrected(world, keep=True)
    assert (await world.shown()).tracking_number == "RIGHT"
    await world.wait(hours=1)
    await world.scan("in_transit", number="RIGHT")
    await world.rest()
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]


async def test_a_field_that_comes_while_the_label_is_sent_is_sent_too(
    world: World,
) -> None:
    await world.label(tracking_url=None)

    async def print_again() -> None:
        await world.label()

    world.process.vtex.meanwhile = print_again
    await world.rest()
    patches = await world.patches()
    assert [p["trackingUrl"] for p in patches] == [None, f"{PAGE}{NUMBER}"]


# The reader is behind


async def test_a_delivery_waits_while_documents_wait_to_be_read(world: World) -> None:
    await shipped(world)
    await world.wait(days=1)
    await world.report([world.event("delivered")])
    undone = world.event("in_transit", effect="rollback", undoes=["delivered"])
    await world.send([undone])
    await world.clock.move_to(world.now + timedelta(seconds=5))
    await world.process.publisher.settle_all()
    assert not (await world.shown()).finished
    await world.rest()
    assert not (await world.shown()).finished


async def test_what_came_a_minute_before_is_published_though_documents_wait(
    world: World,
) -> None:
    await shipped(world)
    await world.scan("in_transit")
    await world.send([world.event("at_hub")])
    await world.clock.move_to(world.now + timedelta(seconds=5))
    await world.process.publisher.settle_all()
    assert (await world.shown()).texts == [GUARD, "picked up"]
    await world.clock.move_to(world.now + timedelta(seconds=61))
    await world.process.publisher.settle_all()
    assert (await world.shown()).texts == [GUARD, "picked up", "in transit"]
