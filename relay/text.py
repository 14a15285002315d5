"""Turn bytes from outside into text, and make text safe to store and to show."""

import json
import re
import unicodedata
from codecs import BOM_UTF8
from typing import Any, Final

_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPES: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<lone>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
"""Escapes of a JSON text: a pair of surrogates, a lone one, any other."""
UNSTORABLE: Final = "\0"
"""Stands for a lone surrogate in a request; no database stores either."""
_CHARSET: Final = re.compile(r'charset="?([\w.:-]+)', re.IGNORECASE)


class UndecodableText(ValueError):
    """Bytes that are not text in UTF-8, nor in the charset that was declared.

    `position` is the place of the first byte at fault.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def decode_text(body: bytes, content_type: str = "") -> tuple[str, str]:
    """Return the text of *body*, without a byte order mark, and its encoding.

    Unicode comes first, as in RFC 4627 and RFC 8259: a wrong charset is declared more
    often than other text is valid UTF-8. Raises `UndecodableText`.
    """
    encoding: str = json.detect_encoding(body)
    try:
        return body.decode(encoding), encoding
    except UnicodeDecodeError as error:
        position = error.start
    named = _CHARSET.search(content_type)
    if named is None:
        message = "not UTF-8 text, and no charset is declared"
        raise UndecodableText(message, position)
    try:
        return body.decode(named[1]), named[1]
    except (LookupError, ValueError):
        message = "not UTF-8 text, nor text in its charset"
        raise UndecodableText(message, position) from None


def as_utf8(body: bytes, content_type: str = "") -> bytes:
    """Return *body* in UTF-8 without a byte order mark; raise `UndecodableText`."""
    if body.isascii() and b"\0" not in body:
        return body
    text, encoding = decode_text(body, content_type)
    return body if encoding == "utf-8" else text.encode()


def without_lone_surrogates(body: bytes, instead: str) -> bytes:
    """Return the JSON in *body* with the character *instead* of lone surrogates.

    JSON can escape half of a character (RFC 8259, section 8.2), and parsers refuse the
    whole text for it.
    """
    if not _HALF.search(body):
        return body
    escape = json.dumps(instead)[1:-1].encode()
    return _ESCAPES.sub(lambda m: escape if m["lone"] else m[0], body)


def plain_name(name: str) -> str:
    """Return a name for comparison: without case, accents and repeated spaces."""
    parts = unicodedata.normalize("NFKD", name.casefold())
    return " ".join("".join(c for c in parts if not unicodedata.combining(c)).split())


def decode_leniently(body: bytes, content_type: str = "") -> str:
    """Return the text of *body* for people; what cannot be decoded is replaced."""
    try:
        return decode_text(body, content_type)[0]
    except UndecodableText:
        return body.removeprefix(BOM_UTF8).decode(errors="replace")


def escaped(text: str, allowed: str = "") -> str:
    """Return *text* with every character escaped that could act on a terminal.

    These are control characters (ESC, C1, line ends), invisible ones, and those that
    change the direction of text (https://www.unicode.org/reports/tr9/). Those in
    *allowed* stay, and unusual spaces become plain ones.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in allowed else _escape(c) for c in text)


def escaped_json(text: str) -> str:
    """Return a JSON text with them escaped as JSON does; newlines stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text
    )


def _escape(character: str) -> str:
    is_space = unicodedata.category(character) == "Zs"
    return " " if is_space else repr(character)[1:-1]


def storable(text: str) -> str:
    """Replace what a database cannot store: NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    # PostgreSQL rejects both: https://www.postgresql.org/docs/current/datatype-character.html
    valid = text.encode("utf-8", "replace").decode()
    return valid.replace("\0", "\N{REPLACEMENT CHARACTER}")


def storable_json(value: Any) -> Any:
    """Return a parsed JSON *value* with every text in it storable."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [storable_json(part) for part in value]
    if isinstance(value, dict):
        return {storable(key): storable_json(part) for key, part in value.items()}
    return value
