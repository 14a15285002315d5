"""Write the folders of a new adapter, from templates and a sample."""

import json
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from relay.adapters.times import iso, local
from relay.domain.event_time import SECOND, EventTime
from relay.errors import ConfigurationError
from relay.scaffold.inference import Inference
from relay.scaffold.sample import json_value, leaves
from relay.scaffold.sample_times import EPOCHS, TimeField

ZONE: Final = "America/Sao_Paulo"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_WHEN: Final = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def write_adapter(name: str, sample: bytes, found: Inference, root: Path) -> list[Path]:
    """Write `carriers/<name>` and `tests/carriers/<name>` under *root*.

    Returns the files. Raises `ConfigurationError` if the name is invalid or taken,
    or if a field that every adapter needs was not inferred from the sample.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigurationError(
            f"{name}: invalid name; use lower-case letters, digits and underscores"
        )
    folders = (root / "carriers" / name, root / "tests" / "carriers" / name)
    for folder in folders:
        if folder.exists():
            raise ConfigurationError(f"{folder}: already exists; choose another name")
    contents = dict(_contents(name, sample, Fields.of(found)))
    for path, content in contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return [root / path for path in contents]


@dataclass(frozen=True, slots=True)
class Fields:
    """The inferred fields as the templates need them: paths of keys.

    `layout` is the `strptime` layout of the times, empty for ISO 8601.
    """

    scans: tuple[str, ...]
    number: tuple[str, ...]
    number_in_scan: bool
    kind: str
    code: tuple[str, ...]
    time: tuple[str, ...]
    text: tuple[str, ...]
    layout: str
    happened: TimeField
    scan_list: tuple[Any, ...]

    @classmethod
    def of(cls, found: Inference) -> Self:
        """Return the fields; raise `ConfigurationError` naming what is missing."""
        needed = [one for one in found.unsure if one.field != "text"]
        if needed:
            raise ConfigurationError(
                f"sample: unsure of {needed[0].field}: {needed[0]}; start with "
                "--generic, which lists what may be right, or copy an adapter"
            )
        items, time, number = found.items, found.time, found.number
        if items is None or time is None or number is None or _is_special(found):
            raise ConfigurationError(
                "sample: lists in lists, or times in two fields or as numbers, are not "
                "in the templates; use --generic, or copy an adapter"
            )
        return cls(
            scans=items.levels[0] if items.levels else (),
            number=number.path,
            number_in_scan=number.level == len(items.levels),
            kind=number.kind,
            code=found.code,
            time=time.path,
            text=found.text,
            layout="" if time.layouts[0] == "iso" else time.layouts[0],
            happened=time,
            scan_list=items.items,
        )


def _is_special(found: Inference) -> bool:
    """Whether the templates cannot parse the sample, although `generic` can."""
    items, time = found.items, found.time
    return (
        items is None
        or time is None
        or len(items.levels) > 1
        or time.hour is not None
        or time.layouts[0] in EPOCHS
    )


def _contents(name: str, sample: bytes, found: Fields) -> Iterator[tuple[str, bytes]]:
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
    events = json.dumps(_events(json_value(sample), found), indent=2)
    yield f"{tests}/samples/first.events.json", f"{events}\n".encode()


def filled(template: str, variables: Mapping[str, str]) -> str:
    """Return a template with *variables* filled in."""
    file = files("relay.scaffold").joinpath("templates", f"{template}.txt")
    return Template(file.read_text(encoding="utf-8")).substitute(variables)


def _variables(name: str, sample: bytes, found: Fields) -> dict[str, str]:
    """Return the variables of the templates."""
    value = json_value(sample)
    codes = codes_of(found.code, found.scan_list)
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
        "kind": found.kind.upper(),
        "numbered": "scan" if found.number_in_scan else "notice",
        "shape": json.dumps(_shape(value), indent=2),
        "codes": ", ".join(map(json.dumps, codes)),
        "example": json.dumps(codes[0])[1:-1],
    } | {
        part: _tuple(getattr(found, part))
        for part in ("scans", "number", "code", "time", "text")
    }


def codes_of(code: tuple[str, ...], scans: Iterable[Any]) -> list[str]:
    """Return the distinct codes of *scans*."""
    return list(dict.fromkeys(_text(scan, code) for scan in scans))


def _tuple(path: tuple[str, ...]) -> str:
    """Return a path as a Python tuple, in the formatter's style."""
    inner = ", ".join(map(json.dumps, path))
    return f"({inner},)" if len(path) == 1 else f"({inner})"


def _shape(value: Any) -> Any:
    """Return *value* with one scan, and without any of its values."""
    if isinstance(value, dict):
        return {key: _shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_shape(value[0])] if value else []
    return None


def _events(value: Any, found: Fields) -> list[dict[str, Any]]:
    """Return the expected events of the sample, while the code table is empty."""
    zone = ZoneInfo(ZONE)
    return [
        {
            "references": [
                {
                    "kind": found.kind,
                    "value": _text(
                        scan if found.number_in_scan else value, found.number
                    ),
                }
            ],
            "milestone": "unknown",
            **_time_columns(_happened(scan, found, zone)),
            "description": _text(scan, found.text) if found.text else "",
            "carrier_code": _text(scan, found.code),
            "position": position,
        }
        for position, scan in enumerate(found.scan_list)
    ]


def _happened(scan: Any, found: Fields, zone: ZoneInfo) -> EventTime:
    text = found.happened.text(dict(leaves(scan)))
    return local(text, found.layout, zone) if found.layout else iso(text, zone)


def _time_columns(happened: EventTime) -> dict[str, Any]:
    """Return the fields of an event's time; the usual ones are left out."""
    found: dict[str, Any] = {"occurred_at": happened.at.isoformat()}
    if happened.precision != SECOND:
        found["precision"] = happened.precision.total_seconds()
    return found | ({"midnight": True} if happened.midnight else {})


def _text(value: Any, path: tuple[str, ...]) -> str:
    for key in path:
        value = value[key]
    return str(value).strip()
