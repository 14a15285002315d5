"""How a carrier is asked, as settings describe it."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from carriers.generic.expressions import Path
from relay.domain.events import ReferenceKind, Value

NUMBERS: Final = "numbers"
"""The placeholder that stands for all references of a batch."""


class Request(Value):
    """One request; every text in it may hold placeholders."""

    method: Literal["GET", "POST", "PUT"] = "GET"
    url: str
    query: Mapping[str, str] = Field(default_factory=dict)
    headers: Mapping[str, str] = Field(default_factory=dict, repr=False)
    json_body: Any = Field(default=None, alias="json", repr=False)
    form: Mapping[str, str] | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.json_body is not None and self.form is not None:
            raise ValueError("it has both a json and a form body")
        return self


class Token(Request):
    """The request for a token, which is `{token}` in the other one."""

    method: Literal["GET", "POST", "PUT"] = "POST"
    path: Path
    ttl_seconds: int | None = Field(default=None, ge=1)
    renew_on: tuple[int, ...] = (401, 403)


class Batch(Value):
    """Several parcels in one request, as `{numbers}`.

    With a separator they are one text; without it the parameter is repeated, or
    the JSON value is a list.
    """

    size: int = Field(ge=1, le=1000)
    of: ReferenceKind = ReferenceKind.TRACKING_NUMBER
    separator: str | None = None


class Split(Value):
    """An answer for several parcels into one document each.

    `reference` says in a piece which parcel it is of. With `keyed` what `list`
    finds is an object, whose keys are the references.
    """

    list: Path
    reference: Path | None = None
    keyed: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.keyed and self.reference is not None:
            raise ValueError("the keys are the references: reference has no use")
        return self


class Poll(Request):
    """The question for parcels, and how to understand the answer."""

    batch: Batch | None = None
    token: Token | None = None
    unknown_statuses: tuple[int, ...] = (404,)
    error: Annotated[Path | None, Field(description="true: the answer is an error")] = (
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
