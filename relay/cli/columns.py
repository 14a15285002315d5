"""What the lists show in a window: what matters first, and how it makes room."""

from collections.abc import Mapping
from typing import Final

from relay.cli.layout import Column

Columns = dict[str, Column]
"""A column by the name of its value, in the order in which they stand."""

WAY: Final[Columns] = {
    "id": Column("id"),
    "order_id": Column("order"),
    "invoice_number": Column("invoice", 5),
    "tracking_number": Column("number", 1),
    "contract": Column("contract", 3),
    "account": Column("account", 6),
}
PARCEL: Final[Columns] = WAY | {
    "id": Column("id", 4),
    "tracking_number": Column("number"),
    "contract": Column("contract", 2),
}
"""A shipment about which the carrier is asked: by its number."""

EVENT: Final[Columns] = {
    "event": Column("event"),
    "occurred_at": Column("happened", 1),
    "milestone": Column("milestone"),
    "carrier_code": Column("code", 4),
}
COLUMNS: Final[Mapping[str, Columns]] = {
    "stuck": WAY
    | {
        "since": Column("since", 2),
        "because": Column("because", is_text=True),
        "vtex_said": Column("VTEX said", is_text=True),
    },
    "quarantined": EVENT
    | {
        "order_id": Column("order"),
        "tracking_number": Column("number", 2),
        "contract": Column("contract", 3),
        "volume": Column("volume", 6),
        "invoice_number": Column("invoice", 7),
        "account": Column("account", 8),
        "received_at": Column("received", 9),
        "id": Column("id", 5),
        "because": Column("because", is_text=True),
        "description": Column("carrier says", is_text=True),
    },
    "unmatched": EVENT
    | {
        "contract": Column("contract"),
        "city": Column("city", 8),
        "state": Column("state", 7),
        "received_at": Column("received", 9),
        "references": Column("references", is_text=True),
        "because": Column("because", is_text=True),
        "description": Column("carrier says", is_text=True),
    },
    "unreadable": {
        "document": Column("document"),
        "contract": Column("contract"),
        "received_at": Column("received", 1),
        "source": Column("source", 2),
        "size": Column("bytes", 3),
        "because": Column("because", is_text=True),
    },
    "untrusted": {
        "request": Column("request"),
        "contract": Column("contract"),
        "received_at": Column("received"),
        "size": Column("bytes", 1),
        "because": Column("because", is_text=True),
    },
    "unknown-codes": {
        "contract": Column("contract"),
        "carrier_code": Column("code"),
        "events": Column("events", 1),
        "last_seen_at": Column("last seen", 2),
        "reference": Column("with", 3),
        "event": Column("event", 4),
        "example": Column("carrier says", is_text=True),
    },
    "late": PARCEL
    | {
        "promised_on": Column("promised"),
        "last_event_at": Column("last event", 1),
    },
    "silent": PARCEL
    | {
        "registered_at": Column("registered", 3),
        "last_event_at": Column("last event", 1),
    },
    "waiting": WAY | {"why": Column("why", is_text=True)},
}
SHIPMENTS: Final[Columns] = WAY | {
    "state": Column("state"),
    "why": Column("why", is_text=True),
}
DOCUMENTS: Final[Columns] = {
    "document": Column("document"),
    "contract": Column("contract"),
    "source": Column("source", 3),
    "received_at": Column("received"),
    "read_at": Column("read", 1),
    "brought": Column("new events", 2),
    "size": Column("bytes", 4),
    "unreadable_because": Column("unreadable because", is_text=True),
}
