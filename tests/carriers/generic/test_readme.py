"""The README's full example is a valid contract that parses."""

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import carriers.generic
from carriers.generic import Adapter
from relay.adapters.protocol import Document, PollingCarrier
from relay.config.contract import ContractSettings
from relay.domain.events import Effect, Milestone
from tests.carriers.generic.formats import ARRIVED

README = Path(carriers.generic.__file__).with_name("README.md").read_text("utf-8")


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return str(found)


def example() -> Adapter:
    table = tomllib.loads(block("toml"))["contracts"]["acme"]
    return Adapter(
        ContractSettings.model_validate(table | {"name": "acme"}).for_adapter()
    )


def test_the_full_example_reads_what_it_describes() -> None:
    steps = [
        {
            "status": {"family": "E", "number": 90},
            "date": "20/05/2026",
            "hour": "10:00",
        },
        {"status": {"words": "Em TRANSITO"}, "date": "2026-05-19T10:00:00"},
    ]
    shipment = {"cnpj": "12.345.678/0001-90", "serie": "001", "nota": 45, "order": "O"}
    boxes = [{"code": "B", "tracking": "T", "history": steps}]
    made = example()
    body = json.dumps({"shipment": shipment, "boxes": boxes}).encode()
    moving, delivered = made.parse(Document(body, ARRIVED))
    assert moving.milestone is Milestone.IN_TRANSIT
    assert delivered.milestone is Milestone.DELIVERED
    assert delivered.effect is Effect.PROVISIONAL
    assert delivered.occurred_at == datetime(2026, 5, 20, 13, tzinfo=UTC)
    values = [r.value for r in delivered.references]
    assert values == ["T", "B", "12345678000190/1/45", "O"]
    assert isinstance(made, PollingCarrier)


def test_the_plain_format_is_as_the_example_shows() -> None:
    plain = ContractSettings.model_validate(
        {"name": "plain", "adapter": "generic", "secret": "s"}
    )
    [event] = Adapter(plain.for_adapter()).parse(
        Document(block("json").encode(), ARRIVED)
    )
    assert event.milestone is Milestone.OUT_FOR_DELIVERY
    assert event.description == "Saiu para entrega"
