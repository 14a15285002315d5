import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carriers.melhorenvio import Adapter
from carriers.melhorenvio.sandbox import Simulator
from relay.adapters.protocol import ContractOptions, Document, WebhookRequest
from relay.adapters.signatures import hmac_sha256
from relay.domain.events import (
    Effect,
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
)
from relay.errors import ConfigurationError
from relay.sandbox.simulator import SimulatedParcel, SimulatedScan, Simulates
from tests.carriers.melhorenvio.signing import document
from tests.carriers.support import every_case

ARRIVED = datetime(2026, 11, 20, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")


def adapter(**settings: Any) -> Adapter:
    return Adapter(ContractOptions("hub", **({"zone": ZONE} | settings)))


def read(body: bytes, **settings: Any) -> list[TrackingEvent]:
    return adapter(**settings).parse(Document(body, ARRIVED))


def event(code: str, **changes: object) -> TrackingEvent:
    [found] = read(document(code, **changes))
    return found


def local(found: TrackingEvent) -> str:
    return f"{found.occurred_at.astimezone(ZONE):%m-%d %H:%M:%S}"


def values(found: TrackingEvent) -> list[tuple[str, str]]:
    return [(r.kind.value, r.value) for r in found.references]


NORMAL, QUIET = Effect.NORMAL, Effect.ADMINISTRATIVE


MEANING = {
    "order.created": (Milestone.LABEL_CREATED, QUIET, False),
    "order.pending": (Milestone.LABEL_CREATED, QUIET, False),
    "order.released": (Milestone.LABEL_CREATED, QUIET, False),
    "order.generated": (Milestone.LABEL_CREATED, NORMAL, False),
    "order.received": (Milestone.PICKED_UP, NORMAL, False),
    "order.posted": (Milestone.PICKED_UP, NORMAL, False),
    "order.delivered": (Milestone.DELIVERED, NORMAL, False),
    "order.undelivered": (Milestone.DELIVERY_FAILED, NORMAL, False),
    "order.paused": (Milestone.EXCEPTION, NORMAL, False),
    "order.suspended": (Milestone.EXCEPTION, NORMAL, False),
    "order.cancelled": (Milestone.CANCELLED, NORMAL, True),
    "order.canceled": (Milestone.CANCELLED, NORMAL, True),
    "order.expired": (Milestone.UNKNOWN, NORMAL, False),
    "ORDER.POSTED": (Milestone.UNKNOWN, NORMAL, False),
}
"""Milestone, effect and finality of every documented event, and two unknown ones."""


def test_every_documented_event_has_its_milestone() -> None:
    with every_case() as case:
        for code, meaning in MEANING.items():
            with case(code):
                found = event(code)
                assert (found.milestone, found.effect, found.final) == meaning


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("order.created", "05-11 09:00:00"),
        ("order.pending", "05-11 09:00:00"),
        ("order.released", "05-12 09:00:00"),
        ("order.generated", "05-13 09:00:00"),
        ("order.posted", "05-14 09:00:00"),
        ("order.delivered", "05-15 09:00:00"),
        ("order.cancelled", "05-16 09:00:00"),
        ("order.canceled", "05-16 09:00:00"),
    ],
)
def test_an_event_happened_when_its_own_field_says(code: str, expected: str) -> None:
    assert local(event(code, updated_at="2026-05-30 00:00:00")) == expected


@pytest.mark.parametrize(
    ("code", "field"),
    [("order.received", "received_at"), ("order.suspended", "suspended_at")],
)
def test_fields_seen_only_in_their_api_are_read_where_they_come(
    code: str, field: str
) -> None:
    assert local(event(code, **{field: "2026-05-20 10:00:00"})) == "05-20 10:00:00"


@pytest.mark.parametrize("code", ["order.undelivered", "order.paused", "order.new"])
def test_an_event_without_its_own_field_happened_when_the_label_changed(
    code: str,
) -> None:
    assert local(event(code, updated_at="2026-05-21 10:00:00")) == "05-21 10:00:00"


@pytest.mark.parametrize("code", ["order.undelivered", "order.received", "order.new"])
def test_an_event_without_any_such_field_is_dated_by_the_latest_step(
    code: str,
) -> None:
    assert local(event(code)) == "05-14 09:00:00"


def test_a_posting_whose_field_is_empty_is_never_dated_by_the_delivery() -> None:
    assert local(event("order.posted", posted_at=None)) == "05-13 09:00:00"


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_a_delivery_without_its_own_time_is_unreadable(empty: str | None) -> None:
    changes = {"delivered_at": empty, "updated_at": "2026-05-15 09:00:00"}
    with pytest.raises(ValueError, match="no field has the time"):
        event("order.delivered", **changes)


def test_an_event_that_a_contract_calls_a_delivery_needs_the_time_of_one() -> None:
    rows = {"order.handed_over": {"milestone": "delivered", "text": "Entregue"}}
    [found] = read(document("order.handed_over"), codes=rows)
    assert (found.milestone, local(found)) == (Milestone.DELIVERED, "05-15 09:00:00")
    with pytest.raises(ValueError, match="no field has the time"):
        read(document("order.handed_over", delivered_at=None), codes=rows)


def test_a_webhook_without_any_time_is_unreadable() -> None:
    body = {"event": "order.undelivered", "data": {"id": "1"}}
    with pytest.raises(ValueError, match="no field has the time"):
        read(json.dumps(body).encode())


@pytest.mark.parametrize("text", ["2026-05-15", "15/05/2026 09:00", "soon"])
def test_a_time_in_another_layout_is_unreadable_and_not_repeated_in_the_error(
    text: str,
) -> None:
    with pytest.raises(ValueError, match=r"^data\.posted_at: not a date with a time"):
        event("order.posted", posted_at=text)


def test_a_time_with_an_offset_is_taken_at_its_word() -> None:
    found = event("order.posted", posted_at="2026-05-14T12:00:00.000000Z")
    assert found.occurred_at == datetime(2026, 5, 14, 12, tzinfo=UTC)


def test_times_are_of_the_contracts_zone() -> None:
    [found] = read(document("order.posted"), zone=ZoneInfo("America/Manaus"))
    assert found.occurred_at == datetime(2026, 5, 14, 13, tzinfo=UTC)


def test_a_repeated_webhook_is_the_same_event() -> None:
    assert event("order.undelivered") == event("order.undelivered")


def test_an_empty_body_is_no_event() -> None:
    assert read(b"") == read(b" \n") == []


@pytest.mark.parametrize(
    "body", [{}, {"event": "x"}, {"data": None}, {"data": []}, {"data": {"id": " "}}]
)
def test_a_call_that_names_no_label_is_no_event(body: object) -> None:
    assert read(json.dumps(body).encode()) == []


def test_a_label_without_its_id_is_unreadable() -> None:
    with pytest.raises(ValueError, match=r"^data\.id: missing"):
        event("order.delivered", id=None)


def test_references_come_best_first_and_once() -> None:
    tags = [{"tag": "A-1"}, {"tag": "A-1"}, {"tag": None}, {"tag": " "}, {"tag": 17}]
    found = event("order.posted", self_tracking="ME0001BR", tags=tags)
    assert values(found)[1:] == [
        ("tracking_number", "ZZ000000001BR"),
        ("tracking_number", "ME0001BR"),
        ("order_id", "A-1"),
        ("order_id", "17"),
    ]


def test_a_tag_too_long_for_a_reference_is_left_out() -> None:
    found = event("order.posted", tracking=None, tags=[{"tag": "x" * 201}])
    assert [kind for kind, _ in values(found)] == ["shipment_id"]


def test_missing_tags_are_no_reason_to_lose_the_event() -> None:
    assert len(values(event("order.posted", tags=None))) == 2


def test_a_hexadecimal_signature_is_accepted_as_well() -> None:
    body = document("order.posted")
    headers = {"x-me-signature": hmac_sha256("s", body, "hex")}
    adapter(secrets=("s",)).verify(WebhookRequest(headers, body))


def test_a_contract_lays_its_own_rows_over_the_table() -> None:
    rows = {"order.paused": {"milestone": "held", "text": "Envio retido"}}
    [found] = read(document("order.paused"), codes=rows)
    assert (found.milestone, found.description) == (Milestone.HELD, "Envio retido")


def test_an_option_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"^colour: "):
        adapter(options={"colour": "blue"})


def test_the_tracking_page_follows_the_tracking_number() -> None:
    page = "https://www.melhorrastreio.com.br/rastreio/"
    number = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="ZZ 1/2")
    assert adapter().tracking_url(ParcelView((), "ZZ1")) == f"{page}ZZ1"
    assert adapter().tracking_url(ParcelView((number,))) == f"{page}ZZ%201%2F2"
    assert adapter().tracking_url(ParcelView(())) is None


def test_the_sandbox_plays_a_label_without_a_tracking_number() -> None:
    parcel = SimulatedParcel("1500000000001-01", "label-1")
    request = Simulator().webhook(
        SimulatedScan(parcel, "order.generated", ARRIVED), "s"
    )
    [found] = read(request.body)
    assert values(found) == [
        ("shipment_id", "label-1"),
        ("order_id", "1500000000001-01"),
    ]


@pytest.mark.parametrize(("code", "secret"), [("order.posted", ""), ("POD", "s")])
def test_the_sandbox_refuses_what_the_hub_never_sends(code: str, secret: str) -> None:
    scan = SimulatedScan(SimulatedParcel("order", "label"), code, ARRIVED)
    with pytest.raises(ValueError, match=r"^(secret: required|code: unknown event)"):
        Simulator().webhook(scan, secret)


def test_the_sandboxs_part_fits_its_stage() -> None:
    assert isinstance(Simulator(), Simulates)


def test_a_bad_tag_is_listed_and_does_not_stop_the_event() -> None:
    tags = [{"tag": "A-1"}, "broken", {"tag": {}}]
    found, *bad = read(document("order.posted", tags=tags))
    assert ("order_id", "A-1") in values(found)
    assert [part.position for part in bad] == ["data.tags.1", "data.tags.2"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "undelivered"}, "order.delivered / status undelivered"),
        ({"status": " UNDELIVERED"}, "order.delivered / status undelivered"),
        ({"status": "posted"}, "order.delivered / status posted"),
        ({"status": "teleported"}, "order.delivered / status teleported"),
        (
            {"canceled_at": "2026-05-16 09:00:00"},
            "order.delivered / canceled_at 2026-05-16 09:00:00",
        ),
        (
            {"suspended_at": "2026-05-16 09:00:00"},
            "order.delivered / suspended_at 2026-05-16 09:00:00",
        ),
    ],
)
def test_a_delivery_that_another_field_denies_is_contradictory(
    changes: dict[str, str], code: str
) -> None:
    found = event("order.delivered", **changes)
    assert (found.effect, found.carrier_code) == (Effect.CONTRADICTORY, code)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": None},
        {"status": "Delivered"},
        {"canceled_at": "0000-00-00 00:00:00"},
        {"suspended_at": "0000-00-00 00:00:00"},
        {"suspended_at": "2026-05-14 10:00:00"},
    ],
)
def test_other_fields_deny_no_delivery(changes: dict[str, str | None]) -> None:
    found = event("order.delivered", **changes)
    assert (found.effect, found.carrier_code) == (Effect.NORMAL, "order.delivered")
