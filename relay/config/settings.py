"""All settings of one process, in one frozen object."""

from collections.abc import Mapping
from typing import Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from relay.adapters.protocol import ContractOptions
from relay.config.account import AccountSettings, ApiToken, holder
from relay.config.checks import (
    NamedSetting,
    claims,
    complete,
    names,
    references,
    secrets_of,
    tokens,
)
from relay.config.contract import ContractSettings
from relay.config.problems import InvalidSettings, problem
from relay.config.sections import (
    IntakeSettings,
    LogSettings,
    PublisherSettings,
    RetentionSettings,
)
from relay.config.types import Listen, PublicUrl, Table, split_listen
from relay.domain.events import Value
from relay.errors import ConfigurationError, UnknownContract

TABLES = ("tokens", "accounts", "contracts")
SCHEMES = ("sqlite:///", "postgresql://")


class Settings(Value):
    """What a process needs to know to start; see `load`.

    `database` may hold a password, so it is left out where settings are shown.
    """

    database: str = Field(default="sqlite:///relay.db", repr=False)
    cache_mb: int = Field(default=64, ge=1)
    listen: Listen = "127.0.0.1:8080"
    public_url: PublicUrl | None = None
    log: Annotated[LogSettings, Table] = LogSettings()
    intake: Annotated[IntakeSettings, Table] = IntakeSettings()
    publisher: Annotated[PublisherSettings, Table] = PublisherSettings()
    retention: Annotated[RetentionSettings, Table] = RetentionSettings()
    tokens: Mapping[str, ApiToken] = Field(default_factory=dict)
    accounts: Mapping[str, AccountSettings] = Field(default_factory=dict)
    contracts: Mapping[str, ContractSettings] = Field(default_factory=dict)

    @field_validator("database")
    @classmethod
    def _known_database(cls, text: str) -> str:
        if not text.startswith(SCHEMES) or text in SCHEMES:
            hint = "write sqlite:///path/to/relay.db or postgresql://user@host/name"
            raise problem("it is not the address of a database", hint)
        return text

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        """Give each table its own name, so that it can be checked and told."""
        if not isinstance(data, Mapping):
            return data
        tables = {k: _with_names(v) for k, v in data.items() if k in TABLES}
        return {**data, **tables}

    @field_validator("contracts")
    @classmethod
    def _completed(
        cls, contracts: Mapping[str, ContractSettings], info: ValidationInfo
    ) -> Mapping[str, ContractSettings]:
        """Fill in what a contract takes over from its account and the ages."""
        accounts = info.data.get("accounts", {})
        retention = info.data.get("retention", RetentionSettings())
        return {n: complete(c, accounts, retention) for n, c in contracts.items()}

    @model_validator(mode="after")
    def _agreeing(self) -> Self:
        """Refuse settings that contradict one another."""
        found = [*names(self.tables), *references(self.accounts, self.contracts)]
        found += [*claims(self.contracts.values()), *tokens(self.tokens, self.accounts)]
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
        }

    def contract_for(self, name: str) -> ContractSettings:
        """Return the contract called *name*, or raise `UnknownContract`."""
        if name not in self.contracts:
            raise UnknownContract(f"no contract is called {name!r}")
        return self.contracts[name]

    def contract_options(self, name: str) -> ContractOptions:
        """Return what the adapter of the contract called *name* is given."""
        return self.contract_for(name).for_adapter()

    def account(self, name: str) -> AccountSettings:
        """Return the account called *name*, or raise `ConfigurationError`."""
        if name not in self.accounts:
            raise ConfigurationError(f"accounts.{name}: there is no such account")
        return self.accounts[name]

    def token_for(self, presented: str) -> ApiToken | None:
        """Return the token that was *presented*, if it is one of ours."""
        return holder(presented, self.tokens.values())

    @property
    def listen_at(self) -> tuple[str, int]:
        """The host and port to listen at."""
        return split_listen(self.listen)

    def secret_values(self) -> frozenset[str]:
        """Return every secret text, so that logs can leave them out."""
        password = urlsplit(self.database).password or ""
        found = {password, unquote(password)}
        for table in (*self.accounts.values(), *self.contracts.values()):
            found.update(secrets_of(table))
        return frozenset(found - {""})


def _with_names(tables: Any) -> Any:
    """Write each table's name into it, unless it says one itself."""
    if not isinstance(tables, Mapping):
        return tables
    return {
        name: {"name": name, **table} if isinstance(table, Mapping) else table
        for name, table in tables.items()
    }
