"""An ERP's request → an invoice that can be posted, and the label of its parcel."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from relay.config.account import AccountSettings
from relay.domain.fiscal import KEY_LENGTH
from relay.domain.invoices import InvoiceItem, InvoiceNotification, InvoiceType
from relay.domain.labels import Label
from relay.errors import InvalidLabel
from relay.invalid_fields import InvalidFields
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode
from relay.registration import checks
from relay.registration.contract_choice import account_of
from relay.registration.invoice_requests import InvoiceNotificationRequest
from relay.registration.registrar import Registrar
from relay.registration.requests import LabelRequest

OLDEST: Final = timedelta(days=730)
"""The age of the oldest orders that VTEX shows (Orders API: get order)."""
_OF_PARCEL: Final = (
    "tracking_number", "tracking_url", "courier", "dispatched_date",
    "estimated_delivery_date", "contract", "carrier_tax_id",
)  # fmt: skip
_OF_LABEL: Final = ("estimated_delivery_date", "contract", "carrier_tax_id")
"""Fields that only a label has: without a parcel they would have no effect."""


@dataclass(frozen=True, slots=True)
class CheckedInvoice:
    """An invoice to store, the label of its parcel if it has one, and warnings."""

    notification: InvoiceNotification
    label: Label | None
    warnings: tuple[CodedWarning, ...]


@dataclass(frozen=True, slots=True)
class InvoiceRegistrar:
    """Checks requests about invoices; `labels` checks the parcel's part."""

    labels: Registrar

    def invoice(
        self,
        request: InvoiceNotificationRequest,
        now: datetime,
        visible: Collection[str],
    ) -> CheckedInvoice:
        """Return the invoice, and the parcel's label, that *request* describes.

        *visible* are the accounts that the caller may access. Raises `InvalidLabel`
        with all fields at fault and hints.
        """
        account = self._account(request, now, visible)
        label, warnings = None, [*_warnings(request, account, now)]
        if request.tracking_number is not None:
            checked = self.labels.label(_label_request(request), now, [account.name])
            label = checked.value
            warnings += checked.warnings
            if label.send_tracking and not label.tracking_url:
                warnings.append(_without_page())
        else:
            warnings += checks.invoice_number_warnings(request.invoice_number)
        notification = _notification(request, account, label)
        return CheckedInvoice(notification, label, tuple(warnings))

    def _account(
        self,
        request: InvoiceNotificationRequest,
        now: datetime,
        visible: Collection[str],
    ) -> AccountSettings:
        """Return the account, after the checks that need no order."""
        settings, invalid = self.labels.settings, InvalidFields()
        name = ""
        with invalid.collect():
            name = account_of(request, settings, visible)
        for refusal in _refusals(request):
            with invalid.collect():
                raise refusal
        if name:
            with invalid.collect():
                _refuse_old(request, settings.account(name), now)
        invalid.refuse()
        return settings.account(name)


def _refusals(request: InvoiceNotificationRequest) -> Iterator[InvalidLabel]:
    """Yield fields that contradict the type, or have no effect."""
    given = [name for name in _OF_PARCEL if getattr(request, name) is not None]
    names = {name: _json_name(name) for name in given}
    if request.type is InvoiceType.INPUT:
        for name in given:
            yield InvalidLabel(
                "given for a return, which is never a parcel to the shopper",
                field=names[name],
                hint="remove it; if the goods go to the shopper, send type Output",
                code=ProblemCode.CONTRADICTION,
            )
    elif request.tracking_number is None:
        for name in filter(_OF_LABEL.__contains__, given):
            yield InvalidLabel(
                "given without trackingNumber, so no parcel would be registered",
                field=names[name],
                hint="send it with the tracking number, here or in POST /v1/shipments",
                code=ProblemCode.CONTRADICTION,
            )


def _json_name(name: str) -> str:
    alias = InvoiceNotificationRequest.model_fields[name].alias
    return alias or name


def _refuse_old(
    request: InvoiceNotificationRequest, account: AccountSettings, now: datetime
) -> None:
    field = "issuanceDate"
    issued = checks.parse_event_time(request.issuance_date, account.zone, field)
    if issued < now - OLDEST:
        raise InvalidLabel(
            "more than two years ago, and VTEX shows no order of that age",
            field=field,
            hint="correct the year, or invoice the order outside of VTEX",
            code=ProblemCode.INVALID_DATE,
        )


def _warnings(
    request: InvoiceNotificationRequest, account: AccountSettings, now: datetime
) -> Iterator[CodedWarning]:
    if request.type is InvoiceType.INPUT:
        yield CodedWarning(
            WarningCode.REFUND_STARTS,
            f"Input is a return: VTEX refunds {request.invoice_value} cents to the "
            "shopper as soon as it is posted; cancel it before, if that is wrong",
            "type",
        )
    issued = checks.parse_event_time(request.issuance_date, account.zone, "")
    if issued > now:
        yield CodedWarning(
            WarningCode.ISSUANCE_DATE_FUTURE,
            "in the future; correct it if that is wrong",
            "issuanceDate",
        )
    if not request.items:
        yield CodedWarning(
            WarningCode.INVOICE_ITEMS_MISSING,
            "missing, so VTEX infers them and its lists may show the order as not "
            "delivered; send the order's items",
            "items",
        )


def _without_page() -> CodedWarning:
    return CodedWarning(
        WarningCode.TRACKING_URL_MISSING,
        "missing, and the carrier has no tracking page in the settings, so VTEX sends "
        "no e-mail about the shipped order; send it",
        "trackingUrl",
    )


def _label_request(request: InvoiceNotificationRequest) -> LabelRequest:
    """Return the request that registers the parcel of an invoice."""
    shared = ("account", "order_id", "invoice_number", *_OF_PARCEL)
    fields = {_json_name(name): getattr(request, name) for name in shared}
    if len(request.invoice_key or "") == KEY_LENGTH:
        fields["invoiceKey"] = request.invoice_key
    present = {name: value for name, value in fields.items() if value is not None}
    return LabelRequest.model_validate(present)


def _notification(
    request: InvoiceNotificationRequest, account: AccountSettings, label: Label | None
) -> InvoiceNotification:
    """Return the invoice; its tracking fields are those that the label resolved."""
    zone = account.zone
    issued = checks.parse_event_time(request.issuance_date, zone, "issuanceDate")
    dispatched = request.dispatched_date
    if dispatched is not None:
        dispatched = checks.parse_dispatched_date(dispatched, zone)[1]
    tracking: dict[str, Any] = {
        "courier": label.courier if label else request.courier,
        "tracking_number": label.send_tracking if label else None,
        "tracking_url": label.tracking_url if label else request.tracking_url,
        "dispatched_date": dispatched,
    }
    items = [
        InvoiceItem(i.id, i.price, i.quantity, i.description) for i in request.items
    ]
    return InvoiceNotification(
        account=account.name,
        order_id=request.order_id,
        invoice_number=request.invoice_number,
        type=request.type,
        value=int(request.invoice_value),
        issuance_date=issued.isoformat(timespec="seconds"),
        items=tuple(items),
        invoice_key=request.invoice_key,
        invoice_url=request.invoice_url,
        embedded_invoice=request.embedded_invoice,
        **tracking,
    )
