"""Correios' own words: the objects of their API Rastro (SRO v1).

Only what the adapter reads stands here; the rest is ignored. Times are naive,
`YYYY-MM-DDTHH:MM:SS`, in Brasília's time. Events stand newest first.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from relay.adapters.protocol import Unreadable

NOT_FOUND: Final = "SRO-020"


class _Words(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        coerce_numbers_to_str=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )


class Address(_Words):
    """Where a unit of theirs is."""

    city: str | None = Field(default=None, alias="cidade")
    state: str | None = Field(default=None, alias="uf")


class Unit(_Words):
    """The unit that wrote the event."""

    address: Address | None = Field(default=None, alias="endereco")


class Scan(_Words):
    """One event; `codigo` alone says little, BDE is a delivery and its failures."""

    family: str = Field(default="", alias="codigo")
    kind: str = Field(default="", alias="tipo")
    happened_at: str = Field(alias="dtHrCriado")
    words: str | None = Field(default=None, alias="descricao")
    unit: Unit | None = Field(default=None, alias="unidade")

    @property
    def code(self) -> str:
        """Family and kind as the table has them: kind `1` is `01`."""
        both = self.family and self.kind
        kind = self.kind.zfill(2) if both else self.kind
        return f"{self.family.upper()}{kind}"

    @property
    def place(self) -> Address:
        """The address of the unit, as far as it is given."""
        return (self.unit or Unit()).address or Address()


class Tracked(_Words):
    """One object; one that is not found has a message in place of events."""

    number: str = Field(alias="codObjeto", min_length=1)
    scans: list[Scan] | None = Field(default=None, alias="eventos")
    message: str | None = Field(default=None, alias="mensagem")

    def oldest_first(self) -> list[Scan]:
        """Return the events; one not found yet has none.

        Raises `ValueError` if another message stands in their place.
        """
        if self.scans or not self.message or self.message.startswith(NOT_FOUND):
            return list(reversed(self.scans or ()))
        raise Unreadable("Correios has a message for the object, and no events")
