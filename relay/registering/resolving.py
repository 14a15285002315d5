"""What VTEX is told of a parcel, where neither label nor correction says it."""

from dataclasses import dataclass

from relay.carrier.contract import Carrier, ParcelView
from relay.resolving import resolved
from relay.settings import ContractSettings


@dataclass(frozen=True, slots=True)
class Resolver:
    """What one contract makes of what is not said."""

    contract: ContractSettings
    carrier: Carrier

    def number(
        self, given: str | None, invoice_key: str | None, invoice_number: str
    ) -> str | None:
        """Return the number to announce, None while there is none.

        With `from_carrier` a number that was given counts all the same: the
        ERP knew it first.
        """
        by_setting = {"nfe_key": invoice_key, "invoice_number": invoice_number}
        return by_setting.get(self.contract.tracking_number, given)

    def courier(self) -> str:
        """Return the carrier's name as shoppers read it."""
        return self.contract.courier or self.carrier.display_name

    def url(self, parcel: ParcelView) -> str | None:
        """Return the page that follows *parcel*: by template, else by adapter."""
        return resolved(self.contract, self.carrier, parcel)[1]
