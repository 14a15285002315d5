"""Correios, Brazil's post: asked through its API Rastro (SRO v1, in CWS)."""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from aiohttp import ClientSession

from carriers.correios.api import BATCH, OPTIONS, Api, unpacked
from carriers.correios.payload import Scan, Tracked
from relay.adapters.codes import CodeRow, CodeTable
from relay.adapters.http import as_response
from relay.adapters.options import refuse_unknown
from relay.adapters.protocol import ContractOptions, Document, WebhookRequest
from relay.adapters.text_rules import TextRules
from relay.adapters.times import iso
from relay.domain.events import ParcelView, Reference, ReferenceKind, TrackingEvent
from relay.errors import VerificationFailed

_PAGE: Final = "https://rastreamento.correios.com.br/app/index.php?objetos="


class Adapter:
    """Asks for up to 50 objects at once, and reads each by itself."""

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
        self.asked_at = self._api.asked_at
        self._codes = CodeTable.load(__name__, contract.codes)
        self._texts = TextRules.load(__name__)
        self._zone = contract.zone

    def verify(self, request: WebhookRequest) -> None:  # noqa: ARG002
        """Refuse every call: Correios is asked, no webhook of theirs is documented."""
        raise VerificationFailed("Correios is asked, it does not call")

    async def ask(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Ask for all events of *parcels*; one without a tracking number is left out.

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
        """Return each object of *answer*; raise `CarrierFailure` if it is an error."""
        return unpacked(as_response(answer))

    def read(self, document: Document) -> list[TrackingEvent]:
        """Translate one object of an answer; one not found yet gives no event."""
        tracked = Tracked.model_validate_json(document.body)
        return list(self._events(tracked))

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return their page for shoppers."""
        number = parcel.tracking_number or parcel.value(ReferenceKind.TRACKING_NUMBER)
        return _PAGE + quote(number, safe="") if number else None

    def _events(self, tracked: Tracked) -> Iterator[TrackingEvent]:
        kind = ReferenceKind.TRACKING_NUMBER
        references = (Reference(kind=kind, value=tracked.number),)
        for position, scan in enumerate(tracked.oldest_first()):
            row = self._row(scan)
            yield TrackingEvent(
                references=references,
                milestone=row.milestone,
                occurred_at=iso(scan.happened_at, self._zone),
                description=scan.words or row.text,
                carrier_code=scan.code,
                reason=row.reason,
                effect=row.effect,
                final=row.final,
                undoes=row.undoes,
                position=position,
                city=scan.place.city or "",
                state=scan.place.state or "",
            )

    def _row(self, scan: Scan) -> CodeRow:
        """Return what the pair means; a pair in no table is read from its words."""
        if scan.code in self._codes.rows:
            return self._codes[scan.code]
        return self._texts[scan.words or ""]
