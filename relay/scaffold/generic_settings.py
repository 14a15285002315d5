"""Write a `generic` contract from what was inferred; what is unsure is a comment."""

import json
import re
from collections.abc import Iterable
from secrets import token_hex
from typing import Any, Final

from relay.scaffold.inference import Inference, Unsure
from relay.scaffold.sample import Items, Path
from relay.scaffold.sample_numbers import NumberField
from relay.scaffold.sample_times import TimeField
from relay.scaffold.writer import ZONE, codes_of, filled

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INHERITED: Final = "parcel_number"
"""The name of a number that events inherit from the parcel around them."""


def generic_contract(name: str, found: Inference) -> str:
    """Return the settings of contract *name*.

    A field that is unsure is a commented line per candidate, under a TODO: without it
    the relay refuses the contract, and names the field.
    """
    unsure = {one.field: one for one in found.unsure}
    depends = Unsure("", "depends on events")
    if found.items is None:
        unsure |= dict.fromkeys(("references", "code", "time"), depends)
    scans = found.items.items if found.items and found.code else ()
    codes = codes_of(found.code, scans)
    names = ", ".join(one.field for one in found.unsure)
    return filled(
        "generic.toml",
        {
            "name": name,
            "url_secret": token_hex(16),
            "zone": ZONE,
            "todo": f"# TODO: unsure of {names}; see below.\n" if names else "",
            "events": _events(found, unsure.get("events")),
            "references": _references(found, unsure.get("references")),
            "code": _line("code", found.code, unsure.get("code")),
            "time": _times(found.time, unsure.get("time")),
            "text": _text(found.text, unsure.get("text")),
            "codes": "\n".join(
                f'# {_quoted(code)} = {{ milestone = "in_transit" }}' for code in codes
            ),
            "personal": _listed(".".join(path) for path in found.personal),
        },
    )


def _events(found: Inference, unsure: Unsure | None) -> str:
    if found.items is None:
        return _todo("events", unsure, _event_list)
    number, levels = found.number, len(found.items.levels)
    inherited = number is not None and 0 < number.level < levels
    if number is None or not inherited:
        return _event_list(found.items)
    lists = _listed(map(_expression, found.items.levels))
    inherit = f"{{ {_INHERITED} = {_option(number.path)} }}"
    return f"events = {{ list = {lists}, inherit = {inherit} }}"


def _event_list(items: Items) -> str:
    expressions = [_expression(path) for path in items.levels] or ["@"]
    if len(expressions) == 1:
        return f"events = {_quoted(expressions[0])}"
    return f"events = {_listed(expressions)}"


def _references(found: Inference, unsure: Unsure | None) -> str:
    levels = len(found.items.levels) if found.items else 0

    def line(number: NumberField) -> str:
        where, path = "document", _option(number.path)
        if number.level == levels:
            where = "path"
        elif number.level:
            where, path = "path", _quoted(_INHERITED)
        return f"references = [{{ kind = {_quoted(number.kind)}, {where} = {path} }}]"

    if found.number is None:
        return _todo("references", unsure, line)
    return line(found.number)


def _line(key: str, path: Path, unsure: Unsure | None) -> str:
    if unsure is not None:
        return _todo(key, unsure, lambda one: f"{key} = {_option(one)}")
    return f"{key} = {_option(path)}"


def _times(time: TimeField | None, unsure: Unsure | None) -> str:
    if time is None:
        return _todo("time", unsure, lambda one: "\n".join(map(_time, _each(one))))
    return _time(time)


def _each(time: TimeField) -> list[TimeField]:
    """Return *time* once for each format that fits."""
    return [
        TimeField(time.path, (layout,), time.rank, time.hour) for layout in time.layouts
    ]


def _time(time: TimeField) -> str:
    hour = f"hour = {_option(time.hour)}, " if time.hour else ""
    formats = _listed(time.layouts)
    return f"time = {{ path = {_option(time.path)}, {hour}formats = {formats} }}"


def _text(path: Path, unsure: Unsure | None) -> str:
    if unsure is None and not path:
        return "text = []  # shoppers read the text of the code's row"
    return _line("text", path, unsure)


def _todo(key: str, unsure: Unsure | None, line: Any) -> str:
    """Return a comment with a line for each candidate."""
    why = unsure.why if unsure else "not found"
    several = (
        "remove the # of the right line"
        if unsure and unsure.candidates
        else ("write it yourself")
    )
    lines = [f"TODO {key}: {why}; {several}"]
    for candidate in unsure.candidates if unsure else ():
        lines += line(candidate).split("\n")
    return "\n".join(f"# {one}" for one in lines)


def _expression(path: Path) -> str:
    """Return a path of keys as a JMESPath expression; the whole value is `@`."""
    return ".".join(k if _PLAIN.fullmatch(k) else _quoted(k) for k in path) or "@"


def _option(path: Path) -> str:
    return _quoted(_expression(path))


def _listed(values: Iterable[str]) -> str:
    return json.dumps(list(values), ensure_ascii=False)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
