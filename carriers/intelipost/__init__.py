"""Intelipost, a Brazilian freight hub: one event of one volume per webhook."""

from collections.abc import Iterator
from contextlib import suppress

from carriers.intelipost.payload import History, Notice, normalised_state
from relay.adapters.codes import CodeRow, CodeTable, UnmappedRow, both_values
from relay.adapters.options import refuse_unknown
from relay.adapters.protocol import ContractOptions, Document, WebhookRequest
from relay.adapters.signatures import check_secret, presented_in
from relay.adapters.text_rules import TextRules
from relay.domain.events import (
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
)
from relay.domain.fiscal import NfeKey


class Adapter:
    """Maps the micro state; the coarse macro state is used only without one."""

    display_name = "Intelipost"
    identifying = ReferenceKind.VOLUME_CODE
    stored_headers: frozenset[str] = frozenset()
    personal_fields = ("history.attachments", "history.location", "end_customer")

    def __init__(self, contract: ContractOptions) -> None:
        refuse_unknown(contract.options)
        own = {normalised_state(code): row for code, row in contract.codes.items()}
        self._codes = CodeTable.load(__name__, own)
        self._texts = TextRules.load(__name__)
        self._secrets = contract.secrets

    def verify(self, request: WebhookRequest) -> None:
        """Check the header `api-key`, as in Intelipost's Magento module."""
        check_secret(presented_in(request, "api-key"), self._secrets)

    def parse(self, document: Document) -> list[TrackingEvent]:
        """Return the event of a webhook; without a history it has none."""
        if not document.body.strip():
            return []
        notice = Notice.model_validate_json(document.body)
        history = notice.history
        if history is None:
            return []
        row, code = self._row(history), history.code
        denied = list(self._denials(history)) if row.may_end else []
        if denied:
            row, code = row.contradicted(), both_values(code, *denied)
        return [
            row.event(
                code,
                description=history.public_text,
                references=tuple(_references(notice)),
                occurred_at=history.happened_at(),
            )
        ]

    def tracking_url(self, parcel: ParcelView) -> str | None:  # noqa: ARG002
        """Return None: the public pages need the shop's id at Intelipost."""
        return None

    def _row(self, history: History) -> CodeRow:
        """Return the meaning of the states; a return wins over a delivery."""
        return self._state_row(history).given(*history.return_texts)

    def _denials(self, history: History) -> Iterator[str]:
        """Yield the values of *history* that contradict a delivery.

        Micro and macro state are one fact, and so are the two dates: a delivery needs
        both. A document with only one of them is an older one.
        """
        states = [
            s for s in history.micro_names if normalised_state(s) in self._codes.rows
        ]
        # A micro state without a row is a name of the shop, which denies nothing.
        states += filter(None, [history.shipment_order_volume_state])
        for name in map(normalised_state, states):
            if self._codes[name].milestone is not Milestone.DELIVERED:
                yield name
        yield from history.contradicting_dates()

    def _state_row(self, history: History) -> CodeRow:
        for name in history.micro_names:
            if normalised_state(name) in self._codes.rows:
                return self._codes[normalised_state(name)]
            row = self._texts[name]
            if row.milestone is not Milestone.UNKNOWN:
                return row
        macro = self._codes[normalised_state(history.shipment_order_volume_state or "")]
        if not history.micro_names:
            return macro
        # The event's code is the micro state's name, which has no row.
        return UnmappedRow.model_validate(dict(macro))


def _references(notice: Notice) -> Iterator[Reference]:
    """Yield the volume's references, best first; the volume code is required."""
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
