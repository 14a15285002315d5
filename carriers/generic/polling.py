"""Asks a carrier as the contract's options say; the only I/O of the adapter."""

import base64
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from aiohttp import ClientSession

from carriers.generic.answers import Asked, unpacked
from carriers.generic.options import Options
from carriers.generic.poll_checking import KINDS
from carriers.generic.poll_options import NUMBERS
from carriers.generic.signing import Clock
from carriers.generic.templates import Values, needed, question
from carriers.generic.tokens import Token
from relay.adapters.http import ApiResponse, as_response, send
from relay.adapters.protocol import Document
from relay.domain.events import ParcelView, ReferenceKind
from relay.errors import ConfigurationError


class Poller:
    """One contract's questions."""

    def __init__(self, options: Options, secrets: Sequence[str], now: Clock) -> None:
        if options.polling is None:
            raise ConfigurationError("polling: it is missing")
        poll, secret = options.polling, next(iter(secrets), "")
        self._poll = poll
        self._common = dict(options.values) | {
            "base_url": options.base_url.rstrip("/"),
            "secret": secret,
            "secret_base64": base64.b64encode(secret.encode()).decode(),
        }
        self._token = Token(poll.token, self._common, now) if poll.token else None
        self.batch_size = poll.batch.size if poll.batch else 1
        self.asked_at = _place(poll.url, self._common["base_url"])

    async def ask(
        self, session: ClientSession, parcels: Sequence[ParcelView]
    ) -> list[Document]:
        """Ask for *parcels*; one without the reference that is needed is left out.

        Raises `CarrierFailure`.
        """
        asked = [a for a in map(_references, parcels) if self._askable(a)]
        found: list[Document] = []
        for start in range(0, len(asked), self.batch_size):
            found += await self._once(session, asked[start : start + self.batch_size])
        return found

    def _askable(self, asked: Asked) -> bool:
        names = {self._poll.batch.of} if self._poll.batch else needed(self._poll)
        return all(asked.get(name) for name in names & KINDS)

    async def _once(
        self, session: ClientSession, asked: Sequence[Asked]
    ) -> list[Document]:
        values = self._values(asked)

        async def ask(token: str) -> ApiResponse:
            return await send(session, question(self._poll, {**values, "token": token}))

        answered = await (self._token.answer(session, ask) if self._token else ask(""))
        if answered.status in self._poll.unknown_statuses:
            return []
        return unpacked(self._poll, answered.checked(200), asked)

    def unpack(self, answer: Document, parcels: Sequence[ParcelView]) -> list[Document]:
        """Return what *answer* says of *parcels*; raise `CarrierFailure`."""
        asked = [a for a in map(_references, parcels) if self._askable(a)]
        return unpacked(self._poll, as_response(answer), asked)

    def _values(self, asked: Sequence[Asked]) -> Values:
        batch = self._poll.batch
        if batch is None:
            return {**self._common, **asked[0]}
        several = list(dict.fromkeys(parcel[batch.of] for parcel in asked))
        if batch.separator is None:
            return {**self._common, NUMBERS: several}
        return {**self._common, NUMBERS: batch.separator.join(several)}


def _place(url: str, base: str) -> str:
    """Return an address as people may see it: placeholders stay, a query does not."""
    parts = urlsplit(url.replace("{base_url}", base))
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _references(parcel: ParcelView) -> Asked:
    """Return what a parcel can be asked for by; nothing that could change a path."""
    values = {kind.value: parcel.value(kind) for kind in ReferenceKind}
    values["tracking_number"] = parcel.tracking_number or values["tracking_number"]
    values["invoice_key"] = parcel.invoice_key or values["invoice_key"]
    usable = {k: v.strip() for k, v in values.items() if v.strip().isprintable()}
    return {k: v for k, v in usable.items() if v not in {"", ".", ".."}}
