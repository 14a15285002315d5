"""The adapter contract: required and optional protocols, and their data types."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from aiohttp import ClientSession

from relay.domain.events import ParcelView, ReferenceKind, TrackingEvent


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook call, free of the web framework; header names are in lower case.

    `sent` are the bytes as they were sent, if `body` was compressed. `query` are the
    parameters of the address. `received_at` is when it was received, None if that is
    now: a rejected request is verified again later, and its timestamp must be compared
    with that time.
    """

    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    sent: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP response that a carrier requires."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a carrier, unchanged: a webhook, a polled answer, a file.

    Adapters use `body`, `received_at` and `headers` (the content type and the
    adapter's `stored_headers`, in lower case), and need to fill in no more.

    The relay adds the `contract` and the `source`, such as `webhook` or `poll`.
    Stored documents have a `number`. `tries` counts how often parsing was begun
    and never ended, `replayed` says that the document was parsed before. `trace` is
    the context of the request that brought it, if requests are traced.
    """

    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    contract: str = ""
    source: str = ""
    number: int = 0
    tries: int = 0
    replayed: bool = False
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class ContractOptions:
    """A contract's settings, as passed to the adapter's constructor.

    `secrets` are all that are valid now: two while a secret is rotated. `codes`
    are rows that override the adapter's code table, as in `codes.toml`. `options`
    are the adapter's own keys; it must reject unknown ones by name. `settings`
    are the keys that every contract has, for suggestions on misspelt keys.
    """

    name: str
    zone: ZoneInfo
    secrets: tuple[str, ...] = field(default=(), repr=False)
    codes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    settings: frozenset[str] = frozenset()

    def with_codes(self, mapped: Mapping[str, Mapping[str, Any]]) -> "ContractOptions":
        """Return these options with the rows *mapped*, where the settings have none.

        The settings' rows come last: an adapter may spell two codes as one.
        """
        return replace(self, codes={**mapped, **self.codes})


@dataclass(frozen=True, slots=True)
class UnreadablePart:
    """A part of a document that cannot be parsed; the other parts count.

    *position* is its path in the document, such as `packages.1.history.0`. It consists
    of keys, expressions and numbers, without content of the document.
    """

    position: str
    error: Exception


@runtime_checkable
class Carrier(Protocol):
    """The required interface; the constructor takes one `ContractOptions`.

    `identifying` is the kind of reference that every document has.
    `stored_headers` are the request headers, in lower case, that `parse` needs.
    `personal_fields` are removed from a document after parsing, as paths of keys
    such as `data.receiver.name`; lists on the path are entered automatically.
    """

    display_name: str
    identifying: ReferenceKind
    stored_headers: frozenset[str]
    personal_fields: tuple[str, ...]

    def verify(self, request: WebhookRequest) -> None:
        """Raise `VerificationFailed` unless the carrier sent *request*."""
        ...

    def parse(self, document: Document) -> Sequence[TrackingEvent | UnreadablePart]:
        """Return a list of the events of *document*, and of its unreadable parts.

        Pure: no clock, no I/O. Any exception marks the whole document as unreadable;
        with `relay.adapters.parts` one bad event does not stop the others.
        """
        ...

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return the URL of the public tracking page of *parcel*, or None."""
        ...


class Unreadable(ValueError):
    """A document cannot be parsed, with a reason written for operators.

    The message is stored and shown as it is. It must contain no value of the
    document, only keys, expressions and shapes: values may be personal data. Values
    that are in it are masked, unless its words are *fixed*: then they are the adapter's
    own, even if the document has the same.
    """

    def __init__(self, message: str, *, fixed: bool = False) -> None:
        super().__init__(message)
        self.fixed = fixed


class CarrierFailure(Exception):
    """A carrier's API could not be reached, or returned an error.

    `wait` is the delay in seconds that the carrier demands before the next call
    (`Retry-After`), or None.
    """

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@runtime_checkable
class PollingCarrier(Protocol):
    """A carrier whose API is polled, for at most `batch_size` parcels per call.

    An adapter that polls only with certain settings sets
    `polls_if_configured = True` on its class, and has `poll` on what it creates.
    """

    batch_size: int

    async def poll(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Return the documents of *parcels*; raise `CarrierFailure` on an error."""
        ...


@runtime_checkable
class PollEndpoint(Protocol):
    """A polling carrier that names its API's URL, without credentials."""

    poll_url: str


@runtime_checkable
class AnswerUnpacker(Protocol):
    """A polling carrier whose recorded answers can be tried without a call."""

    def unpack(self, answer: Document, parcels: Sequence[ParcelView]) -> list[Document]:
        """Return the documents `poll` makes of *answer*, with the same errors.

        *parcels* are those that were polled. Without any, the answer itself must
        name its parcels.
        """
        ...


@runtime_checkable
class SettingsReviewer(Protocol):
    """A carrier whose settings can be wrong although its documents parse."""

    def review(self, events: Sequence[TrackingEvent]) -> list[str]:
        """Return warnings on the settings, given the *events* they produced."""
        ...


@runtime_checkable
class NumberedCarrier(Protocol):
    """A carrier that knows the form of its tracking numbers."""

    def number_problem(self, number: str) -> str | None:
        """Return why *number* cannot be one of the carrier's, None if it can.

        A label with such a number is refused, so say so only where it is certain.
        """


@runtime_checkable
class FeedCarrier(Protocol):
    """A carrier that serves new events by date or cursor, for all parcels."""

    async def fetch(
        self, session: ClientSession, cursor: str
    ) -> tuple[list[Document], str]:
        """Return the documents after *cursor*, and the next cursor."""
        ...


@runtime_checkable
class SubscribingCarrier(Protocol):
    """A carrier that sends webhooks only for subscribed parcels."""

    async def subscribe(
        self, session: ClientSession, parcel: ParcelView
    ) -> datetime | None:
        """Subscribe to *parcel*; return when the subscription expires, or None."""
        ...


@runtime_checkable
class ReplyingCarrier(Protocol):
    """A carrier that requires a specific response to its webhooks."""

    def reply(self, request: WebhookRequest) -> Reply:
        """Return the response to a *request* that was stored."""
        ...


@runtime_checkable
class HandshakingCarrier(Protocol):
    """A carrier that tests the webhook's address, for example at its registration.

    `handshake_methods` are the HTTP methods of such requests, in upper case.
    """

    handshake_methods: frozenset[str]

    def handshake(self, request: WebhookRequest) -> Reply | None:
        """Return the response to *request* if it is a test, or else None.

        Pure. *request* may be unsigned, and then nothing of it is stored: return None
        for every request that may have an event.
        """
        ...


@runtime_checkable
class UpdateCarrier(Protocol):
    """A "carrier" whose documents are updates by the VTEX-compatible endpoint.

    Their form is that of `relay.adapters.endpoint`.
    """

    parses_vtex_updates: Literal[True]


@runtime_checkable
class SplittingCarrier(Protocol):
    """A carrier whose files are split before parsing."""

    def split(self, document: Document) -> Iterator[Document]:
        """Yield the parts of *document* that can be parsed on their own."""
        ...
