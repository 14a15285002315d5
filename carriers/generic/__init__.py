"""A carrier without Python: its format is described in the contract's settings."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Self, cast
from urllib.parse import quote

from aiohttp import ClientSession

from carriers.generic.checking import contradictions
from carriers.generic.expressions import quoted
from carriers.generic.meaning import Meaning
from carriers.generic.options import Options, parse_options
from carriers.generic.polling import Poller
from carriers.generic.reading import Reader
from carriers.generic.signing import Clock, verifier
from carriers.generic.templates import filled, placeholders
from relay.adapters.codes import CodeTable, parse_rows
from relay.adapters.options import refuse
from relay.adapters.protocol import ContractOptions, Document, Reply, WebhookRequest
from relay.domain.events import Effect, ParcelView, ReferenceKind, TrackingEvent


def _now() -> datetime:
    return datetime.now(UTC)


class Adapter:
    """Reads as the contract's options say, or the plain format if they say nothing.

    With the option `polling` what is made is an adapter that can be asked.
    """

    stored_headers: frozenset[str] = frozenset()
    asked_if_configured = True

    def __new__(cls, contract: ContractOptions, now: Clock = _now) -> Self:  # noqa: ARG004
        """Make the adapter that fits *contract*."""
        options, _ = parse_options(contract.options, contract.settings)
        made = cls if options.polling is None else PollingAdapter
        return cast("Self", object.__new__(made))

    def __init__(self, contract: ContractOptions, now: Clock = _now) -> None:
        options, plain = parse_options(contract.options, contract.settings)
        rows = parse_rows(contract.codes)
        if plain:
            rows = CodeTable.load(__name__, contract.codes).rows
        refuse(contradictions(options, contract.secrets))
        self.display_name = options.display_name
        self.identifying = options.identifying_kind
        self.personal_fields = options.personal_fields
        self._options = options
        self._verify = verifier(options.signature, contract.secrets, now)
        self._reader = Reader(options, _meaning(options, rows), contract.zone)

    def verify(self, request: WebhookRequest) -> None:
        """Check the signature that the options describe; without one trust nobody."""
        self._verify(request)

    def read(self, document: Document) -> list[TrackingEvent]:
        """Translate *document* by the options' expressions."""
        return self._reader.read(document)

    def remarks(self, events: Sequence[TrackingEvent]) -> list[str]:
        """Name the expression for codes if it finds none where there should be one."""
        paths = self._options.code.paths
        without = sum(not event.carrier_code for event in events)
        if not paths or not without:
            return []
        count = f"{without} of {len(events)} events"
        return [f"code: {quoted(paths)} finds nothing in {count}"]

    def reply(self, request: WebhookRequest) -> Reply:  # noqa: ARG002 -- always the same
        """Return the answer that the carrier insists on."""
        reply = self._options.reply
        return Reply(reply.status, reply.body.encode(), reply.content_type)

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return the page of the option `page`, if all it needs is known."""
        values = {kind.value: parcel.value(kind) for kind in ReferenceKind}
        values["tracking_number"] = parcel.tracking_number or values["tracking_number"]
        values["invoice_key"] = parcel.invoice_key or values["invoice_key"]
        page = self._options.page
        if not page or not all(values[name] for name in placeholders(page)):
            return None
        return str(filled(page, {n: quote(v, safe="") for n, v in values.items()}))


class PollingAdapter(Adapter):
    """A carrier that is asked, with or without calling by itself."""

    def __init__(self, contract: ContractOptions, now: Clock = _now) -> None:
        super().__init__(contract, now)
        self._poller = Poller(self._options, contract.secrets, now)
        self.batch_size = self._poller.batch_size
        self.asked_at = self._poller.asked_at

    async def ask(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Ask for *parcels*; raise `CarrierFailure` if the answer is an error."""
        return await self._poller.ask(session, parcels)

    def unpack(self, answer: Document, parcels: Sequence[ParcelView]) -> list[Document]:
        """Take *answer* apart as `ask` does; raise `CarrierFailure` as it does."""
        return self._poller.unpack(answer, parcels)


def _meaning(options: Options, rows: Any) -> Meaning:
    """Lay the lists of codes over their rows, and the rules beside them."""
    effects = dict.fromkeys(options.administrative, Effect.ADMINISTRATIVE)
    effects |= dict.fromkeys(options.provisional, Effect.PROVISIONAL)
    effects |= dict.fromkeys(options.rollback, Effect.ROLLBACK)
    return Meaning(
        rows, options.text_rules, effects, strip_zeros=options.code.strip_zeros
    )
