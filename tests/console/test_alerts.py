"""Alerts in the console: on the first page, on their own, and in three languages."""

from datetime import timedelta

from relay.store.alerts import AlertStore
from relay.store.database import Database
from tests.console.conftest import USERS, Opening
from tests.console.visitors import Visitor
from tests.support.alerts import condition, judged
from tests.support.clock import Clock


async def test_an_alert_is_on_the_first_page_until_it_is_over(
    maria: Visitor, database: Database, clock: Clock
) -> None:
    assert "Open alerts" not in (await maria.get("/console/")).text
    await judged(database, clock(), condition())
    first = await maria.get("/console/")
    assert "Open alerts VTEX is not called · store" in first.text
    assert "relay accounts open store" in first.text
    assert 'href="/console/vtex"' in first.html
    clock.advance(timedelta(minutes=11))
    await judged(database, clock())
    assert "Open alerts" not in (await maria.get("/console/")).text
    alerts = await maria.get("/console/alerts")
    assert "No alert is open" in alerts.text
    assert "no e-mail, chat or heartbeat is set up" in alerts.text
    assert "store: the account is paused" in alerts.text


async def test_alerts_of_other_accounts_are_not_shown(
    visitor: Visitor, database: Database, clock: Clock
) -> None:
    await judged(database, clock(), condition())
    await visitor.sign_in("otto")
    assert "paused" not in (await visitor.get("/console/alerts")).text


async def test_channels_and_kinds_are_named_in_the_persons_language(
    opening: Opening, database: Database, clock: Clock
) -> None:
    users = {"maria": USERS["maria"] | {"language": "pt"}}
    visitor = await opening(
        users=users, alerts={"chat_url": "https://chat.example.com/secret-hook"}
    )
    await AlertStore(database).failed("chat", "answered 404", clock())
    await judged(database, clock(), condition())
    await visitor.sign_in()
    page = await visitor.get("/console/alerts")
    assert "A VTEX não é chamada · store" in page.text
    assert "Chat answered 404" in page.text
    assert "secret-hook" not in page.html
