"""The fields of a label in bodies of VTEX's form, as ERPs and hubs really send them."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from relay.domain.fiscal import NfeKey
from relay.errors import InvalidLabel
from relay.problem_codes import ProblemCode

_NO_DATE: Final = "0001-01-01"
"""What .NET writes for a date without a value."""
_BLANK: Final = re.compile(r"(?<=\d{4}-\d{2}-\d{2}) +(?=\d)", re.ASCII)
LABEL_FIELDS: Final = ("trackingNumber", "trackingUrl", "courier", "dispatchedDate")
"""The fields of *update order's partial invoice* (VTEX Orders API)."""


def label_fields(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a label in *body*; those without a value are left out.

    Numbers become strings, and `2026-08-01 14:03:00` ISO 8601. Raises `InvalidLabel`
    for a list or an object in place of a text.
    """
    found = {name: text_in(body, name) for name in LABEL_FIELDS}
    date, url = found["dispatchedDate"], found["trackingUrl"]
    found["dispatchedDate"] = "" if date.startswith(_NO_DATE) else _BLANK.sub("T", date)
    if url.lower().startswith("www."):
        found["trackingUrl"] = f"https://{url}"
    return {name: value for name, value in found.items() if value}


def invoice_key_in(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the invoice's key as a field of a label, if it is the key of an NF-e.

    Other countries put their own keys here, which no carrier in Brazil names.
    """
    with suppress(ValueError, InvalidLabel):
        return {"invoiceKey": NfeKey.parse(text_in(body, "invoiceKey")).key}
    return {}


def text_in(body: Mapping[str, Any], name: str) -> str:
    """Return the text or number called *name*, '' for null; raise `InvalidLabel`."""
    value = body.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidLabel(
            "must be a string",
            field=name,
            hint="write it in quotes",
            code=ProblemCode.WRONG_TYPE,
        )
    return str(value).strip()
