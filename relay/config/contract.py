"""One configured use of an adapter: its secrets, its rules, its own options."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, model_validator

from relay.adapters.codes import CodeRow
from relay.adapters.options import closest
from relay.adapters.protocol import ContractOptions
from relay.config.problems import problem, set_it
from relay.config.types import (
    ZONE,
    ContractName,
    Count,
    Days,
    Names,
    PollHours,
    PollMinutes,
    Table,
    TaxIds,
    TrackingUrl,
    Zone,
    from_json,
)
from relay.domain.events import Value

_URL_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{16,200}")
Codes = Annotated[Mapping[str, CodeRow], Table]
Options = Annotated[Mapping[str, Any], Table]


def _spelled(value: Any) -> Any:
    """Read an option that came as text from a variable: JSON if it looks like it."""
    if not isinstance(value, str) or value[:1] not in ("[", "{"):
        return value
    try:
        return from_json(value)
    except ValueError:
        return value


class ContractSettings(Value):
    """`[contracts.<name>]`; keys that are no fields are options of the adapter.

    As part of `Settings`, `account` is never empty, and `accounts` are all that
    the contract serves, the default one first.
    """

    name: ContractName
    adapter: str = Field(min_length=1)
    account: str = ""
    accounts: Names = ()
    secret: SecretStr | None = None
    previous_secret: SecretStr | None = None
    url_secret: SecretStr | None = None
    previous_url_secret: SecretStr | None = None
    verification: Literal["signature", "url", "polling_only", "none"] = "signature"
    zone: Zone = Field(default_factory=lambda: ZoneInfo(ZONE))
    courier: str | None = Field(default=None, min_length=1)
    tax_ids: TaxIds = ()
    courier_names: Names = ()
    tracking_url: TrackingUrl | None = None
    tracking_number: Literal["given", "nfe_key", "invoice_number", "from_carrier"] = (
        "given"
    )
    lower_bound_days: Days = 15
    expire_days: Days = 60
    publish_unknown: bool = False
    confirm_provisional_after_hours: int | None = Field(default=None, ge=1)
    poll: bool = True
    poll_spacing_seconds: float = Field(default=1, ge=0, le=3600, allow_inf_nan=False)
    poll_daily_quota: Count | None = None
    poll_urgent_minutes: PollMinutes = 15
    poll_hours: PollHours = 3
    poll_quiet_hours: PollHours = 24
    poll_feed_minutes: PollMinutes = 15
    codes: Codes = Field(default_factory=dict)
    options: Options = Field(default_factory=dict, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _options_apart(cls, table: Any) -> Any:
        """Move what is no field of ours to the adapter's options."""
        if not isinstance(table, dict):
            return table
        ours = {k: v for k, v in table.items() if k in cls.model_fields}
        theirs = {k: _spelled(v) for k, v in table.items() if k not in ours}
        given = ours.get("options", {})
        if not theirs or not isinstance(given, Mapping):
            return ours
        return ours | {"options": {**given, **theirs}}

    @model_validator(mode="after")
    def _verifiable(self) -> Self:
        """Refuse a contract whose webhooks anybody could send."""
        needed = {"signature": "secret", "url": "url_secret"}.get(self.verification)
        if needed is not None and not _text(getattr(self, needed)):
            raise problem("it is missing", self._hint(needed), field=needed)
        for field in ("url_secret", "previous_url_secret"):
            self._check_url_secret(field)
        return self

    def _hint(self, field: str) -> str:
        """Say how to give the secret in *field*, and whether it was mistyped."""
        meant = closest(field, self.options)
        if meant:
            return f"is {meant} meant to be {field}?"
        path = ("contracts", self.name, field)
        return (
            f"{set_it(path)} (or {field}_file, a file that holds it); "
            'verification = "polling_only" accepts no webhooks, for a carrier that is '
            'only polled; verification = "none" accepts them from anyone'
        )

    def _check_url_secret(self, field: str) -> None:
        text = _text(getattr(self, field))
        if text and self.verification != "url":
            message = 'it is given, but verification is not "url"'
            raise problem(
                message, 'set verification = "url", or remove it', field=field
            )
        if text and not _URL_SECRET.fullmatch(text):
            message = "it is not 16 to 200 letters, digits, '-' and '_'"
            raise problem(message, "make one with `openssl rand -hex 16`", field=field)

    @property
    def secrets(self) -> tuple[str, ...]:
        """All secrets that are valid now, the newer one first."""
        return _texts(self.secret, self.previous_secret)

    @property
    def url_secrets(self) -> tuple[str, ...]:
        """All secrets that are valid now in the webhook's address."""
        return _texts(self.url_secret, self.previous_url_secret)

    def for_adapter(self) -> ContractOptions:
        """Return what the adapter is given of this contract."""
        rows = {
            code: row.model_dump(mode="json", exclude_unset=True)
            for code, row in self.codes.items()
        }
        return ContractOptions(
            self.name,
            self.zone,
            self.secrets,
            codes=rows,
            options=dict(self.options),
            settings=frozenset(type(self).model_fields) - {"name", "options"},
        )


def _text(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()


def _texts(*secrets: SecretStr | None) -> tuple[str, ...]:
    return tuple(text for text in map(_text, secrets) if text)
