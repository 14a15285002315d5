"""Register labels, list shipments and show one of them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

from pydantic_core import to_json

from relay.clock import EPOCH
from relay.errors import InvalidLabel, RegistrationError
from relay.registration.requests import LabelRequest
from relay.service import views
from relay.service.access import Caller, ListScope
from relay.service.context import ServiceContext
from relay.service.cursors import (
    change_cursor,
    is_change_cursor,
    read_change_cursor,
    read_row_cursor,
    row_cursor,
)
from relay.service.damage import RowGuard
from relay.service.label_bodies import parse_label
from relay.service.lookup import (
    Change,
    find_shipment,
    report_registration,
    resolve_name,
)
from relay.service.models import (
    BulkAnswer,
    BulkItem,
    Problem,
    ShipmentAnswer,
    ShipmentList,
    ShipmentSummary,
)
from relay.service.queries import ShipmentQuery
from relay.service.timeline_models import ShipmentDetail
from relay.service.timelines import TimelineView
from relay.service.validation import shape
from relay.store.database import Row
from relay.store.label_batches import MOST_TOGETHER
from relay.store.polls import PollClaims
from relay.store.shipment_changes import ShipmentChanges
from relay.store.shipment_lists import ListedShipment, ShipmentFilter

REFUSED: Final = HTTPStatus.BAD_REQUEST
"""A bulk item with this status or a higher one was refused."""

S = TypeVar("S", bound=ShipmentSummary)

_COLUMNS: Final = {"estimated_delivery_date": "promised_on"}
SEARCHED: Final = ("order_id", "invoice_number", "tracking_number", "invoice_key")
"""Fields in which a search looks."""
MOST_FOUND: Final = 50
"""Shipments that a search returns for each field."""
_NO_FILTERS: Final = {"account", "cursor", "limit", "updated_since"}
"""Fields of a query that are not columns to compare."""


@dataclass(frozen=True, slots=True)
class RegisteredLabel:
    """The answer to a label, and whether it created a shipment."""

    answer: ShipmentAnswer
    created: bool


@dataclass(frozen=True, slots=True)
class ShipmentService:
    """Operations on labels and the shipments that they create."""

    context: ServiceContext

    async def register(self, caller: Caller, body: bytes) -> RegisteredLabel:
        """Register the label in a JSON body; the same label again changes nothing.

        Raises `RefusedRequest` if it is not JSON, `InvalidLabel` with all problems,
        and `Conflict`.
        """
        registered = await self._register(caller, body)
        self.context.wake.publisher()
        return registered

    async def register_many(
        self, caller: Caller, labels: Sequence[object]
    ) -> BulkAnswer:
        """Register labels; one that is refused never affects the others."""
        items: list[BulkItem] = []
        for first in range(0, len(labels), MOST_TOGETHER):
            together = enumerate(labels[first : first + MOST_TOGETHER], first)
            # They arrive in the order of the list, and share a transaction.
            items += await asyncio.gather(
                *(self.register_item(caller, i, fields) for i, fields in together)
            )
        refused = sum(item.status >= REFUSED for item in items)
        self.context.wake.publisher()
        return BulkAnswer(refused=refused, items=tuple(items))

    async def register_item(
        self,
        caller: Caller,
        index: int,
        fields: object,
        wrong: Sequence[RegistrationError] = (),
    ) -> BulkItem:
        """Register the label with the JSON *fields*.

        *index* identifies it in the answer: its place in a list, its line in a file.
        With *wrong*, the problems of fields that could not be read, it is refused.
        """
        try:
            if not isinstance(fields, dict):
                hint = f"write {shape(LabelRequest)}"
                raise InvalidLabel("the label must be an object", hint=hint)
            registered = await self._register(caller, to_json(fields), wrong)
        except RegistrationError as error:
            problem = Problem.of(error)
            return BulkItem(index=index, status=problem.status, problem=problem)
        status = HTTPStatus.CREATED if registered.created else HTTPStatus.OK
        fields = registered.answer.model_dump()
        return BulkItem(index=index, status=status, **fields)

    def refusal(self, caller: Caller, fields: object) -> RegistrationError | None:
        """Return why a label would be refused, as far as the database is not needed."""
        context = self.context
        visible = [a for a in context.settings.accounts if caller.sees(a)]
        registrar = context.registrar
        try:
            now = context.now()
            request = parse_label(to_json(fields), registrar, visible, now)
            registrar.label(request, now, visible)
        except RegistrationError as error:
            return error
        return None

    async def _register(
        self, caller: Caller, body: bytes, wrong: Sequence[RegistrationError] = ()
    ) -> RegisteredLabel:
        context, now = self.context, self.context.now()
        visible = [a for a in context.settings.accounts if caller.sees(a)]
        registrar = context.registrar
        request = parse_label(body, registrar, visible, now, wrong)
        checked = registrar.label(request, now, visible)
        label = replace(checked.value, visible=caller.visible)
        registered, shipment = await context.label_batches.register(
            context.labels, label, now
        )
        did = "registered" if registered.created else "registered again"
        warnings = (*checked.warnings, *registered.warnings)
        change = Change(
            registered.id, did, registered.updated, warnings, registered=True
        )
        answer = report_registration(context, caller, change, shipment)
        return RegisteredLabel(answer, registered.created)

    async def page(self, caller: Caller, query: ShipmentQuery) -> ShipmentList:
        """Return a page of shipments: the newest first, or by their last change.

        Raises `InvalidLabel` for an unknown account or contract.
        """
        context = self.context
        scope = ListScope(
            context.settings, caller.accounts, query.account, query.contract
        )
        await scope.check(context.database)
        accounts = scope.accounts()
        wanted = ShipmentFilter(
            accounts=None if accounts is None else sorted(accounts),
            **query.model_dump(exclude=_NO_FILTERS),
        )
        if query.updated_since is not None or is_change_cursor(query.cursor):
            return await self._changes(wanted, query)
        before = read_row_cursor(query.cursor)
        page = await context.shipment_lists.shipments(
            wanted, context.now(), limit=query.limit, before=before
        )
        return ShipmentList(
            shipments=tuple(map(self._summary, page.shipments)),
            next=row_cursor(page.next),
        )

    async def search(self, caller: Caller, text: str) -> tuple[ShipmentSummary, ...]:
        """Return the shipments of which *text* is a number: order, invoice, tracking.

        The access key of an NF-e is found as well, and the shipment's own id.
        """
        lists, now = self.context.shipment_lists, self.context.now()
        visible = caller.visible
        accounts = None if visible is None else sorted(visible)
        by_id = await lists.one(text, now)
        found = {text: by_id} if by_id and caller.sees(by_id.row["account"]) else {}
        for field in SEARCHED:
            named: dict[str, Any] = {field: text}
            wanted = ShipmentFilter(accounts=accounts, **named)
            page = await lists.shipments(wanted, now, limit=MOST_FOUND)
            found |= {one.row["id"]: one for one in page.shipments}
        return tuple(map(self._summary, found.values()))

    async def _changes(
        self, wanted: ShipmentFilter, query: ShipmentQuery
    ) -> ShipmentList:
        """Return a page of shipments by their last change, the oldest first."""
        if query.tracking_number is not None:
            raise InvalidLabel(
                "cannot be combined with `updatedSince` or its cursor",
                field="trackingNumber",
                hint="send one of them",
            )
        context = self.context
        changes = ShipmentChanges(context.database)
        if query.cursor is not None:
            after = read_change_cursor(query.cursor)
        else:
            after = await changes.since(query.updated_since or EPOCH)
        page = await changes.page(wanted, context.now(), limit=query.limit, after=after)
        resume = change_cursor(page.position)
        return ShipmentList(
            shipments=tuple(map(self._summary, page.shipments)),
            next=resume if page.more else None,
            resume=resume,
        )

    def _summary(self, listed: ListedShipment) -> ShipmentSummary:
        """Return a shipment as lists show it; of a damaged row what can be shown."""
        return self._guarded(partial(views.summary, listed), ShipmentSummary, listed)

    def _guarded(
        self,
        build: Callable[[], S],
        model: type[S],
        listed: ListedShipment,
        **more: Any,
    ) -> S:
        """Return what *build* makes; of a damaged row what can be shown, and *more*."""
        guard = RowGuard(self.context.damage, "shipment", "id", _COLUMNS)
        standing = {"state": listed.standing.state, "why": listed.standing.why}
        return guard.shown(build, model, dict(listed.row) | standing | more)

    async def show(self, caller: Caller, id_: str) -> ShipmentDetail:
        """Return a shipment with its timeline; raise `NotFound`."""
        listed = await find_shipment(self.context, caller, id_)
        timeline = await self.context.shipment_lists.timeline(listed.row["shipment"])
        view = TimelineView(self.context.damage)
        history = view.history(timeline)
        polls = view.polls(await self._polls(listed))
        return self._guarded(
            partial(views.shipment, listed, timeline, history, polls),
            ShipmentDetail,
            listed,
            timeline=history,
            polls=polls,
        )

    async def resolve(self, caller: Caller, named: str) -> str:
        """Return the id of the one shipment with this id, order or tracking number.

        Raises `NotFound`, and `Conflict` if several match.
        """
        listed = await resolve_name(self.context, caller, named)
        found: str = listed.row["id"]
        return found

    async def _polls(self, listed: ListedShipment) -> list[Row]:
        """Return the state of polling carriers for its parcels."""
        database, contracts = self.context.database, self.context.settings.contracts
        async with database.reading() as tx:
            number = listed.row["shipment"]
            rows = await tx.rows("polls_of_shipment", shipment=number)
        started = await PollClaims(database).states()
        polled = {c.name for c in contracts.values() if c.poll and c.name in started}
        return [r for r in rows if r["contract"] in polled]
