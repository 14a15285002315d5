"""Bearer tokens of the HTTP API: kept as hashes, limited to scopes and accounts."""

import hmac
import re
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, model_validator

from relay.settings.fields import Listed, Name, Names
from relay.settings.findings import wrong
from relay.tracking import Value

SHORTEST: Final = 24
_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
_MAKE_ONE: Final = "make one with `openssl rand -hex 32`"


class Scope(StrEnum):
    """What a token's holder may do."""

    ERP = "erp"
    OPERATOR = "operator"
    METRICS = "metrics"


def hash_token(token: str) -> str:
    """Return the hash under which *token* is kept: it is random, so no salt."""
    digest = sha256(token.encode(errors="surrogateescape")).hexdigest()
    return f"sha256:{digest}"


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        way_out = "write sha256: and 64 hexadecimal digits in lower case"
        raise wrong("it is not the hash of a token", way_out)
    return text


class ApiToken(Value):
    """`[tokens.<name>]`: who holds it may use *scopes*, for *accounts* or all."""

    name: Name
    hash: Annotated[str, AfterValidator(_hash)] = Field(repr=False)
    scopes: Annotated[frozenset[Scope], Listed] = Field(min_length=1)
    accounts: Names = ()

    @model_validator(mode="before")
    @classmethod
    def _hashed(cls, table: Any) -> Any:
        """Replace a literal token by its hash, so that nothing holds the literal."""
        if not isinstance(table, dict):
            return table
        if ("token" in table) is ("hash" in table):
            which = "both" if "token" in table else "neither"
            message = f"{which} of token and hash are given"
            raise wrong(message, "give one of them", field="token")
        if "token" not in table:
            return table
        rest = {key: value for key, value in table.items() if key != "token"}
        token = table["token"]
        if not isinstance(token, str) or len(token) < SHORTEST:
            message = f"it is shorter than {SHORTEST} characters"
            raise wrong(message, _MAKE_ONE, field="token")
        return rest | {"hash": hash_token(token)}

    def may(self, scope: Scope) -> bool:
        """Whether the token is good for *scope*."""
        return scope in self.scopes

    def sees(self, account: str) -> bool:
        """Whether shipments of *account* exist for the token's holder."""
        return not self.accounts or account in self.accounts


def holder(presented: str, tokens: Iterable[ApiToken]) -> ApiToken | None:
    """Return whose token was *presented*, in a time that does not tell which."""
    digest = hash_token(presented)
    found = [token for token in tokens if hmac.compare_digest(digest, token.hash)]
    return found[0] if found else None
