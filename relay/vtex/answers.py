"""What an answer of VTEX means for the relay, and what an operator can do."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import Final


class Meaning(Enum):
    """What the relay makes of an answer."""

    ACCEPTED = "accepted"  # settle
    REFUSED = "refused"  # stuck, with VTEX's words
    FORBIDDEN = "forbidden"  # close the account's gate for that kind of call
    NOT_YET = "not_yet"  # order or invoice unknown: postpone, slower and slower
    UNAVAILABLE = "unavailable"  # postpone; may be an outage
    BUSY = "busy"  # close the account's gate for a while
    MISCONFIGURED = "misconfigured"  # a redirect, never followed

    @property
    def doubtful_for_writes(self) -> bool:
        """Whether a write with this answer may have been carried out, or still be.

        All of UNAVAILABLE: a 5xx often comes from a proxy that has stopped
        waiting, and so does 408. 409 and 425 should mean "not carried out", but
        VTEX does not document them for these calls, and a doubt costs one wait
        and one read where a wrong certainty costs a second write. BUSY is none:
        429 and 503 are given before the order is touched.
        """
        return self is Meaning.UNAVAILABLE


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
_ORDER_OR_INVOICE: Final = re.compile(r"\b(order|invoice) not found", re.IGNORECASE)


def meaning(status: int, words: str, payload: object) -> Meaning:
    """Return what an answer means; a 2xx is accepted whatever its body.

    A status that HTTP does not have is UNAVAILABLE: it says nothing.
    """
    if status == HTTPStatus.NOT_FOUND:
        return Meaning.NOT_YET if _is_not_yet(words, payload) else Meaning.REFUSED
    by_hundred = _BY_HUNDRED.get(status // 100, Meaning.UNAVAILABLE)
    return _BY_STATUS.get(status, by_hundred)


def _is_not_yet(words: str, payload: object) -> bool:
    """Whether a 404 is about the order or invoice, rather than about the route.

    VTEX says the first with an `error` object (Orders API: OMS007) or in words
    (known issue 631970: "Invoice Not Found"), the second with ASP.NET's problem
    details (known issue 1302085) or a page. Saying nothing is "not yet": an
    invoice that comes late is the usual 404, and waiting mends it.
    """
    if isinstance(payload, dict) and isinstance(payload.get("error"), dict):
        return True
    if isinstance(payload, dict) and "title" in payload:
        return False
    return not words or bool(_ORDER_OR_INVOICE.search(words))


def hint_for(meaning: Meaning, status: int, words: str, invoice_number: str) -> str:
    """Return what an operator should do about an answer; empty if nothing."""
    match meaning:
        case Meaning.ACCEPTED:
            return ""
        case Meaning.FORBIDDEN:
            return _KEYS if status == HTTPStatus.UNAUTHORIZED else _PERMISSIONS
        case Meaning.NOT_YET:
            return _ORDER if "order not found" in words.lower() else _INVOICE
        case Meaning.BUSY:
            return _BUSY
        case Meaning.MISCONFIGURED:
            return _REDIRECT
        case _:  # refused or unavailable
            return _about_number(invoice_number) or _otherwise(meaning, status)


def _about_number(invoice_number: str) -> str:
    """Return the hint about an invoice number that VTEX cannot address."""
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
    "VTEX does not know the key pair: check the account's app key and app token,"
    " and that the key belongs to this account, is active, and has the permissions"
    " Notify invoice to write and View order to read."
)
_PERMISSIONS: Final = (
    "The key's role lacks a permission: Notify invoice to write, View order to read"
    " (Account settings, Access profiles, product OMS)."
)
_ORDER: Final = (
    "VTEX does not know the order in this account: check the account and the order"
    " id; orders older than two years are not found either."
)
_INVOICE: Final = (
    "VTEX does not show the invoice yet: the ERP must invoice the order in VTEX,"
    " with the number written exactly as on the label."
)
_BUSY: Final = "VTEX asks for a pause; the relay goes on by itself."
_REDIRECT: Final = (
    "VTEX's address redirects, which is never followed: set base_url to"
    " https://ACCOUNT.vtexcommercestable.com.br"
)
_SPACES: Final = (
    "The invoice number holds a blank. VTEX answers 500 to every update of such an"
    " invoice and cannot mend it (VTEX: known issue 409225); tracking can only go"
    " into the invoice when the ERP sends it. Use letters and digits alone."
)
_SLASH: Final = (
    "The invoice number holds a slash, which VTEX cannot address, encoded or not"
    " (VTEX: known issue 1302085). Update this invoice in VTEX's Admin, and use"
    " letters and digits alone."
)
_SPECIAL: Final = (
    "The invoice number holds special characters, with which VTEX has trouble"
    " (VTEX: known issue 953285). Use letters and digits alone."
)
_OUTAGE: Final = (
    "VTEX is in trouble: see status.vtex.com; if other shipments go through, look"
    " at this order in VTEX's Admin."
)
_ROUTE: Final = (
    "VTEX does not know the call: check that base_url is"
    " https://ACCOUNT.vtexcommercestable.com.br"
)
_FIELD: Final = "VTEX refuses a value: its words say which; correct it, then retry."
LIMIT: Final = 500
"""The most characters of VTEX's words that are kept."""
_SHORTEST_SECRET: Final = 8  # a shorter one would cut ordinary words
_DEEPEST: Final = 4
_TELLING: Final = ("message", "title", "detail", "description", "error", "errors")
_TAG: Final = re.compile(r"<[^>]*>")


def error_text(payload: object, text: str, *, secrets: Sequence[str] = ()) -> str:
    """Return the message in an error's *payload*, else its *text*; bounded.

    Shapes seen: `{"error": {"code", "message"}}` (VTEX Orders API, 401 and 404),
    ASP.NET problem details with `errors` by field (Feed v3, 400), `{"message"}`,
    lists of errors, plain text and pages. Trace ids are left out, so that the same
    trouble has the same words. *secrets* are blotted out should they be echoed.
    """
    said = ". ".join(part.rstrip(". ") for part in _said(payload, 0) if part.strip())
    words = " ".join((said or _plain(text)).split())
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            words = words.replace(secret, "***")
    return words[:LIMIT]


def _said(value: object, depth: int) -> Iterator[str]:
    """Yield the texts of *value* that speak to a reader."""
    if isinstance(value, str):
        yield value
    elif depth > _DEEPEST:
        return
    elif isinstance(value, list):
        for item in value:
            yield from _said(item, depth + 1)
    elif isinstance(value, dict):
        yield from _said_by_keys(
            {str(key).lower(): inner for key, inner in value.items()}, depth
        )


def _said_by_keys(fields: dict[str, object], depth: int) -> Iterator[str]:
    code = fields.get("code")
    for key in _TELLING:
        inner = fields.get(key)
        if key == "errors" and isinstance(inner, dict):
            for field, texts in inner.items():
                yield from (f"{field}: {text}" for text in _said(texts, depth + 1))
            continue
        for text in _said(inner, depth + 1):
            yield f"{text} ({code})" if code and key == "message" else text


def _plain(text: str) -> str:
    """Return *text* without tags if it is a page, and without control characters."""
    readable = _TAG.sub(" ", text) if text.lstrip().startswith("<") else text
    return "".join(c if c.isprintable() else " " for c in readable)


def seconds_to_wait(header: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` *header*, seconds or HTTP-date, as seconds from *now*.

    None if there is none or it cannot be read; a date that has passed is 0.
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
