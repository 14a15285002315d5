"""The VTEX-compatible endpoint: invoices are passed on, tracking is stored."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import from_json

from relay.adapters.endpoint import SOURCE, invoice_reference, update_body
from relay.adapters.parts import Parsed
from relay.adapters.protocol import Document, Unreadable, UnreadablePart
from relay.config.endpoint import EndpointPair
from relay.errors import InvalidLabel, RegistrationError, RelayError, Unanswered
from relay.logs import logger
from relay.problem_codes import ProblemCode
from relay.registration import values
from relay.registration.vtex_bodies import (
    LABEL_FIELDS,
    invoice_key_in,
    label_fields,
    text_in,
)
from relay.service.context import ForwardedAnswer, ServiceContext
from relay.service.endpoint_labels import EndpointLabels
from relay.store.documents import Documents
from relay.store.endpoint_updates import store_update
from relay.store.shipment_lists import ListedShipment
from relay.text import UNSTORABLE, without_lone_surrogates

_log = logger(__name__)
_NOT_REGISTERED: Final = (
    "the parcel of an invoice was not registered; register its label"
)
_PREFIX: Final = "body."
_RETURN: Final = "input"
_TRACKING: Final = frozenset({"isDelivered", "events"})
"""Fields of a PUT, at least one of which is needed."""


@dataclass(frozen=True, slots=True)
class InvoiceAddress:
    """The order and invoice that a call names, checked; both come from its path."""

    order_id: str
    invoice_number: str

    def __post_init__(self) -> None:
        check_order(self.order_id)
        _of_field("invoiceNumber", values.check_invoice_number, self.invoice_number)


def check_order(order_id: str) -> None:
    """Raise `InvalidLabel` for an order id that VTEX cannot have created."""
    _of_field("orderId", values.check_order_id, order_id)


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in *body*; raise `InvalidLabel`."""
    try:
        stored = without_lone_surrogates(body, UNSTORABLE)
        found = from_json(stored, allow_inf_nan=False)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidLabel(
            "the body must be a JSON object",
            hint="send it as VTEX's Orders API documents it, in UTF-8",
            code=ProblemCode.INVALID_JSON,
        )
    return found


@dataclass(frozen=True, slots=True)
class EndpointService:
    """VTEX's three invoice routes, for callers with a key pair of the relay."""

    context: ServiceContext

    def pair(self, app_key: str, app_token: str) -> EndpointPair | None:
        """Return the key pair that was presented, None if it is wrong."""
        return self.context.settings.pair_for(app_key, app_token)

    async def invoice(
        self, pair: EndpointPair, order_id: str, body: bytes
    ) -> ForwardedAnswer:
        """Pass an invoice on to VTEX, once, and register its parcel, if it has one.

        Returns VTEX's answer as it is. Raises `InvalidLabel`, `Conflict` if the account
        is in shadow mode, and `VtexError` without an answer: after `Unanswered` the
        invoice may exist, so its parcel is registered as well, and the publisher reads
        the order before it writes.
        """
        check_order(order_id)
        given = parse_object(body)
        # Another system invoices meanwhile; a second post repeats the e-mail.
        self.context.check_not_shadow(pair.account)
        account = self.context.settings.account(pair.account)
        about = {"account": pair.account, "order": order_id, "by": pair.caller_name}
        try:
            answer = await self.context.forward(account, order_id, body)
        except Unanswered:
            _log.warning("invoice passed on; VTEX did not answer", **about)
            await self._register(pair, order_id, given, confirmed=False)
            raise
        _log.info("invoice passed on", **about, status=answer.status)
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            await self._register(pair, order_id, given, confirmed=_is_receipt(answer))
        return answer

    async def _register(
        self,
        pair: EndpointPair,
        order_id: str,
        given: Mapping[str, Any],
        *,
        confirmed: bool,
    ) -> None:
        """Register the parcel of an invoice that was sent; log why it cannot be.

        The invoice is at VTEX, so the caller must not be asked to send it again.
        """
        labels = EndpointLabels(self.context, pair)
        about = {"account": pair.account, "order": order_id}
        try:
            if text_in(given, "type").lower() == _RETURN:
                return
            fields = label_fields(given)
            if "trackingNumber" not in fields:
                return
            number = text_in(given, "invoiceNumber")
            more = {**invoice_key_in(given), "trackingSent": confirmed}
            known = await labels.find(order_id, number)
            request = labels.request(order_id, number, fields | more, known)
            await labels.put(request, known)
        except RelayError as error:
            _log.error(_NOT_REGISTERED, **about, reason=str(error))
        except Exception:  # noqa: BLE001 -- a bug here must not repeat an invoice
            _log.exception(_NOT_REGISTERED, **about)

    async def tracking_number(
        self, pair: EndpointPair, where: InvoiceAddress, body: bytes
    ) -> None:
        """Store a PATCH of an invoice, and register or correct its label.

        Raises `InvalidLabel`, `Conflict`, and `DatabaseUnavailable` if nothing was
        stored.
        """
        given = parse_object(body)
        fields = label_fields(given)
        if not fields:
            names = ", ".join(LABEL_FIELDS)
            raise InvalidLabel(
                "the body has no value to store",
                hint=f"send at least one of {names}",
                code=ProblemCode.NOTHING_TO_CHANGE,
            )
        labels = EndpointLabels(self.context, pair)
        known = await labels.find(where.order_id, where.invoice_number)
        request = labels.request(where.order_id, where.invoice_number, fields, known)
        document = _document(pair, where, "PATCH", given, self.context.now())
        await Documents(self.context.database).keep([document])
        self.context.wake.reader()
        await labels.put(request, known)

    async def events(
        self, pair: EndpointPair, where: InvoiceAddress, body: bytes
    ) -> None:
        """Store a PUT of tracking events, to be parsed like a carrier's webhook.

        An invoice that is not registered yet gets the tracking number that VTEX shows.
        Without one, its events wait for the number. Raises `InvalidLabel`, `Conflict`,
        and `DatabaseUnavailable` if nothing was stored.
        """
        given, now = parse_object(body), self.context.now()
        document = _document(pair, where, "PUT", given, now)
        if not given.keys() & _TRACKING:
            raise InvalidLabel(
                "the body has no event and no delivery",
                hint='send "events", or "isDelivered": true',
                code=ProblemCode.NOTHING_TO_CHANGE,
            )
        parts = await asyncio.to_thread(self._parsed, pair, document)
        if not parts:
            # VTEX takes an empty list as well, and it changes nothing.
            await Documents(self.context.database).keep([document])
            return
        named = invoice_reference(pair.account, where.order_id, where.invoice_number)
        labels = EndpointLabels(self.context, pair)
        known = await labels.find(where.order_id, where.invoice_number)
        shipment = await self._numbered(labels, where, known)
        await store_update(self.context.database, shipment, named, document, now)
        self.context.wake.reader()

    def _parsed(self, pair: EndpointPair, document: Document) -> Sequence[Parsed]:
        """Return the events; raise `InvalidLabel` while the caller can correct them."""
        parts: Sequence[Parsed] = []
        try:
            parts = self.context.carriers[pair.contract].parse(document)
        except (ValueError, OverflowError) as error:
            raise _unreadable("", error) from None
        for part in parts:
            if isinstance(part, UnreadablePart):
                raise _unreadable(part.position, part.error)
        return parts

    async def _numbered(
        self,
        labels: EndpointLabels,
        where: InvoiceAddress,
        known: ListedShipment | None,
    ) -> str:
        """Return the id of an invoice's shipment; look for its number if it has none.

        VTEX may have the number, and events, from before its ERP called the relay.
        """
        if known is not None and not _lacks_number(known, labels):
            return str(known.row["id"])
        place = (where.order_id, where.invoice_number)
        account = self.context.settings.account(labels.pair.account)
        shown = await self.context.read_tracking(account, *place)
        if shown:
            more = {"imported": True, "trackingSent": True}
            with suppress(RegistrationError):
                request = labels.request(*place, {**shown, **more}, known)
                return (await labels.put(request, known)).id
        if known is not None:
            return str(known.row["id"])
        request = labels.request(*place, {"imported": True})
        return (await labels.put(request, None)).id


def _is_receipt(answer: ForwardedAnswer) -> bool:
    """Whether an answer has VTEX's shape: a page with status 200 proves nothing."""
    try:
        found = from_json(answer.body)
    except ValueError:
        return False
    return isinstance(found, dict) and bool(found.get("receipt"))


def _lacks_number(known: ListedShipment, labels: EndpointLabels) -> bool:
    """Whether an open shipment of the endpoint waits for its tracking number."""
    row = known.row
    is_own = row["contract"] == labels.pair.contract and row["closed_reason"] is None
    return is_own and row["tracking_number"] is None


def _document(
    pair: EndpointPair,
    where: InvoiceAddress,
    method: str,
    given: Mapping[str, Any],
    now: datetime,
) -> Document:
    """Return what is stored of a call: its body, and where it was sent."""
    body = update_body(
        account=pair.account,
        order_id=where.order_id,
        invoice_number=where.invoice_number,
        method=method,
        received_at=now,
        body=given,
    )
    headers = {"content-type": "application/json"}
    return Document(body, now, headers, contract=pair.contract, source=SOURCE)


def _unreadable(position: str, error: Exception) -> InvalidLabel:
    """Return the error for a part that cannot be parsed; it shows no values."""
    path = position.removeprefix(_PREFIX).replace("events.", "events[", 1)
    field = f"{path}]" if "[" in path else path
    reason = "cannot be parsed"
    if isinstance(error, Unreadable):
        reason = str(error)
    elif isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = f"{place}: {first['msg']}" if place else first["msg"]
    return InvalidLabel(reason, field=field, hint="correct it and send all again")


def _of_field(field: str, check: Any, text: str) -> None:
    """Raise the error of *check* with the field's name."""
    try:
        check(text)
    except InvalidLabel as error:
        raise InvalidLabel(
            str(error), field=field, hint=error.hint, code=error.code
        ) from None
