"""What hubs really send, and what only looks like a delivery."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.adapters.protocol import Document, Unreadable, UnreadablePart
from relay.domain.events import Effect, Milestone, TrackingEvent
from tests.carriers.support import RECEIVED_AT, carrier
from tests.carriers.vtex_endpoint.signing import event, update

DAY = timedelta(days=1)


def parse(body: Any, **changes: Any) -> list[TrackingEvent]:
    parts = carrier("vtex_endpoint").parse(
        Document(update(body, **changes), RECEIVED_AT)
    )
    assert all(isinstance(part, TrackingEvent) for part in parts), parts
    return [part for part in parts if isinstance(part, TrackingEvent)]


@pytest.mark.parametrize(
    ("date", "instant", "precision"),
    [
        ("2026-08-04T09:10:11.1234567-03:00", "2026-08-04T12:10:11.123456", 1),
        ("2026-08-04T12:10:11Z", "2026-08-04T12:10:11", 1),
        ("2026-08-04 09:10:11", "2026-08-04T12:10:11", 1),
        ("2026-08-04 09:10", "2026-08-04T12:10:00", 60),
        ("2026-08-04", "2026-08-04T03:00:00", 86_400),
    ],
)
def test_a_time_is_read_in_every_form_that_hubs_write(
    date: str, instant: str, precision: int
) -> None:
    [one] = parse({"events": [event("Na base", date)]})
    assert one.occurred_at == datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert one.precision == timedelta(seconds=precision)


def test_a_delivery_without_anything_else_was_when_it_was_reported() -> None:
    [one] = parse({"isDelivered": True})
    assert one.milestone is Milestone.DELIVERED
    assert one.occurred_at == datetime(2026, 8, 5, 17, tzinfo=UTC)
    assert one.precision == timedelta(hours=1)
    [again] = parse({"isDelivered": True}, receivedAt="2026-08-05T17:59:59+00:00")
    assert again == one


def test_a_delivery_without_a_date_was_at_its_last_event() -> None:
    first, last = parse(
        {
            "isDelivered": True,
            "events": [
                event("Saiu para entrega", "2026-08-05T08:00:00-03:00"),
                event("Recebido por Ana", "2026-08-05T11:00:00-03:00"),
            ],
        }
    )
    assert first.milestone is Milestone.OUT_FOR_DELIVERY
    assert last.milestone is Milestone.DELIVERED
    assert last.description == "Recebido por Ana"
    assert last.occurred_at == datetime(2026, 8, 5, 14, tzinfo=UTC)


def test_an_event_with_a_meaning_of_its_own_is_not_the_delivery() -> None:
    date = "2026-08-05T11:00:00-03:00"
    first, last = parse(
        {"isDelivered": 1, "events": [event("Saiu para entrega", date)]}
    )
    assert first.milestone is Milestone.OUT_FOR_DELIVERY
    assert last.milestone is Milestone.DELIVERED
    assert last.occurred_at == first.occurred_at
    assert last.position > first.position


@pytest.mark.parametrize("text", ["Entregue", "Delivered", "Pedido entregue"])
def test_a_word_is_no_delivery(text: str) -> None:
    [one] = parse({"isDelivered": False, "events": [event(text)]})
    assert one.milestone is Milestone.UNKNOWN


@pytest.mark.parametrize(
    "text", ["Devolvido ao remetente", "Entregue ao remetente", "Returned to sender"]
)
def test_a_delivery_to_the_sender_waits_for_an_operator(text: str) -> None:
    *_, last = parse({"isDelivered": True, "events": [event(text)]})
    assert last.milestone is Milestone.DELIVERED
    assert last.effect is Effect.CONTRADICTORY


@pytest.mark.parametrize(
    ("text", "delivered", "effect"),
    [
        ("Não entregue", None, Effect.CONTRADICTORY),
        ("Undelivered", "2026-08-04T09:10:11-03:00", Effect.CONTRADICTORY),
        ("Entrega não realizada", None, Effect.CONTRADICTORY),
        # an attempt that failed earlier, and an update without an event of the delivery
        ("Entrega não realizada", "2026-08-05T09:00:00-03:00", Effect.NORMAL),
        ("Saiu para entrega", None, Effect.NORMAL),
    ],
)
def test_a_delivery_whose_event_denies_it_waits_for_an_operator(
    text: str, delivered: str | None, effect: Effect
) -> None:
    newest = event(text, "2026-08-04T09:10:11-03:00")
    body = {"isDelivered": True, "deliveredDate": delivered, "events": [newest]}
    last = parse(body)[-1]
    assert (last.milestone, last.effect) == (Milestone.DELIVERED, effect)


@pytest.mark.parametrize("nothing", ["", None, "0001-01-01T00:00:00"])
def test_an_empty_date_of_delivery_is_a_missing_one(nothing: str | None) -> None:
    [one] = parse(
        {"isDelivered": True, "deliveredDate": nothing, "events": event("Na porta")}
    )
    assert one.occurred_at == datetime(2026, 8, 4, 12, 10, tzinfo=UTC)


def test_too_many_events_are_refused() -> None:
    with pytest.raises(Unreadable, match=r"body\.events: more than 1,000"):
        parse({"events": [event("Na base")] * 1001})


def test_a_long_text_is_cut() -> None:
    [one] = parse({"events": [event("x" * 6000)]})
    assert len(one.description) == 5000


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        ({"description": "Na base"}, "date: required"),
        ({"date": "2026-08-04"}, "description: required"),
        ({"date": "04/08/2026", "description": "Na base"}, "date: not a date"),
    ],
)
def test_an_event_that_cannot_be_read_says_why(one: Any, reason: str) -> None:
    body = update({"events": [one]})
    [part] = carrier("vtex_endpoint").parse(Document(body, RECEIVED_AT))
    assert isinstance(part, UnreadablePart)
    assert part.position == "body.events.0"
    assert str(part.error).startswith(reason)


@pytest.mark.parametrize("body", [None, [], "text", 5])
def test_a_body_that_is_not_an_object_is_unreadable(body: Any) -> None:
    with pytest.raises(Unreadable, match="body: must be a JSON object"):
        carrier("vtex_endpoint").parse(Document(update(body), RECEIVED_AT))


def test_two_accounts_may_have_the_same_order_and_invoice() -> None:
    here, there = (
        parse({"isDelivered": True}, account=account)[0].references
        for account in ("store", "outlet")
    )
    assert here != there
    assert json.loads(update({}))["invoiceNumber"] == "000012345"
