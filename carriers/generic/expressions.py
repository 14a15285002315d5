"""JMESPath expressions in settings: validated at start-up, pure afterwards.

The language: https://jmespath.org/specification.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Final

import jmespath
from jmespath import functions
from jmespath.exceptions import IncompleteExpressionError, JMESPathError
from pydantic import BeforeValidator, InstanceOf

from relay.adapters.protocol import Unreadable

LONGEST_REFERENCE: Final = 200
"""In characters; the limit of every `Reference`."""
_LONGEST_SHAPE: Final = 40
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYS: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_ODD_KEYS: Final = re.compile(r"[\w :/-]+(\.[\w :/-]+)*")


class _Functions(functions.Functions):
    """The functions of JMESPath, except that a missing value stays missing.

    By the specification `to_string` of a missing value is the text "null", which would
    be the tracking number of every parcel without one.
    """

    @functions.signature({"types": []})
    def _func_to_string(self, arg: Any) -> Any:
        if arg is None or isinstance(arg, str):
            return arg
        return json.dumps(arg, separators=(",", ":"))

    @functions.signature({"types": ["string"]}, {"types": ["array"]})
    def _func_join(self, separator: str, parts: list[Any]) -> str | None:
        if None in parts:
            return None
        if not all(isinstance(part, str) for part in parts):
            raise JMESPathError("join: not a list of strings")
        return separator.join(parts)


_OPTIONS: Final = jmespath.Options(custom_functions=_Functions())


class Expression:
    """A compiled expression; its errors never contain values of the document."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._keys = text.split(".") if _KEYS.fullmatch(text) else None
        try:
            self._compiled = jmespath.compile(text)
        except JMESPathError as error:
            problem = f"{text!r} is not a JMESPath expression: {_position(error)}"
            raise ValueError(problem + _quoted_keys(text)) from None

    def find(self, value: Any) -> Any:
        """Return what the expression finds in *value*, or None."""
        if self._keys is not None:  # most are; the library takes ten times as long
            return _below(self._keys, value)
        try:
            return self._compiled.search(value, options=_OPTIONS)
        except JMESPathError:
            pass  # not chained: the library's message may hold a shopper's data
        raise Unreadable(
            f"the expression {self.text!r} does not fit the document", fixed=True
        )

    def holds(self, value: Any) -> bool:
        """Whether the result is true by JMESPath's rules (0 is true, "" is not)."""
        found = self.find(value)
        return found is True or (found is not False and found not in (None, "", [], {}))

    def texts(self, value: Any) -> list[str]:
        """Return the strings found in *value*, one or a list, without empty ones."""
        found = self.find(value)
        several = found if isinstance(found, list) else [found]
        return [text for text in map(self._as_text, several) if text]

    def text_in(self, value: Any) -> str:
        """Return the single string found in *value*; numbers are converted."""
        return self._as_text(self.find(value))

    def _as_text(self, found: Any) -> str:
        if found is None:
            return ""
        if isinstance(found, str | int | float) and not isinstance(found, bool):
            return str(found).strip()
        raise Unreadable(
            f"the expression {self.text!r} finds {kind_of(found)}, not a string"
        )


def _below(keys: Iterable[str], value: Any) -> Any:
    """Return what is at a path of *keys*; None if one of them is missing."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _position(error: JMESPathError) -> str:
    """Return where the error is; the library's own message repeats everything."""
    if isinstance(error, IncompleteExpressionError):
        return "it is incomplete"
    return f"error at character {getattr(error, 'lex_position', 0) + 1}"


def _quoted_keys(text: str) -> str:
    """Return how to write keys such as `Status-Code`, if *text* consists of keys."""
    if not _ODD_KEYS.fullmatch(text):
        return ""
    keys = text.split(".")
    quoted_text = ".".join(key if _KEY.fullmatch(key) else f'"{key}"' for key in keys)
    return f"; if it is the name of a key, write '{quoted_text}'"


def quoted(expressions: Iterable[Expression]) -> str:
    """List *expressions* as written in the settings, for messages."""
    return ", ".join(repr(expression.text) for expression in expressions)


def first_text(paths: tuple[Expression, ...], value: Any) -> str:
    """Return the first non-empty string that one of *paths* finds in *value*."""
    return next((text for path in paths if (text := path.text_in(value))), "")


def all_texts(paths: tuple[Expression, ...], value: Any) -> list[str]:
    """Return the strings that *paths* find in *value*, lists included.

    Anything else is left out: it is not shown, so it must not make a part unreadable.
    """
    texts: list[str] = []
    for path in paths:
        with suppress(Unreadable):
            found = path.find(value)
            several = found if isinstance(found, list) else [found]
            texts += [text for text in several if isinstance(text, str) and text]
    return texts


def kind_of(value: Any) -> str:
    """Name the type of a JSON *value*, for messages that must not show the value."""
    named = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return named.get(type(value), "null" if value is None else "a number")


def shape_of(text: str) -> str:
    """Return the shape of *text*: digits as 9, letters as a, at most 40 characters."""
    shape = "".join(map(_shape_sign, text[:_LONGEST_SHAPE]))
    return shape + "…" if len(text) > _LONGEST_SHAPE else shape


def _shape_sign(sign: str) -> str:
    if sign.isdigit():
        return "9"
    if sign.isalpha():
        return "a"
    return sign if sign.isascii() else "?"


def _compiled(text: Any) -> Expression:
    if not isinstance(text, str) or not text.strip():
        raise ValueError("not a JMESPath expression; write it in quotes")
    return Expression(text)


def listed(value: Any) -> Any:
    """Return *value* as a list: one item may be written without brackets."""
    return value if isinstance(value, list | tuple) else [value]


def keyed(key: str) -> BeforeValidator:
    """Accept a value that is not a table as the table with only *key*."""
    return BeforeValidator(lambda v: v if isinstance(v, Mapping) else {key: v})


Path = Annotated[InstanceOf[Expression], BeforeValidator(_compiled)]
"""One expression in settings."""
Paths = Annotated[tuple[Path, ...], BeforeValidator(listed)]
"""One or several expressions in settings; the first that finds something is used."""
