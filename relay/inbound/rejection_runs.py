"""Rejections in a row, by contract: an alert, because a secret may be wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.config.contract import ContractSettings
from relay.errors import SignatureMissing, VerificationFailed
from relay.logs import counted, logger
from relay.store.rejected import UNSIGNED_HINT

RUN: Final = 3
"""Rejected webhooks in a row, without an accepted one between, that raise an alert."""
AGAIN: Final = timedelta(hours=1)
"""No further alert of the same contract before."""
PRESENT: Final = timedelta(hours=1)
"""A run whose last rejection is older has ended: its carrier may have stopped."""

_log = logger(__name__)


@dataclass(slots=True)
class _Run:
    """Rejections of one contract since the last accepted webhook."""

    since: datetime
    last: datetime
    count: int = 0
    reason: str = ""
    alerted_at: datetime | None = None

    def add(self, reason: str, now: datetime) -> None:
        """Count one more; a run that has ended begins again."""
        if not self.count or now - self.last > PRESENT:
            self.count, self.since = 0, now
        self.count += 1
        self.last, self.reason = now, reason

    def is_present(self, now: datetime) -> bool:
        """Whether it is long enough to warn of it, and has not ended."""
        return self.count >= RUN and now - self.last <= PRESENT


class RejectionRuns:
    """Counts rejections since the last accepted webhook of each contract.

    Requests without any signature are counted apart: a test without one says nothing
    about the secret.
    """

    def __init__(self) -> None:
        self._runs: dict[tuple[str, bool], _Run] = {}
        self._contracts: Mapping[str, ContractSettings] = {}

    def rejected(self, contract: str, error: VerificationFailed, now: datetime) -> None:
        """Count a rejection; log an alert once in a run."""
        unsigned = isinstance(error, SignatureMissing)
        run = self._runs.setdefault((contract, unsigned), _Run(now, now))
        run.add(str(error), now)
        is_recent = run.alerted_at is not None and now - run.alerted_at < AGAIN
        if run.count == RUN and not is_recent:
            run.alerted_at = now
            corrected = (
                f"correct the secret, then `relay rejected accept --all "
                f"--contract {contract}`"
            )
            _log.error(
                "alert",
                contract=contract,
                reason=_explained(run),
                hint=UNSIGNED_HINT if unsigned else corrected,
            )

    def reload(self, contracts: Mapping[str, ContractSettings]) -> None:
        """End the runs of contracts whose settings changed."""
        for name, before in self._contracts.items():
            if contracts.get(name) != before:
                self.ended(name)
        self._contracts = contracts

    def ended(self, contract: str) -> None:
        """End the runs of a contract: a webhook was accepted."""
        for unsigned in (False, True):
            if (contract, unsigned) in self._runs:
                self._runs[contract, unsigned].count = 0

    def warnings(self, now: datetime) -> list[str]:
        """Return how many contracts' webhooks are being rejected, and since when.

        No contract is named: `/readyz` answers this without a token.
        """
        return list(self._warnings(now))

    def _warnings(self, now: datetime) -> Iterator[str]:
        for unsigned, what in ((False, "a wrong signature"), (True, "no signature")):
            present = [
                run
                for (_, kind), run in self._runs.items()
                if kind is unsigned and run.is_present(now)
            ]
            if present:
                since = min(run.since for run in present)
                contracts = counted(len(present), "contract")
                yield (
                    f"requests with {what} to the webhooks of {contracts} have been "
                    f"rejected since {since:%Y-%m-%d %H:%M} UTC; `relay status` names "
                    "them"
                )


def _explained(run: _Run) -> str:
    return f"{counted(run.count, 'webhook')} rejected in a row ({run.reason})"
