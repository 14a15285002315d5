"""Checks across tables: inherited defaults, references, duplicates."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from pydantic import SecretStr

from relay.config.account import AccountSettings, ApiToken
from relay.config.alerts import AlertSettings
from relay.config.contract import ContractSettings
from relay.config.endpoint import EndpointPair
from relay.config.problems import SettingsProblem, set_it
from relay.config.receivers import OutgoingReceiver
from relay.config.sections import RetentionSettings
from relay.config.users import ConsoleUser
from relay.domain.alert_facts import AlertKind
from relay.domain.events import Value
from relay.suggestions import did_you_mean, suggest, suggestion
from relay.text import plain_name

_SECRET: Final = re.compile(r"secret|token|passw|credential|_key$|^key$", re.IGNORECASE)


class NamedSetting(Protocol):
    """A table with a name."""

    @property
    def name(self) -> str:
        """The name of the table."""
        ...


def complete(
    contract: ContractSettings,
    accounts: Mapping[str, AccountSettings],
    retention: RetentionSettings,
) -> ContractSettings:
    """Return *contract* with what it inherits from its account and *retention*."""
    served = tuple(dict.fromkeys(filter(None, (contract.account, *contract.accounts))))
    if not served and len(accounts) == 1:
        served = tuple(accounts)
    default = served[0] if served else ""
    inherited: dict[str, Any] = {"account": default, "accounts": served}
    if "zone" not in contract.model_fields_set and default in accounts:
        inherited["zone"] = accounts[default].zone
    if "expire_days" not in contract.model_fields_set:
        inherited["expire_days"] = retention.expire_days
    return contract.model_copy(update=inherited)


def check_names(
    tables: Mapping[str, Mapping[str, NamedSetting]],
) -> Iterator[SettingsProblem]:
    """Find tables whose `name` differs from their header."""
    for section, named in tables.items():
        for name, table in named.items():
            if table.name != name:
                key = f"{section}.{name}.name"
                hint = f"remove it, or rename [{section}.{name}]"
                yield SettingsProblem(key, "not the table's name", hint)


def check_accounts(
    contracts: Mapping[str, ContractSettings], accounts: Mapping[str, AccountSettings]
) -> Iterator[SettingsProblem]:
    """Find contracts with no account, or with one that does not exist."""
    for name, contract in contracts.items():
        key = f"contracts.{name}.account"
        if not contract.account and accounts:
            wrong = "required, because several accounts are configured"
            hint = f"use one of {', '.join(sorted(accounts))}"
            yield SettingsProblem(key, wrong, hint)
        elif not contract.account:
            hint = set_it(("accounts", "name", "app_key")) + " of your account"
            yield SettingsProblem(key, "no account is configured", hint)
        for account in contract.accounts:
            yield from _missing(account, accounts, key)


def check_tokens(
    given: Mapping[str, ApiToken], accounts: Mapping[str, AccountSettings]
) -> Iterator[SettingsProblem]:
    """Find tokens with accounts that do not exist, and duplicate tokens."""
    holders: dict[str, str] = {}
    for name, token in given.items():
        first = holders.setdefault(token.hash, name)
        if first != name:
            wrong = f"same token as tokens.{first}"
            yield SettingsProblem(f"tokens.{name}", wrong, "create another one")
        for account in token.accounts:
            yield from _missing(account, accounts, f"tokens.{name}.accounts")


def check_users(
    users: Mapping[str, ConsoleUser], accounts: Mapping[str, AccountSettings]
) -> Iterator[SettingsProblem]:
    """Find people with accounts that do not exist."""
    for name, user in users.items():
        for account in user.accounts:
            yield from _missing(account, accounts, f"users.{name}.accounts")


def check_pairs(
    pairs: Mapping[str, EndpointPair],
    accounts: Mapping[str, AccountSettings],
    contracts: Mapping[str, ContractSettings],
) -> Iterator[SettingsProblem]:
    """Find pairs whose key, account or contract does not fit."""
    holders: dict[str, str] = {}
    for name, pair in pairs.items():
        key = f"endpoint.{name}"
        first = holders.setdefault(pair.app_key, name)
        if first != name:
            wrong = f"same key as endpoint.{first}"
            yield SettingsProblem(f"{key}.app_key", wrong, "make another pair")
        yield from _missing(pair.account, accounts, f"{key}.account")
        yield from _unfit(pair, contracts.get(pair.contract), f"{key}.contract")


def _unfit(
    pair: EndpointPair, contract: ContractSettings | None, key: str
) -> Iterator[SettingsProblem]:
    """Find a pair's contract that does not exist, or not for its account."""
    if contract is None:
        hint = set_it(("contracts", pair.contract, "adapter"))
        yield SettingsProblem(key, f"unknown contract {pair.contract!r}", hint)
    elif pair.account not in contract.accounts:
        hint = f"add it to contracts.{contract.name}.accounts"
        wrong = f"the contract does not serve account {pair.account!r}"
        yield SettingsProblem(key, wrong, hint)


def check_hooks(
    accounts: Mapping[str, AccountSettings], public_url: str | None
) -> Iterator[SettingsProblem]:
    """Find hooks that VTEX could not reach."""
    for name, account in accounts.items():
        if account.uses("hook") and not public_url:
            key = f"accounts.{name}.discovery"
            wrong = "VTEX must know the relay's address to call its hook"
            yield SettingsProblem(key, wrong, 'set public_url, or discovery = "feed"')


def check_muted(
    alerts: AlertSettings, accounts: Iterable[str], contracts: Iterable[str]
) -> Iterator[SettingsProblem]:
    """Find muted names that are no kind of alert, no account and no contract."""
    known = (*AlertKind, *accounts, *contracts)
    for name in alerts.mute:
        if ":" not in name and name not in known:
            wrong = f"unknown name {name!r}"
            yield SettingsProblem("alerts.mute", wrong, suggestion(name, known))


def check_receivers(
    receivers: Mapping[str, OutgoingReceiver], accounts: Mapping[str, AccountSettings]
) -> Iterator[SettingsProblem]:
    """Find receivers of events with accounts that do not exist."""
    for name, receiver in receivers.items():
        for account in receiver.accounts:
            yield from _missing(account, accounts, f"outgoing.{name}.accounts")


def check_unique(contracts: Iterable[ContractSettings]) -> Iterator[SettingsProblem]:
    """Find tax ids and courier names that two contracts of one account share."""
    taken: dict[tuple[str, str, str], str] = {}
    for contract in contracts:
        for field, value in _claimed(contract):
            for account in contract.accounts:
                first = taken.setdefault((account, field, value), contract.name)
                if first != contract.name:
                    wrong = f"contracts.{first} has the same one for account {account}"
                    key = f"contracts.{contract.name}.{field}"
                    yield SettingsProblem(key, wrong, "remove it from one of them")


def _claimed(contract: ContractSettings) -> Iterator[tuple[str, str]]:
    for tax_id in contract.tax_ids:
        yield "tax_ids", tax_id
    for name in contract.courier_names:
        yield "courier_names", plain_name(name)


def _missing(account: str, known: Iterable[str], key: str) -> Iterator[SettingsProblem]:
    accounts = list(known)
    if account in accounts:
        return
    meant = suggest(account, accounts)
    path = ("accounts", account, "app_key")
    hint = did_you_mean(meant) if meant else set_it(path)
    yield SettingsProblem(key, f"unknown account {account!r}", hint)


def secrets_of(table: Value) -> Iterator[str]:
    """Yield the secret texts in *table*, those in the adapter's options included."""
    for field in type(table).model_fields:
        value = getattr(table, field)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif field == "options":
            yield from _secret_options(value)


def _secret_options(options: Mapping[str, Any]) -> Iterator[str]:
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from _secret_options(value)
        elif isinstance(value, str) and _SECRET.search(key):
            yield value
