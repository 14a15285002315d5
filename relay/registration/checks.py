"""Checks of a label's texts at the time when they can still be mended."""

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


def invoice_number(text: str) -> Iterator[str]:
    """Refuse a number that VTEX cannot address; warn of one that makes trouble.

    VTEX: known issues 409225 (spaces), 631970 (trailing space), 1302085 (slash),
    953285 (other characters).
    """
    _addressable(text, "invoiceNumber", "issue the invoice in VTEX without it")
    if " " in text:
        yield (
            "invoiceNumber: it has a space: VTEX takes the invoice, but answers 500 "
            "to every tracking call for it, and that cannot be repaired; only a "
            "tracking number sent with the invoice (`announced`) is shown"
        )
    elif not _PLAIN.fullmatch(text):
        yield (
            "invoiceNumber: it has characters other than letters, digits and '-': "
            "VTEX may not move the order to invoiced, and may refuse its tracking"
        )


def order_id(text: str) -> None:
    """Refuse an order id that VTEX cannot have given."""
    _addressable(text, "orderId", "give it as VTEX shows it")
    if len(text) > LONGEST_ORDER_ID:
        raise InvalidLabel(
            f"it is longer than {LONGEST_ORDER_ID} characters",
            field="orderId",
            hint="give VTEX's order id, such as 1172452900788-01",
        )


def _addressable(text: str, field: str, hint: str) -> None:
    """Refuse what breaks the address of a call to VTEX, or names something else."""
    for sign, name in (("/", "a slash"), ("\\", "a backslash")):
        if sign in text:
            raise InvalidLabel(
                f"it has {name}: VTEX cannot address it", field=field, hint=hint
            )
    if text != text.strip():
        raise InvalidLabel(
            "it begins or ends with a space: for VTEX that is another one",
            field=field,
            hint="send it without, exactly as VTEX has it",
        )
    if any(not c.isprintable() for c in text):
        raise InvalidLabel(
            "it has a control character or another invisible one",
            field=field,
            hint="send it without",
        )


def code(text: str, field: str) -> str:
    """Return a number of the carrier, which has no blanks in it."""
    if any(c.isspace() or not c.isprintable() for c in text):
        raise InvalidLabel(
            "it has a space or an invisible character",
            field=field,
            hint="send it without; several parcels go into `parcels`",
        )
    return text


def url(text: str, field: str = "trackingUrl") -> str:
    """Return the address of a page that shoppers can open."""
    if not _URL.fullmatch(text):
        raise InvalidLabel(
            "it is not the address of a page",
            field=field,
            hint="send one that begins with https://, or leave the field out",
        )
    return text


def invoice_key(text: str, field: str = "invoiceKey") -> NfeKey:
    """Take an NF-e key apart."""
    try:
        return NfeKey.parse(text)
    except ValueError as error:
        raise InvalidLabel(
            str(error), field=field, hint="copy it from the DANFE or the XML"
        ) from None


def cte_key(text: str, field: str) -> str:
    """Return a CT-e's access key, checked like an NF-e's."""
    key = "".join(text.split())
    if len(key) != KEY_LENGTH or key[-1] != check_digit(key[:-1]):
        raise InvalidLabel(
            f"it is not a CT-e key: {KEY_LENGTH} characters with a check digit",
            field=field,
            hint="copy it from the DACTE or the XML",
        )
    return key


def happened(text: str, zone: ZoneInfo, field: str) -> datetime:
    """Return the moment of something that happened, with its time of day."""
    if _DATE.fullmatch(text):
        raise InvalidLabel(
            "it has no time of day", field=field, hint=f"write {text}T14:03:00"
        )
    return dispatched(text, zone, field)[0]


def dispatched(
    text: str, zone: ZoneInfo, field: str = "dispatchedDate"
) -> tuple[datetime, str]:
    """Return the moment of `dispatchedDate`, and how VTEX is told of it.

    A date alone is 00:00 in *zone*, and so is a time without an offset.
    """
    if _DATE.fullmatch(text):
        return datetime.combine(_day(text, field), time(), zone), text
    if not _MOMENT.fullmatch(text):
        raise _odd_date(field, "2026-08-01 or 2026-08-01T14:03:00-03:00")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _odd_date(field, "a day and a time that exist") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return moment, moment.isoformat(timespec="seconds")


def promised(text: str) -> str:
    """Return `estimatedDeliveryDate`, a day."""
    field = "estimatedDeliveryDate"
    if not _DATE.fullmatch(text):
        raise _odd_date(field, "2026-08-01")
    return _day(text, field).isoformat()


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _odd_date(field, "a day that exists") from None


def _odd_date(field: str, example: str) -> InvalidLabel:
    return InvalidLabel(
        "it is not a date of ISO 8601", field=field, hint=f"write {example}"
    )


def key_disagrees(key: NfeKey, number: str) -> Iterator[str]:
    """Warn if the key is that of another invoice number."""
    groups = {g.lstrip("0") for g in re.findall(r"\d+", number)}
    if key.number not in groups and key.key != number:
        yield (
            f"invoiceKey: it is the key of invoice {key.number}, "
            f"but invoiceNumber is {number}"
        )


def resolve_dates(
    request: LabelRequest | CorrectionRequest, zone: ZoneInfo, now: datetime
) -> tuple[dict[str, Any], list[str]]:
    """Return the dates that *request* gives, and what is worth a look.

    Raises `InvalidLabel` with the field at fault.
    """
    dates: dict[str, Any] = {}
    warnings: list[str] = []
    if request.dispatched_date is not None:
        moment, published = dispatched(request.dispatched_date, zone)
        dates |= {"dispatched_at": moment, "dispatched_date": published}
        if moment > now:
            warnings.append(
                "dispatchedDate: it is in the future; a delivery before it "
                "would wait for a person"
            )
    if request.estimated_delivery_date is not None:
        dates["promised_on"] = promised(request.estimated_delivery_date)
    return dates, warnings
