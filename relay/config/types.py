"""Types of settings: addresses, names, zones and lists, each with its check."""

import ipaddress
import json
import re
from string import Formatter
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator

from relay.adapters.times import EXAMPLE, unknown_zone, zone_names
from relay.domain.fiscal import cnpj
from relay.validation_errors import problem

NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
ACCOUNT: Final = re.compile(r"[a-z0-9]+(-+[a-z0-9]+)*")
PLACEHOLDERS: Final = frozenset({"tracking_number", "invoice_key"})
ZONE: Final = EXAMPLE


def _zone(value: object) -> object:
    """Return the time zone of that IANA name, in its exact spelling."""
    if not isinstance(value, str):
        return value
    if value not in zone_names():
        raise problem(*unknown_zone(value))
    return ZoneInfo(value)


def _listed(value: object) -> object:
    """Return the list in a text: JSON, or names separated by commas."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return from_json(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _table(value: object) -> object:
    return from_json(value) if isinstance(value, str) else value


def from_json(text: str) -> Any:
    """Return the value of a JSON *text*; the error does not show it."""
    try:
        return json.loads(text)
    except ValueError as error:
        spot = getattr(error, "pos", 0)
        raise problem("invalid JSON", f"fix it at character {spot + 1}") from None


def _tax_id(text: str) -> str:
    try:
        return cnpj(text)
    except ValueError as error:
        raise problem(str(error), "copy it from the carrier's invoice") from None


def _contract_name(text: str) -> str:
    if text == "relay":
        raise problem("reserved name", "choose another name")
    return _name(text)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        hint = "use a-z, 0-9 and single '_' between them, starting with a letter"
        raise problem("invalid name", hint)
    return text


def _account_name(text: str) -> str:
    if not ACCOUNT.fullmatch(text):
        hint = "use the first part of the store's address: x of x.myvtex.com"
        raise problem("not the name of a VTEX account", hint)
    return text


def web_address(text: str, example: str) -> SplitResult:
    """Return the parts of a web address; the error's hint shows an *example*."""
    hint = f"write an address such as {example}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise problem("invalid address", hint) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise problem("must start with https:// and a host", hint)
    if parts.username is not None or parts.password is not None:
        raise problem("must not contain a user or a password", hint)
    return parts


def origin(text: str, example: str) -> SplitResult:
    """Return the parts of an address that must have no query and no fragment."""
    parts = web_address(text, example)
    if parts.query or parts.fragment:
        raise problem("must contain only host and path", f"write {example}")
    return parts


def is_loopback(host: str | None) -> bool:
    """Return whether *host* is this machine, so that no data leaves it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _public_url(text: str) -> str:
    origin(text, "https://relay.example.com")
    return text.rstrip("/")


def _tracking_url(text: str) -> str:
    example = "https://carrier.example/follow?number={tracking_number}"
    hint = f"write an address such as {example}"
    try:
        fields = [part[1:] for part in Formatter().parse(text) if part[1] is not None]
    except ValueError:
        raise problem("unbalanced braces", hint) from None
    if any(f not in PLACEHOLDERS or spec or conv for f, spec, conv in fields):
        known = " and ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
        raise problem("unknown placeholder", f"use {known}")
    web_address(text.format_map(dict.fromkeys(PLACEHOLDERS, "1")), example)
    return text


def _listen(text: str) -> str:
    split_listen(text)
    return text


def split_listen(text: str) -> tuple[str, int]:
    """Return host and port of `host:port`; an IPv6 host is in brackets."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):([0-9]{1,5})", text)
    if found is None or int(found[2]) > 0xFFFF:  # noqa: PLR2004 -- the last port
        raise problem("must be host:port", 'write for example "127.0.0.1:8080"')
    return found[1].strip("[]"), int(found[2])


Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Table = BeforeValidator(_table)
Listed = BeforeValidator(_listed)
TaxIds = Annotated[
    tuple[Annotated[str, AfterValidator(_tax_id)], ...], BeforeValidator(_listed)
]
Name = Annotated[str, AfterValidator(_name)]
ContractName = Annotated[str, AfterValidator(_contract_name)]
AccountName = Annotated[str, AfterValidator(_account_name)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
TrackingUrl = Annotated[str, AfterValidator(_tracking_url)]
Listen = Annotated[str, AfterValidator(_listen)]
