"""Verification of carriers' webhooks; every comparison takes constant time."""

import base64
import hmac
from collections.abc import Iterable
from typing import Literal

from relay.errors import VerificationFailed

Encoding = Literal["hex", "base64"]


def equal(presented: str, expected: str) -> bool:
    """Compare two secrets in constant time; any characters are allowed."""
    return hmac.compare_digest(
        presented.encode(errors="surrogatepass"),
        expected.encode(errors="surrogatepass"),
    )


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
    if not any([equal(presented, s) for s in secrets if s]):  # noqa: C419 -- constant time
        raise VerificationFailed("the secret does not match the contract's")


def check_basic(presented: str, credentials: Iterable[str]) -> None:
    """Raise `VerificationFailed` unless the Basic auth header matches a credential.

    *credentials* are `user:password` each.
    """
    expected = [
        "Basic " + base64.b64encode(c.encode()).decode() for c in credentials if c
    ]
    check_secret(presented, expected)
