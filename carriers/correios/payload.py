"""The objects (parcels) in answers of Correios' API Rastro (SRO v1).

Times are local to Brasília, `YYYY-MM-DDTHH:MM:SS` without an offset. Events are listed
newest first. Fields: official integration manual of 09/2023, and the public clients
listed in README.md.
"""

from typing import Any, Final

from pydantic import Field

from relay.adapters.payload import Payload
from relay.adapters.protocol import Unreadable

NOT_FOUND: Final = "SRO-020"
"""Starts the message of an object that Correios does not know (yet)."""


class Address(Payload):
    """The address of a unit."""

    city: str | None = Field(default=None, alias="cidade")
    state: str | None = Field(default=None, alias="uf")


class Unit(Payload):
    """The unit that recorded the event."""

    address: Address | None = Field(default=None, alias="endereco")


class Scan(Payload):
    """One event, whose meaning needs both `codigo` and `tipo`.

    `BDE` alone is any result of a delivery: BDE01 is delivered, BDE20 is absent.
    """

    family: str = Field(default="", alias="codigo")
    kind: str = Field(default="", alias="tipo")
    happened_at: str = Field(alias="dtHrCriado")
    text: str | None = Field(default=None, alias="descricao")
    detail: str | None = Field(default=None, alias="detalhe")
    unit: Unit | None = Field(default=None, alias="unidade")

    @property
    def code(self) -> str:
        """`codigo` and `tipo` as in the code table: kind `1` is `01`."""
        # Both spellings occur, as numbers and as strings.
        both = self.family and self.kind
        kind = self.kind.zfill(2) if both else self.kind
        return f"{self.family.upper()}{kind}"

    @property
    def place(self) -> Address:
        """The unit's address; empty if it has none."""
        return (self.unit or Unit()).address or Address()


class Tracked(Payload):
    """One object; an unknown one has a message in place of events.

    Each of `scans` is validated on its own, as a `Scan`.
    """

    number: str = Field(alias="codObjeto", min_length=1)
    scans: list[Any] | None = Field(default=None, alias="eventos")
    message: str | None = Field(default=None, alias="mensagem")

    def oldest_first(self) -> list[tuple[str, Any]]:
        """Return the events with their positions; an object not known yet has none.

        Raises `Unreadable` for any other message in place of events.
        """
        if self.scans or not self.message or self.message.startswith(NOT_FOUND):
            placed = [(f"eventos.{i}", raw) for i, raw in enumerate(self.scans or ())]
            return placed[::-1]
        raise Unreadable("the object has a message and no events", fixed=True)
