"""JMESPath expressions in settings: found wrong at start-up, pure afterwards."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import jmespath
from jmespath.exceptions import IncompleteExpressionError, JMESPathError
from pydantic import BeforeValidator, InstanceOf

from carriers.generic.shapes import kind
from relay.adapters.protocol import Unreadable

LONGEST_REFERENCE: Final = 200  # characters, as of any reference
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ODD_KEYS: Final = re.compile(r"[\w :/-]+(\.[\w :/-]+)*")


class Expression:
    """One expression; what it finds in a document is never part of its errors."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._compiled = jmespath.compile(text)
        except JMESPathError as error:
            words = f"{text!r} is no JMESPath expression: {_position(error)}"
            raise ValueError(words + _quoted_keys(text)) from None

    def find(self, value: Any) -> Any:
        """Return what the expression finds in *value*; None if there is nothing."""
        try:
            return self._compiled.search(value)
        except JMESPathError:
            pass  # its text may hold a shopper's data
        raise Unreadable(f"the expression {self.text!r} does not fit the document")

    def holds(self, value: Any) -> bool:
        """Whether it finds something true in *value*, as JMESPath understands it."""
        found = self.find(value)
        return found is True or (found is not False and found not in (None, "", [], {}))

    def texts(self, value: Any) -> list[str]:
        """Return the texts it finds in *value*, one or a list; empty ones left out."""
        found = self.find(value)
        several = found if isinstance(found, list) else [found]
        return [text for text in map(self._spelled, several) if text]

    def text_in(self, value: Any) -> str:
        """Return the one text it finds in *value*; a number is spelled."""
        return self._spelled(self.find(value))

    def _spelled(self, found: Any) -> str:
        if found is None:
            return ""
        if isinstance(found, str | int | float) and not isinstance(found, bool):
            return str(found).strip()
        raise Unreadable(f"the expression {self.text!r} finds {kind(found)}, no text")


def _position(error: JMESPathError) -> str:
    """Say where an expression is wrong; the library's own words show all of it."""
    if isinstance(error, IncompleteExpressionError):
        return "it breaks off"
    return f"it is wrong at character {getattr(error, 'lex_position', 0) + 1}"


def _quoted_keys(text: str) -> str:
    """Say how keys such as `Status-Code` are written, if *text* is made of those."""
    if not _ODD_KEYS.fullmatch(text):
        return ""
    keys = text.split(".")
    spelled = ".".join(key if _KEY.fullmatch(key) else f'"{key}"' for key in keys)
    return f"; if it is the name of a key, write '{spelled}'"


def quoted(expressions: Iterable[Expression]) -> str:
    """Name *expressions* as they were written."""
    return ", ".join(repr(expression.text) for expression in expressions)


def first_text(paths: tuple[Expression, ...], value: Any) -> str:
    """Return the first text that one of *paths* finds in *value*."""
    return next((text for path in paths if (text := path.text_in(value))), "")


def _compiled(text: Any) -> Expression:
    if not isinstance(text, str) or not text.strip():
        raise ValueError("it is not a JMESPath expression")
    return Expression(text)


def listed(value: Any) -> Any:
    """Return *value* as a list where one thing stands for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def keyed(key: str) -> BeforeValidator:
    """Read what is no table as a table with that value under *key*."""
    return BeforeValidator(lambda v: v if isinstance(v, Mapping) else {key: v})


Path = Annotated[InstanceOf[Expression], BeforeValidator(_compiled)]
"""An expression in settings."""
Paths = Annotated[tuple[Path, ...], BeforeValidator(listed)]
"""One expression or several; the first that finds something counts."""
