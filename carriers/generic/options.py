"""The options of a generic contract: what its README says, as models."""

import re
import tomllib
from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from carriers.generic.complaints import complaints
from carriers.generic.expressions import Path, Paths, keyed
from carriers.generic.meaning import TextRule
from carriers.generic.poll_options import Poll
from carriers.generic.signature import Signature
from carriers.generic.times import TimeOptions
from relay.domain.events import ReferenceKind, Value
from relay.errors import ConfigurationError

PLAIN_KEYS: Final = frozenset({"base_url", "page"})
"""With no other option than these, the format is the plain one: `plain.toml`."""
_NO_PLAIN_PATH: Final = re.compile(r"[][(){}*|'\"`]|(^|\.)[@$]?(\.|$)")
"""What is no name between dots: the syntax of JMESPath, and of JSONPath."""
_INDEX: Final = re.compile(r"\[[^]]*\]")


def _plain_path(text: str) -> str:
    """Refuse a personal field that would cut nothing: an expression."""
    if not _NO_PLAIN_PATH.search(text):
        return text
    plain = _INDEX.sub("", text).removeprefix("$.")
    hint = "" if _NO_PLAIN_PATH.search(plain) else f": write {plain!r}"
    raise ValueError(
        "it is made of names joined by dots only, and a list is entered by itself"
        + hint
    )


PlainPath = Annotated[str, AfterValidator(_plain_path)]


class Body(Value):
    """How the bytes of a webhook become a JSON value; answers are always JSON."""

    kind: Literal["json", "form_json", "base64_json"] = "json"
    field: str = Field(default="", description="the form's field that holds JSON")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "form_json") != bool(self.field):
            raise ValueError("form_json needs a field, and only form_json has one")
        return self


class Events(Value):
    """Where the events stand; each list of expressions goes one level deeper."""

    list: Annotated[Paths, Field(min_length=1)]
    inherit: Mapping[str, Path] = Field(default_factory=dict)
    document: Mapping[str, Path] = Field(default_factory=dict)


class ReferenceRule(Value):
    """One kind of reference: where an event has it, or else the document."""

    kind: ReferenceKind
    path: Path | None = None
    document: Path | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.path is None and self.document is None:
            raise ValueError("it needs a path or a document, an expression each")
        return self


class Code(Value):
    """Where the code stands; several parts are joined."""

    paths: Paths = ()
    separator: str = ""
    strip_zeros: bool = False


class Place(Value):
    """Where it happened."""

    city: Path | None = None
    state: Path | None = None
    country: Path | None = None


class ReplyOptions(Value):
    """The answer to a webhook that was kept."""

    status: int = Field(default=200, ge=200, le=299)
    body: str = "{}"
    content_type: str = "application/json"


class Options(Value):
    """All of them; only `references` and `time` must be there."""

    display_name: str = Field(default="Generic", min_length=1)
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
    order: Literal["newest_first", "oldest_first"] = "oldest_first"
    place: Place = Place()
    text_rules: tuple[TextRule, ...] = ()
    administrative: tuple[str, ...] = ()
    provisional: tuple[str, ...] = ()
    rollback: tuple[str, ...] = ()
    personal_fields: tuple[PlainPath, ...] = ()
    signature: Signature = Field(default=None, validate_default=True)
    reply: ReplyOptions = ReplyOptions()
    page: str = ""
    base_url: str = ""
    values: Mapping[str, str] = Field(default_factory=dict, repr=False)
    polling: Poll | None = None

    @property
    def identifying_kind(self) -> ReferenceKind:
        """The kind that every event must bear: the first, unless said otherwise."""
        return self.identifying or self.references[0].kind


def parse_options(
    given: Mapping[str, Any], settings: Collection[str] = ()
) -> tuple[Options, bool]:
    """Read the options *given*; tell whether they mean the plain format.

    Raises `ConfigurationError` with a line for each mistake, the key at fault
    first. *settings* are the keys of every contract: one may have been meant.
    """
    plain = PLAIN_KEYS.issuperset(given)
    table = {**_plain(given), **given} if plain else given
    try:
        return Options.model_validate(table), plain
    except ValidationError as error:
        found = complaints(error, given, Options, settings)
        raise ConfigurationError("\n".join(found)) from None


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read the plain format; it is asked only at a `base_url`."""
    text = files(__package__).joinpath("plain.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return {k: v for k, v in table.items() if k != "polling" or "base_url" in given}
