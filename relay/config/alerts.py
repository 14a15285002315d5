"""Settings of alerts: thresholds, what is muted, and the channels they are sent by."""

import re
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from relay.config.quantities import (
    Count,
    CountFromZero,
    Days,
    Hours,
    Minutes,
    Seconds,
    SettingsTable,
)
from relay.config.types import Names, is_loopback, web_address
from relay.domain.alert_facts import AlertKind
from relay.suggestions import suggestion
from relay.validation_errors import problem

_ADDRESS: Final = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
_HOOK: Final = "https://chat.example.com/hooks/SECRET"


def _mailbox(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        hint = "write an address such as oncall@example.com"
        raise problem(f"{text!r} is not an e-mail address", hint)
    return text


def _mailboxes(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_mailbox, given))


def _secret_url(secret: SecretStr) -> SecretStr:
    """Refuse anything but a web address; the error never shows it."""
    parts = web_address(secret.get_secret_value(), _HOOK)
    if parts.scheme != "https" and not is_loopback(parts.hostname):
        message = "would send the address's secret unencrypted"
        raise problem(message, "use https:// (http:// is for this machine only)")
    return secret


def _muted(given: tuple[str, ...]) -> tuple[str, ...]:
    for entry in given:
        kind, colon, _ = entry.partition(":")
        if colon and kind not in set(AlertKind):
            raise problem(f"unknown kind {kind!r}", suggestion(kind, AlertKind))
    return given


SecretUrl = Annotated[SecretStr, AfterValidator(_secret_url)]


class AlertSettings(SettingsTable):
    """Alerts: what is worth a message, and where it is sent."""

    email_host: str | None = Field(
        default=None, min_length=1, examples=["smtp.example.com"]
    )
    """The SMTP server that sends alerts by e-mail; without it none are."""
    email_port: Annotated[int, Field(ge=1, le=65535)] = 587
    """Its port: usually 587 with "starttls", 465 with "tls"."""
    email_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the connection is encrypted: "starttls", "tls" from the beginning, or "none",
    which is for this machine only if a password is set."""
    email_user: str | None = Field(default=None, examples=["relay@example.com"])
    """The user to sign in as; by default without."""
    email_password: SecretStr | None = Field(default=None, examples=["SECRET"])
    """The user's password; a file can contain it."""
    email_from: Annotated[str, AfterValidator(_mailbox)] | None = Field(
        default=None, examples=["relay@example.com"]
    )
    """The sender's address."""
    email_to: Annotated[Names, AfterValidator(_mailboxes)] = Field(
        default=(), examples=[["oncall@example.com"]]
    )
    """The addresses that alerts are sent to."""
    chat_url: SecretUrl | None = Field(default=None, examples=[_HOOK])
    """The address of a chat's incoming webhook; a file can contain it."""
    chat_format: Literal["slack", "teams", "google_chat", "discord"] = "slack"
    """The form that the chat takes: "slack" (Mattermost and Rocket.Chat as well),
    "teams", "google_chat" or "discord"."""
    heartbeat_url: SecretUrl | None = Field(
        default=None, examples=["https://hc-ping.com/SECRET"]
    )
    """The address that is called while everything works: a service that misses these
    calls raises the alarm, also when the whole machine is down."""
    heartbeat_seconds: Seconds = timedelta(seconds=60)
    """How often it is called."""
    mute: Annotated[Names, AfterValidator(_muted)] = Field(
        default=(), examples=[["contract_silent:mycarrier"]]
    )
    """What is shown and not sent: kinds, names of contracts and accounts, or
    "kind:name"."""
    remind_hours: Hours = timedelta(hours=24)
    """After how long an alert that is still open is sent again."""
    recover_minutes: Minutes = timedelta(minutes=10)
    """How long something must work again before its alert is over; twice as long with
    each return within a day."""
    gate_minutes: Minutes = timedelta(minutes=5)
    """How long VTEX may limit calls or not answer. Wrong credentials and a paused
    account count at once."""
    loop_minutes: Minutes = timedelta(minutes=3)
    """How long a part of the relay may fail."""
    poll_failures: CountFromZero = 5
    """Failed polls of a carrier in a row; 0: no alert."""
    parcels_days: Days = timedelta(days=7)
    """Days without a scan after which a parcel has stopped."""
    parcels: CountFromZero = 10
    """Open shipments of a contract that have stopped; 0: no alert."""
    stuck: CountFromZero = 3
    """Shipments and invoices of an account that became stuck in an hour; 0: no
    alert."""
    rejected: CountFromZero = 3
    """Webhooks of a contract that failed verification since the last good one; 0: no
    alert."""
    quota_percent: Annotated[int, Field(ge=0, le=100)] = 90
    """The part of a daily quota, of polls or read-backs, that may be used; 0: no
    alert."""
    disk_free_mb: CountFromZero = 1024
    """MiB that must be free on the disk of the SQLite file: well above the other
    disk_free_mb, below which the relay is not ready."""
    differences: CountFromZero = 3
    """Shipments of an account, within a day, of which VTEX twice showed something else
    than was sent; 0: no alert."""
    attempts: Count = 60
    """How often a message is tried; the pauses grow to half an hour."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Refuse half a channel, and a password that anyone could read."""
        if self.email_host is not None:
            for field in ("email_from", "email_to"):
                if not getattr(self, field):
                    hint = f"set alerts.{field}"
                    raise problem("required with email_host", hint, field=field)
        if (self.email_user is None) is not (self.email_password is None):
            field = "email_password" if self.email_user else "email_user"
            raise problem(
                "required with the other one", f"set alerts.{field}", field=field
            )
        exposed = self.email_security == "none" and self.email_password is not None
        if exposed and not is_loopback(self.email_host):
            message = "would send the password unencrypted"
            raise problem(message, 'use "starttls" or "tls"', field="email_security")
        return self

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that messages are sent by."""
        set_up = {"email": self.email_host, "chat": self.chat_url}
        return tuple(name for name, value in set_up.items() if value is not None)
