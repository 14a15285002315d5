"""SSW's answer: the occurrences (events) of the transport documents of one NF-e.

Times are local to Brasília, `YYYY-MM-DDTHH:MM:SS` without an offset. Occurrences are
listed oldest first.
"""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StrictBool

from relay.adapters.payload import Payload
from relay.adapters.protocol import Unreadable
from relay.adapters.texts import normalised

_OWN: Final = re.compile(r"\([0-9]{1,9}\)$")


def _several(value: Any) -> Any:
    """Return a list: SSW writes a single item without brackets."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _table(value: Any) -> Any:
    """Return an object: PHP writes an empty one as `[]`."""
    return value or {}


def two_digits(code: str) -> str:
    """Return a standard code as in the table: `1` and `001` are `01`."""
    return code.lstrip("0").zfill(2) if code.isdigit() else code


class Occurrence(Payload):
    """One event; `data_hora` is the time of its entry in the system."""

    text: str = Field(default="", alias="ocorrencia")
    code: str | None = Field(default=None, alias="codigo_ssw")
    effective: str | None = Field(default=None, alias="data_hora_efetiva")
    written: str | None = Field(default=None, alias="data_hora")
    place: str | None = Field(default=None, alias="cidade")
    kind: str | None = Field(default=None, alias="tipo")

    @property
    def is_delivery(self) -> bool:
        """Whether kind and name both say so, as where `codigo_ssw` is missing."""
        kind, name = normalised(self.kind or ""), normalised(self.name)
        return (kind, name) == ("entrega", "entrega realizada")

    @property
    def standard_code(self) -> str:
        """SSW's standard code, or empty."""
        return two_digits(self.code or "")

    @property
    def name(self) -> str:
        """The name, without the carrier's own number at its end."""
        return _OWN.sub("", self.text).rstrip()

    @property
    def carriers_code(self) -> str:
        """The carrier's own number with its brackets: `(67)`.

        Brackets distinguish it from the standard codes: numbers differ per carrier.
        """
        found = _OWN.search(self.text)
        return found[0] if found else ""

    @property
    def happened_at(self) -> str:
        """The time of the event, or else of its entry."""
        happened = self.effective or self.written
        if not happened:
            raise Unreadable("data_hora: missing", fixed=True)
        return happened

    @property
    def city_and_state(self) -> tuple[str, str]:
        """The two parts of `VIANA / ES`."""
        city, slash, state = (self.place or "").rpartition("/")
        return (city.strip(), state.strip()) if slash else (state, "")


class Header(Payload):
    """Who sends the goods; the recipient is personal data and not used."""

    sender: str | None = Field(default=None, alias="remetente")


class Transport(Payload):
    """One transport document (CT-e) of the NF-e.

    Each of its `occurrences` is validated on its own, as an `Occurrence`.
    """

    header: Annotated[Header, BeforeValidator(_table)] = Header()
    occurrences: Annotated[list[Any], BeforeValidator(_several)] = Field(
        default_factory=list, alias="tracking"
    )

    @property
    def sender(self) -> str:
        """The sender's name for comparison: letters and digits, in lower case."""
        return "".join(c for c in normalised(self.header.sender or "") if c.isalnum())


_Several = Annotated[list[Any], BeforeValidator(_several)]


class Answer(Payload):
    """SSW's answer; the documents are under `documento` or `documentos`.

    Each is validated on its own, as a `Transport`.
    """

    success: StrictBool
    message: str | None = None
    one: _Several = Field(default_factory=list, alias="documento")
    many: _Several = Field(default_factory=list, alias="documentos")

    def transports(self) -> list[tuple[str, Any]]:
        """Return the transport documents with their positions."""
        return [
            (f"resposta.{name}.{index}", raw)
            for name, listed in (("documento", self.one), ("documentos", self.many))
            for index, raw in enumerate(listed)
        ]


class Polled(Payload):
    """An answer with the NF-e key that was polled: the answer itself has none."""

    invoice_key: str = Field(alias="chave_nfe", min_length=1)
    answer: Answer = Field(alias="resposta")
