"""Requests to a carrier's API: their options, and templates with `{placeholders}`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote, urlencode

from pydantic import Field, model_validator

from carriers.generic.expressions import Path
from relay.adapters.http import ApiRequest
from relay.domain.events import ReferenceKind, Value

NUMBERS: Final = "numbers"
"""The placeholder for all references of a batch."""
_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}

Values = Mapping[str, str | list[str]]
"""The values of placeholders by name."""


class Request(Value):
    """One request; every string in it may have placeholders."""

    method: Literal["GET", "POST", "PUT"] = "GET"
    url: str
    query: Mapping[str, str] = Field(default_factory=dict)
    headers: Mapping[str, str] = Field(default_factory=dict, repr=False)
    json_body: Any = Field(default=None, alias="json", repr=False)
    form: Mapping[str, str] | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body is not None and self.form is not None:
            raise ValueError("give either json or form, not both")
        return self


class TokenRequest(Request):
    """The request for an access token, the placeholder `{token}` of the poll."""

    method: Literal["GET", "POST", "PUT"] = "POST"
    path: Path
    ttl_seconds: int | None = Field(default=None, ge=1)
    renew_on: tuple[int, ...] = (401, 403)


class Batch(Value):
    """Several parcels in one request, as `{numbers}`.

    With a separator they are joined into one string. Without it the parameter is
    repeated, or the JSON value is a list.
    """

    size: int = Field(ge=1, le=1000)
    of: ReferenceKind = ReferenceKind.TRACKING_NUMBER
    separator: str | None = None


class Split(Value):
    """How an answer for several parcels is split into one document each.

    `reference` is the path in a part that names its parcel. With `keyed`, `list`
    finds an object whose keys are the references.
    """

    list: Path
    reference: Path | None = None
    keyed: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.keyed and self.reference is not None:
            raise ValueError("with keyed the keys are the references; remove reference")
        return self


class Poll(Request):
    """The request for parcels, and how to interpret its answer."""

    batch: Batch | None = None
    token: TokenRequest | None = None
    unknown_statuses: tuple[int, ...] = (404,)
    error: Annotated[Path | None, Field(description="if true, the answer failed")] = (
        None
    )
    found: Path | None = None
    not_found: Path | None = None
    split: Split | None = None
    wrap: bool = False

    @model_validator(mode="after")
    def _wrappable(self) -> Self:
        named = self.split and (self.split.keyed or self.split.reference)
        if self.wrap and self.batch and not named:
            raise ValueError("wrap with a batch needs split.reference or split.keyed")
        return self


def placeholders(template: Any) -> set[str]:
    """Return the placeholders in *template*, a string or a tree of strings."""
    if isinstance(template, str):
        return set(_PLACEHOLDER.findall(template))
    if isinstance(template, Mapping):
        return {name for value in template.values() for name in placeholders(value)}
    if isinstance(template, Sequence):
        return {name for value in template for name in placeholders(value)}
    return set()


def parts(request: Request) -> Mapping[str, Any]:
    """Return the parts of *request* that may have placeholders, by key."""
    return {
        "url": request.url,
        "query": request.query,
        "headers": request.headers,
        "json": request.json_body,
        "form": request.form,
    }


def needed(request: Request) -> set[str]:
    """Return all placeholders of *request*."""
    return placeholders(parts(request))


def filled(template: Any, values: Values) -> Any:
    """Replace placeholders; a list only where it is the whole string."""
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        if whole:
            return values[whole[1]]
        return _PLACEHOLDER.sub(lambda name: str(values[name[1]]), template)
    if isinstance(template, Mapping):
        return {key: filled(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, values) for value in template]
    return template


def api_request(request: Request, values: Values) -> ApiRequest:
    """Build the request to send; values in the URL are percent-encoded."""
    quoted = {n: quote(v, safe="") for n, v in values.items() if isinstance(v, str)}
    quoted["base_url"] = str(values["base_url"])
    headers = {name: filled(text, values) for name, text in request.headers.items()}
    form = None
    if request.form is not None:
        form = urlencode(list(_pairs(request.form, values))).encode()
        headers = _FORM | headers
    return ApiRequest(
        request.method,
        filled(request.url, quoted),
        headers,
        tuple(_pairs(request.query, values)),
        json=filled(request.json_body, values),
        data=form,
    )


def _pairs(table: Mapping[str, str], values: Values) -> Iterator[tuple[str, str]]:
    """Yield names and values; a list repeats its name."""
    for name, template in table.items():
        value = filled(template, values)
        for each in value if isinstance(value, list) else [value]:
            yield name, each
