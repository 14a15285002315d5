"""Alerts for people: which are open, which were, and whether their channels work."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from relay.config.settings import Settings
from relay.domain.alert_course import Alert, CourseTerms
from relay.domain.alert_facts import AlertKind
from relay.service.access import Caller
from relay.service.alert_models import AlertChannelEntry, AlertEntry, AlertList
from relay.service.context import ServiceContext
from relay.service.status_models import StatusProblem, notable
from relay.store.alerts import AlertStore, ChannelState

HISTORY: Final = 100
"""Alerts that are over, as they are listed."""


@dataclass(frozen=True, slots=True)
class AlertService:
    """Reads alerts; a limited caller sees those of their accounts, and the relay's."""

    context: ServiceContext

    async def alerts(self, caller: Caller) -> AlertList:
        """Return open alerts, the oldest first, and those that were over last."""
        store, terms = AlertStore(self.context.database), self._terms()
        states = await store.channels()
        return AlertList(
            open=self._entries(await store.open(), caller, terms),
            history=self._entries(await store.resolved(HISTORY), caller, terms),
            channels=tuple(
                _channel(states.get(name) or ChannelState(name))
                for name in used_channels(self.context.settings)
            ),
        )

    async def open_by_kind(self) -> dict[AlertKind, int]:
        """Count open alerts, for metrics: every kind is there."""
        found = await AlertStore(self.context.database).open()
        numbers = Counter(alert.condition.kind for alert in found)
        return {kind: numbers[kind] for kind in AlertKind}

    def _terms(self) -> CourseTerms:
        return CourseTerms(mute=frozenset(self.context.settings.alerts.mute))

    def _entries(
        self, found: Iterable[Alert], caller: Caller, terms: CourseTerms
    ) -> tuple[AlertEntry, ...]:
        return tuple(_entry(one, terms) for one in found if self._is_seen(one, caller))

    def _is_seen(self, alert: Alert, caller: Caller) -> bool:
        about = alert.condition
        if about.account is not None:
            return caller.sees(about.account)
        if about.contract is None or caller.accounts is None:
            return True
        contract = self.context.settings.contracts.get(about.contract)
        return contract is not None and any(map(caller.sees, contract.accounts))


def used_channels(settings: Settings) -> tuple[str, ...]:
    """Return the channels that are set up, the heartbeat included."""
    beats = ("heartbeat",) if settings.alerts.heartbeat_url is not None else ()
    return (*settings.alerts.channels, *beats)


async def channel_problems(context: ServiceContext) -> list[StatusProblem]:
    """Return a problem for each channel that does not work, for the status."""
    states = await AlertStore(context.database).channels()
    return list(_problems(used_channels(context.settings), states))


def _problems(
    used: Iterable[str], states: dict[str, ChannelState]
) -> Iterator[StatusProblem]:
    for name in used:
        state = states.get(name)
        if state is not None and state.problem is not None:
            message = f"alerts by {name} are not sent: {state.problem}"
            yield notable(message, "correct [alerts], then: relay alerts test")


def _entry(alert: Alert, terms: CourseTerms) -> AlertEntry:
    about = alert.condition
    return AlertEntry(
        kind=about.kind,
        subject=about.subject,
        account=about.account,
        contract=about.contract,
        party=about.party,
        message=about.text,
        hint=about.hint,
        command=about.command,
        page=about.page,
        since=alert.since,
        raised_at=alert.raised_at,
        notified_at=alert.notified_at,
        resolved_at=alert.resolved_at,
        muted=terms.is_muted(about),
    )


def _channel(state: ChannelState) -> AlertChannelEntry:
    return AlertChannelEntry(
        channel=state.channel,
        sent_at=state.sent_at,
        failed_at=state.failed_at,
        problem=state.problem,
    )
