"""Rejections in a row, by contract: an alert, because a secret may be wrong."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from relay.logs import counted, logger

RUN: Final = 3
"""Rejected webhooks in a row, without an accepted one between, that raise an alert."""
AGAIN: Final = timedelta(hours=1)
"""No further alert of the same contract before."""

_log = logger(__name__)


@dataclass(slots=True)
class _Run:
    """Rejections of one contract since the last accepted webhook."""

    count: int = 0
    reason: str = ""
    alerted_at: datetime | None = None


class RejectionRuns:
    """Counts rejections since the last accepted webhook of each contract."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    def rejected(self, contract: str, reason: str, now: datetime) -> None:
        """Count a rejection; log an alert once in a run."""
        run = self._runs.setdefault(contract, _Run())
        run.count += 1
        run.reason = reason
        is_recent = run.alerted_at is not None and now - run.alerted_at < AGAIN
        if run.count == RUN and not is_recent:
            run.alerted_at = now
            _log.error(
                "alert",
                contract=contract,
                reason=_explained(run),
                hint=f"correct the secret, then `relay rejected accept --all "
                f"--contract {contract}`",
            )

    def accepted(self, contract: str) -> None:
        """End the run of a contract."""
        if contract in self._runs:
            self._runs[contract].count = 0

    def warnings(self) -> list[str]:
        """Return how many contracts' webhooks are being rejected, if there are any.

        No contract is named: `/readyz` answers this without a token.
        """
        count = sum(run.count >= RUN for run in self._runs.values())
        if not count:
            return []
        contracts = counted(count, "contract")
        hint = "`relay status` names them"
        return [f"webhooks of {contracts} are being rejected; {hint}"]


def _explained(run: _Run) -> str:
    return f"{counted(run.count, 'webhook')} rejected in a row ({run.reason})"
