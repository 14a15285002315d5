"""Intelipost, a Brazilian freight hub: one event of one volume per webhook."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from carriers.intelipost.payload import History, Notice, spelled
from relay.adapters.codes import CodeRow, CodeTable
from relay.adapters.options import refuse_unknown
from relay.adapters.protocol import ContractOptions, Document, WebhookRequest
from relay.adapters.signatures import check_secret
from relay.adapters.text_rules import TextRules, names_return
from relay.domain.events import (
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
)
from relay.domain.fiscal import NfeKey

_CONTRADICTED: Final = CodeRow(milestone=Milestone.RETURNING)


class Adapter:
    """Reads the micro state, and only without one the coarse macro state."""

    display_name = "Intelipost"
    identifying = ReferenceKind.VOLUME_CODE
    stored_headers: frozenset[str] = frozenset()
    personal_fields = ("history.attachments", "history.location", "end_customer")

    def __init__(self, contract: ContractOptions) -> None:
        refuse_unknown(contract.options)
        own = {spelled(code): row for code, row in contract.codes.items()}
        self._codes = CodeTable.load(__name__, own)
        self._texts = TextRules.load(__name__)
        self._secrets = contract.secrets

    def verify(self, request: WebhookRequest) -> None:
        """Check the header `api-key`, which both sides know (Magento module)."""
        check_secret(request.headers.get("api-key", ""), self._secrets)

    def read(self, document: Document) -> list[TrackingEvent]:
        """Translate one webhook; a call that tells no history gives no event."""
        if not document.body.strip():
            return []
        notice = Notice.model_validate_json(document.body)
        history = notice.history
        if history is None:
            return []
        row = self._row(history)
        return [
            TrackingEvent(
                references=tuple(_references(notice)),
                milestone=row.milestone,
                occurred_at=history.happened_at(),
                description=history.words or row.text,
                carrier_code=history.code,
                reason=row.reason,
                effect=row.effect,
                final=row.final,
                undoes=row.undoes,
            )
        ]

    def tracking_url(self, parcel: ParcelView) -> str | None:  # noqa: ARG002
        """Return nothing: their pages need the shop's own id at Intelipost."""
        return None

    def _row(self, history: History) -> CodeRow:
        """Return what the states mean; words of a return beat a delivery."""
        row = self._meaning(history)
        delivered = row.milestone is Milestone.DELIVERED
        if delivered and any(map(names_return, history.return_words)):
            return _CONTRADICTED
        return row

    def _meaning(self, history: History) -> CodeRow:
        for name in history.micro_names:
            if spelled(name) in self._codes.rows:
                return self._codes[spelled(name)]
            row = self._texts[name]
            if row.milestone is not Milestone.UNKNOWN:
                return row
        return self._codes[spelled(history.shipment_order_volume_state or "")]


def _references(notice: Notice) -> Iterator[Reference]:
    """Yield what names the volume, best first; every webhook has its code."""
    if notice.tracking_code:
        yield Reference(kind=ReferenceKind.TRACKING_NUMBER, value=notice.tracking_code)
    yield Reference(kind=ReferenceKind.VOLUME_CODE, value=notice.volume_code)
    key = notice.invoice.invoice_key if notice.invoice else None
    if key:
        yield Reference(kind=ReferenceKind.INVOICE_KEY, value=key)
        with suppress(ValueError):
            invoice = NfeKey.parse(key).reference
            yield Reference(kind=ReferenceKind.INVOICE, value=invoice)
    yield Reference(kind=ReferenceKind.ORDER_ID, value=notice.order)
