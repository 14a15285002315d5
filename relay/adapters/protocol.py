"""What an adapter must offer, what it may offer, and what it is given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from aiohttp import ClientSession

from relay.domain.events import ParcelView, ReferenceKind, TrackingEvent


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """What a carrier sent, without the web framework: header names in lower case."""

    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer that a carrier insists on."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a carrier, unchanged: a webhook, a polled answer, a file.

    Adapters use `body`, `received_at` and `headers` (the content type and the
    adapter's `stored_headers`, in lower case), and need to fill in no more.

    The relay adds the `contract` and the `source`, such as `webhook` or `poll`.
    Stored documents have a `number`. `tries` counts how often parsing was begun
    and never ended, `replayed` says that the document was parsed before.
    """

    body: bytes
    received_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    contract: str = ""
    source: str = ""
    number: int = 0
    tries: int = 0
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ContractOptions:
    """One configured use of an adapter, as the adapter is given it.

    `secrets` are all that are valid now (two while one is being replaced).
    `codes` are the contract's own rows over the adapter's table, as in
    `codes.toml`; `options` are the keys of the contract's settings that belong
    to the adapter, which refuses by name those it does not know. `settings` are
    the keys that every contract has: one of them may have been mistyped.
    """

    name: str
    zone: ZoneInfo
    secrets: tuple[str, ...] = field(default=(), repr=False)
    codes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    settings: frozenset[str] = frozenset()


@runtime_checkable
class Carrier(Protocol):
    """What an adapter must offer; its constructor takes `ContractOptions`.

    `identifying` is the kind of the first reference that every document of the
    carrier bears. `stored_headers` are the request headers, in lower case, that
    `read` needs. `personal_fields` are the fields cut from a document once it
    is read, as paths of keys (`data.receiver.name`; a list is entered by
    itself).
    """

    display_name: str
    identifying: ReferenceKind
    stored_headers: frozenset[str]
    personal_fields: tuple[str, ...]

    def verify(self, request: WebhookRequest) -> None:
        """Raise `UntrustedWebhook` unless the carrier sent *request*."""
        ...

    def read(self, document: Document) -> list[TrackingEvent]:
        """Translate *document*; pure, and any error means that it is unreadable."""
        ...

    def tracking_url(self, parcel: ParcelView) -> str | None:
        """Return the public page that follows *parcel*, if there is one."""
        ...


class Unreadable(ValueError):
    """A document cannot be read, for a reason that an adapter tells on purpose.

    The message is read by people as it stands. It holds nothing of the document:
    keys, expressions and shapes only.
    """


class CarrierFailure(Exception):
    """A carrier could not be asked, or answered with an error.

    `wait` says in seconds how long the carrier wants to be left alone, if it
    does.
    """

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@runtime_checkable
class Polls(Protocol):
    """A carrier that is asked for parcels, at most `batch_size` in one call.

    An adapter that can be asked only with some settings has a class without
    `ask` that says so: `asked_if_configured = True`.
    """

    batch_size: int

    async def ask(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Ask for *parcels*; raise `CarrierFailure` if the answer is an error."""
        ...


@runtime_checkable
class Addressed(Protocol):
    """A carrier that can say where it is asked, without credentials."""

    asked_at: str


@runtime_checkable
class Unpacks(Protocol):
    """A carrier whose answers can be looked at without asking it."""

    def unpack(self, answer: Document, parcels: Sequence[ParcelView]) -> list[Document]:
        """Return what `ask` makes of *answer*; raise `CarrierFailure` as it does.

        *parcels* are those that were asked for. Without any, what the answer
        itself says must be enough.
        """
        ...


@runtime_checkable
class Remarks(Protocol):
    """A carrier whose settings may be wrong although its documents can be read."""

    def remarks(self, events: Sequence[TrackingEvent]) -> list[str]:
        """Say what somebody who tries the settings should know of *events*."""
        ...


@runtime_checkable
class Feeds(Protocol):
    """A carrier that gives its news by date or cursor."""

    async def fetch(
        self, session: ClientSession, cursor: str
    ) -> tuple[list[Document], str]:
        """Return the documents after *cursor* and the cursor behind them."""
        ...


@runtime_checkable
class Subscribes(Protocol):
    """A carrier that sends webhooks only for parcels it was told of."""

    async def subscribe(
        self, session: ClientSession, parcel: ParcelView
    ) -> datetime | None:
        """Ask for webhooks of *parcel*; return until when that is valid."""
        ...


@runtime_checkable
class Replies(Protocol):
    """A carrier that insists on an answer of its own."""

    def reply(self, request: WebhookRequest) -> Reply:
        """Return the answer to a *request* that was kept."""
        ...


@runtime_checkable
class Splits(Protocol):
    """A carrier whose files are read in pieces."""

    def split(self, document: Document) -> Iterator[Document]:
        """Yield the pieces of *document* that can be read alone."""
        ...
