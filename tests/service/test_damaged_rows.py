"""One odd row does not hide a list: it is shown in part, logged and counted once."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.config.settings import Settings
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.damage import MOST_NOTED, DamageLog
from relay.service.queries import DocumentQuery, ShipmentQuery, WorkListQuery
from relay.service.services import Services
from relay.store.event_rows import Pace
from relay.store.unread import ReaderTerms
from relay.store.worklist_queries import WorkList
from tests.store.making import execute
from tests.support.acme import body as acme_body
from tests.support.acme import scan
from tests.support.way_in import WayIn

OPERATOR = Caller("operator")
FAR = (1 << 62) - 1
"""Microseconds after the year 9999."""


@pytest.fixture
async def services(way_in: WayIn, settings: Callable[..., Settings]) -> Services:
    """Serve two stuck shipments and two documents; one of each is damaged later."""
    for n in range(2):
        await way_in.register(f"AC{n}", order_id=f"O-{n}")
        await way_in.keep(b"{}")
    stuck = "UPDATE shipments SET stuck_reason = 'x', stuck_at = 1"
    await execute(way_in.database, stuck)
    context = ServiceContext(
        settings=settings(),
        carriers={},
        database=way_in.database,
        terms=ReaderTerms(Pace(), {}),
        clock=way_in.clock,
    )
    return Services.build(context)


async def damage(services: Services, sql: str) -> None:
    await execute(services.context.database, sql)


async def entries(services: Services, name: WorkList) -> tuple[Any, ...]:
    page = await services.worklists.page(OPERATOR, name, WorkListQuery())
    return page.entries


async def test_a_shipment_with_a_time_out_of_range_is_listed_with_a_note(
    services: Services,
) -> None:
    one = f"UPDATE shipments SET registered_at = {FAR} WHERE order_id = 'O-0'"  # noqa: S608
    await damage(services, one)
    with capture_logs() as logs:
        for _ in range(2):
            page = await services.shipments.page(OPERATOR, ShipmentQuery())
    good, odd = page.shipments
    assert (good.order_id, good.damage) == ("O-1", None)
    assert (odd.order_id, odd.tracking_number, odd.state) == ("O-0", "AC0", "stuck")
    assert odd.damage is not None
    assert odd.damage.startswith("stored row is damaged: OverflowError")
    (line,) = [log for log in logs if log["event"] == "damaged row"]
    assert (line["kind"], line["id"]) == ("shipment", odd.id)
    assert line["exc_info"] is not None


async def test_a_wait_until_a_time_out_of_range_is_no_error(
    services: Services,
) -> None:
    await damage(services, "UPDATE shipments SET stuck_reason = NULL")
    await damage(services, f"UPDATE shipments SET not_before = {FAR}")  # noqa: S608
    page = await services.shipments.page(OPERATOR, ShipmentQuery())
    assert [one.why for one in page.shipments] == [
        "postponed (until a time out of range)"
    ] * 2


async def test_a_work_list_shows_the_others_as_json_and_as_a_table(
    services: Services,
) -> None:
    one = f"UPDATE shipments SET stuck_at = {FAR} WHERE order_id = 'O-0'"  # noqa: S608
    await damage(services, one)
    good, odd = await entries(services, WorkList.STUCK)
    assert (good.order_id, good.damage) == ("O-1", None)
    assert (odd.order_id, odd.stuck_reason) == ("O-0", "x")
    assert "OverflowError" in odd.damage
    text, _ = await services.worklists.table(OPERATOR, WorkList.STUCK, WorkListQuery())
    header, first, second = text.splitlines()
    assert header.endswith(",damage")
    assert first.endswith(",")
    assert "O-0" in second
    assert "OverflowError" in second


async def test_a_document_with_a_time_out_of_range_is_listed(
    services: Services,
) -> None:
    one = f"UPDATE documents SET received_at = {FAR} WHERE document = 1"  # noqa: S608
    await damage(services, one)
    page = await services.documents.page(OPERATOR, DocumentQuery())
    good, odd = page.documents
    assert (good.id, good.damage) == (2, None)
    assert (odd.id, odd.contract, odd.source) == (1, "acme", "webhook")
    assert odd.damage is not None


async def test_a_damaged_shipment_and_document_are_shown_alone_as_well(
    services: Services,
) -> None:
    await damage(services, f"UPDATE shipments SET registered_at = {FAR}")  # noqa: S608
    await damage(services, "UPDATE documents SET headers = '{'")
    page = await services.shipments.page(OPERATOR, ShipmentQuery())
    one = await services.shipments.show(OPERATOR, page.shipments[0].id)
    assert (one.order_id, one.timeline.events) == ("O-1", ())
    assert one.damage is not None
    document = await services.documents.show(OPERATOR, 1)
    assert (document.id, document.headers) == (1, {})
    assert document.damage is not None


async def test_an_unmatched_event_with_damaged_references_is_listed(
    services: Services, way_in: WayIn
) -> None:
    await way_in.keep(acme_body(scan("XX1", "PU", way_in.clock())))
    await way_in.read()
    for column in ("refs = '['", f"occurred_at = {FAR}"):
        await damage(services, f"UPDATE events SET {column}")  # noqa: S608
        (odd,) = await entries(services, WorkList.UNMATCHED)
        assert odd.contract == "acme"
    assert odd.damage is not None


def test_each_damaged_row_is_counted_once_and_the_memory_is_bounded() -> None:
    counted: list[str] = []
    log = DamageLog(counted.append, log=False)
    for id_ in [*range(MOST_NOTED), 0, MOST_NOTED, 0]:
        log.note("event", id_, ValueError())
    assert len(counted) == MOST_NOTED + 2
