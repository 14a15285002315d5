"""SSW's own words: the occurrences of the documents of one NF-e.

Only what the adapter reads stands here; the rest is ignored. Times are naive,
`YYYY-MM-DDTHH:MM:SS`, in Brasília's time. Occurrences stand oldest first.
"""

import re
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from relay.adapters.protocol import Unreadable

_OWN: Final = re.compile(r"\([0-9]{1,9}\)$")


def _several(value: Any) -> Any:
    """Read one object, where a list may stand, as a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def two_digits(code: str) -> str:
    """Spell a standard code as the table does: `1` and `001` are `01`."""
    return code.lstrip("0").zfill(2) if code.isdigit() else code


class _Words(BaseModel):
    model_config = ConfigDict(
        extra="ignore",
        coerce_numbers_to_str=True,
        str_strip_whitespace=True,
        hide_input_in_errors=True,
    )


class Occurrence(_Words):
    """One event; `data_hora` is when it was written down."""

    text: str = Field(default="", alias="ocorrencia")
    code: str | None = Field(default=None, alias="codigo_ssw")
    effective: str | None = Field(default=None, alias="data_hora_efetiva")
    written: str | None = Field(default=None, alias="data_hora")
    place: str | None = Field(default=None, alias="cidade")

    @property
    def standard_code(self) -> str:
        """SSW's own code, empty if there is none."""
        return two_digits(self.code or "")

    @property
    def name(self) -> str:
        """What it is called, without the carrier's number behind it."""
        return _OWN.sub("", self.text).rstrip()

    @property
    def carriers_code(self) -> str:
        """The carrier's own number, brackets included: `(67)`."""
        found = _OWN.search(self.text)
        return found[0] if found else ""

    @property
    def happened_at(self) -> str:
        """When it happened, as far as it is said."""
        happened = self.effective or self.written
        if not happened:
            raise Unreadable("data_hora is missing")
        return happened

    @property
    def city_and_state(self) -> tuple[str, str]:
        """The two parts of `VIANA / ES`."""
        city, slash, state = (self.place or "").rpartition("/")
        return (city.strip(), state.strip()) if slash else (state, "")


class Transport(_Words):
    """One transport document (CT-e) of the NF-e."""

    occurrences: Annotated[list[Occurrence], BeforeValidator(_several)] = Field(
        default_factory=list, alias="tracking"
    )


_Transports = Annotated[list[Transport], BeforeValidator(_several)]


class Answer(_Words):
    """What SSW answered; the documents stand under either name, one or many."""

    success: StrictBool
    message: str | None = None
    one: _Transports = Field(default_factory=list, alias="documento")
    many: _Transports = Field(default_factory=list, alias="documentos")

    def oldest_first(self) -> list[Occurrence]:
        """Return all occurrences; an NF-e that is not found yet has none."""
        transports = self.one + self.many
        return [found for transport in transports for found in transport.occurrences]


class Asked(_Words):
    """An answer, and the NF-e that it is about: the answer does not repeat it."""

    invoice_key: str = Field(alias="chave_nfe", min_length=1)
    answer: Answer = Field(alias="resposta")
