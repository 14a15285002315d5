"""Converts settings into the terms of each part; nothing is opened here."""

import faulthandler
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from relay.adapters.loader import load_carrier
from relay.adapters.protocol import Carrier, FeedCarrier, PollingCarrier, UpdateCarrier
from relay.config.account import AccountSettings
from relay.config.settings import Settings
from relay.discovery.calls import DiscoveryTerms
from relay.domain.phrases import PHRASES, VOLUME
from relay.domain.shipment import Policy
from relay.errors import ConfigurationError
from relay.logs import logger
from relay.outbound.settlement import AccountTerms, PublisherTerms
from relay.store.accounts import CallLimits
from relay.store.code_mappings import Meanings
from relay.store.event_rows import Pace
from relay.store.retention import RetentionPolicy
from relay.store.snapshots import Limits
from relay.vtex.bodies import DeliveredTime
from relay.vtex.client import VtexAccount
from relay.vtex.notifications import HookTarget, feed_config, hook_config, order_filter

_log = logger(__name__)

NO_MEANINGS: Final[Meanings] = MappingProxyType({})
HUNG: Final = 70
"""The exit code of a process whose adapter hangs: `EX_SOFTWARE` of sysexits.h."""


def carriers(settings: Settings, mapped: Meanings = NO_MEANINGS) -> dict[str, Carrier]:
    """Make the adapter of every contract; raise `ConfigurationError` by its key.

    *mapped* are codes that people have mapped; the settings' own come first.
    """
    made = {
        name: mapped_carrier(settings, name, mapped.get(name, {}))
        for name in settings.contracts
    }
    check_pairs(settings)
    return made


def mapped_carrier(
    settings: Settings, name: str, codes: Mapping[str, Mapping[str, Any]]
) -> Carrier:
    """Make the adapter of one contract with the mapped *codes*.

    An adapter that refuses them, after an upgrade perhaps, is made without: a stored
    mapping must not stop the relay.
    """
    plain = carrier(settings, name)
    if not codes:
        return plain
    try:
        return carrier(settings, name, codes)
    except ConfigurationError as refusal:
        _log.error("mapped codes refused", contract=name, error=str(refusal))
        return plain


def check_pairs(settings: Settings) -> None:
    """Refuse key pairs whose contract would not parse what the endpoint stores."""
    for pair in settings.endpoint.values():
        if settings.contracts[pair.contract].verification != "endpoint":
            raise ConfigurationError(
                f"endpoint.{pair.name}.contract: {pair.contract!r} is not a contract "
                'of the endpoint; name one with verification = "endpoint"'
            )


def carrier(
    settings: Settings,
    name: str,
    codes: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Carrier:
    """Make the adapter of one contract, with mapped *codes*.

    Raises `ConfigurationError` by its key.
    """
    contract = settings.contracts[name]
    options = settings.contract_options(name).with_codes(codes)
    made = load_carrier(contract.adapter, options)
    if contract.verification == "polling_only" and not isinstance(
        made, PollingCarrier | FeedCarrier
    ):
        raise ConfigurationError(
            f"contracts.{name}.verification: the adapter cannot poll, so no event "
            'would ever arrive; use "signature" or "url"'
        )
    if contract.verification == "endpoint" and not isinstance(made, UpdateCarrier):
        raise ConfigurationError(
            f"contracts.{name}.verification: the adapter does not parse updates in "
            "VTEX's form; use the adapter that the endpoint's how-to names"
        )
    return made


def sqlite_path(settings: Settings) -> Path:
    """Return the file of an SQLite database."""
    return Path(settings.database.removeprefix("sqlite:///"))


def event_pace(settings: Settings) -> Pace:
    """Return how long new events wait for more of them."""
    publisher = settings.publisher
    return Pace(
        quiet=publisher.quiet_seconds,
        longest=publisher.events_wait_seconds,
    )


def vtex_account(account: AccountSettings) -> VtexAccount:
    """Return an account as the VTEX client needs it."""
    return VtexAccount(
        name=account.name,
        base_url=account.base_url,
        app_key=account.app_key.get_secret_value(),
        app_token=account.app_token.get_secret_value(),
    )


def credentials(settings: Settings) -> dict[str, str]:
    """Return a digest of each account's credentials, to notice when they change."""
    return {
        name: hashlib.sha256(
            f"{account.app_key.get_secret_value()}\n"
            f"{account.app_token.get_secret_value()}".encode()
        ).hexdigest()
        for name, account in settings.accounts.items()
    }


def publisher_terms(settings: Settings) -> PublisherTerms:
    """Return the publisher's settings."""
    return PublisherTerms(
        accounts={n: _account_terms(a, settings) for n, a in settings.accounts.items()},
        policy=policies(settings),
        waits=settings.publisher,
        subscriptions=settings.subscriptions,
    )


def policies(settings: Settings) -> Callable[[str, str], Policy]:
    """Return the function that gives the policy of an account and a contract."""
    made: dict[tuple[str, str], Policy] = {}

    def policy(account: str, contract: str) -> Policy:
        key = (account, contract)
        if key not in made:
            made[key] = _policy(settings, account, contract)
        return made[key]

    return policy


def _policy(settings: Settings, account: str, contract: str) -> Policy:
    """Return how to publish for an account; an unknown contract has the defaults."""
    store, terms = settings.account(account), settings.contracts.get(contract)
    language = (terms and terms.language) or store.language
    return Policy(
        zone=store.zone,
        events=store.events,
        event_time=store.event_time,
        delivered_time=_delivered_time(store),
        first_email=store.first_email,
        publish_unknown=terms.publish_unknown if terms else False,
        confirm_provisional_after=(
            terms.confirm_provisional_after_hours if terms else None
        ),
        labels_come_late=terms.labels_come_late if terms else False,
        days_only=terms.days_only if terms else False,
        mask_personal_data=terms.mask_personal_data if terms else True,
        announce_numbers=terms.announce_numbers if terms else "first",
        description=terms.description if terms else "carrier",
        phrases=PHRASES[language],
        volume_word=VOLUME[language],
    )


def _delivered_time(store: AccountSettings) -> DeliveredTime:
    if store.delivered_time is not None:
        return store.delivered_time
    return "minute" if store.event_time == "day" else store.event_time


def _account_terms(account: AccountSettings, settings: Settings) -> AccountTerms:
    return AccountTerms(
        vtex=vtex_account(account),
        limits=Limits(
            per_second=account.requests_per_second,
            burst=account.burst,
            in_flight=account.in_flight,
            probe_every=settings.publisher.outage_probe_seconds,
            closed_gate=settings.publisher.probe_seconds,
        ),
        shadow=account.shadow,
        adopt_invoice_number=account.adopt_invoice_number,
        read_back=account.read_back,
        read_backs_per_day=account.read_backs_per_day,
    )


def discovery_terms(settings: Settings) -> dict[str, DiscoveryTerms]:
    """Return how parcels are found, for the accounts that use feed or hook."""
    return {
        name: _discovery(account, settings)
        for name, account in settings.accounts.items()
        if account.discovery != "off"
    }


def _discovery(account: AccountSettings, settings: Settings) -> DiscoveryTerms:
    key, token = account.discovery_app_key, account.discovery_app_token
    own = vtex_account(account)
    notifier = own
    if key is not None and token is not None:
        pair = (key.get_secret_value(), token.get_secret_value())
        notifier = VtexAccount(account.name, account.base_url, *pair)
    feed = hook = None
    if account.uses("feed"):
        wanted = order_filter(account.feed_filter, account.discovery_states)
        feed = feed_config(wanted)
    if account.uses("hook") and account.hook_secret is not None:
        secret = account.hook_secret.get_secret_value()
        target = HookTarget(settings.hook_url(account.name), secret)
        wanted = order_filter(account.hook_filter, account.discovery_states)
        hook = hook_config(wanted, target)
    waits = settings.publisher
    limits = CallLimits(account.requests_per_second, account.burst)
    return DiscoveryTerms(
        own, notifier, limits, feed, hook, waits.gate_seconds, waits.gate_cap_seconds
    )


def retention_policy(settings: Settings) -> RetentionPolicy:
    """Return how long data is stored."""
    of = settings.retention
    return RetentionPolicy(
        documents=of.documents_days,
        repeats=of.repeats_days,
        unmatched=of.unmatched_days,
        unreadable=of.unreadable_days,
        calls=of.calls_days,
        shipments=of.shipments_days,
        outgoing=of.outgoing_days,
        rejected_requests=settings.intake.rejected_days,
        expire=of.expire_days,
        expire_by_contract={
            name: contract.expire_days for name, contract in settings.contracts.items()
        },
    )


def exit_hung() -> None:
    """End a process whose adapter hangs: Python cannot stop a thread."""
    os._exit(HUNG)


class InterpreterGuard:
    """Ends the process if adapter code never releases the interpreter (the GIL).

    `faulthandler` has one timer per process, and it runs without the GIL. Reader and
    poller share it: the last one to leave cancels it.
    """

    def __init__(self, limit: timedelta) -> None:
        self._seconds = limit.total_seconds()
        self._inside = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Restart the timer, and cancel it at the end unless another one needs it."""
        self._inside += 1
        faulthandler.dump_traceback_later(self._seconds, exit=True)
        try:
            yield
        finally:
            self._inside -= 1
            if not self._inside:
                faulthandler.cancel_dump_traceback_later()
