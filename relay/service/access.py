"""Who calls an operation, and which accounts and contracts they may name."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from relay.config.settings import Settings
from relay.errors import InvalidLabel
from relay.problem_codes import ProblemCode
from relay.registration.contract_terms import lower_bounds
from relay.store.accounts import Accounts
from relay.store.database import Database
from relay.store.worklists import WorkListFilter, contract_in_use


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls an operation; `name` appears in notes and in the log.

    `accounts` are the accounts that exist for the caller; None means all of them,
    which is what the command line and unlimited tokens have. `through` is the
    channel, such as "api", and `reason` why they change something: for the audit.
    """

    name: str
    accounts: Collection[str] | None = None
    through: str = "api"
    reason: str = ""

    @property
    def visible(self) -> frozenset[str] | None:
        """The accounts that exist for the caller, None for all of them."""
        return None if self.accounts is None else frozenset(self.accounts)

    def sees(self, account: str) -> bool:
        """Whether *account* exists for the caller."""
        return self.accounts is None or account in self.accounts


@dataclass(frozen=True, slots=True)
class ListScope:
    """The rows of a list or bulk operation that match a caller and their filters.

    `limited` are the caller's accounts, None for all of them.
    """

    settings: Settings
    limited: Collection[str] | None = None
    account: str | None = None
    contract: str | None = None

    async def check(self, database: Database) -> None:
        """Refuse an unknown account or contract, naming the configured ones.

        An account or contract removed from the settings left data behind, so an
        unlimited caller may still name it. Raises `InvalidLabel`.
        """
        account, contract = self.account, self.contract
        accounts = [a for a in self.settings.accounts if self._may_see(a)]
        if account not in (None, *accounts):
            stored = {state.account for state in await Accounts(database).all()}
            if self.limited is not None or account not in stored:
                raise not_configured("account", str(account), accounts)
        contracts = [
            c.name
            for c in self.settings.contracts.values()
            if any(map(self._may_see, c.accounts))
        ]
        if contract is None or contract in contracts:
            return
        if self.limited is not None or not await contract_in_use(database, contract):
            raise not_configured("contract", contract, contracts)

    def accounts(self) -> Collection[str] | None:
        """Return the accounts whose shipments match, None for all of them."""
        return self.limited if self.account is None else [self.account]

    def work_filter(
        self,
        days: int = 7,
        more: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> WorkListFilter:
        """Return the filter of a work list; rows must match *more* as well."""
        zones = {
            name: account.zone
            for name, account in self.settings.accounts.items()
            if self._matches(name)
        }
        if self.account is not None and not zones:
            zones = {self.account: ZoneInfo("UTC")}  # removed from the settings
        fits = self.fits if more is None else lambda r: self.fits(r) and more(r)
        bounds = lower_bounds(self.settings.contracts)
        return WorkListFilter(zones, timedelta(days=days), bounds, fits)

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row matches.

        A row without an account (a document, an unmatched event) belongs to every
        account of its contract: a limited caller must see all of them.
        """
        if self.contract is not None and row["contract"] != self.contract:
            return False
        if "account" in row:
            return self._matches(row["account"])
        known = self.settings.contracts.get(row["contract"])
        served = known.accounts if known is not None else ()
        if self.account is not None and self.account not in served:
            return False
        return self.limited is None or (
            known is not None and all(a in self.limited for a in served)
        )

    def shows(self, labels: Mapping[str, str]) -> bool:
        """Whether a metric with these labels matches; without any it always does."""
        return not {"account", "contract"} & labels.keys() or self.fits(labels)

    def _matches(self, account: str) -> bool:
        return self.account in (None, account) and self._may_see(account)

    def _may_see(self, account: str) -> bool:
        return self.limited is None or account in self.limited


def not_configured(field: str, given: str, known: Iterable[str]) -> InvalidLabel:
    """Return the error for an unknown name; its hint lists the configured ones."""
    names = ", ".join(sorted(known)) or "none"
    return InvalidLabel(
        f"{given!r} is not configured",
        field=field,
        hint=f"configured: {names}",
        code=ProblemCode.NOT_CONFIGURED,
    )
