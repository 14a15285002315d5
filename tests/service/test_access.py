"""Which accounts and contracts a caller may name, and what they then see."""

from collections.abc import Callable

import pytest

from relay.config.settings import Settings
from relay.errors import InvalidLabel, NotFound
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.queries import RetryRequest, ShipmentQuery, WorkListQuery
from relay.service.services import Services
from relay.store.event_rows import Pace
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms
from relay.store.worklist_queries import WorkList
from tests.store.making import execute
from tests.support.way_in import WayIn

OPERATOR = Caller("me")
LIMITED = Caller("erp", ["store"])


@pytest.fixture
def database(sqlite: SqliteDatabase) -> SqliteDatabase:
    """Use one kind of database: what is asked here does not depend on it."""
    return sqlite


@pytest.fixture
async def services(way_in: WayIn, settings: Callable[..., Settings]) -> Services:
    """Store a stuck shipment of an account that is not in the settings any more."""
    await way_in.register("BR1", account="gone", order_id="v1-09")
    await way_in.register("BR2")
    stuck = "UPDATE shipments SET stuck_reason = 'Bad date', stuck_at = 0"
    await execute(way_in.database, stuck)
    context = ServiceContext(
        settings=settings(),
        carriers=way_in.carriers,
        database=way_in.database,
        terms=ReaderTerms(Pace(), {}),
        clock=way_in.clock,
    )
    return Services.build(context)


async def test_a_removed_account_can_be_named_by_an_unlimited_caller(
    services: Services,
) -> None:
    page = await services.shipments.page(OPERATOR, ShipmentQuery(account="gone"))
    assert [s.order_id for s in page.shipments] == ["v1-09"]
    query = WorkListQuery(account="gone")
    entries = (await services.worklists.page(OPERATOR, WorkList.STUCK, query)).entries
    assert [e.order_id for e in entries] == ["v1-09"]
    done = await services.worklists.retry_stuck(OPERATOR, RetryRequest(account="gone"))
    assert done.count == 1


async def test_a_removed_account_is_listed_for_unlimited_callers_only(
    services: Services,
) -> None:
    everything = await services.accounts.accounts(OPERATOR)
    assert [(a.name, a.zone) for a in everything.accounts] == [
        ("gone", "UTC"),
        ("store", "America/Sao_Paulo"),
    ]
    own = await services.accounts.accounts(LIMITED)
    assert [a.name for a in own.accounts] == ["store"]
    assert [a.stuck for a in own.accounts] == [1]


async def test_a_limited_caller_does_not_learn_of_other_accounts(
    services: Services,
) -> None:
    with pytest.raises(InvalidLabel) as caught:
        await services.shipments.page(LIMITED, ShipmentQuery(account="gone"))
    assert caught.value.hint == "configured: store"
    page = await services.shipments.page(LIMITED, ShipmentQuery())
    assert [s.account for s in page.shipments] == ["store"]


async def test_a_name_finds_only_what_the_caller_sees(services: Services) -> None:
    assert await services.shipments.resolve(OPERATOR, "v1-09")
    with pytest.raises(NotFound, match="no shipment"):
        await services.shipments.resolve(LIMITED, "v1-09")
