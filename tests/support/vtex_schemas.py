"""Bodies of the relay's writes against JSON Schemas of what VTEX documents.

The schemas are written from VTEX's documentation, not from the relay's code, so both
cannot have the same fault.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator

from relay.config.account import AccountSettings

FOLDER: Final = Path(__file__).parents[1] / "vtex" / "schemas"
FILES: Final[Mapping[str, str]] = {
    "post_invoice": "post_invoice.json",
    "send_tracking_number": "patch_invoice.json",
    "send_events": "put_tracking.json",
}
"""The schema of each write, by the name of the relay's call."""


def faults(call: str, body: bytes, local: Collection[str] = ()) -> Iterator[str]:
    """Yield what is wrong with the *body* of a call, with the place.

    *local* are the dates of an update that may be without an offset, by their names in
    the schema: `eventDate`, `deliveredDate`.
    """
    checker = _checker(call, frozenset(local))
    for error in checker.iter_errors(json.loads(body)):
        yield f"{call}: {error.json_path}: {error.message}"


def local_dates(account: AccountSettings) -> set[str]:
    """Return the dates that an account asks for without an offset."""
    asked = {"eventDate": account.event_time, "deliveredDate": account.delivered_time}
    if account.delivered_time is None:
        asked["deliveredDate"] = account.event_time
    return {name for name, form in asked.items() if form == "local"}


@cache
def _checker(call: str, local: frozenset[str]) -> Any:
    schema = json.loads((FOLDER / FILES[call]).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    named = schema.get("$defs", {})
    named |= dict.fromkeys(local & named.keys(), named.get("local"))
    return Draft202012Validator(schema)
