"""A carrier's page: its numbers, and the form that gives an unknown code a meaning."""

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from relay.adapters.loader import load_carrier
from relay.adapters.protocol import ContractOptions
from relay.store.statistics import CarrierStatistics
from tests.console.conftest import Opening
from tests.console.visitors import Visitor
from tests.support.way_in import WayIn

FORM = "/console/carriers/acme/codes?code=X%2F7"


@pytest.fixture
async def maria(opening: Opening, way_in: WayIn) -> Visitor:
    """Return a person at the console of a carrier that sent a code of its own."""
    visitor = await opening(contract={"adapter": "generic", "secret": "s" * 20})
    await visitor.sign_in()
    options = ContractOptions("acme", ZoneInfo("America/Sao_Paulo"), ("s" * 20,))
    way_in.carriers["acme"] = load_carrier("generic", options)
    await way_in.register("TN1")
    now = visitor.clock()
    scans = [
        {"code": "in_transit", "at": (now - timedelta(hours=2)).isoformat()},
        {
            "code": "X/7",
            "at": (now - timedelta(minutes=5)).isoformat(),
            "text": "a <b>",
        },
    ]
    body = {"parcel": {"number": "TN1"}, "events": scans}
    await way_in.keep(json.dumps(body).encode())
    await way_in.read()
    return visitor


async def test_an_unknown_code_is_tried_mapped_and_removed_by_mouse(
    maria: Visitor,
) -> None:
    page = await maria.get("/console/lists/unknown-codes")
    assert f'href="{FORM}"' in page.html.replace("&amp;", "&")
    form = await maria.get(FORM)
    assert form.status == 200
    fields = {"csrf": form.csrf, "milestone": "held", "effect": "normal", "text": ""}
    page = await maria.post(FORM, fields | {"why": " ", "preview": "1"})
    assert (page.status, "carrierCode" in page.text) == (422, False)
    assert "why: required" in page.text

    fields["why"] = "support said so"
    page = await maria.post(FORM, fields | {"preview": "1"})
    assert page.status == 200, page.text
    assert "1 events in 1 documents have the code" in page.text
    assert "1: unknown → held" in page.text
    assert "v1-01 / 1" in page.text
    assert "a &lt;b&gt;" in page.html
    assert "support said so" not in (await maria.get("/console/audit")).text

    page = await maria.post(FORM, fields | {"apply": "1"})
    assert (page.status, page.path) == (200, "/console/carriers/acme")
    assert "The code was mapped" in page.text
    assert "held" in page.text
    assert "support said so" in (await maria.get("/console/audit")).text

    removal = f"{FORM}&remove=1"
    assert f'href="{removal}"' in page.html.replace("&amp;", "&")
    form = await maria.get(removal)
    given = {"csrf": form.csrf, "why": "a mistake"}
    page = await maria.post(removal, given | {"preview": "1"})
    assert "would have" not in page.text
    assert page.status == 200
    page = await maria.post(removal, given | {"apply": "1"})
    assert "The mapping was removed" in page.text


async def test_a_delivery_needs_a_second_confirmation(maria: Visitor) -> None:
    form = await maria.get(FORM)
    fields = {"csrf": form.csrf, "milestone": "delivered", "why": "they said so"}
    fields |= {"effect": "normal", "text": ""}
    page = await maria.post(FORM, fields | {"preview": "1"})
    assert 'name="confirmDelivered"' in page.html
    assert "does not take it back" in page.text
    page = await maria.post(FORM, fields | {"apply": "1"})
    assert (page.status, "confirmDelivered" in page.text) == (422, True)
    done = fields | {"apply": "1", "confirmDelivered": "on"}
    assert (await maria.post(FORM, done)).path == "/console/carriers/acme"


async def test_the_numbers_of_a_carrier_have_charts_and_tables(
    maria: Visitor, way_in: WayIn
) -> None:
    maria.clock.now += timedelta(minutes=2)
    zones = {"acme": ZoneInfo("America/Sao_Paulo")}
    while await CarrierStatistics(way_in.database).count(zones, maria.clock()):
        pass
    page = await maria.get("/console/carriers/acme")
    assert page.html.count("<svg") == 2
    assert page.html.count("<table") == 3
    assert "Events: 2" in page.text
    assert "15 minutes 1" in page.text
    assert "This week 1 2 0" in page.text
    assert (await maria.get("/console/carriers/other")).status == 404


async def test_who_may_only_look_gets_no_form(maria: Visitor) -> None:
    await maria.sign_in("vera")
    page = await maria.get("/console/carriers/acme")
    assert page.status == 200
    assert "/codes?" not in page.html
    assert (await maria.get(FORM)).status == 403
    assert (await maria.post(FORM, {"csrf": page.csrf, "why": "x"})).status == 403
