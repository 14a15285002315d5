"""Writes the contract of a carrier that needs no adapter of its own."""

import json
import re
from secrets import token_hex
from typing import Final

from relay.scaffold.guessing import guess
from relay.scaffold.writing import ZONE, codes_of, filled

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def generic_contract(name: str, sample: bytes) -> str:
    """Return the settings of contract *name*, guessed from a *sample*.

    Raises `ConfigurationError` if it does not say what must be read.
    """
    found = guess(sample)
    paths = {
        part: _text(_expression(getattr(found, part)))
        for part in ("scans", "number", "code", "time")
    }
    words = {
        "name": name,
        "url_secret": token_hex(16),
        "zone": ZONE,
        "where": "path" if found.number_in_scan else "document",
        "text": _text(_expression(found.text)) if found.text else "[]",
        "layout": _text(found.layout or "iso"),
        "codes": "\n".join(
            f'{_text(code)} = {{ milestone = "unknown" }}'
            for code in codes_of(sample, found)
        ),
        "personal": _text_list([".".join(path) for path in found.personal]),
    }
    return filled("generic.toml", paths | words)


def _expression(path: tuple[str, ...]) -> str:
    """Spell a path of keys as JMESPath does; the whole value is `@`."""
    return ".".join(k if _PLAIN.fullmatch(k) else _text(k) for k in path) or "@"


def _text_list(values: list[str]) -> str:
    return json.dumps(values, ensure_ascii=False)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
