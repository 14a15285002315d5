"""Formats and examples of the API's fields and paths, for `/openapi.json`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

FORMATS: Final[Mapping[str, str]] = {"estimatedDeliveryDate": "date"}
"""Formats of dates that are strings in the models, because VTEX gets their text."""
EXAMPLES: Final[Mapping[str, Any]] = {
    "account": "acme",
    "carrierTaxId": "11.444.777/0001-61",
    "contract": "me",
    "courier": "Frete Exemplo",
    "description": "Entregue na portaria",
    "dispatchedDate": "2026-08-01T14:03:00-03:00",
    "estimatedDeliveryDate": "2026-08-07",
    "id": "01a1fe3a-9fc3-76ab-bbbc-30743011a073",
    "invoiceKey": "35261111222333000181550010000307121000000017",
    "invoiceNumber": "000030711",
    "occurredAt": "2026-08-04T16:20:00-03:00",
    "orderId": "1172452900788-01",
    "promisedOn": "2026-08-07",
    "trackingNumber": "QQ123456785BR",
    "trackingUrl": "https://carrier.example/QQ123456785BR",
    "value": "VOL-0001",
    "volume": 1,
    "volumes": 2,
}
PATHS: Final[Mapping[str, tuple[str, Any]]] = {
    "account": ("The account's name in the settings.", "acme"),
    "code": ("A code of a problem or warning.", "unknown_field"),
    "contract": ("The contract's name in the settings.", "me"),
    "document": ("The document's number, from a list.", 17),
    "event": ("The event's number, from a list or a shipment's timeline.", 42),
    "id": ("The id of the shipment or invoice.", EXAMPLES["id"]),
    "name": ("The account's name in the settings.", "acme"),
    "outgoing": ("The outgoing event's id, from a list.", EXAMPLES["id"]),
    "receiver": ("The receiver's name in the settings.", "crm"),
    "request": ("The rejected request's number, from the list `rejected`.", 3),
    "secret": ("A secret in the address, for carriers that cannot sign.", "s3cret"),
}
"""Parameters of paths: what each one is, and an example."""


def add_examples(definitions: Mapping[str, Any]) -> None:
    """Add formats and examples to the fields of *definitions* that have none."""
    for definition in definitions.values():
        for field, schema in definition.get("properties", {}).items():
            texts = [s for s in _branches(schema) if s.get("type") == "string"]
            if field in FORMATS and texts:
                texts[0].setdefault("format", FORMATS[field])
            if field in EXAMPLES and _fits(EXAMPLES[field], schema):
                schema.setdefault("examples", [EXAMPLES[field]])


def _branches(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield *schema* and its alternatives: null is one of an optional field's."""
    yield schema
    yield from schema.get("anyOf", ())


def _fits(example: Any, schema: dict[str, Any]) -> bool:
    """Whether *schema* takes the kind of value that *example* is."""
    kind = "integer" if isinstance(example, int) else "string"
    plain = (s for s in _branches(schema) if "enum" not in s)
    return any(s.get("type") == kind for s in plain)
