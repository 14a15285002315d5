"""The schemas of VTEX's requests take what VTEX documents, and nothing else."""

import json
from typing import Any

import pytest

from relay.store.sqlite import SqliteDatabase
from tests.support.mortal import Attempt
from tests.support.vtex_schemas import FILES, faults
from tests.support.world import START, living

GOOD: dict[str, dict[str, Any]] = {
    "post_invoice": {
        "type": "Output",
        "issuanceDate": "2017-10-05T11:32:11-0300",
        "invoiceNumber": "000123",
        "invoiceValue": "9990",
        "items": [{"id": "SKU1", "price": 4995, "quantity": 2}],
    },
    "send_tracking_number": {
        "trackingNumber": "TN1",
        "trackingUrl": "https://carrier.example/TN1",
        "courier": None,
        "dispatchedDate": "2022-02-08T13:16:13.4617653+00:00",
    },
    "send_events": {
        "isDelivered": True,
        "deliveredDate": "2022-10-01 21:15",
        "events": [
            {"city": "", "state": "", "description": "x", "date": "2015-06-23"},
            {
                "city": "Rio",
                "state": "RJ",
                "description": "y",
                "date": "2026-08-01T14:03:00+00:00",
            },
        ],
    },
}


def found(call: str, body: object) -> list[str]:
    return list(faults(call, json.dumps(body).encode()))


@pytest.mark.parametrize("call", FILES)
def test_what_vtex_documents_is_taken(call: str) -> None:
    assert found(call, GOOD[call]) == []


MISSING = object()
WRONG: list[tuple[str, str, object]] = [
    ("post_invoice", "type", "output"),
    ("post_invoice", "type", MISSING),
    ("post_invoice", "issuanceDate", "2026-08-01"),
    ("post_invoice", "issuanceDate", "2026-08-01T09:00:00"),
    ("post_invoice", "issuanceDate", "2026-08-01 09:00:00Z"),
    ("post_invoice", "invoiceNumber", 123),
    ("post_invoice", "invoiceNumber", "1/2"),
    ("post_invoice", "invoiceValue", 9990),
    ("post_invoice", "invoiceValue", "99.90"),
    ("post_invoice", "invoiceValue", "0"),
    ("post_invoice", "courier", None),
    ("post_invoice", "items", [{"id": 1, "price": 4995, "quantity": 2}]),
    ("post_invoice", "items", [{"id": "1", "price": 49.95, "quantity": 2}]),
    ("post_invoice", "items", [{"id": "1", "price": 4995}]),
    ("post_invoice", "orderId", "O-1"),
    ("send_tracking_number", "trackingNumber", 123),
    ("send_tracking_number", "trackingNumber", ""),
    ("send_tracking_number", "trackingNumber", None),
    ("send_tracking_number", "trackingUrl", MISSING),
    ("send_tracking_number", "trackingUrl", "carrier.example/1"),
    ("send_tracking_number", "courier", ""),
    ("send_tracking_number", "dispatchedDate", "2026-08-01T09:00:00"),
    ("send_tracking_number", "isDelivered", True),
    ("send_events", "isDelivered", "true"),
    ("send_events", "isDelivered", MISSING),
    ("send_events", "isDelivered", False),  # with a date
    ("send_events", "deliveredDate", None),  # of a delivery
    ("send_events", "deliveredDate", MISSING),
    ("send_events", "deliveredDate", "2026-08-01"),
    ("send_events", "deliveredDate", "2026-08-01T09:00:00"),
    ("send_events", "events", GOOD["send_events"]["events"][0]),
    ("send_events", "events", GOOD["send_events"]["events"][:1] * 2),
    ("send_events", "events", MISSING),
    ("send_events", "invoiceNumber", "1"),
]
EVENTS: list[tuple[str, object]] = [
    ("city", None),
    ("state", MISSING),
    ("description", ""),
    ("description", "x" * 5001),
    ("date", "2026-08-01T09:00:00"),
    ("date", "2026-08-01 09:00"),
    ("date", "01/08/2026"),
    ("date", 1785585600),
    ("country", "BR"),
]


def test_what_vtex_does_not_document_is_refused() -> None:
    for call, field, value in WRONG:
        assert found(call, _changed(GOOD[call], field, value)), (call, field, value)


def test_an_event_has_exactly_four_texts() -> None:
    update = GOOD["send_events"]
    for field, value in EVENTS:
        events = [_changed(update["events"][0], field, value)]
        assert found("send_events", update | {"events": events}), (field, value)


def test_an_update_without_a_delivery_has_no_date_and_an_event() -> None:
    waiting = {"isDelivered": False, "deliveredDate": None}
    assert found("send_events", GOOD["send_events"] | waiting) == []
    assert found("send_events", waiting | {"events": []})


def test_a_time_without_offset_is_taken_only_where_it_is_asked_for() -> None:
    events = [GOOD["send_events"]["events"][0] | {"date": "2026-08-01T09:00:00"}]
    body = json.dumps(GOOD["send_events"] | {"events": events}).encode()
    assert list(faults("send_events", body))
    assert list(faults("send_events", body, {"eventDate"})) == []


async def test_a_flow_ends_with_what_the_relay_sent_wrongly(
    sqlite: SqliteDatabase,
) -> None:
    wrong = Attempt(START, "send_tracking_number", "O-1", "1", b'{"trackingNumber": 1}')

    async def flow() -> None:
        async with living(sqlite) as world:
            await world.label()
            await world.rest()
            assert len(world.attempts) == 1
            assert world.undocumented() == []
            world.attempts.append(wrong)

    with pytest.raises(AssertionError, match="1 is not of type 'string'"):
        await flow()


def _changed(body: dict[str, Any], field: str, value: object) -> dict[str, Any]:
    changed = body | {field: value}
    if value is MISSING:
        del changed[field]
    return changed
