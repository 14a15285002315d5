"""An adapter without Python: the contract's settings describe the format."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Self, cast
from urllib.parse import quote

from aiohttp import ClientSession

from carriers.generic.checks import contradictions
from carriers.generic.codes import CodeMapping
from carriers.generic.expressions import quoted
from carriers.generic.handshakes import answer
from carriers.generic.options import Options, parse_options
from carriers.generic.parser import Parser, decoded
from carriers.generic.poller import Poller
from carriers.generic.requests import filled, placeholders
from carriers.generic.signature import Clock, verifier
from relay.adapters.codes import CodeRow, CodeTable, parse_rows
from relay.adapters.options import refuse
from relay.adapters.parts import Parsed
from relay.adapters.protocol import ContractOptions, Document, Reply, WebhookRequest
from relay.domain.events import Effect, ParcelView, ReferenceKind, TrackingEvent


def _now() -> datetime:
    return datetime.now(UTC)


class Adapter:
    """Parses the format in the contract's options, or else the plain format.

    With the option `polling` the class creates a `PollingAdapter`.
    """

    stored_headers: frozenset[str] = frozenset()
    polls_if_configured = True

    def __new__(cls, contract: ContractOptions, now: Clock = _now) -> Self:  # noqa: ARG004
        """Create the adapter for *contract*: with or without polling."""
        options, _ = parse_options(contract.options, contract.settings)
        class_ = cls if options.polling is None else PollingAdapter
        return cast("Self", object.__new__(class_))

    def __init__(self, contract: ContractOptions, now: Clock = _now) -> None:
        options, plain = parse_options(contract.options, contract.settings)
        rows = parse_rows(contract.codes)
        if plain:
            rows = CodeTable.load(__name__, contract.codes).rows
        refuse(contradictions(options, contract.secrets))
        self.display_name = options.display_name
        self.identifying = options.identifying_kind
        self.personal_fields = options.personal_fields
        methods = (one.methods for one in options.handshakes)
        self.handshake_methods = frozenset[str]().union(*methods)
        self._options = options
        self._secrets = contract.secrets
        self._verify = verifier(options.signature, contract.secrets, now)
        self._parser = Parser(options, _mapping(options, rows), contract.zone)

    def verify(self, request: WebhookRequest) -> None:
        """Check the signature in the options; without one reject every request."""
        self._verify(request)

    def parse(self, document: Document) -> list[Parsed]:
        """Return the events of *document*, found by the options' expressions."""
        return self._parser.parse(document)

    def review(self, events: Sequence[TrackingEvent]) -> list[str]:
        """Warn if the expression for codes finds none in some events."""
        paths = self._options.code.paths
        without = sum(not event.carrier_code for event in events)
        if not paths or not without:
            return []
        count = f"{without} of {len(events)} events"
        return [f"code: {quoted(paths)} finds nothing in {count}"]

    def reply(self, request: WebhookRequest) -> Reply:  # noqa: ARG002 -- always the same
        """Return the response that the carrier requires."""
        reply = self._options.reply
        return Reply(reply.status, reply.body.encode(), reply.content_type)

    def handshake(self, request: WebhookRequest) -> Reply | None:
        """Return the answer to a test of the address that the options declare."""
        options = self._options
        decode = partial(decoded, how=options.body)
        return answer(options.handshakes, request, self._secrets, decode)

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return the URL of the option `page`, if all its placeholders are known."""
        values = {kind.value: parcel.value(kind) for kind in ReferenceKind}
        values["tracking_number"] = parcel.tracking_number or values["tracking_number"]
        values["invoice_key"] = parcel.invoice_key or values["invoice_key"]
        page = self._options.page
        if not page or not all(values[name] for name in placeholders(page)):
            return None
        return str(filled(page, {n: quote(v, safe="") for n, v in values.items()}))


class PollingAdapter(Adapter):
    """A polling carrier, with or without webhooks."""

    def __init__(self, contract: ContractOptions, now: Clock = _now) -> None:
        super().__init__(contract, now)
        self._poller = Poller(self._options, contract.secrets, now)
        self.batch_size = self._poller.batch_size
        self.poll_url = self._poller.poll_url

    async def poll(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Return the documents of *parcels*; raise `CarrierFailure` on an error."""
        return await self._poller.poll(session, parcels)

    def unpack(self, answer: Document, parcels: Sequence[ParcelView]) -> list[Document]:
        """Return the documents in *answer*; raise `CarrierFailure` on an error."""
        return self._poller.unpack(answer, parcels)


def _mapping(options: Options, rows: Mapping[str, CodeRow]) -> CodeMapping:
    """Combine the rows with the lists of codes by effect, and the text rules."""
    effects = dict.fromkeys(options.administrative, Effect.ADMINISTRATIVE)
    effects |= dict.fromkeys(options.provisional, Effect.PROVISIONAL)
    effects |= dict.fromkeys(options.rollback, Effect.ROLLBACK)
    return CodeMapping(
        rows, options.text_rules, effects, strip_zeros=options.code.strip_zeros
    )
