"""SSW, the system of hundreds of Brazilian road carriers: asked by NF-e."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final

from aiohttp import ClientSession

from carriers.ssw.api import OPTIONS, Api, nfe_key, published_of
from carriers.ssw.payload import Asked, Occurrence, two_digits
from relay.adapters.codes import CodeRow, CodeTable
from relay.adapters.http import as_response
from relay.adapters.options import refuse_unknown
from relay.adapters.protocol import (
    CarrierFailure,
    ContractOptions,
    Document,
    WebhookRequest,
)
from relay.adapters.text_rules import TextRules, normalised
from relay.adapters.times import iso
from relay.domain.events import ParcelView, Reference, ReferenceKind, TrackingEvent
from relay.domain.fiscal import NfeKey
from relay.errors import VerificationFailed

_PAGE: Final = "https://ssw.inf.br/app/tracking"  # unverified


class Adapter:
    """Asks for one NF-e in each call; an event counts for all boxes of it."""

    display_name = "SSW"
    identifying = ReferenceKind.INVOICE_KEY
    stored_headers: frozenset[str] = frozenset()
    personal_fields = tuple(
        f"resposta.{documents}.{field}"
        for documents in ("documento", "documentos")
        for field in (
            "header.destinatario",
            "tracking.nome_recebedor",
            "tracking.nro_doc_recebedor",
            "tracking.descricao",
        )
    )
    batch_size = 1

    def __init__(self, contract: ContractOptions) -> None:
        refuse_unknown(contract.options, OPTIONS)
        self._api = Api(contract.options)
        self.asked_at = self._api.asked_at
        own = {two_digits(code): row for code, row in contract.codes.items()}
        self._codes = CodeTable.load(__name__, own)
        rows = self._codes.rows.items()
        self._names = {normalised(row.text): code for code, row in rows if row.text}
        self._texts = TextRules.load(__name__)
        self._zone = contract.zone

    def verify(self, request: WebhookRequest) -> None:  # noqa: ARG002
        """Refuse every call: SSW is asked, no webhook of theirs is documented."""
        raise VerificationFailed("SSW is asked, it does not call")

    async def ask(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Ask for the NF-e of each parcel; one without a key is left out.

        Raises `CarrierFailure`.
        """
        keys = dict.fromkeys(map(nfe_key, parcels))
        return [await self._api.document(session, key) for key in keys if key]

    def unpack(self, answer: Document, parcels: Sequence[ParcelView]) -> list[Document]:
        """Return *answer* with the key that was asked for; raise `CarrierFailure`."""
        key = next(filter(None, map(nfe_key, parcels)), "")
        if not key:
            raise CarrierFailure("the answer does not name its NF-e: say the key of it")
        return [published_of(key, as_response(answer))]

    def read(self, document: Document) -> list[TrackingEvent]:
        """Translate one answer; an NF-e that is not found yet gives no event."""
        asked = Asked.model_validate_json(document.body)
        return list(self._events(asked))

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return their page for shoppers, by the NF-e's issuer and number."""
        with suppress(ValueError):
            key = NfeKey.parse(nfe_key(parcel))
            return f"{_PAGE}/{key.issuer}/{key.number}"
        return None

    def _events(self, asked: Asked) -> Iterator[TrackingEvent]:
        references = tuple(_references(asked.invoice_key))
        for position, occurrence in enumerate(asked.answer.oldest_first()):
            code, row = self._meaning(occurrence)
            city, state = occurrence.city_and_state
            yield TrackingEvent(
                references=references,
                milestone=row.milestone,
                occurred_at=iso(occurrence.happened_at, self._zone),
                description=occurrence.name or row.text,
                carrier_code=code,
                reason=row.reason,
                effect=row.effect,
                final=row.final,
                undoes=row.undoes,
                position=position,
                city=city,
                state=state,
            )

    def _meaning(self, occurrence: Occurrence) -> tuple[str, CodeRow]:
        """Return code and row: SSW's code, else its name, else the carrier's own."""
        code = occurrence.standard_code or self._names.get(normalised(occurrence.name))
        code = code or occurrence.carriers_code
        if code in self._codes.rows:
            return code, self._codes[code]
        return code, self._texts[occurrence.name]


def _references(key: str) -> Iterator[Reference]:
    """Yield what names the invoice: its key, and what the key says."""
    yield Reference(kind=ReferenceKind.INVOICE_KEY, value=key)
    with suppress(ValueError):
        invoice = NfeKey.parse(key).reference
        yield Reference(kind=ReferenceKind.INVOICE, value=invoice)
