"""The options of a generic contract as models; README.md documents each key."""

import re
import tomllib
from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from carriers.generic.codes import TextRule
from carriers.generic.complaints import complaints
from carriers.generic.expressions import Path, Paths, keyed
from carriers.generic.handshakes import Handshake
from carriers.generic.requests import Poll
from carriers.generic.signature import Signature
from carriers.generic.times import TimeOptions
from relay.domain.events import ReferenceKind, Value
from relay.errors import ConfigurationError

PLAIN_KEYS: Final = frozenset({"base_url", "page", "personal_fields"})
"""If a contract has no other option, its format is the plain one (`plain.toml`)."""
_NO_PLAIN_PATH: Final = re.compile(r"[][(){}*|'\"`]|(^|\.)[@$]?(\.|$)")
"""Matches anything but names joined by dots: JMESPath and JSONPath syntax."""
_INDEX: Final = re.compile(r"\[[^]]*\]")


def _plain_path(text: str) -> str:
    """Reject an expression as a personal field: it would silently remove nothing."""
    if not _NO_PLAIN_PATH.search(text):
        return text
    plain = _INDEX.sub("", text).removeprefix("$.")
    hint = "" if _NO_PLAIN_PATH.search(plain) else f"; write {plain!r}"
    raise ValueError(
        "use only names joined by dots; lists are entered automatically" + hint
    )


PlainPath = Annotated[str, AfterValidator(_plain_path)]


class Body(Value):
    """The encoding of a webhook's body; answers to polling are always JSON."""

    kind: Literal["json", "form_json", "base64_json"] = "json"
    field: str = Field(default="", description="the form's field that holds JSON")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "form_json") != bool(self.field):
            raise ValueError("form_json needs a field, and only form_json may have one")
        return self


class Events(Value):
    """Where the events are; each expression in `list` goes one level deeper."""

    list: Annotated[Paths, Field(min_length=1)]
    inherit: Mapping[str, Path] = Field(default_factory=dict)
    document: Mapping[str, Path] = Field(default_factory=dict)


class ReferenceRule(Value):
    """One kind of reference: its path in an event, or else in the document."""

    kind: ReferenceKind
    path: Path | None = None
    document: Path | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.path is None and self.document is None:
            raise ValueError("give path or document, an expression each")
        return self


class Code(Value):
    """Where the code is; several parts are joined by `separator`."""

    paths: Paths = ()
    separator: str = ""
    strip_zeros: bool = False


class CrossCheck(Value):
    """A second code and a second time: a delivery needs both, or it is quarantined."""

    code: Paths = ()
    time: Annotated[TimeOptions, keyed("path")] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.code or self.time):
            raise ValueError("give code or time, or both")
        return self


class Place(Value):
    """Where the event happened."""

    city: Path | None = None
    state: Path | None = None
    country: Path | None = None


class ReplyOptions(Value):
    """The response to a webhook that was stored."""

    status: int = Field(default=200, ge=200, le=299)
    body: str = "{}"
    content_type: str = "application/json"


class Options(Value):
    """All options; only `references` and `time` are required."""

    display_name: str | None = Field(default=None, min_length=1)
    body: Annotated[Body, keyed("kind")] = Body()
    ping: Path | None = None
    events: Annotated[Events, keyed("list")] = Field(
        default_factory=lambda: Events.model_validate({"list": "@"})
    )
    references: tuple[ReferenceRule, ...] = Field(min_length=1)
    identifying: ReferenceKind | None = None
    code: Annotated[Code, keyed("paths")] = Code()
    text: Paths = ()
    time: Annotated[TimeOptions, keyed("path")]
    cross_check: CrossCheck | None = None
    order: Literal["newest_first", "oldest_first"] = "oldest_first"
    place: Place = Place()
    text_rules: tuple[TextRule, ...] = ()
    administrative: tuple[str, ...] = ()
    provisional: tuple[str, ...] = ()
    rollback: tuple[str, ...] = ()
    personal_fields: tuple[PlainPath, ...] = ()
    signature: Signature = Field(default=None, validate_default=True)
    reply: ReplyOptions = ReplyOptions()
    handshakes: tuple[Handshake, ...] = ()
    page: str = ""
    base_url: str = ""
    values: Mapping[str, str] = Field(default_factory=dict, repr=False)
    polling: Poll | None = None

    @property
    def identifying_kind(self) -> ReferenceKind:
        """The kind that every event must have; by default that of the first rule."""
        return self.identifying or self.references[0].kind


def parse_options(
    given: Mapping[str, Any], settings: Collection[str] = ()
) -> tuple[Options, bool]:
    """Validate the options *given*; return them and whether the format is plain.

    Raises `ConfigurationError` with one line per mistake, which begins with its
    key. *settings* are the keys that every contract has, for suggestions.
    """
    # A misspelt option alone does not mean another format.
    plain = PLAIN_KEYS.issuperset(Options.model_fields.keys() & given)
    table = _plain(given) if plain else given
    try:
        return Options.model_validate(table), plain
    except ValidationError as error:
        found = complaints(error, given, Options, settings)
        raise ConfigurationError("\n".join(found)) from None


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain format's options with those *given*.

    It polls only with a `base_url`, and its personal fields are removed in any case.
    """
    text = files(__package__).joinpath("plain.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    if "base_url" not in given:
        del table["polling"]
    fields = given.get("personal_fields", ())
    if isinstance(fields, list | tuple):
        given = {**given, "personal_fields": [*table["personal_fields"], *fields]}
    return {**table, **given}
