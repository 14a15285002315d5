"""SSW, the system of hundreds of Brazilian road carriers: polled by NF-e key."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from aiohttp import ClientSession

from carriers.ssw.api import OPTIONS, Api, answer_document, nfe_key
from carriers.ssw.directions import Scan, scans_of
from carriers.ssw.payload import Occurrence, Polled, two_digits
from relay.adapters.codes import CodeRow, CodeTable
from relay.adapters.http import as_response
from relay.adapters.options import refuse_unknown
from relay.adapters.parts import Parsed, attempt, hold_deliveries, only_error_raised
from relay.adapters.protocol import (
    CarrierFailure,
    ContractOptions,
    Document,
    UnreadablePart,
    WebhookRequest,
)
from relay.adapters.text_rules import TextRules
from relay.adapters.texts import normalised
from relay.domain.events import (
    Effect,
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
)
from relay.domain.fiscal import NfeKey
from relay.errors import VerificationFailed

_MOVING: Final = frozenset(
    {
        Milestone.PICKED_UP,
        Milestone.IN_TRANSIT,
        Milestone.AT_HUB,
        Milestone.OUT_FOR_DELIVERY,
        Milestone.AVAILABLE_FOR_PICKUP,
        Milestone.DELIVERY_FAILED,
        Milestone.DELIVERED,
        Milestone.RETURNED,
    }
)
"""In a document of a return these mean that the goods are on their way back."""
_DELIVERED: Final = "01"
_PAGE: Final = "https://ssw.inf.br/app/tracking"  # unverified


class Adapter:
    """Polls one NF-e per call; an event counts for all its parcels."""

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
        self.poll_url = self._api.poll_url
        own = {two_digits(code): row for code, row in contract.codes.items()}
        self._codes = CodeTable.load(__name__, own)
        rows = self._codes.rows.items()
        self._names = {normalised(row.text): code for code, row in rows if row.text}
        self._texts = TextRules.load(__name__)
        self._zone = contract.zone

    def verify(self, request: WebhookRequest) -> None:  # noqa: ARG002
        """Reject every request: SSW documents no webhook."""
        raise VerificationFailed("SSW is polled and sends no webhooks")

    async def poll(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Return the answer for each NF-e; parcels without a key are left out.

        Raises `CarrierFailure`.
        """
        keys = dict.fromkeys(map(nfe_key, parcels))
        return [await self._api.document(session, key) for key in keys if key]

    def unpack(self, answer: Document, parcels: Sequence[ParcelView]) -> list[Document]:
        """Return *answer* with the NF-e key that was polled.

        Raises `CarrierFailure` on an error, or without a key.
        """
        key = next(filter(None, map(nfe_key, parcels)), "")
        if not key:
            raise CarrierFailure(
                "the answer does not name its NF-e; give its invoice_key"
            )
        return [answer_document(key, as_response(answer))]

    def parse(self, document: Document) -> list[Parsed]:
        """Return the events of one answer; an NF-e that is not known yet has none."""
        polled = Polled.model_validate_json(document.body)
        references = tuple(_references(polled.invoice_key))
        scans = scans_of(polled.answer, self._zone)
        parts = [
            scan
            if isinstance(scan, UnreadablePart)
            else attempt(scan.position, partial(self._event, scan, references, place))
            for place, scan in enumerate(scans.parts)
        ]
        return only_error_raised(hold_deliveries(parts, scans.order))

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return SSW's public page, by the NF-e's issuer and number."""
        with suppress(ValueError):
            key = NfeKey.parse(nfe_key(parcel))
            return f"{_PAGE}/{key.issuer}/{key.number}"
        return None

    def _event(
        self, scan: Scan, references: tuple[Reference, ...], position: int
    ) -> TrackingEvent:
        code, row = self._meaning(scan.occurrence)
        row = _reversed(row) if scan.reverse else row
        city, state = scan.occurrence.city_and_state
        return row.event(
            code,
            description=scan.occurrence.name,
            references=references,
            occurred_at=scan.happened_at,
            position=position,
            city=city,
            state=state,
        )

    def _meaning(self, occurrence: Occurrence) -> tuple[str, CodeRow]:
        """Return code and row: by standard code, name or the carrier's code."""
        named = self._names.get(normalised(occurrence.name), "")
        code = occurrence.standard_code or named or occurrence.carriers_code
        text = self._codes[named] if named else self._texts[occurrence.name]
        if code in self._codes.rows:
            return code, self._codes[code].checked(text)
        if not occurrence.standard_code and occurrence.is_delivery:
            return _DELIVERED, self._codes[_DELIVERED]
        return code, text


def _reversed(row: CodeRow) -> CodeRow:
    """Return the meaning of *row* in a document of a return.

    A delivery to the shop is not one to the shopper, and a rollback does not undo the
    codes of the outbound document.
    """
    if row.effect is Effect.ROLLBACK:
        return row.model_copy(update={"effect": Effect.ADMINISTRATIVE})
    if row.effect is Effect.ADMINISTRATIVE or row.milestone not in _MOVING:
        return row
    return CodeRow(milestone=Milestone.RETURNING, reason=row.reason)


def _references(key: str) -> Iterator[Reference]:
    """Yield the invoice's references: its key, and issuer/series/number from it."""
    yield Reference(kind=ReferenceKind.INVOICE_KEY, value=key)
    with suppress(ValueError):
        invoice = NfeKey.parse(key).reference
        yield Reference(kind=ReferenceKind.INVOICE, value=invoice)
