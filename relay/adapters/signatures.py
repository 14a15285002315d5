"""Verification of carriers' webhooks; every comparison takes constant time."""

import base64
import hmac
from collections.abc import Iterable
from typing import Literal

from relay.adapters.protocol import WebhookRequest
from relay.errors import SignatureMissing, VerificationFailed

Encoding = Literal["hex", "base64"]


def equal(presented: str, expected: str) -> bool:
    """Compare two secrets in constant time; any characters are allowed."""
    return hmac.compare_digest(
        presented.encode(errors="surrogatepass"),
        expected.encode(errors="surrogatepass"),
    )


def presented_in(request: WebhookRequest, header: str) -> str:
    """Return the value of *header* by which a request proves its origin.

    Raises `SignatureMissing`, with the header's name, if it did not come: then the
    secret may well be right, and the request a test or a stranger's.
    """
    presented = request.headers.get(header.lower(), "").strip()
    if not presented:
        raise SignatureMissing(f"no signature header {header.lower()} came")
    return presented


def hmac_sha256(secret: str, body: bytes, encoding: Encoding) -> str:
    """Return the HMAC-SHA256 of the raw *body* in *encoding*."""
    return _encoded(hmac.digest(secret.encode(), body, "sha256"), encoding)


def _encoded(digest: bytes, encoding: Encoding) -> str:
    return digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()


def check_hmac_sha256(
    presented: str,
    secrets: Iterable[str],
    body: bytes,
    *,
    encodings: Iterable[Encoding],
) -> None:
    """Raise `VerificationFailed` unless *presented* signs *body* with a secret.

    Empty secrets are ignored: anyone could sign with them.
    """
    digests = [hmac.digest(s.encode(), body, "sha256") for s in secrets if s]
    expected = [_encoded(d, e) for e in encodings for d in digests]
    if not any([equal(presented, e) for e in expected]):  # noqa: C419 -- constant time
        raise VerificationFailed("the signature does not match the body")


def check_secret(presented: str, secrets: Iterable[str]) -> None:
    """Raise `VerificationFailed` unless *presented* is one of the *secrets*.

    Empty secrets are ignored: anyone could present them.
    """
    _check_bytes(_header_bytes(presented), secrets)


def check_scheme_secret(presented: str, scheme: str, secrets: Iterable[str]) -> None:
    """Raise `VerificationFailed` unless the header is *scheme* and one of *secrets*.

    See `split_credentials`.
    """
    name, credentials = split_credentials(presented)
    if name != scheme.lower():
        raise VerificationFailed(f"the header's scheme is not {scheme}")
    check_secret(credentials, secrets)


def check_basic(presented: str, credentials: Iterable[str]) -> None:
    """Raise `VerificationFailed` unless the Basic auth header matches a credential.

    *credentials* are `user:password` each, which clients send in UTF-8 or Latin-1:
    https://www.rfc-editor.org/rfc/rfc7617#section-2.1
    """
    scheme, encoded = split_credentials(presented)
    if scheme != "basic":
        raise VerificationFailed("the header's scheme is not Basic")
    try:
        padded = encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4)
        decoded = base64.b64decode(padded, validate=True)
    except ValueError:
        raise VerificationFailed("the Basic credentials are not base64") from None
    _check_bytes(decoded, credentials)


def split_credentials(header: str) -> tuple[str, str]:
    """Split an `Authorization` header into its scheme, in lower case, and the rest.

    The scheme has no case, and several blanks may follow it:
    https://www.rfc-editor.org/rfc/rfc9110#section-11.4
    """
    scheme, _, rest = header.strip().partition(" ")
    return scheme.lower(), rest.strip()


def _check_bytes(presented: bytes, secrets: Iterable[str]) -> None:
    forms = [form for secret in secrets if secret for form in _forms(secret)]
    if not any([hmac.compare_digest(presented, form) for form in forms]):  # noqa: C419 -- constant time
        raise VerificationFailed("the secret does not match the contract's")


def _forms(secret: str) -> list[bytes]:
    """Return *secret* as the bytes that clients may send."""
    forms = [secret.encode(errors="surrogatepass")]
    try:
        return [*forms, secret.encode("latin-1")]
    except UnicodeEncodeError:
        return forms


def _header_bytes(text: str) -> bytes:
    """Return the bytes of a header; the framework escapes those that are not UTF-8."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")
