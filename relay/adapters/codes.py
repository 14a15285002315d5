"""A carrier's code table: exact, as data, with a contract's own rows over it."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from relay.domain.events import Effect, Milestone, Reason, Value
from relay.errors import ConfigurationError


class CodeRow(Value):
    """What one carrier code means; `comment` is for the next reader."""

    milestone: Milestone
    reason: Reason | None = None
    effect: Effect = Effect.NORMAL
    final: bool = False
    undoes: tuple[str, ...] = ()
    text: str = Field(default="", description="words where the carrier sends none")
    comment: str = ""


UNKNOWN = CodeRow(milestone=Milestone.UNKNOWN)

_ROWS = TypeAdapter(dict[str, CodeRow])


class CodeTable:
    """The meaning of a carrier's codes; what is not in it is unknown."""

    def __init__(self, rows: Mapping[str, CodeRow]) -> None:
        self.rows = dict(rows)

    @classmethod
    def load(cls, package: str, overrides: Mapping[str, Any]) -> "CodeTable":
        """Read `codes.toml` of *package* and lay a contract's *overrides* over it.

        Raises `ConfigurationError` that names the code whose row is wrong.
        """
        text = files(package).joinpath("codes.toml").read_text(encoding="utf-8")
        rows = _ROWS.validate_python(tomllib.loads(text)["codes"])
        return cls(rows | parse_rows(overrides))

    def __getitem__(self, code: str) -> CodeRow:
        return self.rows.get(code, UNKNOWN)


def parse_rows(rows: Mapping[str, Any]) -> dict[str, CodeRow]:
    """Validate rows of a code table that came from settings."""
    try:
        return _ROWS.validate_python(dict(rows))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"codes.{where}: {first['msg']}") from None
