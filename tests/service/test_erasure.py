"""Erasure of an order through the service, on both kinds of database."""

from collections.abc import Callable
from datetime import datetime

import pytest

from relay.config.settings import Settings
from relay.errors import InvalidLabel, NotFound
from relay.service.access import Caller
from relay.service.context import AuditEntry, ServiceContext
from relay.service.services import Services
from relay.store.event_rows import Pace
from relay.store.unread import ReaderTerms
from tests.support.way_in import WayIn

OPERATOR = Caller("me")


@pytest.fixture
def audited() -> list[AuditEntry]:
    return []


@pytest.fixture
def services(
    way_in: WayIn, settings: Callable[..., Settings], audited: list[AuditEntry]
) -> Services:
    clock: Callable[[], datetime] = way_in.clock
    context = ServiceContext(
        settings=settings(),
        carriers=way_in.carriers,
        database=way_in.database,
        terms=ReaderTerms(Pace(), {}),
        clock=clock,
        audit=audited.append,
    )
    return Services.build(context)


async def test_an_order_is_erased_and_the_log_emptied(
    services: Services, way_in: WayIn, audited: list[AuditEntry]
) -> None:
    await way_in.register("BR1")
    done = await services.accounts.erase(OPERATOR, "store", "v1-01")
    assert (done.shipments, done.emptied) == (1, True)
    assert (audited[-1].did, audited[-1].by) == ("erased", "me")


async def test_reasons_of_changes_are_erased_as_well(
    services: Services, way_in: WayIn
) -> None:
    shipment = await way_in.register("BR1")
    because = Caller("me", reason="Ana of 21 Rose Street called")
    await services.shipment_actions.retry(because, shipment)
    [change] = await services.audit.of_shipment(OPERATOR, shipment)
    assert change.reason == because.reason
    await services.accounts.erase(OPERATOR, "store", "v1-01")
    [change] = await services.audit.of_shipment(OPERATOR, shipment)
    assert (change.did, change.reason, change.details) == ("retry requested", "", {})


async def test_an_unknown_order_is_an_error(services: Services, way_in: WayIn) -> None:
    await way_in.register("BR1")
    with pytest.raises(NotFound, match="has no order v9"):
        await services.accounts.erase(OPERATOR, "store", "v9")


async def test_an_unknown_account_is_an_error(services: Services) -> None:
    with pytest.raises(InvalidLabel) as caught:
        await services.accounts.erase(OPERATOR, "shop", "v1-01")
    assert (caught.value.field, caught.value.hint) == ("account", "configured: store")


async def test_an_account_removed_from_the_settings_can_be_erased(
    services: Services, way_in: WayIn
) -> None:
    await way_in.register("BR1", account="gone")
    done = await services.accounts.erase(OPERATOR, "gone", "v1-01")
    assert done.shipments == 1
    limited = Caller("erp", ["store"])
    with pytest.raises(InvalidLabel):
        await services.accounts.erase(limited, "gone", "v1-01")
