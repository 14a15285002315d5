"""A damaged row of one account, contract or timeline hides nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from relay.config.settings import Settings
from relay.errors import Conflict
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.queries import AcceptManyRequest, AcceptRequest, WorkListQuery
from relay.service.services import Services
from relay.service.status import ProcessState
from relay.service.status_models import StatusAnswer
from relay.store.event_rows import Pace
from relay.store.handshakes import Handshakes
from relay.store.polls import PollClaims
from relay.store.rejected import (
    RejectedBounds,
    RejectedRequest,
    RejectedRequests,
    RejectedTally,
)
from relay.store.unread import ReaderTerms
from relay.store.worklist_queries import WorkList
from tests.conftest import ACCOUNT
from tests.store.making import execute
from tests.support.acme import body as acme_body
from tests.support.acme import scan
from tests.support.clock import START
from tests.support.way_in import WayIn

OPERATOR = Caller("operator")
FAR = (1 << 62) - 1
"""Microseconds after the year 9999."""
NAMES = ("acme", "zeta")


@pytest.fixture
async def services(way_in: WayIn, settings: Callable[..., Settings]) -> Services:
    """Serve two accounts and two contracts, each with its row in every table."""
    await way_in.register("AC0", order_id="O-0")
    await way_in.register("AC1", order_id="O-1", account="other")
    await PollClaims(way_in.database).begin(NAMES, START)
    rejected = RejectedRequests(way_in.database)
    requests = [RejectedRequest(n, START, {}, b"{}", b"", "forged") for n in NAMES * 2]
    tallies = {name: RejectedTally(START, START, rejected=2) for name in NAMES}
    await rejected.put(requests, RejectedBounds(1_000_000, START), tallies)
    for name in NAMES:
        await Handshakes(way_in.database).put(name, START)
    context = ServiceContext(
        settings=settings(
            {name: {"account": "store"} for name in NAMES},
            accounts={"store": ACCOUNT, "other": ACCOUNT},
        ),
        carriers=way_in.carriers,
        database=way_in.database,
        terms=ReaderTerms(Pace(), {}),
        clock=way_in.clock,
    )
    return Services.build(context)


async def damage(services: Services, sql: str) -> None:
    await execute(services.context.database, sql)


async def status(services: Services) -> StatusAnswer:
    process = ProcessState(running=True, last_good="serving", last_good_at=START)
    return await services.status.status(OPERATOR, process)


@pytest.mark.parametrize(
    "column", ["accepted_at", "busy_until", "write_closed = '403: no', write_retry_at"]
)
async def test_an_account_with_a_time_out_of_range_is_listed_with_a_note(
    services: Services, column: str
) -> None:
    stuck = "UPDATE shipments SET stuck_reason = 'x', stuck_at = 1"
    await damage(services, stuck)
    await damage(services, "UPDATE accounts SET paused_reason = 'closed'")
    one = f"UPDATE accounts SET {column} = {FAR} WHERE account = 'other'"  # noqa: S608
    await damage(services, one)
    odd, good = (await services.accounts.accounts(OPERATOR)).accounts
    assert (good.name, good.damage, good.stuck) == ("store", None, 1)
    assert (odd.name, odd.zone, odd.stuck) == ("other", "America/Sao_Paulo", 1)
    assert odd.damage is not None
    assert odd.damage.startswith("stored row is damaged: OverflowError")
    assert odd.gates[0].reason == "closed"
    assert (await services.accounts.open(OPERATOR, "store")).gates == ()
    opened = await services.accounts.open(OPERATOR, "other")
    assert (opened.damage is None) is (column != "accepted_at")


async def test_metrics_of_the_other_accounts_are_measured(services: Services) -> None:
    one = f"UPDATE accounts SET accepted_at = {FAR} WHERE account = 'other'"  # noqa: S608
    await damage(services, one)
    measured = await services.measurements.measure()
    assert measured.accounts["other"].last_accepted_at is None
    assert set(measured.accounts) == {"store", "other"}


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("handshakes", "answered_at"),
        ("rejected_counts", "last_at"),
        ("polls", "open_until"),
    ],
)
async def test_a_contract_with_a_time_out_of_range_is_listed_with_a_note(
    services: Services, table: str, column: str
) -> None:
    one = f"UPDATE {table} SET {column} = {FAR} WHERE contract = 'zeta'"  # noqa: S608
    await damage(services, one)
    good, odd = (await services.accounts.contracts(OPERATOR)).contracts
    assert (good.name, good.damage) == ("acme", None)
    assert good.rejections is not None
    assert (good.last_handshake_at, good.rejections.last_at) == (START, START)
    assert (odd.name, odd.webhook, odd.accounts) == (
        "zeta",
        "/webhooks/zeta",
        ("store",),
    )
    assert odd.damage is not None
    assert "OverflowError" in odd.damage


async def test_a_damaged_rejected_request_is_named_and_the_others_are_accepted(
    services: Services,
) -> None:
    bad = "SELECT min(rejected_request) FROM rejected_requests WHERE contract = 'acme'"
    await damage(
        services,
        f"UPDATE rejected_requests SET headers = '{{', received_at = {FAR} "  # noqa: S608
        f"WHERE rejected_request = ({bad})",
    )
    page = await services.worklists.page(OPERATOR, WorkList.REJECTED, WorkListQuery())
    (odd,) = [one for one in page.entries if one.damage is not None]
    assert (len(page.entries), odd.contract) == (4, "acme")
    shown = await services.rejected.show(OPERATOR, odd.request)
    assert (shown.id, shown.contract, shown.body) == (odd.request, "acme", "{}")
    assert (shown.rejected_reason, shown.headers) == ("forged", {})
    assert shown.verification.startswith("cannot be verified again")
    assert shown.damage is not None

    given: dict[str, Any] = {"unverified": True, "reason": "they called"}
    with pytest.raises(Conflict, match="stored row is damaged"):
        await services.rejected.accept(OPERATOR, odd.request, AcceptRequest(**given))
    many = AcceptManyRequest(contract="acme", **given)
    answer = await services.rejected.accept_many(OPERATOR, many)
    (failed,) = answer.still_rejected
    assert (answer.accepted, failed.id) == (1, odd.request)
    assert "stored row is damaged" in failed.reason


@pytest.mark.parametrize(
    ("table", "column", "name"),
    [
        ("accounts", "accepted_at", "other"),
        ("accounts", "busy_until", "other"),
        ("rejected_requests", "received_at", "zeta"),
        ("polls", "answered_at", "zeta"),
    ],
)
async def test_the_status_names_the_damaged_line_and_shows_the_others(
    services: Services, table: str, column: str, name: str
) -> None:
    before = {one.name: one for one in (await status(services)).lines}
    of = "account" if table == "accounts" else "contract"
    one_row = f"UPDATE {table} SET {column} = {FAR} WHERE {of} = '{name}'"  # noqa: S608
    await damage(services, one_row)
    after = {one.name: one for one in (await status(services)).lines}
    odd = after.pop(name)
    assert not odd.ok
    (problem,) = odd.problems
    assert problem.message.startswith("stored row is damaged: OverflowError")
    assert after == {n: one for n, one in before.items() if n != name}


async def test_the_status_ignores_times_that_are_no_dates(
    services: Services, way_in: WayIn
) -> None:
    await way_in.keep(b"{}")
    await damage(services, f"UPDATE documents SET received_at = -{FAR}")  # noqa: S608
    past = f"UPDATE shipments SET due_at = -{FAR} WHERE order_id = 'O-0'"  # noqa: S608
    await damage(services, past)
    lines = {one.name: one for one in (await status(services)).lines}
    assert "due since" in lines["store"].problems[0].message
    assert "damaged" in lines["acme"].problems[0].message


async def test_each_line_of_a_timeline_is_shown_alone(
    services: Services, way_in: WayIn
) -> None:
    id_ = await way_in.register("AC9", order_id="O-9")
    for code in ("PU", "IT"):
        await way_in.keep(acme_body(scan("AC9", code, way_in.clock())))
    await way_in.read()
    for key in (5, 6):
        where = {"shipment": 3, "volume": 0, "occurred_at": key, "code": "IT"}
        async with way_in.database.writing() as tx:
            stored = {"position": 0, "object": "{}", "event": None, "now": 0}
            await tx.run("store_published", **where, **stored)
            call = {"shipment": 3, "account": "store", "kind": "send_events"}
            await tx.run("store_call", **call, body="{}", call=f"c{key}", now=0)
    note = "INSERT INTO notes (shipment, noted_at, text) VALUES (3, 0, 'more')"
    await damage(services, note)
    sound = (await services.shipments.show(OPERATOR, id_)).timeline
    for sql in (
        f"UPDATE documents SET received_at = {FAR} WHERE document = 1",  # noqa: S608
        f"UPDATE events SET occurred_at = {FAR} WHERE event = 1",  # noqa: S608
        "UPDATE published SET object = '[' WHERE occurred_at = 5",
        f"UPDATE vtex_calls SET stored_at = {FAR} WHERE call = 'c5'",  # noqa: S608
        f"UPDATE notes SET noted_at = {FAR} WHERE text = 'more'",  # noqa: S608
        f"UPDATE parcel_polls SET poll_at = {FAR}",  # noqa: S608
    ):
        await damage(services, sql)
    found = await services.shipments.show(OPERATOR, id_)
    assert found.damage is None
    for name in type(sound).model_fields:
        before, after = getattr(sound, name), getattr(found.timeline, name)
        assert len(before) == len(after) == 2, name
        (good,) = [line for line in after if line.damage is None]
        (odd,) = [line for line in after if line.damage is not None]
        assert good in before
        assert odd.damage.startswith("stored row is damaged: ")
    assert [p.damage is None for p in found.polls] == [False]
    assert (found.polls[0].contract, found.polls[0].volume) == ("acme", 1)

    await damage(services, f"UPDATE shipments SET registered_at = {FAR}")  # noqa: S608
    whole = await services.shipments.show(OPERATOR, id_)
    assert whole.damage is not None
    assert len(whole.timeline.events) == 2, "the timeline is shown all the same"
