"""Changes by mouse: each asks, takes a reason, is done once, and is kept."""

import pytest

from tests.api.apis import Api
from tests.console.visitors import Visitor, scan
from tests.support import acme
from tests.support.way_in import WayIn


@pytest.fixture
async def shipment(api: Api, maria: Visitor) -> str:
    """Register a label, and return the address of its page."""
    assert maria is not None
    made = await api.register(account="store")
    return f"/console/shipments/{made['id']}"


@pytest.mark.parametrize(
    ("action", "fields", "did"),
    [
        ("retry", {}, "retry requested"),
        ("correct", {"trackingNumber": "BR999"}, "corrected"),
        ("resend", {}, "resend requested"),
        ("cancel", {}, "cancelled"),
        ("delivered", {"occurredAt": "2026-05-01T10:00:00-03:00"}, "marked"),
    ],
)
async def test_an_action_is_done_and_kept_with_its_reason(
    maria: Visitor, shipment: str, action: str, fields: dict[str, str], did: str
) -> None:
    if action == "delivered":
        at = maria.clock.now.isoformat()
        fields = {"occurredAt": at}
    page = await maria.submit(f"{shipment}/{action}", reason="the ERP erred", **fields)
    assert (page.status, page.path) == (200, shipment), page.text
    assert 'role="status"' in page.html
    assert "the ERP erred" in page.text
    changes = (await maria.get("/console/audit")).text
    assert did in changes
    assert "maria · console" in changes
    assert "the ERP erred" in changes
    # What was done is said once.
    assert 'role="status"' not in (await maria.get(shipment)).html


async def test_an_action_without_a_reason_asks_for_one_and_does_nothing(
    maria: Visitor, shipment: str
) -> None:
    page = await maria.submit(f"{shipment}/cancel", reason=" ")
    assert page.status == 422
    assert "say in a few words" in page.text
    page = await maria.submit(f"{shipment}/cancel", reason="x" * 201)
    assert page.status == 422
    assert "cancelled" not in (await maria.get(shipment)).text


async def test_a_wrong_value_shows_the_form_again_with_what_was_entered(
    maria: Visitor, shipment: str
) -> None:
    page = await maria.submit(
        f"{shipment}/correct", reason="typo", trackingNumber="N/A", courier="Swift"
    )
    assert page.status == 422
    assert 'value="Swift"' in page.html
    assert 'value="typo"' in page.html
    assert "trackingNumber" in page.text


async def test_polling_a_carrier_that_is_not_polled_says_so(
    maria: Visitor, shipment: str
) -> None:
    page = await maria.submit(f"{shipment}/poll", reason="no news")
    assert page.status == 422
    assert "poll" in page.text


async def test_a_handover_needs_a_contract(maria: Visitor, shipment: str) -> None:
    page = await maria.submit(f"{shipment}/handover", reason="last mile")
    assert page.status == 422
    assert "contract" in page.text


async def test_who_may_only_look_changes_nothing(visitor: Visitor, api: Api) -> None:
    made = await api.register(account="store")
    await visitor.sign_in("vera")
    page = await visitor.get(f"/console/shipments/{made['id']}")
    assert "/cancel" not in page.html
    for path in (f"/console/shipments/{made['id']}/cancel", "/console/labels"):
        assert (await visitor.get(path)).status == 403
        form = {"csrf": page.csrf, "reason": "no"}
        assert (await visitor.post(path, form)).status == 403


async def test_a_form_of_another_site_changes_nothing(
    maria: Visitor, shipment: str
) -> None:
    csrf = (await maria.get(shipment)).csrf
    for form, headers in (
        ({"reason": "x"}, {}),
        ({"reason": "x", "csrf": ""}, {}),
        ({"reason": "x", "csrf": "ä" * 43}, {}),
        ({"reason": "x", "csrf": csrf}, {"Sec-Fetch-Site": "cross-site"}),
        ({"reason": "x", "csrf": csrf}, {"Origin": "https://evil.test"}),
    ):
        page = await maria.post(f"{shipment}/cancel", form, **headers)
        assert page.status == 403
    assert "cancelled" not in (await maria.get(shipment)).text


@pytest.mark.parametrize("action", ["release", "drop"])
async def test_a_quarantined_event_is_released_or_dropped(
    maria: Visitor, shipment: str, way_in: WayIn, action: str
) -> None:
    assert shipment
    await scan(way_in, "BR123", "Delivered", "DL")
    await quarantine(way_in)
    page = await maria.get("/console/lists/quarantined")
    address = page.html.partition('href="/console/events/')[2].partition("/")[0]
    assert address.isdecimal(), page.text
    page = await maria.submit(
        f"/console/events/{address}/{action}", reason="called the carrier"
    )
    assert (page.status, page.path) == (200, "/console/lists/quarantined")
    assert page.html.count("/console/events/") == 0


async def test_an_unreadable_document_is_shown_and_parsed_again(
    maria: Visitor, way_in: WayIn
) -> None:
    way_in.acme.fails = ValueError("a new format")
    await way_in.keep(acme.body())
    await way_in.read()
    page = await maria.get("/console/lists/unreadable")
    assert "/console/documents/1/replay" in page.html
    page = await maria.submit("/console/documents/1/replay", reason="adapter fixed")
    assert (page.status, page.path) == (200, "/console/documents/1")
    assert "scans" in page.text
    way_in.acme.fails = None
    assert await way_in.read() == 1


async def test_a_rejected_webhook_is_shown_and_accepted_after_the_correction(
    maria: Visitor, way_in: WayIn
) -> None:
    number = await rejected(way_in)
    page = await maria.get("/console/lists/rejected")
    assert f"/console/rejected/{number}/accept" in page.html
    page = await maria.get(f"/console/rejected/{number}")
    assert "scans" in page.text
    page = await maria.submit(f"/console/rejected/{number}/accept", reason="fixed")
    assert page.status == 422  # it was signed with another secret


async def quarantine(way_in: WayIn) -> None:
    """Quarantine every event, as the publisher does that does not run here."""
    sql = "UPDATE event_parcels SET quarantine_reason = 'too soon'"
    async with way_in.database.writing() as tx:
        await tx._connection.execute(sql)  # type: ignore[attr-defined]  # noqa: SLF001


async def rejected(way_in: WayIn) -> int:
    """Send a webhook with a wrong signature; return its number."""
    intake = way_in.intake()
    content = acme.body(acme.scan("BR123", "IT", way_in.clock()))
    wrong = acme.request(content, **{"x-signature": "00" * 32})
    with pytest.raises(Exception, match="signature"):
        await intake.accept("acme", wrong)
    await intake.close()
    [row] = await way_in.rows("rejected_requests")
    found: int = row["rejected_request"]
    return found


async def test_a_closed_account_is_opened(maria: Visitor) -> None:
    page = await maria.submit("/console/accounts/store/open", reason="new key")
    assert (page.status, page.path) == (200, "/console/vtex")
    page = await maria.submit("/console/accounts/nowhere/open", reason="new key")
    assert page.status == 422
    assert "not configured" in page.text


async def test_changes_of_other_accounts_stay_hidden(
    visitor: Visitor, maria: Visitor, shipment: str
) -> None:
    await maria.submit(f"{shipment}/cancel", reason="a secret of the store")
    await maria.submit("/console/accounts/other/open", reason="of the other one")
    await visitor.sign_in("otto")
    text = (await visitor.get("/console/audit")).text
    assert "a secret of the store" not in text
    assert "of the other one" in text
