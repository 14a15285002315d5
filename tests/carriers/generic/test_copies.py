"""Two carriers said in settings give the same events as their own adapters."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carriers.generic import Adapter
from relay.adapters.codes import CodeTable
from relay.adapters.protocol import ContractOptions, PollingCarrier, WebhookRequest
from tests.carriers import support
from tests.carriers.support import every_case

STEPS = "max(data.[created_at, paid_at, generated_at, received_at, posted_at][?@])"
LATER = ["data.updated_at", STEPS]
MELHOR_ENVIO: dict[str, Any] = {
    "display_name": "Melhor Envio",
    "ping": "!(data.id || data.tracking)",
    "references": [
        {"kind": "shipment_id", "path": "data.id"},
        {"kind": "tracking_number", "path": "data.tracking"},
        {"kind": "tracking_number", "path": "data.self_tracking"},
        {"kind": "order_id", "path": "data.tags[].tag"},
    ],
    "code": "event || join('', ['order.', data.status || ''])",
    "time": {
        "path": LATER,
        "by_code": {
            "order.delivered": "data.delivered_at",
            "order.created": ["data.created_at", *LATER],
            "order.pending": ["data.created_at", *LATER],
            "order.released": ["data.paid_at", *LATER],
            "order.generated": ["data.generated_at", *LATER],
            "order.received": ["data.received_at", *LATER],
            "order.posted": ["data.posted_at", *LATER],
            "order.suspended": ["data.suspended_at", *LATER],
            "order.cancelled": ["data.canceled_at", *LATER],
            "order.canceled": ["data.canceled_at", *LATER],
        },
    },
    "personal_fields": ["data.from", "data.to", "data.user"],
    "signature": {
        "kind": "hmac",
        "header": "X-ME-Signature",
        "encoding": ["base64", "hex"],
    },
}
LOGGI: dict[str, Any] = {
    "display_name": "Loggi",
    "ping": "@ == `{}`",
    "events": {
        "list": [
            "packages",
            "[trackingHistory[], {status: status, location: location}][] | [?status]",
        ],
        "inherit": {"number": "trackingCode", "key": "loggiKey", "box": "barcode"},
    },
    "references": [
        {"kind": "tracking_number", "path": "number"},
        {"kind": "shipment_id", "path": "key"},
        {"kind": "volume_code", "path": "box"},
    ],
    "code": {"paths": "status.code", "strip_zeros": True},
    "text": ["status.highLevelStatus", "status.description"],
    "text_rules": [
        {"contains": "devol", "milestone": "returning"},
        {"contains": "em transferência", "milestone": "in_transit"},
        {"matches": "em rota( de entrega)?", "milestone": "out_for_delivery"},
    ],
    "time": {"path": "status.updatedTime", "zone": "UTC"},
    "place": {"city": "location.city", "state": "location.state"},
    "personal_fields": ["packages.recipient", "packages.shipTo"],
    "signature": "basic",
}
COPIES = {"melhorenvio": MELHOR_ENVIO, "loggi": LOGGI}


def copy(adapter: str) -> Adapter:
    snapshot = support.snapshot(adapter)
    table = CodeTable.load(f"carriers.{adapter}", {})
    rows = {c: r.model_dump(mode="json") for c, r in table.rows.items()}
    zone, secrets = ZoneInfo(snapshot["zone"]), (snapshot["secret"],)
    return Adapter(ContractOptions("copy", zone, secrets, rows, COPIES[adapter]))


@pytest.mark.parametrize("adapter", COPIES)
def test_a_copy_parses_what_the_adapter_parses(adapter: str) -> None:
    with every_case() as case:
        for sample in support.samples(adapter):
            with case(sample):
                theirs = support.carrier(adapter).parse(sample.document)
                assert copy(adapter).parse(sample.document) == theirs == sample.events


@pytest.mark.parametrize("adapter", COPIES)
def test_a_copy_trusts_what_the_carrier_signs(adapter: str) -> None:
    secret = support.snapshot(adapter)["secret"]
    with every_case() as case:
        for sample in support.samples(adapter):
            signed = support.played(adapter).headers(sample.body, secret)
            headers = {name.lower(): text for name, text in signed.items()}
            with case(sample):
                copy(adapter).verify(WebhookRequest(headers, sample.body))


@pytest.mark.parametrize("adapter", COPIES)
def test_a_copy_is_like_the_adapter(adapter: str) -> None:
    theirs, made = support.carrier(adapter), copy(adapter)
    assert made.display_name == theirs.display_name
    assert made.identifying is theirs.identifying
    assert set(made.personal_fields) <= set(theirs.personal_fields)
    assert not isinstance(made, PollingCarrier)
