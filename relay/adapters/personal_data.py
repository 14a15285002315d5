"""Remove personal fields from parsed documents, and detect them in samples."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from relay.text import decode_text

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
Path = tuple[str, ...]


def redact(body: bytes, content_type: str, fields: tuple[str, ...]) -> bytes:
    """Return *body* without *fields*, paths of keys such as `data.receiver.name`.

    Lists on the path are entered automatically. If nothing is removed, or the body
    is not JSON, the same bytes are returned. Otherwise the JSON is serialised
    again: in ASCII, and numbers may be formatted differently. Carriers send JSON
    with any content type, so only its charset is used, for a non-Unicode body.
    """
    # A key may be escaped (\u0061) or in UTF-16: then its bytes cannot be searched.
    hidden = b"\\u" in body or b"\0" in body
    paths = [p for p, keys in _paths(fields) if hidden or _has_all(body, keys)]
    if not paths:
        return body
    try:
        text, encoding = decode_text(body, content_type)
        value = json.loads(text)
        if not any([_remove(value, path) for path in paths]):  # noqa: C419 -- remove all
            return body
        return json.dumps(value, separators=(",", ":")).encode(encoding)
    except (ValueError, LookupError, RecursionError):
        return body


def _has_all(body: bytes, keys: tuple[bytes, ...]) -> bool:
    """Whether all *keys* are in *body*; the last one is the most specific."""
    for key in reversed(keys):  # noqa: SIM110 -- a generator takes three times as long
        if key not in body:
            return False
    return True


@lru_cache(maxsize=256)
def _paths(fields: tuple[str, ...]) -> tuple[tuple[Path, tuple[bytes, ...]], ...]:
    """Split *fields* into paths, each with the keys to search for in the bytes.

    A body without those bytes is not parsed at all. Keys such as `c/d` or `ç` have
    several JSON encodings and are not searched for.
    """
    paths = [tuple(field.split(".")) for field in fields]
    plain = [filter(_PLAIN_KEY.fullmatch, path) for path in paths]
    keys = [tuple(b'"%s"' % key.encode() for key in some) for some in plain]
    return tuple(zip(paths, keys, strict=True))


def _remove(value: Any, path: Path) -> bool:
    """Remove *path* from *value*, in place; return whether it existed."""
    if isinstance(value, list):
        return any([_remove(item, path) for item in value])  # noqa: C419 -- remove all
    if not isinstance(value, dict) or path[0] not in value:
        return False
    if len(path) == 1:
        del value[path[0]]
        return True
    return _remove(value[path[0]], path[1:])


_WHO: Final = re.compile(
    r"recipient|receiver|receb|destinat|consignee|customer|cliente|buyer|comprador"
    r"|signat|assinat|firma"
)
"""Names of fields that describe a person."""
_WHAT: Final = re.compile(
    r"(^|_)(cpf|rg|dni|documento?|phone|telefone|telefono|celular|mobile|e-?mail"
    r"|latitude|longitude|lat|lng)($|_)"
)
"""Names of values that identify a person or an address."""
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def personal_paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths in the JSON *value* that may hold personal data.

    Lists on the path are entered automatically, as in `personal_fields`.
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
    """Whether the field *key* may hold personal data, judged by its name."""
    normalised = _HUMPS.sub("_", key).lower().replace("-", "_")
    if _WHO.search(normalised):
        return True
    return not isinstance(value, dict | list) and _WHAT.search(normalised) is not None
