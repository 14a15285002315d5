"""One VTEX account: credentials, address and what VTEX does there."""

import hmac
import re
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from relay.config.problems import problem
from relay.config.types import (
    ZONE,
    AccountName,
    Count,
    Listed,
    Name,
    Names,
    Seconds,
    Zone,
    is_loopback,
    origin,
)
from relay.domain.events import Value

VTEX = "https://{account}.vtexcommercestable.com.br"


class AccountSettings(Value):
    """`[accounts.<name>]`: one store, named as in its address."""

    name: AccountName
    app_key: SecretStr = Field(min_length=1)
    app_token: SecretStr = Field(min_length=1)
    zone: Zone = Field(default_factory=lambda: ZoneInfo(ZONE))
    base_url: str = Field(default=VTEX, validate_default=True)
    events: Literal["full", "delta"] = "full"
    event_time: Literal["offset", "utc", "local"] = "offset"
    first_email: Literal["with_first_scan", "at_label", "off"] = "with_first_scan"
    adopt_invoice_number: bool = False
    requests_per_second: Seconds = 5
    burst: Count = 10
    in_flight: Count = 4
    language: Literal["pt", "es", "en"] = "pt"

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, text: str, info: ValidationInfo) -> str:
        """Put the account's name in, and refuse to send its token in the clear."""
        address = text.replace("{account}", info.data.get("name", "account"))
        parts = origin(address, "https://store.vtexcommercestable.com.br")
        local = is_loopback(parts.hostname)
        if parts.scheme != "https" and not local:
            message = "the account's token would travel unencrypted"
            raise problem(message, "use https:// (http:// is for this machine only)")
        if parts.path.strip("/") and not local:
            raise problem("the address holds a path", "leave out what follows the host")
        return address.rstrip("/")


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
        hint = "write sha256: and 64 hexadecimal digits in lower case"
        raise problem("it is not the hash of a token", hint)
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
            raise problem(message, "give one of them", field="token")
        if "token" not in table:
            return table
        rest = {key: value for key, value in table.items() if key != "token"}
        token = table["token"]
        if not isinstance(token, str) or len(token) < SHORTEST:
            message = f"it is shorter than {SHORTEST} characters"
            raise problem(message, _MAKE_ONE, field="token")
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
