"""How each contract's carrier is called, from its settings and its adapter."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from relay.carrier.contract import Carrier, Feeds, Polls, Subscribes
from relay.polling.intervals import Intervals
from relay.settings import ContractSettings
from relay.store.callings import Calling, Kind
from relay.store.pollstate import Allowance

CALL_LIMIT: Final = timedelta(seconds=60)
"""How long one call may take."""
READ_LIMIT: Final = timedelta(seconds=30)
"""How long reading its answer may take."""
LEASE: Final = CALL_LIMIT + READ_LIMIT + timedelta(seconds=60)


def callings(
    contracts: Mapping[str, ContractSettings], carriers: Mapping[str, Carrier]
) -> dict[str, Calling]:
    """Return how the contracts are called whose adapter asks anything."""
    found = {}
    for name, contract in contracts.items():
        kinds = kinds_of(carriers[name])
        if contract.poll and kinds:
            found[name] = _calling(contract, carriers[name], kinds)
    return found


def kinds_of(carrier: Carrier) -> frozenset[Kind]:
    """Return what *carrier* can be called for."""
    offered = {
        Kind.ASK: isinstance(carrier, Polls),
        Kind.FETCH: isinstance(carrier, Feeds),
        Kind.SUBSCRIBE: isinstance(carrier, Subscribes),
    }
    return frozenset(kind for kind, it_can in offered.items() if it_can)


def _calling(
    contract: ContractSettings, carrier: Carrier, kinds: frozenset[Kind]
) -> Calling:
    intervals = Intervals(
        urgent=timedelta(minutes=contract.poll_urgent_minutes),
        moving=timedelta(hours=contract.poll_hours),
        quiet=timedelta(hours=contract.poll_quiet_hours),
    )
    return Calling(
        contract=contract.name,
        kinds=kinds,
        plan=intervals.plan,
        allowance=Allowance(
            timedelta(seconds=contract.poll_spacing_seconds),
            contract.poll_daily_quota,
            contract.zone,
        ),
        size=carrier.batch_size if isinstance(carrier, Polls) else 1,
        lease=LEASE,
        fetch_every=timedelta(minutes=contract.poll_feed_minutes),
    )
