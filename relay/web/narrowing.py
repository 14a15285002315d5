"""Which rows of a list exist for whoever asks, and fit what they named."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from relay.errors import InvalidLabel
from relay.resolving import lower_bounds
from relay.settings import Settings
from relay.store.database import Database
from relay.store.worklists import Asked, contract_seen


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which rows exist for whoever asks; `limited` None means all of them."""

    settings: Settings
    limited: Collection[str] | None = None
    account: str | None = None
    contract: str | None = None

    async def check(self, database: Database) -> None:
        """Refuse an account or a contract that nobody knows.

        A contract that is gone from the settings has left things behind, so it
        may be named. Raises `InvalidLabel`, listing what is configured.
        """
        accounts = list(filter(self._may_see, self.settings.accounts))
        if self.account is not None and self.account not in accounts:
            raise not_configured("account", self.account, accounts)
        contracts = [
            contract.name
            for contract in self.settings.contracts.values()
            if any(map(self._may_see, contract.accounts))
        ]
        name = self.contract
        if name is None or name in contracts:
            return
        if self.limited is not None or not await contract_seen(database, name):
            raise not_configured("contract", name, contracts)

    def asked(
        self,
        days: int = 7,
        more: Callable[[Mapping[str, Any]], bool] | None = None,
    ) -> Asked:
        """Return what the store is asked; *more* must fit, too."""
        zones = {
            name: account.zone
            for name, account in self.settings.accounts.items()
            if self._sees(name)
        }
        fits = self.fits if more is None else lambda r: self.fits(r) and more(r)
        bounds = lower_bounds(self.settings.contracts)
        return Asked(zones, timedelta(days=days), bounds, fits)

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is one of them.

        What a carrier says without naming a shipment is for those who see all
        stores of its contract.
        """
        if self.contract is not None and row["contract"] != self.contract:
            return False
        if "account" in row:
            return self._sees(row["account"])
        known = self.settings.contracts.get(row["contract"])
        served = known.accounts if known is not None else ()
        if self.account is not None and self.account not in served:
            return False
        return self.limited is None or (
            known is not None and all(a in self.limited for a in served)
        )

    def _sees(self, account: str) -> bool:
        return self.account in (None, account) and self._may_see(account)

    def _may_see(self, account: str) -> bool:
        return self.limited is None or account in self.limited


def not_configured(field: str, given: str, known: Iterable[str]) -> InvalidLabel:
    """Return the error of a name that nobody knows, with those that are known."""
    names = ", ".join(sorted(known)) or "none"
    return InvalidLabel(
        f"{given!r} is not configured", field=field, way_out=f"configured: {names}"
    )
