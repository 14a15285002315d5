"""What Prometheus is shown."""

from datetime import timedelta

from relay.web.keys import METRICS
from tests.way_in import WayIn
from tests.web.apis import Api


async def text(api: Api) -> list[str]:
    answer = await api.client.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return (await answer.text()).splitlines()


async def test_what_was_counted_is_shown(api: Api) -> None:
    metrics = api.app[METRICS]
    metrics.documents_kept.labels("acme").inc()
    metrics.vtex_calls.labels("store", "publish", "200").inc()

    lines = await text(api)

    assert 'relay_documents_kept_total{contract="acme"} 1.0' in lines
    call = 'relay_vtex_calls_total{account="store",kind="publish",status="200"} 1.0'
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


async def test_a_clock_that_went_back_makes_no_negative_age(
    api: Api, way_in: WayIn
) -> None:
    await way_in.keep(b"{}")
    api.clock.advance(timedelta(seconds=-90))

    assert "relay_unread_age_seconds 0.0" in await text(api)
