"""How a carrier proves itself to a generic contract, over the raw bytes."""

import base64
import hmac
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from carriers.generic.signature import (
    PART,
    Basic,
    Header,
    Hmac,
    KeyEncoding,
    Signature,
    Spelling,
    StandardWebhooks,
)
from relay.adapters.protocol import WebhookRequest
from relay.adapters.signatures import check_basic, check_secret, equal
from relay.errors import ConfigurationError, VerificationFailed

Verifier = Callable[[WebhookRequest], None]
Clock = Callable[[], datetime]

_SECONDS: Final = re.compile(r"[0-9]{1,15}")
_MILLISECONDS_FROM: Final = 100_000_000_000  # as seconds: the year 5138


def verifier(signature: Signature, secrets: Iterable[str], now: Clock) -> Verifier:
    """Return the check of *signature*; it raises nothing but `UntrustedWebhook`.

    Raises `ConfigurationError` if a secret is not spelled as `key` says.
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
                request.headers.get("authorization", ""), known
            )
        case _:
            return _refuse


def _refuse(_: WebhookRequest) -> None:
    raise VerificationFailed("the contract describes no signature")


def _check_header(
    request: WebhookRequest, name: str, prefix: str, secrets: Iterable[str]
) -> None:
    presented = request.headers.get(name.lower(), "")
    if not presented.startswith(prefix):
        raise VerificationFailed("the header is not as the contract describes it")
    check_secret(presented.removeprefix(prefix), secrets)


def _standard(
    options: StandardWebhooks, secrets: Iterable[str], now: Clock
) -> Verifier:
    """Return the check of the specification; Svix names the headers its own way."""
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
        pass  # its text may hold the secret
    raise ConfigurationError(f"secret: it is not {encoding}, as signature.key says")


def _key(secret: str, encoding: KeyEncoding) -> bytes:
    if encoding == "hex":
        return bytes.fromhex(secret)
    if encoding == "base64":
        return base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
    return secret.encode()


class _HmacCheck:
    def __init__(self, options: Hmac, keys: Iterable[bytes], now: Clock) -> None:
        self._options = options
        self._keys = tuple(key for key in keys if key)
        self._now = now

    def __call__(self, request: WebhookRequest) -> None:
        """Raise `UntrustedWebhook` unless the header signs the request, and lately."""
        options = self._options
        if options.timestamp_header:
            self._check_time(_header(request, options.timestamp_header))
        signed = self._signed(request)
        digests = [hmac.digest(key, signed, options.digest) for key in self._keys]
        good = [_spelled(d, spelling) for d in digests for spelling in options.encoding]
        shown = self._presented(request)
        if not any([equal(s, g) for s in shown for g in good]):  # noqa: C419 -- constant time
            raise VerificationFailed("the signature does not fit the request")

    def _check_time(self, text: str) -> None:
        if not _SECONDS.fullmatch(text):
            raise VerificationFailed("the timestamp is no number")
        seconds = int(text) / (1000 if int(text) >= _MILLISECONDS_FROM else 1)
        if abs(self._now().timestamp() - seconds) > self._options.tolerance_seconds:
            raise VerificationFailed("the timestamp is too old or too new")

    def _signed(self, request: WebhookRequest) -> bytes:
        """Fill the template with bytes; a header that is not there is empty."""
        pieces = PART.split(self._options.signed)
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
        return [s.lower() if self._options.encoding == ("hex",) else s for s in plain]


def _header(request: WebhookRequest, name: str) -> str:
    return request.headers.get(name.lower(), "").strip()


def _spelled(digest: bytes, spelling: Spelling) -> str:
    """Spell *digest*, without the padding that not everybody writes."""
    if spelling == "hex":
        return digest.hex()
    encode = base64.b64encode if spelling == "base64" else base64.urlsafe_b64encode
    return encode(digest).decode().rstrip("=")
