"""Webhook signatures: the kinds that a contract can describe, and their checks.

A check works on the raw bytes of the request, before anything is parsed.
"""

import base64
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from carriers.generic.expressions import listed
from relay.adapters.protocol import WebhookRequest
from relay.adapters.signatures import (
    check_basic,
    check_scheme_secret,
    check_secret,
    equal,
    presented_in,
)
from relay.domain.events import Value
from relay.errors import ConfigurationError, VerificationFailed

KeyEncoding = Literal["utf-8", "base64", "hex"]
Encoding = Literal["hex", "base64", "base64url"]
Verifier = Callable[[WebhookRequest], None]
Clock = Callable[[], datetime]

_PART: Final = re.compile(r"\{([^{}]*)\}")
"""A placeholder in the template of what is signed."""
_TOLERANCE: Final = 300
"""In seconds; the value that Standard Webhooks recommends."""
_SECONDS: Final = re.compile(r"[0-9]{1,15}")
_MILLISECONDS_FROM: Final = 100_000_000_000  # as seconds: the year 5138


def _digest(name: str) -> str:
    """Reject a digest that `hmac` cannot use, such as shake_128."""
    try:
        hmac.digest(b"key", b"", name)
    except (ValueError, TypeError):
        raise ValueError(f"unknown digest {name!r}; use for example sha256") from None
    return name


class Hmac(Value):
    """A keyed digest of the body, or of a template: `{timestamp}.{body}`."""

    kind: Literal["hmac"]
    header: str = Field(min_length=1)
    digest: Annotated[str, AfterValidator(_digest)] = "sha256"
    encoding: Annotated[tuple[Encoding, ...], BeforeValidator(listed)] = ("hex",)
    prefix: str = ""
    separator: str = Field(default="", description="between several signatures")
    key: KeyEncoding = "utf-8"
    signed: str = "{body}"
    timestamp_header: str = ""
    tolerance_seconds: int = Field(default=_TOLERANCE, ge=1)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        parts = _PART.findall(self.signed)
        known = {"body", "method", "timestamp"}
        wrong = [p for p in parts if p not in known and not p.startswith("header:")]
        if wrong or not parts:
            raise ValueError(
                "signed must consist of {body}, {method}, {timestamp} and {header:name}"
            )
        if ("timestamp" in parts) != bool(self.timestamp_header):
            raise ValueError(
                "{timestamp} in signed needs timestamp_header, and the reverse"
            )
        return self


class Header(Value):
    """A header that holds the secret, after a prefix such as `Bearer `."""

    kind: Literal["header"]
    header: str = Field(min_length=1)
    prefix: str = ""


class Basic(Value):
    """Basic auth; the secret is `user:password`."""

    kind: Literal["basic"]


class StandardWebhooks(Value):
    """The Standard Webhooks specification, as sent by Svix and others; `v1` only.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """

    kind: Literal["standard_webhooks"]
    tolerance_seconds: int = Field(default=_TOLERANCE, ge=1)


class Unsigned(Value):
    """No signature: the URL holds a secret, or anyone may call."""

    kind: Literal["url", "none"]


def _table(value: Any) -> Any:
    """Accept a kind alone as a table; a missing signature is kind `none`."""
    if isinstance(value, Mapping | Value):
        return value
    return {"kind": "none" if value is None else value}


_Kinds = Hmac | Header | Basic | StandardWebhooks | Unsigned
Signature = Annotated[
    Annotated[_Kinds, Field(discriminator="kind")], BeforeValidator(_table)
]


def verifier(signature: Signature, secrets: Iterable[str], now: Clock) -> Verifier:
    """Return the check of *signature*, which raises only `VerificationFailed`.

    Raises `ConfigurationError` if a secret does not have the encoding in `key`.
    """
    known = tuple(secret for secret in secrets if secret)
    match signature:
        case Hmac():
            return _HmacCheck(signature, _keys(known, signature.key), now)
        case StandardWebhooks():
            return _standard(signature, known, now)
        case Header(header=name, prefix=prefix):
            return lambda request: _check_header(request, name, prefix, known)
        case Basic():
            return lambda request: check_basic(
                presented_in(request, "authorization"), known
            )
        case _:
            return _reject


def _reject(_: WebhookRequest) -> None:
    raise VerificationFailed("the contract has no signature")


def _check_header(
    request: WebhookRequest, name: str, prefix: str, secrets: Iterable[str]
) -> None:
    presented = presented_in(request, name)
    is_scheme = prefix.endswith(" ") and len(prefix.split()) == 1
    if name.lower() == "authorization" and is_scheme:
        check_scheme_secret(presented, prefix.strip(), secrets)
        return
    if not presented.startswith(prefix):
        raise VerificationFailed("the header lacks the contract's prefix")
    check_secret(presented.removeprefix(prefix), secrets)


def _standard(
    options: StandardWebhooks, secrets: Iterable[str], now: Clock
) -> Verifier:
    """Return the check of the specification; Svix names the headers differently."""
    keys = _keys((s.removeprefix("whsec_") for s in secrets), "base64")
    ours, svix = (
        _HmacCheck(_branded(brand, options.tolerance_seconds), keys, now)
        for brand in ("webhook", "svix")
    )

    def check(request: WebhookRequest) -> None:
        (svix if "svix-id" in request.headers else ours)(request)

    return check


def _branded(brand: str, tolerance: int) -> Hmac:
    return Hmac(
        kind="hmac",
        header=f"{brand}-signature",
        encoding=("base64",),
        prefix="v1,",
        separator=" ",
        signed=f"{{header:{brand}-id}}.{{timestamp}}.{{body}}",
        timestamp_header=f"{brand}-timestamp",
        tolerance_seconds=tolerance,
    )


def _keys(secrets: Iterable[str], encoding: KeyEncoding) -> tuple[bytes, ...]:
    try:
        return tuple(_key(secret, encoding) for secret in secrets)
    except ValueError:
        pass  # not chained: its message may hold the secret
    raise ConfigurationError(
        f"secret: not valid {encoding}; correct it, or change signature.key"
    )


def _key(secret: str, encoding: KeyEncoding) -> bytes:
    if encoding == "hex":
        return bytes.fromhex(secret)
    if encoding == "base64":
        return base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
    return secret.encode()


class _HmacCheck:
    def __init__(self, options: Hmac, keys: Iterable[bytes], now: Clock) -> None:
        self._options = options
        # Anyone could sign with an empty key.
        self._keys = tuple(key for key in keys if key)
        self._now = now

    def __call__(self, request: WebhookRequest) -> None:
        """Raise `VerificationFailed` unless the signature is valid and fresh."""
        options = self._options
        presented_in(request, options.header)
        if options.timestamp_header:
            received = request.received_at or self._now()
            self._check_time(_header(request, options.timestamp_header), received)
        signed = self._signed(request)
        digests = [hmac.digest(key, signed, options.digest) for key in self._keys]
        good = [_encoded(d, e) for d in digests for e in options.encoding]
        shown = self._presented(request)
        if not any([equal(s, g) for s in shown for g in good]):  # noqa: C419 -- constant time
            raise VerificationFailed("the signature does not match the request")

    def _check_time(self, text: str, received: datetime) -> None:
        if not _SECONDS.fullmatch(text):
            raise VerificationFailed("the timestamp is not a number")
        seconds = int(text) / (1000 if int(text) >= _MILLISECONDS_FROM else 1)
        if abs(received.timestamp() - seconds) > self._options.tolerance_seconds:
            raise VerificationFailed("the timestamp is outside the tolerance")

    def _signed(self, request: WebhookRequest) -> bytes:
        """Return the signed bytes; a missing header counts as empty."""
        pieces = _PART.split(self._options.signed)
        return b"".join(
            self._part(piece, request) if odd % 2 else piece.encode()
            for odd, piece in enumerate(pieces)
        )

    def _part(self, name: str, request: WebhookRequest) -> bytes:
        if name == "body":
            return request.body
        if name == "method":
            return request.method.encode(errors="surrogatepass")
        header = self._options.timestamp_header if name == "timestamp" else name[7:]
        return _header(request, header).encode(errors="surrogatepass")

    def _presented(self, request: WebhookRequest) -> list[str]:
        text, prefix = _header(request, self._options.header), self._options.prefix
        separator = self._options.separator
        several = text.split(separator) if separator else [text]
        ours = [s.strip() for s in several if s.strip().startswith(prefix)]
        plain = [s.removeprefix(prefix).rstrip("=") for s in ours]
        # Hexadecimal digits come in both cases; base64 is case-sensitive.
        return [s.lower() if self._options.encoding == ("hex",) else s for s in plain]


def _header(request: WebhookRequest, name: str) -> str:
    return request.headers.get(name.lower(), "").strip()


def _encoded(digest: bytes, encoding: Encoding) -> str:
    """Encode *digest*, without padding: some carriers omit it."""
    if encoding == "hex":
        return digest.hex()
    encode = base64.b64encode if encoding == "base64" else base64.urlsafe_b64encode
    return encode(digest).decode().rstrip("=")
