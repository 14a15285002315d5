"""Turns pydantic's errors into findings that name the key and the way out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from relay.adapters.codes import CodeRow
from relay.adapters.options import closest
from relay.config.problems import SettingsProblem, set_it
from relay.config.schema import TABLES, KeyPath, field_at, is_secret, keys, model_at

_EMPTY = {"string_too_short", "too_short"}
_CHOICE = {"literal_error", "enum"}
_ROW: Final = 4
"""Parts of the path of a row of codes: contracts, name, codes, code."""


def problems_of(error: ValidationError) -> list[SettingsProblem]:
    """Return a finding for each of pydantic's errors; none shows a secret."""
    details = error.errors(include_url=False)
    split = [detail for detail in details if _is_split_code(detail)]
    rows = {_path(detail, {})[:_ROW] for detail in split}
    rest = (detail for detail in details if _path(detail, {})[:_ROW] not in rows)
    return [*map(_split_code, split), *map(_finding, rest)]


def _finding(detail: ErrorDetails) -> SettingsProblem:
    context = detail.get("ctx", {})
    path = _path(detail, context)
    wrong, hint = _words(detail["type"], path, context, detail["msg"])
    return SettingsProblem(".".join(path), wrong, hint)


def _is_split_code(detail: ErrorDetails) -> bool:
    """Whether a table stands in a row of codes: TOML has split a code at its dots."""
    path = _path(detail, {})
    unknown = detail["type"] == "extra_forbidden" and len(path) == _ROW + 1
    return unknown and _is_row(path) and isinstance(detail["input"], Mapping)


def _split_code(detail: ErrorDetails) -> SettingsProblem:
    *table, code, part = _path(detail, {})
    code = ".".join([code, *_parts(part, detail["input"])])
    wrong = "TOML takes a dot in a code for another level of tables"
    return SettingsProblem(".".join([*table, code]), wrong, f'quote the code: "{code}"')


def _parts(first: str, value: Any) -> Iterator[str]:
    """Yield what followed the first dot of a code, as far as tables go."""
    yield first
    if isinstance(value, Mapping) and not CodeRow.model_fields.keys() & value.keys():
        for key, below in list(value.items())[:1]:
            yield from _parts(str(key), below)


def _is_row(path: KeyPath) -> bool:
    """Whether *path* leads into a row of a contract's codes."""
    return len(path) > _ROW and path[0] == "contracts" and path[2] == "codes"


def _path(detail: ErrorDetails, context: dict[str, Any]) -> KeyPath:
    """Return the key at fault; a wrong name of a table is the table's fault."""
    path = tuple(str(part) for part in detail["loc"])
    if context.get("field"):
        path += (context["field"],)
    named = len(path) == 3 and path[0] in TABLES  # noqa: PLR2004 -- table, name, key
    return path[:-1] if named and path[-1] == "name" else path


def _words(
    kind: str, path: KeyPath, context: dict[str, Any], text: str
) -> tuple[str, str]:
    if kind == "setting":
        return context["message"], context["hint"]
    if kind == "extra_forbidden":
        return "there is no such setting", _meant(path)
    if kind == "missing":
        return "it is missing", _settable(path)
    if kind in _EMPTY:
        return "it is empty", _settable(path)
    if kind in _CHOICE:
        return "it is not one of the known values", f"use {context['expected']}"
    return _lowered(text), _default(field_at(path)) or _settable(path)


def _meant(path: KeyPath) -> str:
    """Say which key was probably meant, else which there are."""
    model = model_at(path[:-1])
    known = frozenset[str]() if model is None else keys(model)
    if _is_row(path):
        known = frozenset(CodeRow.model_fields)
    meant = closest(path[-1], known)
    if meant:
        return f"is {meant} meant?"
    return f"remove it; known here: {', '.join(sorted(known))}"


def _settable(path: KeyPath) -> str:
    name = path[-1]
    in_file = f" (or {name}_file, a file that holds it)" if is_secret(path) else ""
    return set_it(path) + in_file


def _lowered(text: str) -> str:
    return text.replace("Input should be", "it should be")


def _default(field: FieldInfo | None) -> str:
    """Say what a field is without being set, if it is anything."""
    if field is None or field.default in (PydanticUndefined, None):
        return ""
    return f"its default is {field.default}"
