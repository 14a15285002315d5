"""A contract with a carrier: which adapter, its secrets, rules and options."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, model_validator

from relay.adapters.codes import CodeRow
from relay.adapters.protocol import ContractOptions
from relay.config.problems import set_it
from relay.config.quantities import (
    Count,
    Days,
    Hours,
    PollHours,
    PollMinutes,
    PollSpacing,
    SettingsTable,
    WholeHours,
)
from relay.config.types import (
    ZONE,
    ContractName,
    Names,
    Table,
    TaxIds,
    TrackingUrl,
    Zone,
    from_json,
)
from relay.suggestions import suggest
from relay.validation_errors import problem

_URL_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{16,200}")
Codes = Annotated[Mapping[str, CodeRow], Table]
Options = Annotated[Mapping[str, Any], Table]


def _spelled(value: Any) -> Any:
    """Return an option that a variable gave as text: JSON if it looks like it."""
    if not isinstance(value, str) or value[:1] not in ("[", "{"):
        return value
    try:
        return from_json(value)
    except ValueError:
        return value


class ContractSettings(SettingsTable):
    """A contract with a carrier; its name is part of the webhook's address.

    Keys that are not listed here are options of the adapter: see the carrier's page.
    """

    name: ContractName
    adapter: str = Field(min_length=1, examples=["generic"])
    """The adapter of this carrier; `relay carriers list` shows them."""
    # `Settings` completes the two: `account` is never empty there, and `accounts`
    # are all that the contract serves, the default one first.
    account: str = Field(default="", examples=["mystore"])
    """The account of its labels, unless they name another one."""
    accounts: Names = Field(default=(), examples=[["mystore"]])
    """All accounts that it serves."""
    secret: SecretStr | None = Field(default=None, examples=["SECRET"])
    """The secret with which its webhooks are verified."""
    previous_secret: SecretStr | None = Field(default=None, examples=["OLD-SECRET"])
    """The secret before that, valid as well while the carrier changes over."""
    url_secret: SecretStr | None = Field(
        default=None,
        examples=["0123456789abcdef"],
        json_schema_extra={"alternative": True},
    )
    """The secret in the webhook's address; only with verification = "url"."""
    previous_url_secret: SecretStr | None = Field(
        default=None,
        examples=["fedcba9876543210"],
        json_schema_extra={"alternative": True},
    )
    """The secret in the address before that, valid as well."""
    verification: Literal["signature", "url", "polling_only", "endpoint", "none"] = (
        "signature"
    )
    """How webhooks are verified: "signature"; "url", by a secret in the address;
    "polling_only", no webhooks are accepted; "endpoint", neither, as an ERP calls the
    VTEX-compatible endpoint; "none", webhooks of anyone are."""
    zone: Zone = Field(default_factory=lambda: ZoneInfo(ZONE))
    """The zone of the carrier's times without an offset; by default its account's."""
    courier: str | None = Field(default=None, min_length=1, examples=["My Carrier"])
    """The carrier's name as shoppers read it; by default the adapter's."""
    alert_silent_hours: Hours | None = Field(default=None, examples=[12])
    """Hours without a webhook, with shipments open, after which there is an alert; by
    default when the silence is longer than usual."""
    tax_ids: TaxIds = ()
    """The CNPJs with which it invoices freight, for labels with a tax id only."""
    courier_names: Names = ()
    """Other names of it on labels."""
    tracking_url: TrackingUrl | None = Field(
        default=None,
        examples=["https://carrier.example/follow?number={tracking_number}"],
    )
    """The tracking page of a parcel: {tracking_number}, {invoice_key}."""
    tracking_number: Literal["given", "nfe_key", "invoice_number", "from_carrier"] = (
        "given"
    )
    """What VTEX gets where a label has no tracking number: "given" (wait for it),
    "nfe_key", "invoice_number" or "from_carrier"."""
    lower_bound_days: Days = timedelta(days=15)
    """How many days before its registration events of a label's number count."""
    labels_come_late: bool = False
    """Labels are registered after their parcels have left: believe a delivery from
    before the registration even without `dispatchedDate`."""
    days_only: bool = False
    """The carrier gives days without a time of day: believe a delivery at exactly
    00:00, which is quarantined otherwise."""
    expire_days: Days = timedelta(days=60)
    """Days without an event after which shipments expire; by default [retention]'s."""
    announce_numbers: Literal["first", "joined"] = "first"
    """The number that VTEX gets for several parcels of an invoice: the "first" one, or
    all of them "joined" by `;`, once all are known."""
    description: Literal["carrier", "milestone", "both"] = "carrier"
    """What shoppers read of an event: the text of the "carrier", the relay's phrase for
    its "milestone", or "both"."""
    language: Literal["pt", "es", "en"] | None = Field(default=None, examples=["es"])
    """The language of the relay's phrases: pt, es or en; by default its account's."""
    mask_personal_data: bool = True
    """Mask CPF, CNPJ, phone numbers, e-mail addresses and recipients' names in texts
    for VTEX. What is stored stays as it came."""
    publish_unknown: bool = False
    """Publish events with an unmapped code as well, with the carrier's text."""
    confirm_provisional_after_hours: WholeHours | None = Field(
        default=None, examples=[24]
    )
    """Hours after which a provisional delivery is final; by default never."""
    poll: bool = True
    """Poll the carrier, if its adapter can."""
    poll_spacing_seconds: PollSpacing = timedelta(seconds=1)
    """The least time between two calls to it."""
    poll_daily_quota: Count | None = Field(default=None, examples=[5000])
    """The most calls in a day of the contract's zone; by default no limit."""
    poll_urgent_minutes: PollMinutes = timedelta(minutes=15)
    """How often a parcel that is out for delivery is polled, at most."""
    poll_hours: PollHours = timedelta(hours=3)
    """How often a parcel in transit is polled, at most."""
    poll_quiet_hours: PollHours = timedelta(hours=24)
    """How often a parcel without events for days is polled."""
    poll_feed_minutes: PollMinutes = timedelta(minutes=15)
    """How often a feed is polled that had nothing new."""
    codes: Codes = Field(
        default_factory=dict, examples=[{"ENT": {"milestone": "delivered"}}]
    )
    """What this carrier's codes mean, in place of rows of the adapter's table."""
    options: Options = Field(default_factory=dict, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _options_apart(cls, table: Any) -> Any:
        """Move unknown keys to the adapter's options."""
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
        """Refuse a contract whose webhooks anyone could send."""
        needed = {"signature": "secret", "url": "url_secret"}.get(self.verification)
        if needed is not None and not _text(getattr(self, needed)):
            raise problem("required", self._hint(needed), field=needed)
        for field in ("url_secret", "previous_url_secret"):
            self._check_url_secret(field)
        return self

    def _hint(self, field: str) -> str:
        """Return the hint for a missing secret, which may have been misspelt."""
        meant = suggest(field, self.options)
        if meant:
            return f"did you write `{meant}` for `{field}`?"
        path = ("contracts", self.name, field)
        return (
            f"{set_it(path)} (or {field}_file, a file that contains it); "
            'verification = "polling_only" accepts no webhooks; '
            'verification = "none" accepts them from anyone'
        )

    def _check_url_secret(self, field: str) -> None:
        text = _text(getattr(self, field))
        if text and self.verification != "url":
            message = 'set, but verification is not "url"'
            raise problem(
                message, 'set verification = "url", or remove it', field=field
            )
        if text and not _URL_SECRET.fullmatch(text):
            message = "must be 16 to 200 letters, digits, '-' and '_'"
            raise problem(message, "make one with `openssl rand -hex 16`", field=field)

    @property
    def takes_webhooks(self) -> bool:
        """Whether its webhook address accepts anything."""
        return self.verification not in {"polling_only", "endpoint"}

    @property
    def secrets(self) -> tuple[str, ...]:
        """All secrets that are valid now, the newest first."""
        return _texts(self.secret, self.previous_secret)

    @property
    def url_secrets(self) -> tuple[str, ...]:
        """All secrets that are valid now in the webhook's address."""
        return _texts(self.url_secret, self.previous_url_secret)

    def for_adapter(self) -> ContractOptions:
        """Return what the adapter gets of this contract."""
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
