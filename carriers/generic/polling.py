"""Asks a carrier as the contract's options say; the only I/O of the adapter."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from aiohttp import ClientSession

from carriers.generic.options import Options
from carriers.generic.poll_checking import KINDS
from carriers.generic.poll_options import NUMBERS, Poll, Split
from carriers.generic.signing import Clock
from carriers.generic.templates import Values, needed, question
from carriers.generic.tokens import Token
from relay.carrier.asking import Answered, answer
from relay.carrier.contract import CarrierFailure, Document, ParcelView
from relay.errors import ConfigurationError
from relay.tracking import ReferenceKind, compared

_KIND: Final = {"content-type": "application/json"}
_LONGEST_MESSAGE: Final = 200

Asked = Mapping[str, str]
"""A parcel's references by kind, as placeholders."""


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

        async def ask(token: str) -> Answered:
            return await answer(
                session, question(self._poll, {**values, "token": token})
            )

        answered = await (self._token.answer(session, ask) if self._token else ask(""))
        if answered.status in self._poll.unknown_statuses:
            return []
        value = answered.checked(200).value()
        try:
            return list(self._documents(answered, value, asked))
        except ValueError as error:
            raise CarrierFailure(f"polling: {error}") from None

    def _values(self, asked: Sequence[Asked]) -> Values:
        batch = self._poll.batch
        if batch is None:
            return {**self._common, **asked[0]}
        several = list(dict.fromkeys(parcel[batch.of] for parcel in asked))
        if batch.separator is None:
            return {**self._common, NUMBERS: several}
        return {**self._common, NUMBERS: batch.separator.join(several)}

    def _documents(
        self, answered: Answered, value: Any, asked: Sequence[Asked]
    ) -> Iterator[Document]:
        """Yield what the answer says of each parcel; nothing if it knows of none."""
        poll, at = self._poll, answered.received_at
        if poll.error is not None and poll.error.holds(value):
            raise CarrierFailure(_message(poll.error.find(value)))
        if _knows_nothing(poll, value):
            return
        if poll.split is None and not poll.wrap:
            yield Document(answered.body, at, _KIND)
            return
        pieces = _pieces(poll.split, value) if poll.split else [("", value)]
        for name, piece in pieces:
            if not poll.wrap:
                yield Document(json.dumps(piece).encode(), at, _KIND)
            elif (parcel := self._named(name, asked)) is not None:
                whole = {"asked": dict(parcel), "answer": piece}
                yield Document(json.dumps(whole).encode(), at, _KIND)

    def _named(self, name: str, asked: Sequence[Asked]) -> Asked | None:
        """Return the parcel that a piece is of; None if nobody asked for it."""
        batch = self._poll.batch
        if batch is None:
            return asked[0]
        same = (a for a in asked if compared(a[batch.of]) == compared(name))
        return next(same, None)


def _knows_nothing(poll: Poll, value: Any) -> bool:
    """Whether the answer is that there is no such parcel, or not yet."""
    if poll.not_found is not None and poll.not_found.holds(value):
        return True
    return poll.found is not None and not poll.found.holds(value)


def _references(parcel: ParcelView) -> Asked:
    """Return what a parcel can be asked for by; nothing that could change a path."""
    values = {kind.value: parcel.value(kind) for kind in ReferenceKind}
    values["tracking_number"] = parcel.tracking_number or values["tracking_number"]
    values["invoice_key"] = parcel.invoice_key or values["invoice_key"]
    usable = {k: v.strip() for k, v in values.items() if v.strip().isprintable()}
    return {k: v for k, v in usable.items() if v not in {"", ".", ".."}}


def _pieces(split: Split, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each piece of an answer, with the reference that it is of."""
    found = split.list.find(value)
    if split.keyed:
        if not isinstance(found, dict):
            raise CarrierFailure("the carrier answered without an object of parcels")
        yield from found.items()
        return
    if found is None:
        raise CarrierFailure("the carrier answered without parcels")
    for piece in found if isinstance(found, list) else [found]:
        yield split.reference.text_in(piece) if split.reference else "", piece


def _message(found: Any) -> str:
    words = found if isinstance(found, str) else json.dumps(found)
    return f"the carrier answered with an error: {words}"[:_LONGEST_MESSAGE]
