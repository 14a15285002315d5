"""What people do to a shipment besides correcting it, each a route of its own."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel
from pydantic_core import to_json

from relay.api.auth import Access
from relay.api.bodies import json_answer, parse_body, validated
from relay.api.keys import (
    CLOCK,
    DATABASE,
    HANDOVERS,
    LABELS,
    LISTS,
    ON_EVENTS,
    ON_REPLAY,
    REGISTRAR,
)
from relay.api.operations import Operation, mount
from relay.api.problems import meant
from relay.api.shipments import (
    ROOT,
    AuditEntry,
    answered,
    find_shipment,
    known,
    log_action,
)
from relay.config.account import Scope
from relay.errors import InvalidLabel, RegistrationError
from relay.registration.registrar import Registrar
from relay.registration.requests import (
    BulkRequest,
    DeliveredRequest,
    HandoverRequest,
    LabelRequest,
    ResendRequest,
)
from relay.service.models import BulkAnswer, BulkItem, Problem, ShipmentAnswer
from relay.service.validation import shape
from relay.store.database import Row
from relay.store.operator_actions import resend as store_resend
from relay.store.operator_events import mark_delivered
from relay.store.shipment_lists import ShipmentLists
from relay.store.shipments import Shipments

ONE: Final = ROOT + "/{id}"
ANSWERS: Final[Mapping[int, type[BaseModel]]] = {
    200: ShipmentAnswer,
    400: Problem,
    404: Problem,
    409: Problem,
    415: Problem,
    422: Problem,
}


async def handover(request: web.Request, access: Access) -> web.Response:
    """Let a second carrier's scans count beside the first's."""
    app = request.app
    body = await parse_body(request, HandoverRequest)
    shipment = await find_shipment(request, access)
    change = app[REGISTRAR].handover(body, await known(request, shipment))
    id_, by, now = shipment.row["id"], access.name, app[CLOCK]()
    done = await app[HANDOVERS].handover(id_, change, now, by)
    app[ON_EVENTS]()
    act = AuditEntry("handed over", by, id_, done.updated, done.warnings)
    return await answered(request, act)


async def resend(request: web.Request, access: Access) -> web.Response:
    """Tell VTEX again, with present settings."""
    app = request.app
    body = await parse_body(request, ResendRequest)
    shipment = await find_shipment(request, access)
    what = app[REGISTRAR].resend_order(body, await known(request, shipment))
    id_, now = shipment.row["id"], app[CLOCK]()
    warnings = await store_resend(app[DATABASE], id_, what, access.name, now)
    app[ON_EVENTS]()
    act = AuditEntry("to be told again", access.name, id_, warnings=warnings)
    return await answered(request, act)


async def delivered(request: web.Request, access: Access) -> web.Response:
    """Take a person's word that the parcel was handed over."""
    app, now = request.app, request.app[CLOCK]()
    body = await parse_body(request, DeliveredRequest)
    shipment = await find_shipment(request, access)
    said = app[REGISTRAR].delivery(body, await known(request, shipment), now)
    id_ = shipment.row["id"]
    await mark_delivered(app[DATABASE], id_, said, access.name, now)
    app[ON_REPLAY]()
    return await answered(request, AuditEntry("marked as delivered", access.name, id_))


OPERATIONS: Final = (
    Operation(
        method="POST",
        path=ONE + "/handover",
        handler=handover,
        scope=Scope.ERP,
        summary="Hand a parcel over to a second carrier; both carriers' scans count",
        body=HandoverRequest,
        example={"contract": "last_mile", "trackingNumber": "LM123456"},
        answers=ANSWERS,
    ),
    Operation(
        method="POST",
        path=ONE + "/resend",
        handler=resend,
        scope=Scope.OPERATOR,
        summary="Tell VTEX again, with present settings; after a delivery by force",
        body=ResendRequest,
        example={"what": "tracking"},
        answers=ANSWERS,
    ),
    Operation(
        method="POST",
        path=ONE + "/mark-delivered",
        handler=delivered,
        scope=Scope.OPERATOR,
        summary="Say that a parcel was delivered; a person's word needs no release",
        body=DeliveredRequest,
        example={"occurredAt": "2026-08-04T16:20:00-03:00"},
        answers=ANSWERS,
    ),
)


def add_routes(app: web.Application) -> None:
    """Serve the verbs."""
    mount(app, OPERATIONS)


BODY_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a body: 1,000 labels of four kilobytes; one takes about 300 bytes."""
REFUSED: Final = 400


@dataclass(frozen=True, slots=True)
class BulkRegistration:
    """Registers labels one by one, each in a transaction of its own.

    *tell* is told what was done to which row.
    """

    registrar: Registrar
    labels: Shipments
    lists: ShipmentLists
    by: str = ""
    tell: Callable[[AuditEntry, Row], None] = lambda _act, _row: None

    async def one(
        self,
        index: int,
        fields: object,
        now: datetime,
        visible: Collection[str] | None = None,
    ) -> BulkItem:
        """Register the label with the JSON *fields*; say what became of it."""
        try:
            return await self._registered(index, fields, now, visible)
        except RegistrationError as error:
            return _refused(index, error)

    async def _registered(
        self,
        index: int,
        fields: object,
        now: datetime,
        visible: Collection[str] | None,
    ) -> BulkItem:
        if not isinstance(fields, dict):
            hint = f"write {shape(LabelRequest)}"
            raise InvalidLabel("the label is not an object", hint=hint)
        request = validated(to_json(fields), LabelRequest)
        label = self.registrar.label(request, now, visible)
        registered = await self.labels.register(label.value, now)
        shipment = await self.lists.one(registered.id, now)
        assert shipment is not None  # noqa: S101 -- it was just written to
        did = "registered" if registered.created else "registered again"
        act = AuditEntry(did, self.by, registered.id, registered.updated)
        self.tell(act, shipment.row)
        stands = shipment.standing
        return BulkItem(
            index=index,
            status=201 if registered.created else 200,
            id=registered.id,
            state=stands.state,
            why=stands.why,
            closed_reason=stands.closed_reason,
            updated=registered.updated,
            warnings=(*label.warnings, *registered.warnings),
        )


def _refused(index: int, error: RegistrationError) -> BulkItem:
    status, title = meant(error)
    problem = Problem(
        title=title,
        status=status,
        detail=str(error),
        field=error.field,
        hint=error.hint,
    )
    return BulkItem(index=index, status=status, problem=problem)


async def register_many(request: web.Request, access: Access) -> web.Response:
    """Take over many labels: 200 with an answer for each, whatever it is."""
    app = request.app
    body = await parse_body(request.clone(client_max_size=BODY_LIMIT), BulkRequest)
    parts = (app[REGISTRAR], app[LABELS], app[LISTS])
    registering = BulkRegistration(*parts, access.name, log_action)
    visible, items = access.visible(), []
    for index, fields in enumerate(body.labels):
        items.append(await registering.one(index, fields, app[CLOCK](), visible))
    app[ON_EVENTS]()
    refused = sum(item.status >= REFUSED for item in items)
    return json_answer(BulkAnswer(refused=refused, items=tuple(items)))


EXAMPLE: Final[dict[str, Any]] = {
    "labels": [
        {
            "orderId": "1172452900788-01",
            "invoiceNumber": "000012345",
            "trackingNumber": "BR123456789",
        },
        {"orderId": "1172452900790-01", "invoiceNumber": "000012346"},
    ]
}
BULK_OPERATIONS: Final = (
    Operation(
        method="POST",
        path=ROOT + "/bulk",
        handler=register_many,
        scope=Scope.ERP,
        summary="Register up to 1,000 labels; each is answered by itself",
        body=BulkRequest,
        example=EXAMPLE,
        answers={
            200: BulkAnswer,
            400: Problem,
            413: Problem,
            415: Problem,
            422: Problem,
        },
    ),
)


def add_bulk_routes(app: web.Application) -> None:
    """Serve the registration of many labels."""
    mount(app, BULK_OPERATIONS)
