"""Outgoing events in the console: receivers, events, and sending again."""

from tests.console.conftest import Opening

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CRM = {"url": "https://crm.example/hook/a-token", "secret": SECRET}


async def test_a_person_tests_a_receiver_and_sends_events_again(
    opening: Opening,
) -> None:
    maria = await opening(outgoing={"crm": CRM})
    await maria.sign_in()
    page = await maria.get("/console/outgoing")
    assert "crm" in page.text
    assert "a-token" not in page.html
    page = await maria.submit("/console/receivers/crm/test", reason="a new CRM")
    assert (page.status, page.path) == (200, "/console/outgoing")
    assert "relay.test" in page.text
    address = page.html.partition('href="/console/outgoing/')[2].partition('"')[0]
    page = await maria.submit(f"/console/outgoing/{address}", reason="lost")
    assert page.path == "/console/outgoing"
    page = await maria.submit(
        "/console/receivers/crm/send-all", reason="restored", since="yesterday"
    )
    assert page.status == 422
    assert "since" in page.text
    page = await maria.submit(
        "/console/receivers/crm/send-all",
        reason="restored",
        since="2026-01-01T00:00:00-03:00",
    )
    assert page.path == "/console/outgoing"
    page = await maria.submit("/console/receivers/crm/enable", reason="fixed")
    assert page.path == "/console/outgoing"
    audit = (await maria.get("/console/audit")).text
    for reason in ("a new CRM", "lost", "restored", "fixed"):
        assert reason in audit


async def test_who_may_only_look_sends_nothing(opening: Opening) -> None:
    vera = await opening(outgoing={"crm": CRM})
    await vera.sign_in("vera")
    page = await vera.get("/console/outgoing")
    assert "/test" not in page.html
    assert (await vera.get("/console/receivers/crm/test")).status == 403
