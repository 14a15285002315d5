"""The kinds of proof that a generic contract can describe."""

import hmac
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from carriers.generic.expressions import listed
from relay.domain.events import Value

KeyEncoding = Literal["utf-8", "base64", "hex"]
Spelling = Literal["hex", "base64", "base64url"]

PART: Final = re.compile(r"\{([^{}]*)\}")
"""One part of what is signed."""
_TOLERANCE: Final = 300


def _digest(name: str) -> str:
    """Refuse a digest that cannot sign."""
    try:
        hmac.digest(b"key", b"", name)
    except (ValueError, TypeError):
        raise ValueError(f"there is no digest {name!r}") from None
    return name


class Hmac(Value):
    """A keyed digest of the body, or of a template: `{timestamp}.{body}`."""

    kind: Literal["hmac"]
    header: str = Field(min_length=1)
    digest: Annotated[str, AfterValidator(_digest)] = "sha256"
    encoding: Annotated[tuple[Spelling, ...], BeforeValidator(listed)] = ("hex",)
    prefix: str = ""
    separator: str = Field(default="", description="between several signatures")
    key: KeyEncoding = "utf-8"
    signed: str = "{body}"
    timestamp_header: str = ""
    tolerance_seconds: int = Field(default=_TOLERANCE, ge=1)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        parts = PART.findall(self.signed)
        known = {"body", "method", "timestamp"}
        wrong = [p for p in parts if p not in known and not p.startswith("header:")]
        if wrong or not parts:
            raise ValueError(
                "signed is made of {body}, {method}, {timestamp} and {header:name}"
            )
        if ("timestamp" in parts) != bool(self.timestamp_header):
            raise ValueError("{timestamp} in signed and timestamp_header go together")
        return self


class Header(Value):
    """A header that shows the secret, behind a prefix such as `Bearer `."""

    kind: Literal["header"]
    header: str = Field(min_length=1)
    prefix: str = ""


class Basic(Value):
    """Basic auth; the secret is `user:password`."""

    kind: Literal["basic"]


class StandardWebhooks(Value):
    """The Standard Webhooks specification, as Svix and others send; `v1` only."""

    kind: Literal["standard_webhooks"]
    tolerance_seconds: int = Field(default=_TOLERANCE, ge=1)


class Unsigned(Value):
    """Nothing to verify here: the address holds a secret, or anybody may call."""

    kind: Literal["url", "none"]


def _table(value: Any) -> Any:
    """Read a kind alone as a table; without any there is no proof."""
    if isinstance(value, Mapping | Value):
        return value
    return {"kind": "none" if value is None else value}


_Kinds = Hmac | Header | Basic | StandardWebhooks | Unsigned
Signature = Annotated[
    Annotated[_Kinds, Field(discriminator="kind")], BeforeValidator(_table)
]
