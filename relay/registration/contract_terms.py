"""Terms of a contract and its adapter: courier, tracking page, polling, bounds."""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote

from relay.adapters.protocol import Carrier, PollingCarrier
from relay.config.contract import ContractSettings
from relay.domain.events import ParcelView
from relay.logs import logger
from relay.store.adoption import Adoption
from relay.store.event_rows import Pace
from relay.store.unread import ReaderTerms

_log = logger(__name__)


def resolve_contract_options(
    contract: ContractSettings, carrier: Carrier, parcel: ParcelView
) -> tuple[str, str | None]:
    """Return the courier's name and the tracking page of *parcel*, if there is one.

    The contract's settings come before those of the adapter.
    """
    courier = contract.courier or carrier.display_name
    if contract.tracking_url is None:
        return courier, _page(contract, carrier, parcel)
    values = {
        "tracking_number": parcel.tracking_number,
        "invoice_key": parcel.invoice_key,
    }
    if any(
        f"{{{name}}}" in contract.tracking_url and not v for name, v in values.items()
    ):
        return courier, None
    quoted = {name: quote(value, safe="") for name, value in values.items()}
    return courier, contract.tracking_url.format_map(quoted)


def _page(
    contract: ContractSettings, carrier: Carrier, parcel: ParcelView
) -> str | None:
    try:
        return carrier.tracking_url(parcel)
    except Exception:  # noqa: BLE001 -- a label is worth more than its page
        _log.exception("an adapter's tracking_url failed", contract=contract.name)
        return None


def reading_terms(
    contracts: Mapping[str, ContractSettings],
    carriers: Mapping[str, Carrier],
    pace: Pace,
) -> ReaderTerms:
    """Return what the reader needs of the contracts' settings."""
    return ReaderTerms(
        pace,
        lower_bounds(contracts),
        {
            n: _adoption(c, carriers[n])
            for n, c in contracts.items()
            if c.tracking_number == "from_carrier"
        },
    )


def polled_contracts(
    contracts: Mapping[str, ContractSettings], carriers: Mapping[str, Carrier]
) -> frozenset[str]:
    """Return the contracts whose carrier is polled for parcels.

    *carriers* are the adapters by contract.
    """
    return frozenset(
        n
        for n, c in contracts.items()
        if c.poll and isinstance(carriers[n], PollingCarrier)
    )


def lower_bounds(contracts: Mapping[str, ContractSettings]) -> dict[str, timedelta]:
    """Return how long before its label an event may have occurred, by contract."""
    return {n: c.lower_bound_days for n, c in contracts.items()}


def _adoption(contract: ContractSettings, carrier: Carrier) -> Adoption:
    def adoption(parcel: ParcelView) -> tuple[str | None, str | None]:
        return resolve_contract_options(contract, carrier, parcel)

    return adoption
