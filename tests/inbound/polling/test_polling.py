"""Parcels are asked for when they are due, and only news leaves a document."""

from datetime import timedelta
from itertools import chain

from structlog.testing import capture_logs

from relay.adapters.protocol import CarrierFailure, Document
from relay.clock import micros
from relay.domain.labels import Correction, LabelParcel
from relay.store.operator_actions import OperatorActions
from tests.inbound.polling.asking import Asked, Polled, raising, turn
from tests.inbound.polling.conftest import Polling
from tests.support.acme import body, scan
from tests.support.clock import START


async def test_a_new_label_is_asked_for_after_a_first_delay(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    await polled.poll(minutes=29)
    assert polled.carrier.asks == []
    await polled.poll(minutes=1)
    assert polled.carrier.asks == [["AC1"]]
    assert polled.published == ["acme answered"]


async def test_not_found_yet_is_normal_and_asked_for_later(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    await polled.poll(minutes=30)
    await polled.poll(hours=2)
    assert len(polled.carrier.asks) == 1
    await polled.poll(hours=1)
    assert len(polled.carrier.asks) == 2
    assert await polled.sources() == []
    assert (await polled.parcel())["polled_at"] == micros(polled.clock())
    assert (await polled.state()).failures == 0


async def test_an_answer_with_news_is_kept_and_read_as_any_document(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.knows["AC1"] = [scan("AC1", "IT", START)]
    await polled.poll(minutes=30)
    assert await polled.sources() == ["poll"]
    assert await polled.codes() == ["IT"]
    (link,) = await polled.way_in.rows("event_parcels")
    assert link["shipment"] == 1
    assert "news" in polled.way_in.published


async def test_an_answer_without_news_stores_nothing(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.knows["AC1"] = [scan("AC1", "IT", START)]
    await polled.poll(minutes=30)
    await polled.poll(hours=3)
    await polled.poll(hours=3)
    assert len(polled.carrier.asks) == 3
    assert len(await polled.sources()) == 1
    assert (await polled.parcel())["polled_at"] == micros(polled.clock())
    assert (await polled.state()).answered_at == micros(polled.clock())


async def test_of_a_batch_only_what_brings_news_leaves_a_document(
    polled: Polled,
) -> None:
    for n in (1, 2, 3):
        await polled.way_in.register(f"AC{n}", order_id=f"v1-0{n}")
        polled.carrier.knows[f"AC{n}"] = [scan(f"AC{n}", "IT", START)]
    await polled.poll(minutes=30)
    polled.carrier.knows["AC2"].append(scan("AC2", "OD", START + timedelta(hours=2)))
    await polled.poll(hours=3)
    assert [len(asked) for asked in polled.carrier.asks] == [3, 3]
    documents = await polled.way_in.rows("documents")
    assert len(documents) == 4
    assert [d["new_events"] for d in documents] == [1, 1, 1, 1]


async def test_webhook_and_poll_of_one_contract_give_one_event(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    one = scan("AC1", "IT", START)
    await polled.way_in.keep(body(one))
    await polled.way_in.read()
    polled.carrier.knows["AC1"] = [scan("AC1", "PU", START - timedelta(hours=1)), one]
    await polled.poll(hours=3)
    assert sorted(await polled.codes()) == ["IT", "PU"]
    assert await polled.sources() == ["webhook", "poll"]


async def test_what_only_stands_elsewhere_in_a_list_is_no_news(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    one = scan("AC1", "IT", START)
    await polled.way_in.keep(body(scan("AC1", "PU", START), one))
    await polled.way_in.read()
    polled.carrier.knows["AC1"] = [one]
    await polled.poll(hours=3)
    assert await polled.sources() == ["webhook"]


async def test_words_that_were_completed_are_news_once(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    await polled.way_in.keep(body(scan("AC1", "IT", START)))
    await polled.way_in.read()
    polled.carrier.knows["AC1"] = [scan("AC1", "IT", START, text="On its way")]
    await polled.poll(hours=3)
    await polled.poll(hours=3)
    assert await polled.sources() == ["webhook", "poll"]
    (event,) = await polled.way_in.rows("events")
    assert event["description"] == "On its way"


async def test_a_webhook_that_just_came_postpones_the_poll(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    polled.clock.advance(timedelta(minutes=29))
    await polled.way_in.keep(body(scan("AC1", "IT", START)))
    await polled.poll(minutes=0)
    await polled.poll(minutes=1)
    await polled.poll(hours=2)
    assert polled.carrier.asks == []
    await polled.poll(hours=1)
    assert polled.carrier.asks == [["AC1"]]


async def test_out_for_delivery_is_asked_for_every_few_minutes(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.knows["AC1"] = [scan("AC1", "OD", START)]
    await polled.poll(minutes=30)
    await polled.poll(minutes=14)
    assert len(polled.carrier.asks) == 1
    await polled.poll(minutes=1)
    assert len(polled.carrier.asks) == 2


async def test_a_webhook_of_the_last_mile_hastens_the_poll(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.knows["AC1"] = [scan("AC1", "IT", START)]
    await polled.poll(minutes=30)
    await polled.way_in.keep(body(scan("AC1", "OD", polled.clock())))
    await polled.poll(minutes=0)
    await polled.poll(minutes=5)
    assert len(polled.carrier.asks) == 1
    await polled.poll(minutes=10)
    assert len(polled.carrier.asks) == 2


async def test_urgent_parcels_come_first(polling: Polling) -> None:
    polled = polling(Asked(batch_size=1))
    for n in (1, 2, 3):
        await polled.way_in.register(f"AC{n}", order_id=f"v1-0{n}")
    await polled.way_in.keep(body(scan("AC3", "OD", START)))
    polled.poller()
    await polled.poll(minutes=0)
    await polled.poll(hours=1)
    assert polled.carrier.asks == [["AC3"], ["AC1"], ["AC2"]]


async def test_one_claim_in_ten_is_for_what_is_quiet(polling: Polling) -> None:
    polled = polling(Asked(batch_size=1))
    for n in range(10):
        await polled.way_in.register(f"AC{n}", order_id=f"v1-0{n}")
    async with polled.way_in.database.writing() as tx:
        quiet = turn(1, 0, 3)
        await tx.run("move_poll", **quiet)
        for n in range(2, 11):
            urgent = turn(n, n, 1)
            await tx.run("move_poll", **urgent)
    await polled.poll(days=1)
    assert polled.carrier.asks[9] == ["AC0"]


async def test_a_batch_is_never_larger_than_the_carrier_takes(polled: Polled) -> None:
    for n in range(23):
        await polled.way_in.register(f"AC{n:02}", order_id=f"v1-{n:02}")
    await polled.poll(minutes=30)
    assert [len(asked) for asked in polled.carrier.asks] == [10, 10, 3]
    assert sorted(chain(*polled.carrier.asks)) == [f"AC{n:02}" for n in range(23)]


async def test_a_closed_shipment_is_not_asked_for(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    await polled.close_shipment()
    assert (await polled.parcel())["poll_at"] is None
    await polled.poll(days=9)
    assert polled.carrier.asks == []


async def test_a_cancelled_shipment_is_not_asked_for(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    async with polled.way_in.database.writing() as tx:
        await tx.run("cancel_shipment", shipment=1, now=micros(START))
    await polled.poll(days=9)
    assert polled.carrier.asks == []


async def test_a_reopened_shipment_is_asked_for_again(polled: Polled) -> None:
    await polled.way_in.register("AC1")
    await polled.close_shipment("expired")
    async with polled.way_in.database.writing() as tx:
        await tx.run("reopen_for_polling", shipment=1, now=micros(START))
    await polled.poll(minutes=0)
    assert polled.carrier.asks == [["AC1"]]


async def test_a_closed_shipment_that_is_due_all_the_same_is_put_off(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")
    await polled.close_shipment("lost")
    async with polled.way_in.database.writing() as tx:
        move = turn(1, 1, 2)
        await tx.run("move_poll", **move)
        await tx.run("make_due", shipment=1, now=1)
    await polled.poll(minutes=0)
    row = await polled.parcel()
    assert row["poll_at"] == micros(START + timedelta(hours=1))
    await polled.close_shipment("lost")
    async with polled.way_in.database.writing() as tx:
        await tx.run("move_poll", **move)
    await polled.poll(hours=1)
    assert (await polled.parcel())["poll_at"] is None
    assert polled.carrier.asks == []


async def test_a_number_that_is_used_again_asks_for_its_new_life(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")
    polled.carrier.knows["AC1"] = [scan("AC1", "DL", START)]
    await polled.poll(minutes=30)
    await polled.close_shipment()
    polled.clock.advance(timedelta(days=400))
    await polled.way_in.register("AC1", order_id="v9-01")
    await polled.poll(minutes=30)
    assert polled.carrier.asks == [["AC1"], ["AC1"]]
    (link,) = await polled.way_in.rows("event_parcels")
    assert link["shipment"] == 1
    assert len(await polled.sources()) == 1


async def test_a_number_that_comes_later_is_asked_for(polled: Polled) -> None:
    await polled.way_in.register(None)
    await polled.poll(minutes=30)
    assert polled.carrier.asks == [[""]]
    await polled.way_in.register("AC1", parcels=(LabelParcel("AC1", 1),))
    await polled.poll(minutes=30)
    assert polled.carrier.asks == [[""], ["AC1"]]


async def test_an_error_inside_200_is_a_failure_and_stores_nothing(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")
    failure = CarrierFailure("status 200, success false")
    polled.carrier.ways = [raising(failure)]
    await polled.poll(minutes=30)
    state = await polled.state()
    assert (state.failures, state.reason) == (1, "status 200, success false")
    assert await polled.sources() == []
    assert (await polled.parcel())["polled_at"] is None
    assert polled.published == ["acme failed"]
    await polled.poll(minutes=15)
    assert (await polled.state()).failures == 0


async def test_a_cut_answer_is_kept_once_as_unreadable(polled: Polled) -> None:
    await polled.way_in.register("AC1")

    def cut() -> object:
        return [polled_document(b'{"scans": [{"re')]

    polled.carrier.ways = [cut, cut]
    with capture_logs() as lines:
        await polled.poll(minutes=30)
        await polled.poll(hours=3)
    assert len(polled.carrier.asks) == 2
    (row,) = await polled.way_in.rows("documents")
    assert row["unreadable_reason"]
    assert [line["event"] for line in lines].count("unreadable answer") == 1
    assert (await polled.state()).failures == 0


async def test_an_answer_with_a_bad_part_is_stored_once_and_its_events_count(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")
    content = body(scan("AC1", "OD", START), {"code": "IT"})

    def partly() -> object:
        return [polled_document(content)]

    polled.carrier.ways = [partly, partly]
    with capture_logs() as lines:
        await polled.poll(minutes=30)
        await polled.poll(hours=3)
    assert len(polled.carrier.asks) == 2
    (row,) = await polled.way_in.rows("documents")
    assert (row["body"], row["source"]) == (content, "poll")
    assert [line["event"] for line in lines].count("unreadable answer") == 1


def polled_document(content: bytes) -> Document:
    return Document(content, START, {"content-type": "application/json"})


async def test_of_answers_that_are_unreadable_each_time_otherwise_few_are_kept(
    polled: Polled,
) -> None:
    polled.carrier.batch_size = 1
    for n in range(25):
        await polled.way_in.register(f"AC{n:02}", order_id=f"v1-{n:02}")
        html = polled_document(b"<html>%d" % n)
        polled.carrier.ways.append(lambda html=html: [html])
    await polled.poll(minutes=30)
    assert len(polled.carrier.asks) == 25
    assert len(await polled.sources()) == 20


async def test_a_contract_may_be_left_unasked(polling: Polling) -> None:
    polled = polling(poll=False)
    await polled.way_in.register("AC1")
    await polled.poll(days=1)
    assert polled.carrier.asks == []


async def test_a_due_date_after_a_clock_that_was_wrong_is_brought_back(
    polled: Polled,
) -> None:
    polled.clock.advance(timedelta(days=4000))
    await polled.way_in.register("AC1")
    polled.clock.advance(timedelta(days=-4000))
    await polled.poll(minutes=1)
    assert polled.carrier.asks == [["AC1"]]


async def test_a_corrected_number_is_asked_for_at_once(polled: Polled) -> None:
    shipment = await polled.way_in.register("AC1")
    await polled.poll(minutes=30)
    correction = Correction(was=("acme", "AC1"), contract="acme", number="AC2")
    corrections = OperatorActions(polled.way_in.database)
    await corrections.correct(shipment, correction, polled.clock())
    await polled.poll()
    assert polled.carrier.asks == [["AC1"], ["AC2"]]


async def test_an_event_that_nobody_has_mapped_does_not_say_where_a_parcel_stands(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1")
    await polled.way_in.keep(body(scan("AC1", "OD", START), scan("AC1", "??", START)))
    await polled.way_in.read()
    polled.carrier.knows["AC1"] = [scan("AC1", "??", START)]
    await polled.poll(minutes=30)
    await polled.poll(minutes=15)
    assert len(polled.carrier.asks) == 2
    assert (await polled.parcel())["poll_lane"] == 1


async def test_a_carrier_asked_for_nothing_it_knows_may_answer_nothing(
    polled: Polled,
) -> None:
    await polled.way_in.register("AC1", order_id="v1-01")
    polled.carrier.ways = [lambda: [polled_document(body())]]
    await polled.poll(minutes=30)
    assert await polled.sources() == []
