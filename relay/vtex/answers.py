"""What VTEX's answers mean for the relay, and what an operator can do about them."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import Final, Literal


class Meaning(Enum):
    """The meaning of an answer, and what follows from it."""

    ACCEPTED = "accepted"  # settle
    REFUSED = "refused"  # stuck, with VTEX's message
    FORBIDDEN = "forbidden"  # close the account's gate for this kind of call
    NOT_YET = "not_yet"  # no such order or invoice: read the order, look for it, wait
    ORDER_CLOSED = "order_closed"  # cancelled, or about to be: read the order, close
    UNAVAILABLE = "unavailable"  # postpone; a write is unconfirmed
    BUSY = "busy"  # pause the account
    MISCONFIGURED = "misconfigured"  # a redirect: the address is wrong


# A write is unconfirmed after UNAVAILABLE alone. A 5xx or 408 often comes from a proxy
# that stopped waiting. 409 and 425 should mean "not carried out", but VTEX does not
# document them for these calls: one read costs less than a write too many. 429 and 503
# are throttling and are answered before the order is touched (VTEX: load test guide).
_BY_STATUS: Final[dict[int, Meaning]] = {
    HTTPStatus.UNAUTHORIZED: Meaning.FORBIDDEN,
    HTTPStatus.FORBIDDEN: Meaning.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS: Meaning.BUSY,
    HTTPStatus.SERVICE_UNAVAILABLE: Meaning.BUSY,
    HTTPStatus.REQUEST_TIMEOUT: Meaning.UNAVAILABLE,
    HTTPStatus.CONFLICT: Meaning.UNAVAILABLE,
    HTTPStatus.TOO_EARLY: Meaning.UNAVAILABLE,
}
_BY_HUNDRED: Final = {
    2: Meaning.ACCEPTED,
    3: Meaning.MISCONFIGURED,
    4: Meaning.REFUSED,
}
_ORDER_OR_INVOICE: Final = re.compile(
    r"\b(order|invoice) not found|\bnotfound\b", re.IGNORECASE
)
# What VTEX answers to a write of an invoice that it does not have (any more), by code
# in production: to a PUT 400 OMS008, to a PATCH 404 NotFound or 500 OMS001.
_NO_INVOICE: Final = re.compile(r"\bOMS00[18]\b", re.IGNORECASE)
_ORDER_CLOSED: Final = re.compile(r"\bwhen status is cancel", re.IGNORECASE)


Expected = Literal["receipt", "order"]
"""What VTEX answers to a call that it carried out: a write, or a read of an order."""


def meaning(status: int, message: str, payload: object, expected: Expected) -> Meaning:
    """Return what an answer means; a 2xx is accepted only in its documented shape.

    Else it is UNAVAILABLE, because it proves nothing: a proxy, a firewall or a page of
    maintenance answers 200, too. So is a status outside of HTTP's ranges.
    """
    if expected == "receipt" and (found := _about_invoice(status, message, payload)):
        return found
    if status == HTTPStatus.NOT_FOUND:
        return Meaning.NOT_YET if _is_not_yet(message, payload) else Meaning.REFUSED
    by_hundred = _BY_HUNDRED.get(status // 100, Meaning.UNAVAILABLE)
    means = _BY_STATUS.get(status, by_hundred)
    if means is Meaning.ACCEPTED and not _is_documented(payload, expected):
        return Meaning.UNAVAILABLE
    return means


def _about_invoice(status: int, message: str, payload: object) -> Meaning | None:
    """Return the meaning of an error with which VTEX says that the invoice is gone."""
    if status == HTTPStatus.BAD_REQUEST and _ORDER_CLOSED.search(message):
        return Meaning.ORDER_CLOSED
    if status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR}:
        return None
    said = f"{_code(payload)} {message}"
    return Meaning.NOT_YET if _NO_INVOICE.search(said) else None


def _code(payload: object) -> str:
    """Return the code of an error, which its message may lack."""
    if not isinstance(payload, dict):
        return ""
    error = payload.get("error")
    fields = error if isinstance(error, dict) else payload
    return str(fields.get("code", ""))


def _is_documented(payload: object, expected: Expected) -> bool:
    """Whether a success has VTEX's shape (Orders API: `date`, `orderId`, `receipt`).

    One of the two names is enough for a write: the rest does not matter to the relay.
    """
    if not isinstance(payload, dict) or payload.keys() & {"error", "errors"}:
        return False
    names = ("orderId",) if expected == "order" else ("orderId", "receipt")
    found = [payload.get(name) for name in names]
    return any(isinstance(value, str) and value.strip() for value in found)


def _is_not_yet(message: str, payload: object) -> bool:
    """Whether a 404 is about the order or invoice, not about the route.

    The first has an `error` object (Orders API: OMS007) or a text (known issue 631970:
    "Invoice Not Found"); the second has ASP.NET problem details (known issue 1302085)
    or is a page. An empty 404 counts as "not yet": a late invoice is the usual cause.
    """
    if isinstance(payload, dict) and isinstance(payload.get("error"), dict):
        return True
    if isinstance(payload, dict) and "title" in payload:
        return False
    return not message or bool(_ORDER_OR_INVOICE.search(message))


def hint_for(meaning: Meaning, status: int, message: str, invoice_number: str) -> str:
    """Return how an operator can fix the cause of an answer; empty for a success."""
    match meaning:
        case Meaning.FORBIDDEN:
            return _KEYS if status == HTTPStatus.UNAUTHORIZED else _PERMISSIONS
        case Meaning.NOT_YET:
            return _ORDER if "order not found" in message.lower() else _INVOICE
        case Meaning.REFUSED | Meaning.UNAVAILABLE:
            return _about_one(meaning, status, invoice_number)
        case _:
            return _ALWAYS[meaning]


def _about_one(meaning: Meaning, status: int, invoice_number: str) -> str:
    """Return the hint for an answer that may be about one shipment only."""
    if _BY_HUNDRED.get(status // 100) is Meaning.ACCEPTED:
        return _NOT_VTEX
    return _about_number(invoice_number) or _otherwise(meaning, status)


def _about_number(invoice_number: str) -> str:
    """Return the hint for an invoice number that VTEX cannot address, or nothing."""
    if any(c.isspace() for c in invoice_number):
        return _SPACES
    if "/" in invoice_number or "\\" in invoice_number:
        return _SLASH
    return "" if re.fullmatch(r"[0-9A-Za-z_.-]*", invoice_number) else _SPECIAL


def _otherwise(meaning: Meaning, status: int) -> str:
    if meaning is Meaning.UNAVAILABLE:
        return _OUTAGE
    is_route = status in {
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    }
    return _ROUTE if is_route else _FIELD


_KEYS: Final = (
    "app_key, app_token: VTEX does not accept them; check that the key belongs to this"
    " account, is active, and has the permissions Notify invoice and View order."
)
_PERMISSIONS: Final = (
    "The key's role lacks a permission; give it Notify invoice (to write) and View"
    " order (to read) in VTEX: Account settings, Access profiles, product OMS."
)
_ORDER: Final = (
    "orderId: VTEX has no such order in this account; check the account and the order"
    " id (VTEX shows the orders of the last two years only)."
)
_INVOICE: Final = (
    "VTEX does not have the invoice: not yet, or no more because the ERP exchanged it."
    " The relay reads the order and looks for it. The ERP must invoice the order in"
    " VTEX with exactly the number of the label, or register the new number."
)
_CLOSED: Final = (
    "The order is cancelled in VTEX, or its cancellation is requested; the relay reads"
    " it and closes the shipment."
)
_BUSY: Final = "VTEX limits the requests of this account; the relay retries by itself."
_REDIRECT: Final = (
    "base_url: the address redirects, and redirects are not followed; set it to"
    " https://ACCOUNT.vtexcommercestable.com.br"
)
_ALWAYS: Final[dict[Meaning, str]] = {
    Meaning.ACCEPTED: "",
    Meaning.ORDER_CLOSED: _CLOSED,
    Meaning.BUSY: _BUSY,
    Meaning.MISCONFIGURED: _REDIRECT,
}
"""The hints for answers that have one cause only."""
_SPACES: Final = (
    "invoiceNumber: it has a space, so VTEX answers 500 to every update of the"
    " invoice (VTEX: known issue 409225); the ERP can only send the tracking number"
    " with the invoice itself. Use letters and digits only."
)
_SLASH: Final = (
    "invoiceNumber: it has a slash, which VTEX cannot address, encoded or not"
    " (VTEX: known issue 1302085); update this invoice in VTEX's Admin. Use letters"
    " and digits only."
)
_SPECIAL: Final = (
    "invoiceNumber: it has special characters, which VTEX may not process"
    " (VTEX: known issue 953285). Use letters and digits only."
)
_OUTAGE: Final = (
    "VTEX has a problem; see https://status.vtex.com. If other shipments go through,"
    " check this order in VTEX's Admin."
)
_NOT_VTEX: Final = (
    "base_url: the answer is not VTEX's (no orderId, no receipt), so nothing is proven;"
    " check the address and what is between the relay and VTEX (proxy, firewall). The"
    " relay reads the order before it sends again."
)
_ROUTE: Final = (
    "base_url: VTEX does not know the route; check that it is"
    " https://ACCOUNT.vtexcommercestable.com.br"
)
_FIELD: Final = "VTEX refuses a value; its message names it. Correct it, then retry."

LIMIT: Final = 500
"""The most characters of VTEX's message that are stored."""
_SHORTEST_SECRET: Final = 8  # replacing a shorter one would damage ordinary text
_DEEPEST: Final = 4
_MESSAGE_KEYS: Final = ("message", "title", "detail", "description", "error", "errors")
_TAG: Final = re.compile(r"<[^>]*>")


def error_text(payload: object, text: str, *, secrets: Sequence[str] = ()) -> str:
    """Return the message in an error's *payload*, else its *text*; at most `LIMIT`.

    Known shapes: `{"error": {"code", "message"}}` (VTEX Orders API, 401 and 404),
    ASP.NET problem details with `errors` by field (Feed v3, 400), `{"message"}`, lists
    of errors, plain text and pages. Trace ids are left out, so that the same problem
    has the same message. *secrets* are masked in case VTEX echoes them.
    """
    found = ". ".join(part.rstrip(". ") for part in _texts(payload, 0) if part.strip())
    message = " ".join((found or _plain(text)).split())
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            message = message.replace(secret, "***")
    return message[:LIMIT]


def _texts(value: object, depth: int) -> Iterator[str]:
    """Yield the texts in *value* that are meant for people."""
    if isinstance(value, str):
        yield value
    elif depth > _DEEPEST:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, depth + 1)
    elif isinstance(value, dict):
        yield from _texts_by_key(
            {str(key).lower(): inner for key, inner in value.items()}, depth
        )


def _texts_by_key(fields: dict[str, object], depth: int) -> Iterator[str]:
    code = fields.get("code")
    for key in _MESSAGE_KEYS:
        inner = fields.get(key)
        if key == "errors" and isinstance(inner, dict):
            for field, texts in inner.items():
                yield from (f"{field}: {text}" for text in _texts(texts, depth + 1))
            continue
        for text in _texts(inner, depth + 1):
            yield f"{text} ({code})" if code and key == "message" else text


def _plain(text: str) -> str:
    """Return *text* without control characters, and without tags if it is a page."""
    readable = _TAG.sub(" ", text) if text.lstrip().startswith("<") else text
    return "".join(c if c.isprintable() else " " for c in readable)


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """Parse a `Retry-After` *header*, seconds or HTTP-date, as seconds from *now*.

    Returns None without a valid header, and 0 for a date in the past.
    """
    if header is None:
        return None
    value = header.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        if until.tzinfo is None:
            until = until.replace(tzinfo=UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
