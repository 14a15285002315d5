"""Code tables: what a carrier's codes mean, as data, with overrides per contract."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, ClassVar, Final, Required, TypedDict, Unpack

from pydantic import Field, PrivateAttr, TypeAdapter, ValidationError

from relay.adapters.denials import denies_delivery
from relay.adapters.texts import may_deliver
from relay.domain.event_time import EventTime
from relay.domain.events import (
    MAY_END,
    Effect,
    Milestone,
    Reason,
    Reference,
    TrackingEvent,
    Value,
)
from relay.errors import ConfigurationError


class EventDetails(TypedDict, total=False):
    """What a document adds to the meaning of a code; see `TrackingEvent`."""

    references: Required[tuple[Reference, ...]]
    position: int
    city: str
    state: str
    country: str


class CodeRow(Value):
    """The meaning of one carrier code; `comment` is for maintainers of the table."""

    milestone: Milestone
    reason: Reason | None = None
    effect: Effect = Effect.NORMAL
    final: bool = False
    undoes: tuple[str, ...] = ()
    text: str = Field(default="", description="description where the carrier has none")
    comment: str = ""

    is_mapped: ClassVar[bool] = True
    _denied: bool = PrivateAttr(default=False)

    def event(
        self,
        code: str,
        *,
        occurred_at: EventTime | datetime,
        description: str = "",
        **details: Unpack[EventDetails],
    ) -> TrackingEvent:
        """Return the event of *code*, with the meaning of this row.

        A plain datetime is precise to the second. An empty *description* is replaced
        by the row's `text`. A delivery whose text means a return becomes `returning`.
        """
        if isinstance(occurred_at, datetime):
            occurred_at = EventTime(occurred_at)
        text = description or self.text
        row = self.given(text)
        return TrackingEvent(
            carrier_code=code,
            milestone=row.milestone,
            occurred_at=occurred_at.at,
            precision=occurred_at.precision,
            midnight=occurred_at.midnight,
            reason=row.reason,
            effect=row.effect,
            final=row.final,
            undoes=row.undoes,
            description=text,
            unmapped=not row.is_mapped,
            denied=row._denied,  # noqa: SLF001 -- of this class
            **details,
        )

    def given(self, *texts: str) -> "CodeRow":
        """Return the meaning of this row for an event with *texts*.

        A delivery becomes `returning` if one of them means a return: carriers report a
        delivery to the sender with the code of a delivery, too. It is quarantined if
        one of them denies it: "não entregue".
        """
        if self.milestone is not Milestone.DELIVERED:
            return self
        if all(map(may_deliver, texts)):
            denied = self.may_end and any(map(denies_delivery, texts))
            return self.contradicted() if denied else self
        # `returning` and not `returned`, because that would end the tracking. Nothing
        # confirms a return: a provisional one would never count.
        uncertain = self.effect in {Effect.PROVISIONAL, Effect.TEXT_ONLY}
        effect = Effect.NORMAL if uncertain else self.effect
        return self._denying(milestone=Milestone.RETURNING, effect=effect)

    def checked(self, *others: "CodeRow") -> "CodeRow":
        """Return this row, quarantined if it is a delivery that one of *others* denies.

        *others* are the meanings of other fields for the same fact. One that is unknown
        denies nothing.
        """
        known = {other.milestone for other in others} - {Milestone.UNKNOWN}
        denied = self.may_end and bool(known - {Milestone.DELIVERED})
        return self.contradicted() if denied else self

    def contradicted(self) -> "CodeRow":
        """Return this row for an event that another field of its document denies."""
        return self._denying(effect=Effect.CONTRADICTORY)

    def _denying(self, **update: Any) -> "CodeRow":
        """Return this row, whose code means delivered, with what is true instead."""
        denied = self.model_copy(update=update)
        denied._denied = True  # noqa: SLF001 -- a copy of this object
        return denied

    def by_text(self) -> "CodeRow":
        """Return this row for an event that only its text gives this meaning.

        Carriers reword texts, so a delivery by its text alone waits for an operator.
        """
        if not self.may_end:
            return self
        return self.model_copy(update={"effect": Effect.TEXT_ONLY})

    @property
    def may_end(self) -> bool:
        """Whether an event of this row may be published as the parcel's delivery."""
        return self.effect in MAY_END and self.milestone is Milestone.DELIVERED


class UnmappedRow(CodeRow):
    """The meaning of an event whose own code and text have none: unknown by default.

    With another milestone it is that of a coarser field of the same event.
    """

    milestone: Milestone = Milestone.UNKNOWN

    is_mapped: ClassVar[bool] = False


UNKNOWN: Final = UnmappedRow()

LONGEST_CODE: Final = 100
"""In characters; the limit of every event's code."""
SAME_TIME: Final = timedelta(hours=24)
"""Two fields for one time may differ so far: in zone, or one has the day only."""

_ROWS = TypeAdapter(dict[str, CodeRow])


class CodeTable:
    """A carrier's codes by exact match; a code without a row is unknown."""

    def __init__(self, rows: Mapping[str, CodeRow]) -> None:
        self.rows = dict(rows)

    @classmethod
    def load(cls, package: str, overrides: Mapping[str, Any]) -> "CodeTable":
        """Load `codes.toml` of *package*; a contract's *overrides* replace its rows.

        Raises `ConfigurationError` naming the code whose override is invalid.
        """
        text = files(package).joinpath("codes.toml").read_text(encoding="utf-8")
        rows = _ROWS.validate_python(tomllib.loads(text)["codes"])
        return cls(rows | parse_rows(overrides))

    def __getitem__(self, code: str) -> CodeRow:
        return self.rows.get(code, UNKNOWN)


def both_values(code: str, *others: str) -> str:
    """Return the code of a contradictory event: all values, for the operator."""
    return " / ".join((code, *others))[:LONGEST_CODE].strip()


def parse_rows(rows: Mapping[str, Any]) -> dict[str, CodeRow]:
    """Validate rows of a code table given in settings."""
    try:
        return _ROWS.validate_python(dict(rows))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"codes.{where}: {first['msg']}") from None
