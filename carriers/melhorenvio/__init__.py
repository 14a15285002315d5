"""Melhor Envio, a hub of Brazilian carriers; SuperFrete sends the same webhooks."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final
from urllib.parse import quote

from carriers.melhorenvio.payload import Label, Notice, Tag, names_label
from carriers.melhorenvio.times import has_time, occurred_at, suspended_after_delivery
from relay.adapters.codes import CodeTable, both_values
from relay.adapters.options import refuse_unknown
from relay.adapters.parts import Parsed, attempt
from relay.adapters.protocol import (
    ContractOptions,
    Document,
    Reply,
    Unreadable,
    UnreadablePart,
    WebhookRequest,
)
from relay.adapters.signatures import check_hmac_sha256, presented_in
from relay.domain.events import (
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
)

_LONGEST_TAG: Final = 200  # characters: the limit of every reference
_PAGE: Final = "https://www.melhorrastreio.com.br/rastreio/"  # unverified


class Adapter:
    """Parses one event of one label per webhook."""

    display_name = "Melhor Envio"
    identifying = ReferenceKind.SHIPMENT_ID
    stored_headers: frozenset[str] = frozenset()
    personal_fields = ("data.from", "data.to", "data.user")
    handshake_methods = frozenset({"GET", "HEAD", "POST"})

    def __init__(self, contract: ContractOptions) -> None:
        refuse_unknown(contract.options)
        self._codes = CodeTable.load(__name__, contract.codes)
        self._secrets = contract.secrets
        self._zone = contract.zone

    def verify(self, request: WebhookRequest) -> None:
        """Check `X-ME-Signature`: HMAC-SHA256 of the body.

        Base64 by Melhor Envio's documentation; SuperFrete's is hexadecimal.
        """
        check_hmac_sha256(
            presented_in(request, "x-me-signature"),
            self._secrets,
            request.body,
            encodings=("base64", "hex"),
        )

    def parse(self, document: Document) -> list[Parsed]:
        """Return the event of a webhook; the ping at registration has none."""
        return self._events(document.body)

    def handshake(self, request: WebhookRequest) -> Reply | None:
        """Accept the tests at registration: GET, HEAD, and a POST without a label.

        The POST may be unsigned or empty, and the registration fails unless it is
        answered 200 (E-WBH-0002).
        """
        if request.method != "POST":
            return Reply()
        if names_label(request.body):
            return None  # without parsing every webhook twice
        try:
            parts = self._events(request.body)
        except ValueError:
            return None
        return None if parts else Reply()

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return the page at Melhor Rastreio, Melhor Envio's public tracking site."""
        number = parcel.tracking_number or parcel.value(ReferenceKind.TRACKING_NUMBER)
        return _PAGE + quote(number, safe="") if number else None

    def _events(self, body: bytes) -> list[Parsed]:
        if not body.strip():
            return []
        notice = Notice.model_validate_json(body)
        label = notice.data
        if not isinstance(label, Label) or not (label.id or label.tracking):
            return []
        tags = [
            attempt(f"data.tags.{index}", partial(Tag.model_validate, raw))
            for index, raw in enumerate(label.tags or ())
        ]
        bad = [tag for tag in tags if isinstance(tag, UnreadablePart)]
        return [
            self._event(notice, label, [t for t in tags if isinstance(t, Tag)]),
            *bad,
        ]

    def _event(
        self, notice: Notice, label: Label, tags: Sequence[Tag]
    ) -> TrackingEvent:
        code = notice.event or f"order.{label.status or ''}"
        row = self._codes[code]
        happened = occurred_at(label, code, row.milestone, self._zone)
        denied = self._denials(label) if row.may_end else []
        if denied:
            row, code = row.contradicted(), both_values(code, *denied)
        return row.event(
            code, references=tuple(_references(label, tags)), occurred_at=happened
        )

    def _denials(self, label: Label) -> list[str]:
        """Return the fields of *label* that contradict its delivery, for the operator.

        Its status is that of the event. A label that was cancelled is not delivered,
        nor is one that was suspended after its delivery.
        """
        found = []
        status = (label.status or "").strip().casefold()
        row = self._codes[f"order.{status}"]
        if status and row.milestone is not Milestone.DELIVERED:
            found.append(f"status {status}")
        if has_time(label.canceled_at):
            found.append(f"canceled_at {label.canceled_at}")
        if suspended_after_delivery(label, self._zone):
            found.append(f"suspended_at {label.suspended_at}")
        return found


def _references(label: Label, tags: Sequence[Tag]) -> Iterator[Reference]:
    """Yield the parcel's references, best first; `id` is required.

    A tag may be any text of the shop; one that is too long is not used as a reference.
    """
    if not label.id:
        raise Unreadable("data.id: missing", fixed=True)
    yield Reference(kind=ReferenceKind.SHIPMENT_ID, value=label.id)
    for number in dict.fromkeys((label.tracking, label.self_tracking)):
        if number:
            yield Reference(kind=ReferenceKind.TRACKING_NUMBER, value=number)
    for tag in dict.fromkeys(t.tag for t in tags):
        if tag and len(tag) <= _LONGEST_TAG:
            yield Reference(kind=ReferenceKind.ORDER_ID, value=tag)
