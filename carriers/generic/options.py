"""The options of a generic contract: what its README says, as models."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from carriers.generic.expressions import Path, Paths, keyed
from carriers.generic.meaning import TextRule
from carriers.generic.poll_options import Poll
from carriers.generic.signature import Signature
from carriers.generic.times import TimeOptions
from relay.carrier.options import base_url
from relay.errors import ConfigurationError
from relay.tracking import ReferenceKind, Value

PLAIN_KEYS: Final = frozenset({"base_url", "page"})
"""With no other option than these, the format is the plain one: `plain.toml`."""
_NO_KEY: Final = "extra_forbidden"
_OWN_WORDS: Final = {_NO_KEY: "there is no such key", "missing": "it is missing"}
_SAID: Final = "Value error, "


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
    personal_fields: tuple[str, ...] = ()
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


def parse_options(given: Mapping[str, Any]) -> tuple[Options, bool]:
    """Read the options *given*; tell whether they mean the plain format.

    Raises `ConfigurationError` whose message begins with the key at fault.
    """
    plain = PLAIN_KEYS.issuperset(given)
    try:
        options = Options.model_validate({**_plain(given), **given} if plain else given)
    except ValidationError as error:
        complaints = error.errors(include_input=False, include_url=False)
        first = min(complaints, key=lambda found: found["type"] != _NO_KEY)
        raise ConfigurationError(_complaint(first, given)) from None
    _check(options)
    return options, plain


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read the plain format; it is asked only at a `base_url`."""
    text = files(__package__).joinpath("plain.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return {k: v for k, v in table.items() if k != "polling" or "base_url" in given}


def _complaint(error: Mapping[str, Any], given: Any) -> str:
    """Say which key is at fault, as it was given, and why."""
    says = _OWN_WORDS.get(error["type"], error["msg"].removeprefix(_SAID))
    parts: list[str] = []
    for part in error["loc"]:
        if isinstance(part, int) and not isinstance(given, list | tuple):
            continue  # one thing stood for a list of one
        given = _part(given, part)
        parts.append(str(part))
    if parts[0] == "signature":
        del parts[1:2]  # its kind is no part of the key
    return f"{'.'.join(parts)}: {says}"


def _part(value: Any, key: str | int) -> Any:
    """Return the part of *value* under *key*, if there is one."""
    if isinstance(value, Mapping):
        return value.get(key)
    return value[key] if isinstance(key, int) else None


def _check(options: Options) -> None:
    """Refuse options that contradict each other."""
    kinds = {rule.kind for rule in options.references}
    if options.identifying_kind not in kinds:
        raise ConfigurationError("identifying: no reference is of that kind")
    if options.personal_fields and options.body.kind != "json":
        raise ConfigurationError(
            'personal_fields: they can be cut only from body = "json"'
        )
    listed = [*options.administrative, *options.provisional, *options.rollback]
    twice = next((code for code in listed if listed.count(code) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"administrative: {twice!r} is in two lists of codes")
    if options.base_url:
        base_url({"base_url": options.base_url}, "")
    if not (options.code.paths or options.text):
        raise ConfigurationError("code: neither a code nor a text says what happened")
