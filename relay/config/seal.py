"""Encrypt what was presented with a rejected request, with a key from the settings.

A rejected request must be verified again after its contract was corrected, by any
adapter and with any scheme, so its headers are needed as they came. They may hold
the right secret, so they are encrypted. The key is derived from the token of the
contract's VTEX account: a copy of the database, without the settings, reveals nothing.

Encrypt-then-MAC of the standard library's primitives, with a random nonce for each
text: SHAKE-256 of key and nonce as the key stream, HMAC-SHA256 over nonce and
ciphertext. See https://www.rfc-editor.org/rfc/rfc2104 and
https://csrc.nist.gov/pubs/fips/202/final (SHAKE as an extendable-output function).
"""

import hmac
import secrets
from hashlib import shake_256
from typing import Final, Self

from relay.config.settings import Settings

NONCE: Final = 16
TAG: Final = 32


class BrokenSeal(ValueError):
    """A sealed text was changed, or sealed with another key."""


class Seal:
    """Seals and opens the texts of one contract."""

    def __init__(self, secret: bytes) -> None:
        self._stream_key = hmac.digest(secret, b"stream", "sha256")
        self._tag_key = hmac.digest(secret, b"tag", "sha256")

    @classmethod
    def of(cls, settings: Settings, contract: str) -> Self:
        """Return the seal of a configured contract.

        It changes with the token of the contract's account. Raises `UnknownContract`.
        """
        account = settings.account(settings.contract_for(contract).account)
        token = account.app_token.get_secret_value().encode(errors="surrogatepass")
        purpose = f"relay: rejected requests of {contract}".encode()
        return cls(hmac.digest(token, purpose, "sha256"))

    def close(self, plain: bytes) -> bytes:
        """Return *plain* encrypted."""
        nonce = secrets.token_bytes(NONCE)
        hidden = nonce + self._crypted(nonce, plain)
        return self._tag(hidden) + hidden

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed; raise `BrokenSeal`."""
        tag, hidden = sealed[:TAG], sealed[TAG:]
        if not hmac.compare_digest(tag, self._tag(hidden)):
            raise BrokenSeal("changed, or sealed with another key")
        return self._crypted(hidden[:NONCE], hidden[NONCE:])

    def _crypted(self, nonce: bytes, text: bytes) -> bytes:
        stream = shake_256(self._stream_key + nonce).digest(len(text))
        mixed = int.from_bytes(text) ^ int.from_bytes(stream)
        return mixed.to_bytes(len(text))

    def _tag(self, hidden: bytes) -> bytes:
        return hmac.digest(self._tag_key, hidden, "sha256")


def seals(settings: Settings) -> dict[str, Seal]:
    """Return the seal of every contract."""
    return {name: Seal.of(settings, name) for name in settings.contracts}
