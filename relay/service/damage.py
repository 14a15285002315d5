"""Rows that cannot be shown whole: shown in part, logged and counted once each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import EnumMeta
from functools import cache
from typing import Any, Final, Literal, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from relay.clock import EPOCH, moment
from relay.logs import logger
from relay.service.models import StoredRow
from relay.store.worklist_queries import WorkList

R = TypeVar("R", bound=StoredRow)

MOST_NOTED: Final = 10_000
"""Rows that are remembered as logged; with more of them all are logged again."""
_PLACEHOLDERS: Final[tuple[Any, ...]] = (None, "", 0, False, EPOCH, (), {})
"""What is shown in place of a value that cannot be: the first that the field allows."""

_log = logger(__name__)


def _ignore(_: str) -> None:
    """Do not count: no metrics are served."""


@dataclass(slots=True)
class DamageLog:
    """Logs and counts each damaged row once; `count` gets the kind of row."""

    count: Callable[[str], None] = _ignore
    log: bool = True
    _noted: set[tuple[str, object]] = field(default_factory=set)

    def note(self, kind: str, id_: object, error: Exception) -> None:
        """Log and count a row of *kind* that could not be shown whole."""
        if (kind, id_) in self._noted:
            return
        if len(self._noted) >= MOST_NOTED:
            self._noted.clear()
        self._noted.add((kind, id_))
        self.count(kind)
        if self.log:
            _log.error("damaged row", kind=kind, id=id_, exc_info=error)


@dataclass(frozen=True, slots=True)
class RowGuard:
    """Builds each row by itself; `columns` are those of renamed fields."""

    log: DamageLog
    kind: str
    id_column: str
    columns: Mapping[str, str] = field(default_factory=dict)

    def shown(
        self, build: Callable[[], R], model: type[R], row: Mapping[str, Any]
    ) -> R:
        """Return what *build* makes of a row; if it fails, what can be shown of it."""
        try:
            return build()
        except Exception as error:  # noqa: BLE001 -- one odd row must not hide others
            self.log.note(self.kind, row[self.id_column], error)
            return _salvaged(model, self.columns, row, error)


def _salvaged(
    model: type[R],
    columns: Mapping[str, str],
    row: Mapping[str, Any],
    error: Exception,
) -> R:
    """Return a row field by field, with placeholders for what cannot be shown."""
    values: dict[str, Any] = {}
    names = set(row.keys())
    for name, described in model.model_fields.items():
        column = columns.get(name, name)
        value = row[column] if column in names else None
        values[name] = _value(value, described.annotation)
    values["damage"] = damage_text(error)
    return cast("R", model.model_construct(**values))


def damage_text(error: Exception) -> str:
    """Return why a row cannot be shown whole, in one line."""
    problem = str(error).partition("\n")[0]
    return f"stored row is damaged: {type(error).__name__}: {problem}"


def _value(value: Any, annotation: Any) -> Any:
    """Return a column's value as a field has it, else a placeholder."""
    adapter = _adapter(annotation)
    for candidate in (value, _time(value)):
        try:
            return adapter.validate_python(candidate, strict=True)
        except ValidationError:
            continue
    return _placeholder(annotation)


def _time(value: Any) -> Any:
    """Return stored microseconds as a time; None for what is not a time."""
    if not isinstance(value, int):
        return None
    try:
        return moment(value)
    except (OverflowError, ValueError):
        return None


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


@cache
def _placeholder(annotation: Any) -> Any:
    """Return the first placeholder that a field of this type allows."""
    if isinstance(annotation, EnumMeta):
        return next(iter(annotation))
    if get_origin(annotation) is Literal:
        return get_args(annotation)[0]
    for candidate in _PLACEHOLDERS:
        try:
            return _adapter(annotation).validate_python(candidate, strict=True)
        except ValidationError:
            continue
    assert issubclass(annotation, BaseModel)  # noqa: S101 -- the only other kind
    empty = {n: _placeholder(f.annotation) for n, f in annotation.model_fields.items()}
    return annotation.model_construct(**empty)


_NUMBERED: Final[Mapping[WorkList, tuple[str, str]]] = {
    WorkList.QUARANTINED: ("event", "event"),
    WorkList.UNMATCHED: ("event", "event"),
    WorkList.UNKNOWN_CODES: ("event", "event"),
    WorkList.UNREADABLE: ("document", "document"),
    WorkList.REJECTED: ("request", "rejected_request"),
    WorkList.REFUSED: ("refusal", "refusal"),
}
_RENAMED: Final = {
    "carrier_code": "code",
    "unmatched_reason": "because",
    "request": "rejected_request",
    "rejected_reason": "reason",
    "last_received_at": "received_at",
    "example": "description",
    "vtex_response": "vtex_said",
    "since": "stuck_at",
}


def row_guard(name: WorkList, log: DamageLog) -> RowGuard:
    """Return the guard of the rows of a work list."""
    kind, column = _NUMBERED.get(name, ("shipment", "id"))
    return RowGuard(log, kind, column, _RENAMED)
