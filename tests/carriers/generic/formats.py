"""Contracts of invented formats."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carriers.generic import Adapter
from relay.adapters.protocol import ContractOptions, Document
from relay.domain.events import TrackingEvent
from relay.errors import ConfigurationError

ARRIVED = datetime(2026, 11, 20, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")
FORMAT: dict[str, Any] = {
    "references": [{"kind": "tracking_number", "path": "n"}],
    "code": "c",
    "time": "t",
}
EVENT = {"n": "ZZ1", "c": "1", "t": "2026-05-20T10:00:00-03:00"}


def adapter(
    *secrets: str, codes: dict[str, dict[str, Any]] | None = None, **options: Any
) -> Adapter:
    """Create an adapter of the invented format, with other *options*."""
    return Adapter(ContractOptions("c", ZONE, secrets, codes or {}, FORMAT | options))


def complaint(options: dict[str, Any]) -> str:
    """Return the error of an adapter with *options*."""
    with pytest.raises(ConfigurationError) as refused:
        Adapter(ContractOptions("c", ZoneInfo("UTC"), options=options))
    return str(refused.value)


def read(
    body: bytes, kind: str = "application/json", /, **settings: Any
) -> list[TrackingEvent]:
    """Parse *body* with such an adapter."""
    return adapter(**settings).parse(Document(body, ARRIVED, {"content-type": kind}))
