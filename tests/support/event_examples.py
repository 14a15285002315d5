"""An example of every type of outgoing event, made by the code that makes real ones."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from relay.clock import micros
from relay.domain.alert_course import Alert
from relay.domain.alert_events import alert_event
from relay.domain.alert_facts import AlertCondition, AlertKind
from relay.domain.outgoing_events import (
    LATE,
    PARTLY_DELIVERED,
    STUCK,
    TEST,
    OutgoingEvent,
    of_row,
)
from relay.store.codec import dumps
from relay.store.outgoing_bodies import outgoing_body

AT: Final = datetime(2026, 8, 4, 19, 20, tzinfo=UTC)
ROW: Final = {
    "id": "01a1fe3a-9fc3-76ab-bbbc-30743011a073",
    "account": "acme",
    "order_id": "1172452900788-01",
    "invoice_number": "000030711",
    "contract": "me",
    "courier": "Frete Exemplo",
    "tracking_number": "QQ123456785BR",
    "tracking_url": "https://carrier.example/QQ123456785BR",
}
MORE: Final[dict[str, dict[str, Any]]] = {
    "shipment.registered": {},
    STUCK: {"reason": "VTEX answered 400: Invalid tracking number"},
    LATE: {"promisedOn": "2026-08-03"},
    PARTLY_DELIVERED: {"volume": 2},
    "shipment.delivery_undone": {},
}

ALERT: Final = Alert(
    condition=AlertCondition(
        kind=AlertKind.GATE_CLOSED,
        subject="acme paused",
        account="acme",
        party="vtex",
        text="acme: VTEX refused ten shipments in a row for one reason; "
        "the account is paused",
        hint="correct the cause, then: relay accounts open acme",
        command="relay accounts list",
        page="/console/vtex",
    ),
    opened_at=AT,
    seen_at=AT,
)


def example(type_: str) -> dict[str, Any]:
    """Return the body of an event of *type_*."""
    if type_ == TEST:
        event = OutgoingEvent(TEST, AT, {"receiver": "crm", "sentBy": "maria"})
    elif type_.startswith("alert."):
        event = alert_event(type_, ALERT, AT)
    else:
        event = of_row(type_, ROW, AT, **MORE.get(type_, {"volume": None}))
    return outgoing_body(
        {
            "type": event.type,
            "number": 4711,
            "recorded_at": micros(AT + timedelta(seconds=4)),
            "occurred_at": micros(event.occurred_at),
            "data": dumps(event.data),
        }
    )
