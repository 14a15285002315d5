"""Why a document or a part of it cannot be parsed, without content of the document."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import walk_tb
from typing import Any, Final

from pydantic import ValidationError

from relay.adapters.protocol import Unreadable
from relay.text import UndecodableText, decode_leniently, decode_text

LONGEST_REASON: Final = 300
MOST_CALLS: Final = 20
"""Calls of a traceback that are stored: the innermost ones."""
SHORTEST_VALUE: Final = 3
"""Shorter values of a document are not masked: they occur in any text."""

_PAGES: Final = (b"<!doctype html", b"<html")
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")


def reason(error: BaseException, body: bytes, content_type: str = "") -> str:
    """Return why a document cannot be parsed, without any content of it.

    Documents hold personal data, and the reason is stored, logged and shown.
    """
    text = ContentMask(decode_leniently(body, content_type)).reason(error)
    try:
        decode_text(body, content_type)
    except UndecodableText as undecodable:
        text = f"the body is {undecodable} ({text})"
    start = body.removeprefix(BOM_UTF8).lstrip()[:20].lower()
    if start.startswith(_PAGES):
        text = f"the body is a web page, not data ({text})"
    elif start.startswith(b"<") and _is_no_json(error):
        text = f"the body is XML, not JSON ({text})"
    return text[:LONGEST_REASON]


def _is_no_json(error: BaseException) -> bool:
    """Whether *error* is that of a JSON parser; an adapter may well parse XML."""
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_url=False)
        return any(each["type"] == "json_invalid" for each in found)
    return isinstance(error, json.JSONDecodeError)


def trace(error: BaseException) -> str:
    """Return the calls that led to *error*, innermost last, without any content."""
    calls = [
        f"{'/'.join(Path(frame.f_code.co_filename).parts[-3:])}:{line} "
        f"in {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    return "\n".join(calls[-MOST_CALLS:])


def _message(error: BaseException) -> str:
    """Return the message of *error*; that of a faulty class of errors is left out."""
    try:
        return _validation(error) if isinstance(error, ValidationError) else str(error)
    except Exception:  # noqa: BLE001 -- an adapter's class of errors
        return "its message cannot be shown"


def _validation(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    named = [(".".join(map(str, e["loc"])), e["msg"]) for e in found[:3]]
    return "; ".join(f"{path}: {says}" if path else says for path, says in named)


class ContentMask:
    """Masks the values of one document in messages about its errors."""

    def __init__(self, text: str) -> None:
        self._text = text
        try:
            values = set(_values(json.loads(text)))
        except (ValueError, RecursionError):
            self._values: list[str] | None = None
        else:
            self._values = sorted(values, key=len, reverse=True)

    def reason(self, error: BaseException) -> str:
        """Return the message of *error*, without content of the document."""
        if isinstance(error, Unreadable):
            text = str(error) if error.fixed else self._masked(_message(error))
        else:
            text = f"{type(error).__name__}: {self._masked(_message(error))}"
        return text[:LONGEST_REASON]

    def _masked(self, message: str) -> str:
        """Mask the values of the document, and quoted parts that occur in it."""
        if self._values is None:
            return _QUOTED.sub(_hidden_if(self._text.__contains__), message)
        for value in self._values:
            if value in message:
                message = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", message)
        return _QUOTED.sub(_hidden_if(frozenset(self._values).__contains__), message)


def _hidden_if(is_content: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
    def hidden(found: re.Match[str]) -> str:
        quoted = found[0][1:-1]
        return f"{found[0][0]}…{found[0][0]}" if is_content(quoted) else found[0]

    return hidden


def _values(value: Any) -> Iterator[str]:
    """Yield the strings and numbers in a JSON value, as error messages spell them."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _values(part)
    elif not isinstance(value, bool) and value is not None:
        text = str(value)
        if len(text) >= SHORTEST_VALUE:
            yield text
            yield repr(text)[1:-1]
