"""Checks of a label's fields, while the ERP can still correct them."""

import re
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.domain.fiscal import KEY_LENGTH, NfeKey, check_digit
from relay.errors import InvalidLabel
from relay.registration.requests import CorrectionRequest, LabelRequest

_PLAIN: Final = re.compile(r"[A-Za-z0-9-]+")
_DATE: Final = re.compile(r"20\d{2}-\d{2}-\d{2}", re.ASCII)
_MOMENT: Final = re.compile(
    r"20\d{2}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_URL: Final = re.compile(r"https?://[^\s/?#]+\S*")
LONGEST_ORDER_ID: Final = 100


def check_invoice_number(text: str) -> Iterator[str]:
    """Refuse a number that VTEX cannot address; yield warnings of risky ones.

    VTEX's known issues: 409225 (spaces), 631970 (trailing space), 1302085 (slash),
    953285 (other characters); see https://help.vtex.com/known-issues.
    """
    _addressable(text, "invoiceNumber", "issue the invoice in VTEX without it")
    if " " in text:
        yield (
            "invoiceNumber: contains a space, so VTEX accepts the invoice but answers "
            "500 to every tracking call for it, for good; send the tracking number "
            "with the invoice (`trackingSent`)"
        )
    elif not _PLAIN.fullmatch(text):
        yield (
            "invoiceNumber: contains characters other than letters, digits and '-', "
            "so VTEX may not move the order to invoiced and may refuse its tracking; "
            "use a number without them"
        )


def check_order_id(text: str) -> None:
    """Refuse an order id that VTEX cannot have created."""
    _addressable(text, "orderId", "send it as VTEX shows it")
    if len(text) > LONGEST_ORDER_ID:
        raise InvalidLabel(
            f"longer than {LONGEST_ORDER_ID} characters",
            field="orderId",
            hint="send VTEX's order id, such as 1172452900788-01",
        )


def _addressable(text: str, field: str, hint: str) -> None:
    """Refuse a text that breaks the URL of a call to VTEX, or changes its meaning."""
    for sign, name in (("/", "a slash"), ("\\", "a backslash")):
        if sign in text:
            raise InvalidLabel(
                f"contains {name}, which VTEX cannot address", field=field, hint=hint
            )
    if text != text.strip():
        raise InvalidLabel(
            "begins or ends with a space, so VTEX treats it as another one",
            field=field,
            hint="send it without the space, exactly as in VTEX",
        )
    if any(not c.isprintable() for c in text):
        raise InvalidLabel(
            "contains a control character or another invisible one",
            field=field,
            hint="remove it",
        )


def check_code(text: str, field: str) -> str:
    """Return a number of the carrier; refuse one with spaces."""
    if any(c.isspace() or not c.isprintable() for c in text):
        raise InvalidLabel(
            "contains a space or an invisible character",
            field=field,
            hint="remove it; send several parcels in `parcels`",
        )
    return text


def check_url(text: str, field: str = "trackingUrl") -> str:
    """Return the address of a web page; refuse anything else."""
    if not _URL.fullmatch(text):
        raise InvalidLabel(
            "not the address of a web page",
            field=field,
            hint="send one that begins with https://, or remove the field",
        )
    return text


def parse_invoice_key(text: str, field: str = "invoiceKey") -> NfeKey:
    """Return the parts of an NF-e key."""
    try:
        return NfeKey.parse(text)
    except ValueError as error:
        raise InvalidLabel(
            str(error), field=field, hint="copy it from the DANFE or the XML"
        ) from None


def parse_cte_key(text: str, field: str) -> str:
    """Return a CT-e's access key, checked like an NF-e's."""
    key = "".join(text.split())
    if len(key) != KEY_LENGTH or key[-1] != check_digit(key[:-1]):
        raise InvalidLabel(
            f"not a CT-e key of {KEY_LENGTH} characters with a check digit",
            field=field,
            hint="copy it from the DACTE or the XML",
        )
    return key


def parse_event_time(text: str, zone: ZoneInfo, field: str) -> datetime:
    """Return the time of an event, which must include the time of day."""
    if _DATE.fullmatch(text):
        raise InvalidLabel(
            "has no time of day", field=field, hint=f"write for example {text}T14:03:00"
        )
    return parse_dispatched_date(text, zone, field)[0]


def parse_dispatched_date(
    text: str, zone: ZoneInfo, field: str = "dispatchedDate"
) -> tuple[datetime, str]:
    """Return the time of `dispatchedDate`, and the text that VTEX gets for it.

    A date alone means 00:00 in *zone*; a time without an offset is in *zone*.
    """
    if _DATE.fullmatch(text):
        return datetime.combine(_day(text, field), time(), zone), text
    if not _MOMENT.fullmatch(text):
        raise _odd_date(field, "2026-08-01 or 2026-08-01T14:03:00-03:00")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _odd_date(field, "a date and a time that exist") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return moment, moment.isoformat(timespec="seconds")


def parse_delivery_date(text: str) -> str:
    """Return `estimatedDeliveryDate`, an ISO date."""
    field = "estimatedDeliveryDate"
    if not _DATE.fullmatch(text):
        raise _odd_date(field, "2026-08-01")
    return _day(text, field).isoformat()


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _odd_date(field, "a date that exists") from None


def _odd_date(field: str, example: str) -> InvalidLabel:
    return InvalidLabel("not an ISO 8601 date", field=field, hint=f"write {example}")


def compare_key(key: NfeKey, number: str) -> Iterator[str]:
    """Yield a warning if the key belongs to another invoice number."""
    groups = {g.lstrip("0") for g in re.findall(r"\d+", number)}
    if key.number not in groups and key.key != number:
        yield (
            f"invoiceKey: belongs to invoice {key.number}, but invoiceNumber is "
            f"{number}; correct the wrong one"
        )


def resolve_dates(
    request: LabelRequest | CorrectionRequest, zone: ZoneInfo, now: datetime
) -> tuple[dict[str, Any], list[str]]:
    """Return the dates in *request*, and warnings.

    Raises `InvalidLabel` with the field at fault.
    """
    dates: dict[str, Any] = {}
    warnings: list[str] = []
    if request.dispatched_date is not None:
        moment, published = parse_dispatched_date(request.dispatched_date, zone)
        dates |= {"dispatched_at": moment, "dispatched_date": published}
        if moment > now:
            warnings.append(
                "dispatchedDate: in the future, so an earlier delivery would be "
                "quarantined; correct it if it is wrong"
            )
    if request.estimated_delivery_date is not None:
        dates["promised_on"] = parse_delivery_date(request.estimated_delivery_date)
    return dates, warnings
