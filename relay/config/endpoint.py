"""Key pairs of the VTEX-compatible endpoint: who may call it, for which account."""

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field

from relay.config.account import check_hash, hash_token
from relay.config.quantities import SettingsTable
from relay.config.types import Name
from relay.validation_errors import problem

_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{8,100}")
_TOKEN_BYTES: Final = 40


def _app_key(text: str) -> str:
    if not _KEY.fullmatch(text):
        hint = "make a pair with `relay endpoint new-pair`"
        raise problem("must be 8 to 100 letters, digits, '_', '.' and '-'", hint)
    return text


class EndpointPair(SettingsTable):
    """A key pair with which an ERP or hub calls the relay in place of VTEX.

    Make one with `relay endpoint new-pair`; the name is yours to choose.
    """

    name: Name
    app_key: Annotated[str, AfterValidator(_app_key)] = Field(
        examples=["relaykey-mystore-AAAAAAAA"]
    )
    """What the ERP sends as X-VTEX-API-AppKey."""
    hash: Annotated[str, AfterValidator(check_hash)] = Field(
        repr=False, examples=["sha256:" + "0" * 64]
    )
    """The hash of what it sends as X-VTEX-API-AppToken; the token is stored nowhere."""
    account: str = Field(min_length=1, examples=["mystore"])
    """The account of its orders; VTEX is called with that account's credentials."""
    contract: str = Field(min_length=1, examples=["mycarrier"])
    """The contract of its parcels, unless `courier` names another contract: one with
    verification = "endpoint"."""

    @property
    def caller_name(self) -> str:
        """The name that the log and notes show."""
        return f"endpoint {self.name}"


@dataclass(frozen=True, slots=True)
class NewPair:
    """A new key pair; `app_token` is shown once."""

    app_key: str
    app_token: str = field(repr=False)

    @classmethod
    def make(cls, account: str) -> Self:
        """Make a random pair, with keys in the form of VTEX's."""
        mark = secrets.token_hex(4).upper()
        token = secrets.token_hex(_TOKEN_BYTES).upper()
        return cls(f"relaykey-{account}-{mark}", token)

    @property
    def hash(self) -> str:
        """The hash that the settings store."""
        return hash_token(self.app_token)


def pair_of(
    app_key: str, app_token: str, pairs: Iterable[EndpointPair]
) -> EndpointPair | None:
    """Return the pair that was presented, in constant time; None if it is wrong."""
    digest, presented = hash_token(app_token), _bytes(app_key)
    found = [
        pair
        for pair in pairs
        if hmac.compare_digest(digest, pair.hash)
        & hmac.compare_digest(presented, _bytes(pair.app_key))
    ]
    return found[0] if found else None


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
