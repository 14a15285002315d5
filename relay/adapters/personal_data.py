"""Cuts personal fields out of a document that was read."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

_CHARSET: Final = re.compile(r'charset="?([\w.:-]+)', re.IGNORECASE)
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
Path = tuple[str, ...]


def redact(body: bytes, content_type: str, fields: tuple[str, ...]) -> bytes:
    """Return *body* without *fields*, paths of keys such as `data.receiver.name`.

    A list on the way is entered by itself. Where nothing is cut, or the body is
    not JSON, the very same bytes come back. Carriers send JSON under any content
    type, so of that only the charset is heeded, for a body that is not in Unicode.
    What is left is spelled anew: by ASCII's characters, and a number may be
    written in another way.
    """
    hidden = b"\\u" in body or b"\0" in body  # keys may be spelled otherwise
    paths = [p for p, keys in _paths(fields) if hidden or all(k in body for k in keys)]
    if not paths:
        return body
    try:
        text, encoding = _decoded(body, content_type)
        value = json.loads(text)
        if not any([_cut(value, path) for path in paths]):  # noqa: C419 -- cut them all
            return body
        return json.dumps(value, separators=(",", ":")).encode(encoding)
    except (ValueError, LookupError, RecursionError):
        return body


@lru_cache(maxsize=256)
def _paths(fields: tuple[str, ...]) -> tuple[tuple[Path, tuple[bytes, ...]], ...]:
    """Split *fields*, each with the keys that a body must hold to be worth parsing.

    These are keys that JSON spells in one way, unless by its escapes of characters:
    not `c/d` or `ç`.
    """
    paths = [tuple(field.split(".")) for field in fields]
    plain = [filter(_PLAIN_KEY.fullmatch, path) for path in paths]
    keys = [tuple(b'"%s"' % key.encode() for key in some) for some in plain]
    return tuple(zip(paths, keys, strict=True))


def _decoded(body: bytes, content_type: str) -> tuple[str, str]:
    """Return the text of *body* and its encoding, as JSON detects it by itself."""
    encoding: str = json.detect_encoding(body)
    try:
        return body.decode(encoding), encoding
    except UnicodeDecodeError:
        named = _CHARSET.search(content_type)
        encoding = named[1] if named else encoding
        return body.decode(encoding), encoding


def _cut(value: Any, path: Path) -> bool:
    """Cut *path* out of *value*, in place; tell whether it was there."""
    if isinstance(value, list):
        return any([_cut(item, path) for item in value])  # noqa: C419 -- cut them all
    if not isinstance(value, dict) or path[0] not in value:
        return False
    if len(path) == 1:
        del value[path[0]]
        return True
    return _cut(value[path[0]], path[1:])


_WHO: Final = re.compile(
    r"recipient|receiver|receb|destinat|consignee|customer|cliente|buyer|comprador"
    r"|signat|assinat|firma"
)
"""Names of fields that are about somebody as a whole."""
_WHAT: Final = re.compile(
    r"(^|_)(cpf|rg|dni|documento?|phone|telefone|telefono|celular|mobile|e-?mail"
    r"|latitude|longitude|lat|lng)($|_)"
)
"""Names of single fields that tell who, or where somebody lives."""
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def personal_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of *value*, JSON, that may be about a person.

    A list on the way is entered by itself, as `personal_fields` do.
    """
    if isinstance(value, list):
        for item in value:
            yield from personal_paths(item, path)
    elif isinstance(value, dict):
        for key, part in value.items():
            if part and is_personal(str(key), part):
                yield (*path, str(key))
            else:
                yield from personal_paths(part, (*path, str(key)))


def is_personal(key: str, value: Any) -> bool:
    """Whether the field *key* may be about a person, by its name."""
    spelled = _HUMPS.sub("_", key).lower().replace("-", "_")
    if _WHO.search(spelled):
        return True
    return not isinstance(value, dict | list) and _WHAT.search(spelled) is not None
