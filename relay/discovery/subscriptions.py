"""Keep the configurations of feed and hook alive at VTEX.

VTEX removes a hook after three days without a notification, and a feed after its
retention; another system with the same key may overwrite both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from relay.clock import Clock, micros
from relay.discovery.calls import AccountCalls, Called, CallResult, DiscoveryTerms
from relay.domain.discovery import Source
from relay.logs import logger
from relay.store.discovery import Discovery, DiscoveryState
from relay.vtex.notifications import FEED, HOOK, NotificationClient, is_configured

CHECK_EVERY: Final = timedelta(hours=1)
RETRY_AFTER: Final = timedelta(minutes=5)
_BASES: Final[Mapping[Source, str]] = {"feed": FEED, "hook": HOOK}
_ROLE: Final = (
    "give the role of the key (discovery_app_key) the permission Feed v3 and Hook"
    " Admin, which needs a custom role in VTEX"
)
_UNREACHABLE: Final = (
    "VTEX calls the address at once and needs the answer 200 within 5 seconds: check"
    " that public_url is reached from the internet by https"
)
_log = logger(__name__)


@dataclass(slots=True)
class SubscriptionKeeper:
    """Checks the configurations once an hour, and sets them where they are missing."""

    calls: AccountCalls
    client: NotificationClient
    store: Discovery
    clock: Clock
    _checks: dict[tuple[str, Source], datetime] = field(default_factory=dict)
    _problems: dict[tuple[str, Source], str] = field(default_factory=dict)

    def forget(self, account: str | None = None) -> None:
        """Check at once: a configuration is gone, or the settings are new."""
        for key in [k for k in self._checks if account in {None, k[0]}]:
            del self._checks[key]

    def ready(self, account: str, source: Source) -> bool:
        """Whether VTEX had the configuration when it was checked last."""
        return self._problems.get((account, source)) == ""

    async def keep(self, terms: DiscoveryTerms) -> None:
        """Check what is due of one account."""
        wanted: dict[Source, Mapping[str, Any] | None] = {
            "feed": terms.feed,
            "hook": terms.hook,
        }
        for source, config in wanted.items():
            key, now = (terms.account, source), self.clock()
            if config is None or self._checks.get(key, now) > now:
                continue
            if not await self.calls.permitted(terms, 2):
                continue
            problem = await self._ensure(terms, source, config)
            self._checks[key] = now + (RETRY_AFTER if problem else CHECK_EVERY)
            await self._settle(terms.account, source, problem)

    async def _ensure(
        self, terms: DiscoveryTerms, source: Source, config: Mapping[str, Any]
    ) -> str:
        """Set a configuration unless VTEX has it; return the problem, if any."""
        key, base = terms.notifier, _BASES[source]
        shown = await self.calls.make(
            terms,
            source,
            lambda deadline: self.client.config(key, base, deadline=deadline),
        )
        if shown.result is CallResult.DONE and is_configured(shown.payload, config):
            return ""
        if shown.result not in {CallResult.DONE, CallResult.MISSING}:
            return _problem(shown, source)
        made = await self.calls.make(
            terms,
            source,
            lambda deadline: self.client.configure(
                key, base, config, deadline=deadline
            ),
        )
        if made.result is CallResult.DONE:
            _log.info("configured at VTEX", account=terms.account, source=source)
            return ""
        return _problem(made, source)

    async def _settle(self, account: str, source: Source, problem: str) -> None:
        """Store the result, and log a problem that is new."""
        if problem and self._problems.get((account, source)) != problem:
            about = {"account": account, "source": source, "reason": problem}
            _log.error("discovery is not configured at VTEX", **about)
        self._problems[account, source] = problem
        now = micros(self.clock())

        def change(state: DiscoveryState) -> None:
            setattr(state, f"{source}_problem", problem or None)
            if not problem:
                setattr(state, f"{source}_ready_at", now)

        await self.store.change(account, change)


def _problem(called: Called, source: Source) -> str:
    """Return a failure in words, with its fix where it is known."""
    if called.result is CallResult.FORBIDDEN:
        return f"{called.problem}; {_ROLE}"
    if called.result is CallResult.REFUSED and source == "hook":
        return f"{called.problem}; {_UNREACHABLE}"
    return called.problem
