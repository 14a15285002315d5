"""The kinds of values that settings are made of, each with its own check."""

import ipaddress
import json
import re
from string import Formatter
from typing import Annotated, Any, Final
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from relay.adapters.times import EXAMPLE, unknown_zone, zone_names
from relay.config.problems import problem
from relay.domain.fiscal import cnpj

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
    """Take a list from text: JSON, or names with commas between."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return from_json(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _table(value: object) -> object:
    return from_json(value) if isinstance(value, str) else value


def from_json(text: str) -> Any:
    """Read a JSON *text*; the error does not show it."""
    try:
        return json.loads(text)
    except ValueError as error:
        spot = getattr(error, "pos", 0)
        hint = f"mend it at character {spot + 1}"
        raise problem("the value is not valid JSON", hint) from None


def _tax_id(text: str) -> str:
    try:
        return cnpj(text)
    except ValueError as error:
        raise problem(str(error), "copy it from the carrier's invoice") from None


def _contract_name(text: str) -> str:
    if text == "relay":
        raise problem("the name is the relay's own", "choose another name")
    return _name(text)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        hint = "use a-z, 0-9 and single '_' between them, a letter first"
        raise problem("the name cannot be used", hint)
    return text


def _account_name(text: str) -> str:
    if not ACCOUNT.fullmatch(text):
        hint = "use the first part of the store's address: x of x.myvtex.com"
        raise problem("the name is not one of a VTEX account", hint)
    return text


def web_address(text: str, example: str) -> SplitResult:
    """Take a web address apart, or raise the error that shows an *example*."""
    hint = f"write an address such as {example}"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise problem("the address cannot be read", hint) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise problem("the address does not start with https:// and a host", hint)
    if parts.username is not None or parts.password is not None:
        raise problem("the address holds a user or a password", hint)
    return parts


def origin(text: str, example: str) -> SplitResult:
    """Take an address apart that has no query and no fragment."""
    parts = web_address(text, example)
    if parts.query or parts.fragment:
        raise problem("the address holds more than host and path", f"write {example}")
    return parts


def is_loopback(host: str | None) -> bool:
    """Whether *host* is this machine, so that nothing travels."""
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
        raise problem("a brace is left open", hint) from None
    if any(f not in PLACEHOLDERS or spec or conv for f, spec, conv in fields):
        known = " and ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
        raise problem("there is an unknown placeholder", f"the known ones are {known}")
    web_address(text.format_map(dict.fromkeys(PLACEHOLDERS, "1")), example)
    return text


def _listen(text: str) -> str:
    split_listen(text)
    return text


def split_listen(text: str) -> tuple[str, int]:
    """Take `host:port` apart; an IPv6 host stands in brackets."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):([0-9]{1,5})", text)
    if found is None or int(found[2]) > 0xFFFF:  # noqa: PLR2004 -- the last port
        raise problem("it is not host and port", 'write for instance "127.0.0.1:8080"')
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
Count = Annotated[int, Field(ge=1)]
Days = Annotated[int, Field(ge=1, le=36500)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PollMinutes = Annotated[float, Field(ge=1, le=1440, allow_inf_nan=False)]
PollHours = Annotated[float, Field(ge=0.1, le=168, allow_inf_nan=False)]
