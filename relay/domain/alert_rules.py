"""The rules of alerts: which facts are wrong now, and what to do about each."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from relay.domain.alert_facts import (
    AccountFacts,
    AlertCondition,
    AlertFacts,
    AlertKind,
    AlertTerms,
    ContractFacts,
)
from relay.logs import counted

GATES: Final[Mapping[str, tuple[str, str]]] = {
    "paused": (
        "VTEX refused ten shipments in a row for one reason; the account is paused",
        "read VTEX's message, fix the cause, then: relay accounts open {}",
    ),
    "write_forbidden": (
        "VTEX rejects the credentials or the permission to write (401 or 403)",
        "correct the application key or its role at VTEX, then: relay accounts open {}",
    ),
    "read_forbidden": (
        "VTEX rejects the permission to read orders (401 or 403)",
        "give the application key a role that reads orders; the relay tries again",
    ),
    "throttled": (
        "VTEX limits the calls (429 or 503)",
        "wait; if it lasts, lower accounts.{}.requests_per_second",
    ),
    "outage": (
        "VTEX does not answer",
        "wait: the relay tries one call at a time, and nothing is lost",
    ),
}
"""What a closed gate means, and what to do."""
TEMPORARY: Final = frozenset({"throttled", "outage"})
DISK: Final = "disk"
"""The part of a process's reasons that has a kind of its own."""


def conditions(
    facts: AlertFacts, terms: AlertTerms, now: datetime
) -> list[AlertCondition]:
    """Return everything that is wrong at *now*."""
    found: list[AlertCondition] = []
    for contract in facts.contracts:
        found += chain.from_iterable(rule(contract, terms, now) for rule in _CONTRACT)
    for account in facts.accounts:
        found += chain.from_iterable(rule(account, terms) for rule in _ACCOUNT)
    found += _disk(facts.free_mb, terms)
    for process, reasons in facts.processes.items():
        found += _loops(process, reasons, terms)
    return found


def _silent(
    contract: ContractFacts, _: AlertTerms, now: datetime
) -> Iterator[AlertCondition]:
    """Find a carrier that stopped calling, while parcels are on their way."""
    received = contract.received_at
    if not (contract.takes_webhooks and contract.open and received):
        return
    watched = max(received, contract.watched_since or received)
    if contract.silent_after is not None:
        silent = now - watched > contract.silent_after
        measure = "longer than alert_silent_hours allows"
    else:
        rhythm = contract.rhythm
        silent = rhythm is not None and rhythm.is_overdue(now, watched)
        measure = "longer than usual"
    if silent:
        name, hours = contract.name, int((now - received) / timedelta(hours=1))
        yield AlertCondition(
            kind=AlertKind.CONTRACT_SILENT,
            subject=name,
            contract=name,
            party="carrier",
            text=f"{name}: no webhook for {counted(hours, 'hour')}, {measure}; "
            f"{counted(contract.open, 'shipment')} open",
            hint="ask the carrier whether it still calls the webhook address; check "
            "that nothing in front of the relay blocks it; relay lists refused and "
            "relay lists rejected show calls that failed",
            command="relay status",
            page="/console/carriers",
            since=received,
        )


def _polls(
    contract: ContractFacts, terms: AlertTerms, _: datetime
) -> Iterator[AlertCondition]:
    failures, name = contract.poll_failures, contract.name
    if terms.poll_failures and failures >= terms.poll_failures:
        yield AlertCondition(
            kind=AlertKind.POLLS_FAILING,
            subject=name,
            contract=name,
            party="carrier",
            text=f"{name}: {counted(failures, 'poll')} failed in a row",
            hint="check the contract's credentials, and that the carrier's API works; "
            "the relay tries again by itself",
            command="relay contracts list",
            page="/console/carriers",
            since=contract.answered_at,
        )


def _stopped(
    contract: ContractFacts, terms: AlertTerms, _: datetime
) -> Iterator[AlertCondition]:
    if terms.parcels and contract.stopped >= terms.parcels:
        name, days = contract.name, terms.parcels_days
        yield AlertCondition(
            kind=AlertKind.PARCELS_STOPPED,
            subject=name,
            contract=name,
            party="carrier",
            text=f"{name}: {counted(contract.stopped, 'shipment')} of {contract.open} "
            f"without a scan for {counted(days, 'day')} or more",
            hint="ask the carrier where they are; cancel those that are settled",
            command=f"relay lists silent --days {days} --contract {name}",
            page=f"/console/lists/silent?contract={name}",
        )


def _rejected(
    contract: ContractFacts, terms: AlertTerms, _: datetime
) -> Iterator[AlertCondition]:
    if terms.rejected and contract.rejected >= terms.rejected:
        name = contract.name
        yield AlertCondition(
            kind=AlertKind.WEBHOOKS_REJECTED,
            subject=name,
            contract=name,
            party="relay",
            text=f"{name}: {counted(contract.rejected, 'webhook')} failed verification "
            "since the last good one",
            hint="correct the contract's secret, then: relay rejected accept --all "
            f"--contract {name}; if strangers sent them, the carrier must call once",
            command=f"relay lists rejected --contract {name}",
            page=f"/console/lists/rejected?contract={name}",
        )


def _poll_quota(
    contract: ContractFacts, terms: AlertTerms, _: datetime
) -> Iterator[AlertCondition]:
    if _nearly(contract.used, contract.quota, terms):
        name = contract.name
        yield AlertCondition(
            kind=AlertKind.QUOTA_NEARLY_SPENT,
            subject=f"{name} polls",
            contract=name,
            party="relay",
            text=f"{name}: {contract.used} of {contract.quota} polls of today are used",
            hint=f"raise contracts.{name}.poll_daily_quota if the carrier allows it, "
            "or poll less often (poll_hours, poll_quiet_hours)",
            command="relay contracts list",
            page="/console/carriers",
        )


def _gates(account: AccountFacts, terms: AlertTerms) -> Iterator[AlertCondition]:
    name = account.name
    for gate in sorted(account.gates & GATES.keys()):
        text, hint = GATES[gate]
        yield AlertCondition(
            kind=AlertKind.GATE_CLOSED,
            subject=f"{name} {gate}",
            account=name,
            party="vtex",
            text=f"{name}: {text}",
            hint=hint.format(name),
            command="relay accounts list",
            page="/console/vtex",
            after=terms.gate if gate in TEMPORARY else timedelta(0),
        )


def _stuck(account: AccountFacts, terms: AlertTerms) -> Iterator[AlertCondition]:
    if terms.stuck and account.newly_stuck >= terms.stuck:
        yield AlertCondition(
            kind=AlertKind.STUCK_GROWING,
            subject=account.name,
            account=account.name,
            party="vtex",
            text=f"{account.name}: {account.newly_stuck} shipments and invoices became "
            f"stuck within an hour; {account.stuck} are stuck now",
            hint="read VTEX's answers in the list, fix the cause, then: "
            "relay shipments retry --all-stuck",
            command="relay lists stuck; relay invoices list --state stuck",
            page=f"/console/lists/stuck?account={account.name}",
        )


def _differs(account: AccountFacts, terms: AlertTerms) -> Iterator[AlertCondition]:
    if terms.differences and account.differences >= terms.differences:
        yield AlertCondition(
            kind=AlertKind.VTEX_DIFFERS,
            subject=account.name,
            account=account.name,
            party="vtex",
            text=f"{account.name}: VTEX showed something else than what was sent for "
            f"{counted(account.differences, 'shipment')} within a day; another system "
            "may write the same invoices",
            hint="find the other integration in VTEX, and let only one of them write "
            "tracking",
            command=f"relay reconcile --account {account.name}",
            page=f"/console/lists/stuck?account={account.name}",
        )


def _read_quota(account: AccountFacts, terms: AlertTerms) -> Iterator[AlertCondition]:
    if _nearly(account.read_backs, account.read_back_quota, terms):
        name = account.name
        yield AlertCondition(
            kind=AlertKind.QUOTA_NEARLY_SPENT,
            subject=f"{name} read-backs",
            account=name,
            party="relay",
            text=f"{name}: {account.read_backs} of {account.read_back_quota} read-backs"
            " of today are used; further updates are not verified until midnight UTC",
            hint=f"raise accounts.{name}.read_backs_per_day, or set read_back = "
            '"deliveries"',
            command="relay accounts list",
            page="/console/vtex",
        )


def _discovery(account: AccountFacts, _: AlertTerms) -> Iterator[AlertCondition]:
    if account.discovery_broken:
        yield AlertCondition(
            kind=AlertKind.DISCOVERY_BROKEN,
            subject=account.name,
            account=account.name,
            party="vtex",
            text=f"{account.name}: parcels are not found in VTEX, because the feed, "
            "the hook or reading orders fails",
            hint="the command names the cause; usually a permission of the key",
            command="relay discovery",
            page="/console/",
            after=timedelta(minutes=10),
        )


def _disk(free_mb: int | None, terms: AlertTerms) -> Iterator[AlertCondition]:
    if free_mb is not None and free_mb < terms.disk_free_mb:
        yield AlertCondition(
            kind=AlertKind.DISK_NEARLY_FULL,
            subject=DISK,
            party="relay",
            text=f"the disk of the database has {free_mb} MiB left, fewer than "
            f"{terms.disk_free_mb}",
            hint="free some space now: on a full disk webhooks are answered 503, and "
            "nothing is sent; the data is safe",
            command="relay status",
            page="/console/",
        )


def _loops(
    process: str, reasons: Iterable[str], terms: AlertTerms
) -> Iterator[AlertCondition]:
    for reason in reasons:
        part, _, problem = reason.partition(": ")
        if part != DISK:
            yield AlertCondition(
                kind=AlertKind.LOOP_FAILING,
                subject=f"{process} {part}",
                party="relay",
                text=f"{process}: {part} does not work: {problem}",
                hint="see the relay's log; it names the cause",
                command="relay status",
                page="/console/",
                after=terms.loop,
            )


def _nearly(used: int, quota: int | None, terms: AlertTerms) -> bool:
    """Whether so much of a quota is used that it will not last."""
    if not quota or not terms.quota_percent:
        return False
    return used * 100 >= quota * terms.quota_percent


_CONTRACT: Final[
    tuple[
        Callable[[ContractFacts, AlertTerms, datetime], Iterator[AlertCondition]], ...
    ]
] = (_silent, _polls, _stopped, _rejected, _poll_quota)
_ACCOUNT: Final[
    tuple[Callable[[AccountFacts, AlertTerms], Iterator[AlertCondition]], ...]
] = (_gates, _stuck, _differs, _read_quota, _discovery)
