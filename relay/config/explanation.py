"""Problems of settings from pydantic's errors, each with its key and a hint."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from relay.adapters.codes import CodeRow
from relay.config.problems import SettingsProblem, set_it
from relay.config.quantities import Duration
from relay.config.schema import TABLES, KeyPath, field_at, is_secret, keys, model_at
from relay.config.settings import Settings
from relay.validation_errors import (
    EMPTY,
    MISSING,
    SETTINGS,
    UNKNOWN,
    FieldProblem,
    Place,
    Schema,
    Translator,
)

_ROW: Final = 4
"""Parts of the path of a row of codes: contracts, name, codes, code."""
_CHOICE: Final = {"literal_error", "enum"}


class SettingsSchema(Schema):
    """The settings that may stand in a table, `_file` forms of secrets included."""

    def names(self, place: Place) -> Sequence[str]:
        """Return the settings of the table at *place*, sorted."""
        path = _texts(place)
        if _is_row((*path, "")):
            return sorted(CodeRow.model_fields)
        model = model_at(path)
        return () if model is None else sorted(keys(model))


def problems_of(error: ValidationError) -> list[SettingsProblem]:
    """Return a problem for each of pydantic's errors; none shows a secret."""
    details = error.errors(include_url=False)
    split = [detail for detail in details if _is_split_code(detail)]
    rows = {_texts(detail["loc"])[:_ROW] for detail in split}
    translated = Translator(SettingsSchema(Settings), SETTINGS).problems(error)
    rest = (found for found in translated if _texts(found.place)[:_ROW] not in rows)
    return [*map(_split_code, split), *map(_explained, rest)]


def _explained(found: FieldProblem) -> SettingsProblem:
    path = _key(found.place)
    if found.kind == MISSING or found.kind in EMPTY:
        hint = _where(path)
    elif found.kind == UNKNOWN or found.kind in _CHOICE:
        hint = found.hint
    else:
        default = _default(field_at(path))
        hint = "; ".join(filter(None, (found.hint, default))) or _where(path)
    return SettingsProblem(".".join(path), found.problem, hint)


def _is_split_code(detail: ErrorDetails) -> bool:
    """Return whether a table is part of a row of codes: TOML splits keys at dots."""
    path = _texts(detail["loc"])
    unknown = detail["type"] == UNKNOWN and len(path) == _ROW + 1
    return unknown and _is_row(path) and isinstance(detail["input"], Mapping)


def _split_code(detail: ErrorDetails) -> SettingsProblem:
    *table, code, part = _texts(detail["loc"])
    code = ".".join([code, *_parts(part, detail["input"])])
    wrong = "TOML reads the dot in this code as another level of tables"
    return SettingsProblem(".".join([*table, code]), wrong, f'quote the code: "{code}"')


def _parts(first: str, value: Any) -> Iterator[str]:
    """Yield what followed the first dot of a code, as far as tables go."""
    yield first
    if isinstance(value, Mapping) and not CodeRow.model_fields.keys() & value.keys():
        for key, below in list(value.items())[:1]:
            yield from _parts(str(key), below)


def _is_row(path: KeyPath) -> bool:
    """Return whether *path* leads into a row of a contract's codes."""
    return len(path) > _ROW and path[0] == "contracts" and path[2] == "codes"


def _texts(place: Place) -> KeyPath:
    return tuple(str(part) for part in place)


def _key(place: Place) -> KeyPath:
    """Return the key at fault; that of an invalid name is the table itself."""
    path = _texts(place)
    named = len(path) == 3 and path[0] in TABLES  # noqa: PLR2004 -- table, name, key
    return path[:-1] if named and path[-1] == "name" else path


def _where(path: KeyPath) -> str:
    """Return the hint where the setting at *path* can be set, files included."""
    name = path[-1]
    in_file = f" (or {name}_file, a file that contains it)" if is_secret(path) else ""
    return set_it(path) + in_file


def _default(field: FieldInfo | None) -> str:
    """Return what a field is without being set, if it has a default."""
    if field is None or field.default in (PydanticUndefined, None, ()):
        return ""
    durations = (one for one in field.metadata if isinstance(one, Duration))
    unit = next(durations, None)
    return f"default: {unit.number(field.default) if unit else field.default}"
