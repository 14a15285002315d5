"""One VTEX account: credentials, address and what VTEX does there."""

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from relay.settings.fields import (
    ZONE,
    AccountName,
    Count,
    Seconds,
    Zone,
    is_loopback,
    origin,
)
from relay.settings.findings import wrong
from relay.tracking import Value

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
            raise wrong(message, "use https:// (http:// is for this machine only)")
        if parts.path.strip("/") and not local:
            raise wrong("the address holds a path", "leave out what follows the host")
        return address.rstrip("/")
