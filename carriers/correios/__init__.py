"""Correios, Brazil's postal service: polls its API Rastro (SRO v1, part of CWS)."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from aiohttp import ClientSession

from carriers.correios.api import BATCH, OPTIONS, Api, unpacked
from carriers.correios.payload import Scan, Tracked
from relay.adapters.codes import CodeRow, CodeTable
from relay.adapters.http import as_response
from relay.adapters.options import refuse_unknown
from relay.adapters.parts import (
    EventOrder,
    Parsed,
    attempt,
    hold_deliveries,
    only_error_raised,
)
from relay.adapters.protocol import ContractOptions, Document, WebhookRequest
from relay.adapters.text_rules import TextRules
from relay.adapters.times import iso
from relay.domain.events import ParcelView, Reference, ReferenceKind, TrackingEvent
from relay.domain.postal import wrong_postal_digit
from relay.errors import VerificationFailed

_PAGE: Final = "https://rastreamento.correios.com.br/app/index.php?objetos="


class Adapter:
    """Polls up to 50 objects per call; each becomes a document."""

    display_name = "Correios"
    identifying = ReferenceKind.TRACKING_NUMBER
    stored_headers: frozenset[str] = frozenset()
    personal_fields = (
        "destinatario",
        "remetente",
        "eventos.destinatario",
        "eventos.recebedor",
        "eventos.comentario",
        "eventos.lat",
        "eventos.lng",
    )
    batch_size = BATCH

    def __init__(self, contract: ContractOptions) -> None:
        refuse_unknown(contract.options, OPTIONS)
        self._api = Api(contract.options, contract.secrets)
        self.poll_url = self._api.poll_url
        self._codes = CodeTable.load(__name__, contract.codes)
        self._texts = TextRules.load(__name__)
        self._zone = contract.zone

    def number_problem(self, number: str) -> str | None:
        """Return the right check digit of a postal number with a wrong one."""
        right = wrong_postal_digit(number)
        return right and f"not a number of Correios: its check digit would be {right}"

    def verify(self, request: WebhookRequest) -> None:  # noqa: ARG002
        """Reject every request: Correios documents no webhook for this API."""
        raise VerificationFailed("Correios is polled and sends no webhooks")

    async def poll(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Return all events of *parcels*; those without a tracking number are left out.

        Raises `CarrierFailure`.
        """
        kind = ReferenceKind.TRACKING_NUMBER
        numbers = [p.tracking_number or p.value(kind) for p in parcels]
        unique = list(dict.fromkeys("".join(n.split()).upper() for n in numbers if n))
        found = []
        for start in range(0, len(unique), BATCH):
            found += await self._api.objects(session, unique[start : start + BATCH])
        return found

    def unpack(
        self,
        answer: Document,
        parcels: Sequence[ParcelView],  # noqa: ARG002 -- every object has its number
    ) -> list[Document]:
        """Return each object of *answer*; raise `CarrierFailure` on an error."""
        return unpacked(as_response(answer))

    def parse(self, document: Document) -> list[Parsed]:
        """Return the events of one object; an unknown one has none yet."""
        tracked = Tracked.model_validate_json(document.body)
        kind = ReferenceKind.TRACKING_NUMBER
        number = Reference(kind=kind, value=tracked.number)
        parts = [
            attempt(at, partial(self._event, raw, number, place))
            for place, (at, raw) in enumerate(tracked.oldest_first())
        ]
        return only_error_raised(hold_deliveries(parts, EventOrder.OLDEST_FIRST))

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return Correios' public tracking page."""
        number = parcel.tracking_number or parcel.value(ReferenceKind.TRACKING_NUMBER)
        return _PAGE + quote(number, safe="") if number else None

    def _event(self, raw: Any, number: Reference, position: int) -> TrackingEvent:
        scan = Scan.model_validate(raw)
        return self._row(scan).event(
            scan.code,
            description=scan.text or "",
            references=(number,),
            occurred_at=iso(scan.happened_at, self._zone),
            position=position,
            city=scan.place.city or "",
            state=scan.place.state or "",
        )

    def _row(self, scan: Scan) -> CodeRow:
        """Return the meaning of the code, or else of the text."""
        if scan.code in self._codes.rows:
            row = self._codes[scan.code].given(scan.text or "", scan.detail or "")
            return row.checked(self._texts[scan.text or ""])
        return self._texts[scan.text or ""]
