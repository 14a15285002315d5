"""Checks of a label's fields, while the ERP can still correct them."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from relay.domain.events import (
    EARLIEST,
    LATEST_AFTER_RECEIPT,
    ReferenceKind,
    is_real_date,
)
from relay.domain.fiscal import NfeKey, cte_key, invoice_reference
from relay.errors import InvalidLabel
from relay.problem_codes import CodedWarning, ProblemCode, WarningCode
from relay.registration import values

_PLAIN: Final = re.compile(r"[A-Za-z0-9-]+")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DAY_FIRST: Final = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4})\b.*", re.ASCII)
LATEST_YEAR: Final = 2099
"""Later dates stand for a missing one, such as 9999-12-31."""
_MOMENT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_PARTS: Final = 3
"""Parts of an invoice reference: issuer, series, number."""
_URL: Final = re.compile(r"https?://[^\s/?#]+\S*")


def invoice_number_warnings(text: str) -> Iterator[CodedWarning]:
    """Yield warnings of a number that VTEX may refuse.

    VTEX's known issues: 409225 (spaces), 631970 (trailing space), 1302085 (slash),
    953285 (other characters); see https://help.vtex.com/known-issues.
    """
    field = "invoiceNumber"
    if " " in text:
        yield CodedWarning(
            WarningCode.INVOICE_NUMBER_SPACE,
            "contains a space, so VTEX accepts the invoice but answers 500 to every "
            "tracking call for it, for good; send the tracking number with the "
            "invoice (`trackingSent`)",
            field,
        )
    elif not _PLAIN.fullmatch(text):
        yield CodedWarning(
            WarningCode.INVOICE_NUMBER_CHARACTERS,
            "contains characters other than letters, digits and '-', so VTEX may not "
            "move the order to invoiced and may refuse its tracking; use a number "
            "without them",
            field,
        )


def missing_page(number: str | None, page: str | None) -> list[CodedWarning]:
    """Return the warning of a tracking *number* that is sent without a *page*.

    VTEX sends "order shipped" only if both are there on the first send (VTEX: order
    transactional e-mail templates).
    """
    if number is None or page is not None:
        return []
    text = (
        'missing, so VTEX sends no "order shipped" e-mail; send it, or set '
        "tracking_url of the contract"
    )
    return [CodedWarning(WarningCode.TRACKING_URL_MISSING, text, "trackingUrl")]


def check_url(text: str, field: str = "trackingUrl") -> str:
    """Return the address of a web page; refuse anything else."""
    if not _URL.fullmatch(text):
        raise InvalidLabel(
            "not the address of a web page",
            field=field,
            hint="send one that begins with https://, or remove the field",
            code=ProblemCode.INVALID_URL,
        )
    return text


def parse_invoice_key(text: str, field: str = "invoiceKey") -> NfeKey:
    """Return the parts of an NF-e key."""
    try:
        return NfeKey.parse(text)
    except ValueError as error:
        raise InvalidLabel(
            str(error),
            field=field,
            hint="copy it from the DANFE or the XML",
            code=ProblemCode.INVALID_KEY,
        ) from None


def parse_cte_key(text: str) -> str:
    """Return a CT-e's access key, checked like an NF-e's."""
    try:
        return cte_key(text)
    except ValueError as error:
        raise InvalidLabel(
            str(error),
            hint="copy it from the DACTE or the XML",
            code=ProblemCode.INVALID_KEY,
        ) from None


def check_reference(kind: ReferenceKind, text: str) -> str:
    """Return a reference's value, in normal form where its kind has one."""
    match kind:
        case ReferenceKind.INVOICE_KEY:
            return parse_invoice_key(text).key
        case ReferenceKind.CTE_KEY:
            return parse_cte_key(text)
        case ReferenceKind.INVOICE:
            return _invoice(text)
        case ReferenceKind.ORDER_ID:
            return values.check_order_reference(text)
        case _:
            return values.check_number(text)


def _invoice(text: str) -> str:
    """Return `issuer/series/number` in normal form; an issuer may contain a slash."""
    parts = text.rsplit("/", _PARTS - 1)
    if len(parts) != _PARTS or not all(p.strip() for p in parts):
        raise InvalidLabel(
            "not an invoice in the form issuer/series/number",
            hint="write for example 11222333000181/1/12345",
        )
    values.check_number(parts[-1].strip())
    return invoice_reference(*parts)


def parse_event_time(text: str, zone: ZoneInfo, field: str) -> datetime:
    """Return the time of an event, which must include the time of day."""
    _refuse_year(text, field)
    if _DATE.fullmatch(text):
        raise InvalidLabel(
            "has no time of day",
            field=field,
            hint=f"write for example {text}T14:03:00",
            code=ProblemCode.INVALID_DATE,
        )
    return parse_dispatched_date(text, zone, field)[0]


def parse_dispatched_date(
    text: str, zone: ZoneInfo, field: str = "dispatchedDate"
) -> tuple[datetime, str]:
    """Return the time of `dispatchedDate`, and the text that VTEX gets for it.

    A date alone means 00:00 in *zone*; a time without an offset is in *zone*.
    """
    _refuse_year(text, field)
    if _DATE.fullmatch(text):
        return datetime.combine(_day(text, field), time(), zone), text
    if not _MOMENT.fullmatch(text):
        raise _odd_date(text, field, "2026-08-01 or 2026-08-01T14:03:00-03:00")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _no_such(field, "a date and a time that exist") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return moment, moment.isoformat(timespec="seconds")


def parse_delivery_date(text: str) -> str:
    """Return `estimatedDeliveryDate`, an ISO date."""
    field = "estimatedDeliveryDate"
    if not _DATE.fullmatch(text):
        raise _odd_date(text, field, "2026-08-01")
    _refuse_year(text, field)
    return _day(text, field).isoformat()


def refuse_placeholder(moment: datetime, now: datetime, field: str) -> None:
    """Refuse a date that stands for a missing one, such as 2000-01-01."""
    if not is_real_date(moment, now):
        raise _out_of_range(field, now + LATEST_AFTER_RECEIPT)


def _refuse_year(text: str, field: str) -> None:
    """Refuse a date whose year alone says that it stands for a missing one."""
    begins = _DATE.match(text)
    if begins and not EARLIEST.year <= int(text[:4]) <= LATEST_YEAR:
        raise _out_of_range(field, date(LATEST_YEAR, 12, 31))


def _out_of_range(field: str, latest: date) -> InvalidLabel:
    return InvalidLabel(
        f"out of range: not between {EARLIEST:%Y-%m-%d} and {latest:%Y-%m-%d}",
        field=field,
        hint="send the date, or remove the field",
        code=ProblemCode.INVALID_DATE,
    )


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _no_such(field, "a date that exists") from None


def _odd_date(text: str, field: str, example: str) -> InvalidLabel:
    return InvalidLabel(
        "not an ISO 8601 date",
        field=field,
        hint=f"write {_turned(text) or example}",
        code=ProblemCode.INVALID_DATE,
    )


def _turned(text: str) -> str | None:
    """Return a date that begins with the day in ISO 8601; None if it is none."""
    found = _DAY_FIRST.fullmatch(text.strip())
    if found is None:
        return None
    day, _, month, year = found.groups()
    turned = f"{year}-{month:0>2}-{day:0>2}"
    with suppress(ValueError):
        return date.fromisoformat(turned).isoformat()
    return None


def _no_such(field: str, needed: str) -> InvalidLabel:
    return InvalidLabel(
        "has a day, a month or a time that does not exist",
        field=field,
        hint=f"write {needed}",
        code=ProblemCode.INVALID_DATE,
    )


def compare_key(key: NfeKey, number: str) -> Iterator[CodedWarning]:
    """Yield a warning if the key belongs to another invoice number."""
    groups = {g.lstrip("0") for g in re.findall(r"\d+", number)}
    if key.number not in groups and key.key != number:
        yield CodedWarning(
            WarningCode.INVOICE_KEY_OF_OTHER_INVOICE,
            f"belongs to invoice {key.number}, but invoiceNumber is {number}; correct "
            "the wrong one",
            "invoiceKey",
        )


class DatedRequest(Protocol):
    """A request with the two dates of a parcel."""

    @property
    def dispatched_date(self) -> str | None:
        """When it left the warehouse."""

    @property
    def estimated_delivery_date(self) -> str | None:
        """The promised day."""


def resolve_dates(
    request: DatedRequest, zone: ZoneInfo, now: datetime
) -> tuple[dict[str, Any], list[CodedWarning]]:
    """Return the dates in *request*, and warnings.

    Raises `InvalidLabel` with the field at fault.
    """
    dates: dict[str, Any] = {}
    warnings: list[CodedWarning] = []
    if request.dispatched_date is not None:
        moment, published = parse_dispatched_date(request.dispatched_date, zone)
        refuse_placeholder(moment, now, "dispatchedDate")
        dates |= {"dispatched_at": moment, "dispatched_date": published}
        if moment > now:
            warnings.append(
                CodedWarning(
                    WarningCode.DISPATCHED_DATE_FUTURE,
                    "in the future, so an earlier delivery would be quarantined; "
                    "correct it if it is wrong",
                    "dispatchedDate",
                )
            )
    if request.estimated_delivery_date is not None:
        dates["promised_on"] = parse_delivery_date(request.estimated_delivery_date)
    return dates, warnings
