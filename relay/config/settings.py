"""All settings of one process, in one frozen object."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from relay.adapters.protocol import ContractOptions
from relay.config.account import AccountSettings, ApiToken, holder
from relay.config.alerts import AlertSettings
from relay.config.checks import (
    NamedSetting,
    check_accounts,
    check_hooks,
    check_muted,
    check_names,
    check_pairs,
    check_receivers,
    check_tokens,
    check_unique,
    check_users,
    complete,
    secrets_of,
)
from relay.config.contract import ContractSettings
from relay.config.endpoint import EndpointPair, pair_of
from relay.config.problems import InvalidSettings
from relay.config.quantities import Count, CountFromZero, SettingsTable
from relay.config.receivers import OutgoingReceiver
from relay.config.sections import (
    IntakeSettings,
    LogSettings,
    PublisherSettings,
    RetentionSettings,
    TracingSettings,
)
from relay.config.types import Listen, PublicUrl, Table, split_listen
from relay.config.users import ConsoleSettings, ConsoleUser
from relay.domain.events import Value
from relay.domain.outgoing_events import Subscription, Subscriptions
from relay.errors import ConfigurationError, UnknownContract
from relay.suggestions import suggestion
from relay.validation_errors import problem

TABLES = ("tokens", "accounts", "contracts", "endpoint", "users", "outgoing")
SCHEMES = ("sqlite:///", "postgresql://")


class Settings(SettingsTable):
    """Settings of a process; see `load`.

    `database` may contain a password, so `repr` does not show it.
    """

    database: str = Field(default="sqlite:///relay.db", repr=False)
    """The database: sqlite:///path, or postgresql://user:password@host/name."""
    cache_mb: Count = 64
    """Memory for the database's pages, in MiB."""
    disk_free_mb: CountFromZero = 256
    """The relay is not ready while the disk of its SQLite file has fewer MiB free. Its
    log grows by up to 64 MiB between two checkpoints."""
    processes: Literal["two", "one"] = "two"
    """Intake (webhooks, API) and worker (parser, publisher, poller) as two processes
    under a supervisor, so that neither delays the other; `one` saves memory."""
    listen: Listen = "127.0.0.1:8080"
    """Host and port at which carriers, the ERP and operators reach the relay."""
    public_url: PublicUrl | None = Field(
        default=None, examples=["https://relay.example.com"]
    )
    """The address under which carriers reach it; `relay doctor` and the log show the
    webhook addresses to give to the carriers."""
    log: Annotated[LogSettings, Table] = LogSettings()
    intake: Annotated[IntakeSettings, Table] = IntakeSettings()
    publisher: Annotated[PublisherSettings, Table] = PublisherSettings()
    retention: Annotated[RetentionSettings, Table] = RetentionSettings()
    console: Annotated[ConsoleSettings, Table] = ConsoleSettings()
    alerts: Annotated[AlertSettings, Table] = AlertSettings()
    tracing: Annotated[TracingSettings, Table] = TracingSettings()
    tokens: Mapping[str, ApiToken] = Field(default_factory=dict)
    accounts: Mapping[str, AccountSettings] = Field(default_factory=dict)
    contracts: Mapping[str, ContractSettings] = Field(default_factory=dict)
    users: Mapping[str, ConsoleUser] = Field(default_factory=dict)
    endpoint: Mapping[str, EndpointPair] = Field(default_factory=dict)
    outgoing: Mapping[str, OutgoingReceiver] = Field(default_factory=dict)

    @field_validator("database")
    @classmethod
    def _known_database(cls, text: str) -> str:
        if not text.startswith(SCHEMES) or text in SCHEMES:
            hint = "write sqlite:///path/to/relay.db or postgresql://user@host/name"
            raise problem("not the address of a database", hint)
        return text

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        """Add each table's name to it, so that it can be checked and shown."""
        if not isinstance(data, Mapping):
            return data
        tables = {k: _with_names(v) for k, v in data.items() if k in TABLES}
        return {**data, **tables}

    @field_validator("contracts")
    @classmethod
    def _completed(
        cls, contracts: Mapping[str, ContractSettings], info: ValidationInfo
    ) -> Mapping[str, ContractSettings]:
        """Fill in what a contract inherits from its account and from `retention`."""
        accounts = info.data.get("accounts", {})
        retention = info.data.get("retention", RetentionSettings())
        return {n: complete(c, accounts, retention) for n, c in contracts.items()}

    @model_validator(mode="after")
    def _agreeing(self) -> Self:
        """Refuse settings that contradict one another."""
        found = [
            *check_names(self.tables),
            *check_accounts(self.contracts, self.accounts),
            *check_unique(self.contracts.values()),
            *check_tokens(self.tokens, self.accounts),
            *check_users(self.users, self.accounts),
            *check_pairs(self.endpoint, self.accounts, self.contracts),
            *check_receivers(self.outgoing, self.accounts),
            *check_hooks(self.accounts, self.public_url),
            *check_muted(self.alerts, self.accounts, self.contracts),
        ]
        if found:
            raise InvalidSettings(found)
        return self

    @property
    def tables(self) -> Mapping[str, Mapping[str, NamedSetting]]:
        """The tables that hold one table per name."""
        return {
            "tokens": self.tokens,
            "accounts": self.accounts,
            "contracts": self.contracts,
            "users": self.users,
            "endpoint": self.endpoint,
            "outgoing": self.outgoing,
        }

    def contract_for(self, name: str) -> ContractSettings:
        """Return the contract called *name*, or raise `UnknownContract`."""
        if name not in self.contracts:
            raise UnknownContract(
                f"unknown contract {name!r}; {suggestion(name, self.contracts)}"
            )
        return self.contracts[name]

    def contract_options(self, name: str) -> ContractOptions:
        """Return what the adapter of the contract called *name* gets."""
        return self.contract_for(name).for_adapter()

    def account(self, name: str) -> AccountSettings:
        """Return the account called *name*, or raise `ConfigurationError`."""
        if name not in self.accounts:
            raise ConfigurationError(
                f"unknown account {name!r}; {suggestion(name, self.accounts)}"
            )
        return self.accounts[name]

    def token_for(self, presented: str) -> ApiToken | None:
        """Return the configured token that was *presented*, if there is one."""
        return holder(presented, self.tokens.values())

    def pair_for(self, app_key: str, app_token: str) -> EndpointPair | None:
        """Return the endpoint's key pair that was presented, if there is one."""
        return pair_of(app_key, app_token, self.endpoint.values())

    def webhook_url(self, contract: ContractSettings) -> str:
        """Return the address of a contract's webhooks, '' if it accepts none.

        Without `public_url` it is only a path. `<url_secret>` is a placeholder.
        """
        if not contract.takes_webhooks:
            return ""
        secret = "/<url_secret>" if contract.verification == "url" else ""
        return f"{self.public_url or ''}/webhooks/{contract.name}{secret}"

    @property
    def subscriptions(self) -> Subscriptions:
        """What the receivers of outgoing events want."""
        return [
            Subscription(r.name, r.types, r.accounts) for r in self.outgoing.values()
        ]

    def hook_url(self, account: str) -> str:
        """Return the address of an account's hook; only a path without `public_url`."""
        return f"{self.public_url or ''}/vtex/hook/{account}"

    @property
    def listen_at(self) -> tuple[str, int]:
        """The host and port to bind to."""
        return split_listen(self.listen)

    @property
    def _with_secrets(self) -> Iterator[Value]:
        """The tables that contain secrets."""
        yield from self.accounts.values()
        yield from self.contracts.values()
        yield from self.outgoing.values()
        yield self.alerts

    def secret_values(self) -> frozenset[str]:
        """Return every secret text, so that logs can mask them."""
        password = urlsplit(self.database).password or ""
        found = {password, unquote(password)}
        for table in self._with_secrets:
            found.update(secrets_of(table))
        return frozenset(found - {""})


def _with_names(tables: Any) -> Any:
    """Add each table's name to it, unless it has one."""
    if not isinstance(tables, Mapping):
        return tables
    return {
        name: {"name": name, **table} if isinstance(table, Mapping) else table
        for name, table in tables.items()
    }
