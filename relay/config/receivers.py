"""Receivers of outgoing events: other systems that the relay calls."""

import base64
import binascii
import ipaddress
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated, Final, Self
from unicodedata import normalize

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from relay.config.quantities import ReceiverSeconds, SettingsTable
from relay.config.types import Name, Names, is_loopback, web_address
from relay.domain.outgoing_events import TYPES
from relay.suggestions import suggestion
from relay.validation_errors import problem

EXTRA: Final = "standardwebhooks"
PREFIX: Final = "whsec_"
_EXAMPLE: Final = "https://erp.example.com/hooks/relay"
_MAKE_ONE: Final = (
    "make one with `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver"
)
_EXAMPLE_SECRET: Final = PREFIX + base64.b64encode(b"0123456789abcdef" * 2).decode()
_SHORTEST, _LONGEST = 24, 64
_KINDS: Final = frozenset(f"{name.partition('.')[0]}.*" for name in TYPES)


def _secret(given: SecretStr) -> SecretStr:
    """Refuse what is not a secret of Standard Webhooks: 24 to 64 bytes in base64."""
    text = given.get_secret_value()
    if not text.startswith(PREFIX):
        raise problem(f"must start with {PREFIX}", _MAKE_ONE)
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise problem("not base64", _MAKE_ONE) from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise problem(f"must have {_SHORTEST} to {_LONGEST} bytes", _MAKE_ONE)
    return given


WebhookSecret = Annotated[SecretStr, AfterValidator(_secret)]


def is_public(host: str) -> bool:
    """Whether *host* is a name, or an address outside private networks."""
    try:
        # A connection would read full-width digits as digits, too.
        return ipaddress.ip_address(normalize("NFKC", host)).is_global
    except ValueError:
        return True


class OutgoingReceiver(SettingsTable):
    """A system that gets events as Standard Webhooks, such as an ERP, a CRM or n8n.

    Needs the extra `outgoing`; the name is yours to choose.
    """

    name: Name
    url: str = Field(min_length=1, examples=[_EXAMPLE], repr=False)
    """The address that is called: https, or http on this machine. It may contain a
    token, so only its host is shown."""
    secret: WebhookSecret = Field(examples=[_EXAMPLE_SECRET])
    """The secret that signs the calls: whsec_ and 24 to 64 bytes in base64. A file can
    contain it."""
    previous_secret: WebhookSecret | None = Field(
        default=None, examples=[_EXAMPLE_SECRET]
    )
    """The secret before that: while it is set, calls are signed with both, so that the
    receiver can change over."""
    types: Names = ()
    """The types of events, such as shipment.delivered or shipment.*; by default all."""
    accounts: Names = ()
    """The accounts of whose shipments it gets events; by default all."""
    timeout_seconds: ReceiverSeconds = timedelta(seconds=15)
    """How long a call may take."""
    private_network: bool = False
    """Allow an address of a private network, such as 10.0.0.5. Redirects are never
    followed."""

    @model_validator(mode="before")
    @classmethod
    def _installed(cls, table: object) -> object:
        if find_spec(EXTRA) is None:
            hint = "run `pip install 'carrier-tracking-relay[outgoing]'`"
            raise problem(f"needs the library {EXTRA}", hint)
        return table

    @field_validator("url")
    @classmethod
    def _safe_url(cls, text: str) -> str:
        parts = web_address(text, _EXAMPLE)
        if parts.scheme != "https" and not is_loopback(parts.hostname):
            hint = "use https:// (http:// is for this machine only)"
            raise problem("would send events unencrypted", hint)
        return text

    @field_validator("types")
    @classmethod
    def _known_types(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            if name not in TYPES and name not in _KINDS:
                raise problem(f"unknown type {name!r}", suggestion(name, TYPES))
        return given

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        """Refuse an address that the connection would refuse."""
        host = web_address(self.url, _EXAMPLE).hostname or ""
        if not (self.private_network or is_loopback(host) or is_public(host)):
            hint = "set private_network = true if it is meant"
            raise problem("an address of a private network", hint, field="url")
        return self

    @property
    def host(self) -> str:
        """Scheme and host of the address, which may be shown."""
        parts = web_address(self.url, _EXAMPLE)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that sign, the newest first."""
        both = (self.secret, self.previous_secret)
        return tuple(s.get_secret_value() for s in both if s is not None)
