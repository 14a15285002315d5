"""Refused requests at webhook addresses: described without secrets, and listed."""

from collections.abc import Collection
from datetime import timedelta
from http import HTTPMethod, HTTPStatus
from typing import Final
from urllib.parse import quote

from relay.clock import Clock
from relay.inbound.background_writer import REST, BackgroundWriter
from relay.logs import logger
from relay.store.refused import RefusalTally, RefusedWebhook, RefusedWebhooks
from relay.suggestions import did_you_mean, suggest

ROOT: Final = "webhooks"
_CORRECT: Final = f"/{ROOT}/"
REDACTED: Final = "[redacted]"
MOST_WAITING: Final = 500
"""Kinds of refusals that wait to be written; more are only counted as a metric."""
LONGER: Final = 3
"""By how many letters a misspelt name may be longer than the contract's.

More could be a secret that was written without a slash before it.
"""
_REASONS: Final = {
    405: (
        "the method is not accepted",
        "send POST or PUT; a test by another method needs the option `handshakes`",
    ),
    413: ("the body is too large", "raise intake.body_limit, if the carrier needs it"),
    503: ("the relay could not store it", "the carrier should send it again"),
}
_log = logger(__name__)


def parts_of(path: str) -> list[str]:
    """Return the parts of a path, without empty ones."""
    return [part for part in path.split("/") if part]


def is_webhook_path(path: str) -> bool:
    """Whether a path is a webhook's, or was meant to be."""
    if path.startswith(_CORRECT):
        return True
    first = [*parts_of(path), ""][0].casefold()
    return first in {ROOT, ROOT.removesuffix("s")}


def contract_in(path: str, contracts: Collection[str]) -> str:
    """Return the contract that a webhook's path names, '' for an unknown one."""
    name = "".join(parts_of(path)[1:2])
    return name if name in contracts else ""


def describe(
    path: str, method: str, status: int, detail: str, contracts: Collection[str]
) -> RefusedWebhook:
    """Describe a refused request; *detail* is what was answered.

    Whatever could be a secret is redacted: all of the path but the name of a contract,
    or a name that is almost one.
    """
    root, name, *more = [*parts_of(path), "", ""]
    known = contract_in(path, contracts)
    shown, meant = (known, known) if known else _name_shown(name, contracts)
    redacted = [REDACTED] if any(more) else []
    reason, hint = _explained(status, detail, known)
    if not known or root != ROOT:
        hint = did_you_mean(f"/{ROOT}/{meant}") if meant else hint
    return RefusedWebhook(
        contract=known,
        path="/".join(["", root, *filter(None, [_quoted(shown)]), *redacted]),
        method=method if method in HTTPMethod.__members__ else "other",
        status=status,
        reason=reason,
        hint=hint,
    )


def _quoted(name: str) -> str:
    """Return *name* as it is in an address, so that a blank at its end is seen."""
    shown = quote(name.removesuffix(REDACTED), errors="replace")
    return shown + REDACTED * name.endswith(REDACTED)


def _name_shown(name: str, contracts: Collection[str]) -> tuple[str, str]:
    """Return what may be shown of an unknown name, and the contract that was meant."""
    meant = suggest(name, contracts)
    if not name or (meant and len(name) <= len(meant) + LONGER):
        return name, meant
    longest = sorted(contracts, key=len, reverse=True)
    start = next((c for c in longest if name.startswith(c)), "")
    return start + REDACTED, start or meant


def _explained(status: int, detail: str, contract: str) -> tuple[str, str]:
    """Return the reason of a refusal, and a hint."""
    if status == HTTPStatus.NOT_FOUND and not contract:
        return "no such contract", "the address ends with the name of a contract"
    if status == HTTPStatus.NOT_FOUND:
        return "no such address", "`relay contracts list` shows the contract's webhook"
    if status == HTTPStatus.UNAUTHORIZED:
        hint = f"`relay lists rejected --contract {contract}` shows the requests"
        return detail, hint
    return _REASONS.get(status, (detail, ""))


class RefusalWriter(BackgroundWriter):
    """Counts refused requests of each kind, and writes them now and then."""

    def __init__(
        self, refused: RefusedWebhooks, clock: Clock, rest: timedelta = REST
    ) -> None:
        super().__init__(rest)
        self._refused = refused
        self._clock = clock
        self._waiting: dict[RefusedWebhook, RefusalTally] = {}

    @property
    def waiting(self) -> bool:
        """Whether a count waits to be written."""
        return bool(self._waiting)

    def put(self, refusal: RefusedWebhook) -> None:
        """Count a refusal; never fails."""
        now = self._clock()
        if refusal not in self._waiting and len(self._waiting) >= MOST_WAITING:
            return
        tally = self._waiting.setdefault(refusal, RefusalTally(now, now))
        tally.last_at = now
        tally.requests += 1
        self.wake()

    async def step(self) -> None:
        """Write the counts; drop them if that fails."""
        batch, self._waiting = self._waiting, {}
        try:
            await self._refused.put(batch.items())
        except Exception as error:  # noqa: BLE001 -- best effort by design
            _log.warning("could not store refused requests", error=repr(error))
