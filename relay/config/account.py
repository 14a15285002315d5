"""VTEX accounts and API tokens."""

import hmac
import re
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from relay.config.quantities import Count, CountFromZero, SettingsTable
from relay.config.types import (
    ZONE,
    AccountName,
    Listed,
    Name,
    Names,
    Zone,
    is_loopback,
    origin,
)
from relay.validation_errors import problem

VTEX = "https://{account}.vtexcommercestable.com.br"
OrderFilter = Literal["workflow", "number_added", "tracking_written"]
"""What of an order makes VTEX notify the relay."""


class AccountSettings(SettingsTable):
    """A VTEX account, named as in its address: x of x.myvtex.com."""

    name: AccountName
    app_key: SecretStr = Field(min_length=1, examples=["vtexappkey-mystore-AAAAAA"])
    """The application key; a file can contain it."""
    app_token: SecretStr = Field(min_length=1, examples=["SECRET"])
    """The application token; a file can contain it."""
    zone: Zone = Field(default_factory=lambda: ZoneInfo(ZONE))
    """The store's time zone."""
    base_url: str = Field(default=VTEX, validate_default=True)
    """The address of VTEX's API; {account} is the account's name."""
    events: Literal["full", "delta"] = "full"
    """Send VTEX all events each time ("full") or only the new ones ("delta")."""
    event_time: Literal["offset", "utc", "local", "day"] = "offset"
    """How times of events are written: with the zone's "offset", in "utc", as "local"
    time, or as the local "day", which is the form that VTEX documents; then VTEX does
    not know the order of events within a day."""
    delivered_time: Literal["offset", "utc", "local", "minute"] | None = Field(
        default=None, examples=["minute"]
    )
    """How `deliveredDate` is written: likewise, or local to the "minute", which is the
    form that VTEX documents; by default like `event_time`, "minute" for "day"."""
    first_email: Literal["with_first_scan", "at_label", "off"] = "with_first_scan"
    """When VTEX may send its first e-mail: "with_first_scan", "at_label" or "off"."""
    adopt_invoice_number: bool = False
    """Use VTEX's form of an invoice number that differs by zeros or series, and follow
    an invoice that the ERP exchanged on a live order."""
    read_back: Literal["off", "deliveries", "all"] = "all"
    """Which updates are read back, as a 200 proves nothing: "all" within a quota, the
    last one of each burst; only "deliveries"; or "off"."""
    read_backs_per_day: CountFromZero = 5000
    """How many orders are read back per day beside those of deliveries."""
    requests_per_second: float = Field(default=5, gt=0, allow_inf_nan=False)
    """How many calls VTEX gets per second."""
    burst: Count = 10
    """How many of them may be sent at once."""
    in_flight: Count = 4
    """How many of them may wait for a response."""
    language: Literal["pt", "es", "en"] = "pt"
    """The language of the relay's own texts for shoppers: pt, es or en."""
    shadow: bool = False
    """Write nothing to VTEX: orders are read, within `read_backs_per_day`, and compared
    with what the relay would have sent. For a store that goes live from another
    integration; what is pending is sent once this is false again."""
    discovery: Literal["off", "feed", "hook", "both"] = "off"
    """Find parcels in VTEX, where the ERP writes tracking number and courier: by its
    "feed", its "hook" or "both"."""
    discovery_app_key: SecretStr | None = Field(
        default=None, min_length=1, examples=["vtexappkey-mystore-BBBBBB"]
    )
    """The key of feed and hook, by default app_key. VTEX has one feed and one hook per
    key, so no other system may use it for them."""
    discovery_app_token: SecretStr | None = Field(
        default=None, min_length=1, examples=["SECRET"]
    )
    """The token of that key."""
    discovery_states: Names = ("invoiced", "canceled", "replaced")
    """The order statuses of which a filter by workflow notifies the relay."""
    feed_filter: OrderFilter = "workflow"
    """What the feed notifies of: "workflow", a status; "number_added", an invoice has a
    tracking number; "tracking_written", or it has events or is delivered."""
    hook_filter: OrderFilter = "number_added"
    """What the hook notifies of: as in feed_filter."""
    hook_secret: SecretStr | None = Field(
        default=None, min_length=16, examples=["0123456789abcdef"]
    )
    """The secret that VTEX sends with each notification of the hook, of at least 16
    characters; `openssl rand -hex 32` makes one."""

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, text: str, info: ValidationInfo) -> str:
        """Insert the account's name; refuse an address that exposes its token."""
        address = text.replace("{account}", info.data.get("name", "account"))
        parts = origin(address, "https://store.vtexcommercestable.com.br")
        local = is_loopback(parts.hostname)
        if parts.scheme != "https" and not local:
            message = "would send the account's token unencrypted"
            raise problem(message, "use https:// (http:// is for this machine only)")
        if parts.path.strip("/") and not local:
            raise problem("must not contain a path", "remove what follows the host")
        return address.rstrip("/")

    @model_validator(mode="after")
    def _complete_discovery(self) -> Self:
        """Refuse half a key pair, and a hook that anyone could call."""
        pair = ("discovery_app_key", "discovery_app_token")
        missing = [name for name in pair if getattr(self, name) is None]
        if len(missing) == 1:
            hint = "set both, or neither to use app_key and app_token"
            raise problem("required with the other one", hint, field=missing[0])
        if self.uses("hook") and self.hook_secret is None:
            hint = "make one with `openssl rand -hex 32`"
            raise problem("required for the hook", hint, field="hook_secret")
        return self

    def uses(self, source: Literal["feed", "hook"]) -> bool:
        """Whether parcels are found by VTEX's feed, or by its hook."""
        return self.discovery in {source, "both"}


SHORTEST: Final = 24
_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")
_MAKE_ONE: Final = "make one with `openssl rand -hex 32`"


class Scope(StrEnum):
    """Which operations a token allows."""

    ERP = "erp"
    OPERATOR = "operator"
    READER = "reader"
    RETURNS = "returns"
    METRICS = "metrics"


def hash_token(token: str) -> str:
    """Return the hash that is stored for *token*.

    Tokens are random and long, so a salt would add nothing.
    """
    digest = sha256(token.encode(errors="surrogateescape")).hexdigest()
    return f"sha256:{digest}"


def check_hash(text: str) -> str:
    """Return the hash of a token; refuse any other text."""
    if not _HASH.fullmatch(text):
        hint = "write sha256: and 64 hexadecimal digits in lower case"
        raise problem("not a token's hash", hint)
    return text


class ApiToken(SettingsTable):
    """A user of the HTTP API; the name is yours to choose."""

    name: Name
    hash: Annotated[str, AfterValidator(check_hash)] = Field(
        repr=False,
        examples=["sha256:" + "0" * 64],
        json_schema_extra={"alternative": True},
    )
    """The token's hash, in place of the token: then no file contains the token."""
    scopes: Annotated[frozenset[Scope], Listed] = Field(
        min_length=1, examples=[[Scope.ERP]]
    )
    """What the token allows: erp, operator, reader, metrics; returns refunds money."""
    accounts: Names = ()
    """The accounts that it may access; by default all."""

    @model_validator(mode="before")
    @classmethod
    def _hashed(cls, table: Any) -> Any:
        """Replace a literal token by its hash, so that the literal is never stored."""
        if not isinstance(table, dict):
            return table
        if ("token" in table) is ("hash" in table):
            both = "token" in table
            message = "token and hash are both set" if both else "required"
            hint = "remove one of them" if both else f"{_MAKE_ONE}, or set hash"
            raise problem(message, hint, field="token")
        if "token" not in table:
            return table
        rest = {key: value for key, value in table.items() if key != "token"}
        token = table["token"]
        if not isinstance(token, str) or len(token) < SHORTEST:
            message = f"shorter than {SHORTEST} characters"
            raise problem(message, _MAKE_ONE, field="token")
        return rest | {"hash": hash_token(token)}

    def may(self, scope: Scope) -> bool:
        """Return whether the token allows *scope*."""
        return scope in self.scopes

    def sees(self, account: str) -> bool:
        """Return whether the token may access *account*."""
        return not self.accounts or account in self.accounts


def holder(presented: str, tokens: Iterable[ApiToken]) -> ApiToken | None:
    """Return the token that was *presented*, in constant time."""
    digest = hash_token(presented)
    found = [token for token in tokens if hmac.compare_digest(digest, token.hash)]
    return found[0] if found else None
