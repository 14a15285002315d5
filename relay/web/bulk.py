"""`/v1/shipments/bulk`: many labels at once, each answered as if it came alone."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiohttp import web
from pydantic_core import to_json

from relay.errors import InvalidLabel, RegistrationError
from relay.registering import BulkRequest, LabelRequest, Registrar
from relay.settings import Scope
from relay.store.database import Row
from relay.store.labels import Labels
from relay.store.lists import Lists
from relay.web.bodies import answer, checked, parsed
from relay.web.finding import ROOT, Act, log_act
from relay.web.keys import CLOCK, LABELS, LISTS, ON_NEWS, REGISTRAR
from relay.web.models import BulkAnswer, BulkItem, Problem
from relay.web.operations import Operation, mount
from relay.web.problems import meant
from relay.web.shapes import shape
from relay.web.tokens import Access

BODY_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a body: 1,000 labels of four kilobytes; one takes about 300 bytes."""

REFUSED: Final = 400


@dataclass(frozen=True, slots=True)
class Registering:
    """Registers labels one by one, each in a transaction of its own.

    *tell* is told what was done to which row.
    """

    registrar: Registrar
    labels: Labels
    lists: Lists
    by: str = ""
    tell: Callable[[Act, Row], None] = lambda _act, _row: None

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
            way_out = f"write {shape(LabelRequest)}"
            raise InvalidLabel("the label is not an object", way_out=way_out)
        request = checked(to_json(fields), LabelRequest)
        label = self.registrar.label(request, now, visible)
        registered = await self.labels.register(label.value, now)
        shipment = await self.lists.one(registered.id, now)
        assert shipment is not None  # noqa: S101 -- it was just written to
        did = "registered" if registered.created else "registered again"
        act = Act(did, self.by, registered.id, registered.updated)
        self.tell(act, shipment.row)
        stands = shipment.standing
        return BulkItem(
            index=index,
            status=201 if registered.created else 200,
            id=registered.id,
            state=stands.state,
            why=stands.why,
            closed_because=stands.closed_because,
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
        way_out=error.way_out,
    )
    return BulkItem(index=index, status=status, problem=problem)


async def register_many(request: web.Request, access: Access) -> web.Response:
    """Take over many labels: 200 with an answer for each, whatever it is."""
    app = request.app
    body = await parsed(request.clone(client_max_size=BODY_LIMIT), BulkRequest)
    parts = (app[REGISTRAR], app[LABELS], app[LISTS])
    registering = Registering(*parts, access.name, log_act)
    visible, items = access.visible(), []
    for index, fields in enumerate(body.labels):
        items.append(await registering.one(index, fields, app[CLOCK](), visible))
    app[ON_NEWS]()
    refused = sum(item.status >= REFUSED for item in items)
    return answer(BulkAnswer(refused=refused, items=tuple(items)))


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

OPERATIONS: Final = (
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


def add_routes(app: web.Application) -> None:
    """Serve the registration of many labels."""
    mount(app, OPERATIONS)
