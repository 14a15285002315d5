"""Loggi, a Brazilian carrier: webhooks with many packages and their history."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from carriers.loggi.payload import OWN, Location, Notice, Package, Status, Step
from relay.adapters.codes import CodeRow, CodeTable
from relay.adapters.options import refuse_unknown
from relay.adapters.parts import (
    EventOrder,
    Parsed,
    attempt,
    hold_deliveries,
    only_error_raised,
)
from relay.adapters.protocol import (
    ContractOptions,
    Document,
    Unreadable,
    UnreadablePart,
    WebhookRequest,
)
from relay.adapters.signatures import check_basic, presented_in
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
        check_basic(presented_in(request, "authorization"), self._secrets)

    def parse(self, document: Document) -> list[Parsed]:
        """Return the events of a batch; an empty request has none."""
        if document.body.strip() in {b"", b"{}"}:
            return []
        notice = Notice.model_validate_json(document.body)
        parts: list[Parsed] = []
        for index, raw in enumerate(notice.packages):
            at = f"packages.{index}"
            found = attempt(at, partial(self._package, at, raw))
            parts += [found] if isinstance(found, UnreadablePart) else found
        return only_error_raised(parts)

    def tracking_url(self, parcel: ParcelView) -> str | None:  # noqa: ARG002
        """Return None: the public page is unverified."""
        return None

    def _package(self, at: str, raw: Any) -> list[Parsed]:
        """Return the events of one package, oldest first.

        The order of the history is not documented. So an unreadable entry may be newer
        than all others, except the package's own status.
        """
        package = Package.model_validate(raw)
        references = tuple(_references(package))
        steps, bad = _steps(at, package)
        parts: list[Parsed] = [
            attempt(where, partial(self._event, step, references, position))
            for position, (where, step) in enumerate(steps)
        ]
        ends_with_own = bool(steps) and steps[-1][0] == f"{at}.{OWN}"
        end = len(parts) - ends_with_own
        parts[end:end] = bad
        return hold_deliveries(parts, EventOrder.OLDEST_FIRST)

    def _event(
        self, step: Step, references: tuple[Reference, ...], position: int
    ) -> TrackingEvent:
        status, place = step.status, step.location or Location()
        return self._row(status).event(
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


def _steps(
    at: str, package: Package
) -> tuple[list[tuple[str, Step]], list[UnreadablePart]]:
    """Return the steps of the package at *at*, oldest first, and the unreadable ones.

    The steps have their positions, and no duplicates.
    """
    once, bad = {}, []
    for place, raw in package.placed_steps():
        where = f"{at}.{place}"
        step = attempt(where, partial(Step.parse, raw))
        if isinstance(step, UnreadablePart):
            bad.append(step)
        else:
            once[step.status.identity] = (where, step)
    return sorted(once.values(), key=lambda found: found[1].status.happened_at.at), bad


def _references(package: Package) -> Iterator[Reference]:
    """Yield the parcel's references, best first; the tracking code is required."""
    if not package.tracking_code:
        raise Unreadable("packages.trackingCode: missing", fixed=True)
    yield Reference(kind=ReferenceKind.TRACKING_NUMBER, value=package.tracking_code)
    if package.loggi_key:
        yield Reference(kind=ReferenceKind.SHIPMENT_ID, value=package.loggi_key)
    if package.barcode:
        yield Reference(kind=ReferenceKind.VOLUME_CODE, value=package.barcode)
