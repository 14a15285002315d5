"""Loggi, a Brazilian carrier: webhooks with many packages and their history."""

from collections.abc import Iterator

from carriers.loggi.payload import Location, Notice, Package, Status
from relay.adapters.codes import CodeRow, CodeTable
from relay.adapters.options import refuse_unknown
from relay.adapters.protocol import (
    ContractOptions,
    Document,
    Unreadable,
    WebhookRequest,
)
from relay.adapters.signatures import check_basic
from relay.adapters.text_rules import TextRules
from relay.domain.events import ParcelView, Reference, ReferenceKind, TrackingEvent


class Adapter:
    """Maps verified codes; for other codes the text decides."""

    display_name = "Loggi"
    identifying = ReferenceKind.TRACKING_NUMBER
    stored_headers: frozenset[str] = frozenset()
    personal_fields = (
        "packages.recipient",
        "packages.shipTo",
        "packages.status.proofOfDelivery",
        "packages.trackingHistory.status.proofOfDelivery",
    )

    def __init__(self, contract: ContractOptions) -> None:
        refuse_unknown(contract.options)
        self._codes = CodeTable.load(__name__, contract.codes)
        self._texts = TextRules.load(__name__)
        self._secrets = contract.secrets

    def verify(self, request: WebhookRequest) -> None:
        """Check Basic auth; the shop gave its `user:password` to Loggi."""
        check_basic(request.headers.get("authorization", ""), self._secrets)

    def parse(self, document: Document) -> list[TrackingEvent]:
        """Return the events of a batch; an empty request has none."""
        if document.body.strip() in {b"", b"{}"}:
            return []
        notice = Notice.model_validate_json(document.body)
        return [event for p in notice.packages for event in self._events(p)]

    def tracking_url(self, parcel: ParcelView) -> str | None:  # noqa: ARG002
        """Return None: the public page is unverified."""
        return None

    def _events(self, package: Package) -> Iterator[TrackingEvent]:
        references = tuple(_references(package))
        for position, step in enumerate(package.steps()):
            status, place = step.status, step.location or Location()
            row = self._row(status)
            yield row.event(
                status.code,
                description=status.high_level_status or status.description or "",
                references=references,
                occurred_at=status.happened_at,
                position=position,
                city=place.city or "",
                state=place.state or "",
            )

    def _row(self, status: Status) -> CodeRow:
        if status.code in self._codes.rows:
            # Only one of the two texts is shown, but each may mention a return.
            row = self._codes[status.code].given(
                status.high_level_status or "", status.description or ""
            )
            return row.checked(self._texts[status.high_level_status or ""])
        return self._texts[status.high_level_status or ""]


def _references(package: Package) -> Iterator[Reference]:
    """Yield the parcel's references, best first; the tracking code is required."""
    if not package.tracking_code:
        raise Unreadable("packages.trackingCode: missing")
    yield Reference(kind=ReferenceKind.TRACKING_NUMBER, value=package.tracking_code)
    if package.loggi_key:
        yield Reference(kind=ReferenceKind.SHIPMENT_ID, value=package.loggi_key)
    if package.barcode:
        yield Reference(kind=ReferenceKind.VOLUME_CODE, value=package.barcode)
