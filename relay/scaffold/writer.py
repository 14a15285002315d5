"""Write the folders of a new adapter, from templates and a sample."""

import json
import keyword
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from string import Template
from typing import Any, Final
from zoneinfo import ZoneInfo

from relay.domain.event_time import SECOND, EventTime
from relay.errors import ConfigurationError
from relay.scaffold.inference import Inference, at, first, infer

ZONE: Final = "America/Sao_Paulo"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_WHEN: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def write_adapter(name: str, sample: bytes, root: Path) -> list[Path]:
    """Write `carriers/<name>` and `tests/carriers/<name>` under *root*.

    Returns the files. Raises `ConfigurationError` if the name is invalid or taken,
    or if the sample lacks a field that every adapter needs.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigurationError(
            f"{name}: invalid name; use lower-case letters, digits and underscores"
        )
    folders = (root / "carriers" / name, root / "tests" / "carriers" / name)
    for folder in folders:
        if folder.exists():
            raise ConfigurationError(f"{folder}: already exists; choose another name")
    contents = dict(_contents(name, sample, infer(sample)))
    for path, content in contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return [root / path for path in contents]


def _contents(
    name: str, sample: bytes, found: Inference
) -> Iterator[tuple[str, bytes]]:
    """Yield the content of every file, with its path."""
    variables = _variables(name, sample, found)
    variables["simulated"] = filled("simulated", variables).rstrip()
    adapter, tests = f"carriers/{name}", f"tests/carriers/{name}"
    templates = {
        f"{adapter}/__init__.py": "adapter.py",
        f"{adapter}/payload.py": "payload.py",
        f"{adapter}/sandbox.py": "sandbox.py",
        f"{adapter}/codes.toml": "codes.toml",
        f"{adapter}/README.md": "readme",
        f"{tests}/contract.toml": "contract.toml",
        f"{tests}/signing.py": "signing.py",
        f"{tests}/test_{name}.py": "test.py",
        f"{tests}/README.md": "samples",
    }
    for path, template in templates.items():
        yield path, filled(template, variables).encode()
    yield f"{tests}/samples/first.json", sample
    events = json.dumps(_events(json.loads(sample), found), indent=2)
    yield f"{tests}/samples/first.events.json", f"{events}\n".encode()


def filled(template: str, variables: Mapping[str, str]) -> str:
    """Return a template with *variables* filled in."""
    file = files("relay.scaffold").joinpath("templates", f"{template}.txt")
    return Template(file.read_text(encoding="utf-8")).substitute(variables)


def _variables(name: str, sample: bytes, found: Inference) -> dict[str, str]:
    """Return the variables of the templates."""
    value = json.loads(sample)
    codes = codes_of(sample, found)
    layout = json.dumps(found.layout)
    formatted = f"strftime({layout})" if found.layout else "isoformat()"
    parsed = f"local(scan.happened, {layout}, self._zone)"
    happened = _WHEN.strftime(found.layout) if found.layout else _WHEN.isoformat()
    return {
        "name": name,
        "zone": ZONE,
        "time_reader": "local" if found.layout else "iso",
        "occurred_at": parsed if found.layout else "iso(scan.happened, self._zone)",
        "formatted": formatted,
        "happened": happened,
        "numbered": "scan" if found.number_in_scan else "notice",
        "shape": json.dumps(_shape(value), indent=2),
        "codes": ", ".join(map(json.dumps, codes)),
        "example": json.dumps(codes[0])[1:-1],
    } | {
        part: _tuple(getattr(found, part))
        for part in ("scans", "number", "code", "time", "text")
    }


def codes_of(sample: bytes, found: Inference) -> list[str]:
    """Return the distinct codes of a sample."""
    scans = _listed(json.loads(sample), found)
    return list(dict.fromkeys(_text(scan, found.code) for scan in scans))


def _tuple(path: tuple[str, ...]) -> str:
    """Return a path as a Python tuple, in the formatter's style."""
    inner = ", ".join(map(json.dumps, path))
    return f"({inner},)" if len(path) == 1 else f"({inner})"


def _listed(value: Any, found: Inference) -> list[Any]:
    listed = at(value, found.scans)
    return listed if isinstance(listed, list) else [listed]


def _shape(value: Any) -> Any:
    """Return *value* with one scan, and without any of its values."""
    if isinstance(value, dict):
        return {key: _shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_shape(first(value))] if value else []
    return None


def _events(value: Any, found: Inference) -> list[dict[str, Any]]:
    """Return the expected events of the sample, while the code table is empty."""
    zone = ZoneInfo(ZONE)
    return [
        {
            "references": [
                {
                    "kind": "tracking_number",
                    "value": _text(
                        scan if found.number_in_scan else value, found.number
                    ),
                }
            ],
            "milestone": "unknown",
            **_time_columns(found.happened(scan, zone)),
            "description": _text(scan, found.text) if found.text else "",
            "carrier_code": _text(scan, found.code),
            "position": position,
        }
        for position, scan in enumerate(_listed(value, found))
    ]


def _time_columns(happened: EventTime) -> dict[str, Any]:
    """Return the fields of an event's time; the usual ones are left out."""
    found: dict[str, Any] = {"occurred_at": happened.at.isoformat()}
    if happened.precision != SECOND:
        found["precision"] = happened.precision.total_seconds()
    return found | ({"midnight": True} if happened.midnight else {})


def _text(value: Any, path: tuple[str, ...]) -> str:
    return str(at(value, path)).strip()


_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def generic_contract(name: str, sample: bytes) -> str:
    """Return the settings of contract *name*, guessed from a *sample*.

    Raises `ConfigurationError` if the sample lacks a required field.
    """
    found = infer(sample)
    paths = {
        part: _option_text(_expression(getattr(found, part)))
        for part in ("scans", "number", "code", "time")
    }
    variables = {
        "name": name,
        "url_secret": token_hex(16),
        "zone": ZONE,
        "where": "path" if found.number_in_scan else "document",
        "text": _option_text(_expression(found.text)) if found.text else "[]",
        "layout": _option_text(found.layout or "iso"),
        "codes": "\n".join(
            f'# {_option_text(code)} = {{ milestone = "in_transit" }}'
            for code in codes_of(sample, found)
        ),
        "personal": _text_list([".".join(path) for path in found.personal]),
    }
    return filled("generic.toml", paths | variables)


def _expression(path: tuple[str, ...]) -> str:
    """Return a path of keys as a JMESPath expression; the whole value is `@`."""
    return ".".join(k if _PLAIN.fullmatch(k) else _option_text(k) for k in path) or "@"


def _text_list(values: list[str]) -> str:
    return json.dumps(values, ensure_ascii=False)


def _option_text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
