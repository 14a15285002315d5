"""What Prometheus is shown."""

from datetime import timedelta

from relay.api.keys import METRICS
from relay.clock import micros
from tests.api.apis import Api
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.way_in import WayIn


async def text(api: Api) -> list[str]:
    answer = await api.client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return (await answer.text()).splitlines()


async def test_what_was_counted_is_shown(api: Api) -> None:
    metrics = api.app[METRICS]
    metrics.documents_stored.labels("acme").inc()
    metrics.vtex_calls.labels("store", "send_events", "200").inc()

    lines = await text(api)

    assert 'relay_documents_stored_total{contract="acme"} 1.0' in lines
    call = 'relay_vtex_calls_total{account="store",kind="send_events",status="200"} 1.0'
    assert call in lines


async def test_what_waits_is_shown_as_it_is_now(api: Api, way_in: WayIn) -> None:
    empty = await text(api)
    await api.register()
    await way_in.keep(b"{}", b"{}")
    api.clock.advance(timedelta(seconds=90))

    lines = await text(api)

    assert "relay_unread_documents 0.0" in empty
    assert "relay_unread_age_seconds 0.0" in empty
    assert 'relay_due_shipments{account="store"} 0.0' in empty
    assert "relay_unread_documents 2.0" in lines
    assert "relay_unread_age_seconds 90.0" in lines
    assert 'relay_due_shipments{account="store"} 1.0' in lines
    assert 'relay_stuck_shipments{account="store"} 0.0' in lines


async def test_what_waits_for_a_person_or_for_time_is_counted(
    api: Api, way_in: WayIn
) -> None:
    await api.register(trackingNumber="BR1", estimatedDeliveryDate="2026-02-20")
    scans = body(scan("BR1", "DL", START), scan("BR2", "IT", START))
    await way_in.keep(scans)
    await way_in.read()
    later = micros(START + timedelta(hours=1))
    columns = dict.fromkeys(("stuck_reason", "closed_reason", "failing_since"))
    columns |= {"shipment": 1, "version": 1, "lane": 1, "attempts": 0, "in_doubt": 0}
    columns |= {"due_at": later, "not_before": later, "now": 1}
    async with way_in.database.writing() as tx:
        await tx.run("quarantine_event", shipment=1, event=1, reason="too soon")
        await tx.run("settle", **columns, waiting_reason="404: Order Not Found")

    lines = await text(api)

    for name in ("late", "quarantined", "waiting"):
        assert f'relay_{name}_shipments{{account="store"}} 1.0' in lines, name
    assert 'relay_unmatched_events{contract="acme"} 1.0' in lines


async def test_a_clock_that_went_back_makes_no_negative_age(
    api: Api, way_in: WayIn
) -> None:
    await way_in.keep(b"{}")
    api.clock.advance(timedelta(seconds=-90))

    assert "relay_unread_age_seconds 0.0" in await text(api)
