"""The people who use the console, and how they sign in."""

import re
from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from relay.config.quantities import SettingsTable, WholeHours
from relay.config.types import Listed, Name, Names
from relay.validation_errors import problem

_HASH: Final = re.compile(r"\$argon2id\$v=\d+\$m=\d+,t=\d+,p=\d+\$[^$\s]+\$[^$\s]+")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]+")


class UserRole(StrEnum):
    """What a person may do in the console."""

    VIEW = "view"
    ACT = "act"


def _password_hash(text: str) -> str:
    if not _HASH.fullmatch(text):
        hint = "make it with `relay users add`, which asks for the password"
        raise problem("not an argon2id hash", hint)
    return text


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        hint = "write a header's name, such as X-Forwarded-User"
        raise problem("not the name of a header", hint)
    return text


def _addresses(given: tuple[str, ...]) -> tuple[str, ...]:
    for address in given:
        try:
            ip_address(address)
        except ValueError:
            hint = "write the proxy's address, such as 127.0.0.1"
            raise problem(f"{address!r} is not an IP address", hint) from None
    return given


class ConsoleUser(SettingsTable):
    """A person who uses the console; the name is what they sign in with."""

    name: Name
    password_hash: Annotated[str, AfterValidator(_password_hash)] | None = Field(
        default=None, repr=False, examples=["$argon2id$v=19$m=65536,t=3,p=4$...$..."]
    )
    """The hash of the password, made by `relay users add`; not needed behind a proxy
    that signs people in."""
    role: UserRole = UserRole.VIEW
    """What the person may do: "view", or "act" to change shipments, too."""
    accounts: Names = ()
    """The accounts that the person sees; by default all."""
    language: Literal["pt", "es", "en"] | None = Field(default=None, examples=["pt"])
    """The language of the pages: pt, es or en; by default the account's."""

    @property
    def may_act(self) -> bool:
        """Whether the person may change something."""
        return self.role is UserRole.ACT


class ConsoleSettings(SettingsTable):
    """The console for people, at /console."""

    enabled: bool = True
    """Serve the console; people need a table [users.<name>] to sign in."""
    session_hours: WholeHours = timedelta(hours=12)
    """After how many hours a person has to sign in again."""
    trusted_header: Annotated[str, AfterValidator(_header)] | None = Field(
        default=None, examples=["X-Forwarded-User"]
    )
    """The header in which a reverse proxy that signs people in names the user."""
    trusted_proxies: Annotated[tuple[str, ...], Listed, AfterValidator(_addresses)] = (
        Field(default=(), examples=[["127.0.0.1"]])
    )
    """The addresses from which that header is believed; it is ignored from others."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.trusted_header and not self.trusted_proxies:
            hint = "set it to the address of the proxy that sets trusted_header"
            raise problem("required with trusted_header", hint, field="trusted_proxies")
        return self
