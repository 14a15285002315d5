"""Calls and writes as the sandbox records them, made by hand."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from relay.demo.plan import DemoShipment
from relay.sandbox.records import AcceptedWrite, Call

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Ledger:
    """Records calls as the sandbox does, one a second."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.writes: list[AcceptedWrite] = []

    def call(self, shipment: DemoShipment, kind: Any, **changed: Any) -> Call:
        """Record a call that had no effect."""
        sequence = len(self.calls) + 1
        fields: dict[str, Any] = {
            "sequence": sequence,
            "at": NOW + sequence * SECOND,
            "account": shipment.account,
            "order_id": shipment.order_id,
            "invoice_number": None if kind == "get" else shipment.invoice_number,
            "kind": kind,
            "method": kind.upper(),
            "path": "/",
            "answered": 200,
        }
        call = Call(**fields | changed)
        self.calls.append(call)
        return call

    def write(
        self, shipment: DemoShipment, kind: Any, body: dict[str, Any], **changed: Any
    ) -> None:
        """Record a write that was carried out."""
        call = self.call(shipment, kind, carried_out=True, **changed)
        write = AcceptedWrite(
            sequence=len(self.writes) + 1,
            call=call.sequence,
            at=call.at,
            account=call.account,
            order_id=call.order_id,
            invoice_number=call.invoice_number,
            kind=call.kind,
            body=body,
            carried_out=True,
        )
        self.writes.append(write)


def put(instants: Iterable[datetime], *, delivers: bool = False) -> dict[str, Any]:
    events = [
        {"date": i.isoformat(), "description": "x", "city": "", "state": ""}
        for i in instants
    ]
    return {"isDelivered": delivers, "deliveredDate": None, "events": events}
