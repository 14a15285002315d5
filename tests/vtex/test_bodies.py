"""The bodies as they go out, byte for byte."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.vtex.bodies import (
    DESCRIPTION_LIMIT,
    DeliveredTime,
    EventTime,
    TrackingObject,
    as_bytes,
    delivered_date,
    instants,
    partial_invoice_body,
    tracking_body,
    tracking_object,
)

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
NOON = datetime(2026, 8, 1, 14, 3, 0, 999_999, tzinfo=UTC)


@dataclass(frozen=True)
class Scan:
    description: str | None = "Saiu para entrega"
    city: str | None = "São Paulo"
    state: str | None = "SP"
    occurred_at: datetime = NOON


def test_a_tracking_number_has_all_four_fields() -> None:
    body = partial_invoice_body("BR1", "https://t.example/BR1", "Loggi", "2026-08-01")
    assert as_bytes(body) == (
        b'{"trackingNumber":"BR1","trackingUrl":"https://t.example/BR1",'
        b'"courier":"Loggi","dispatchedDate":"2026-08-01"}'
    )


@given(st.dictionaries(st.text(), st.text() | st.none() | st.booleans()))
def test_a_body_is_compact_json_in_utf_8(body: dict[str, object]) -> None:
    expected = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    assert as_bytes(body) == expected.encode()


def test_a_lone_surrogate_becomes_a_question_mark() -> None:
    assert as_bytes({"city": "S\ud800o", "state": "São"}) == (
        '{"city":"S?o","state":"São"}'.encode()
    )


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_tracking_number_never_holds_an_empty_text(nothing: str | None) -> None:
    body = partial_invoice_body("", nothing, nothing, nothing)
    assert set(body.values()) == {None}
    assert len(body) == 4


@pytest.mark.parametrize(
    ("event_time", "date"),
    [
        ("offset", "2026-08-01T11:03:00-03:00"),
        ("utc", "2026-08-01T14:03:00+00:00"),
        ("local", "2026-08-01T11:03:00"),
        ("day", "2026-08-01"),
    ],
)
def test_times_go_out_in_the_form_of_the_account(
    event_time: EventTime, date: str
) -> None:
    one = tracking_object(Scan(), SAO_PAULO, event_time)
    assert one == {
        "city": "São Paulo",
        "state": "SP",
        "description": "Saiu para entrega",
        "date": date,
    }


@pytest.mark.parametrize(
    ("form", "date"),
    [
        ("offset", "2026-08-01T11:03:00-03:00"),
        ("utc", "2026-08-01T14:03:00+00:00"),
        ("local", "2026-08-01T11:03:00"),
        ("minute", "2026-08-01 11:03"),
    ],
)
def test_a_delivery_has_a_form_of_its_own(form: DeliveredTime, date: str) -> None:
    assert delivered_date(NOON, SAO_PAULO, form) == date


def test_a_day_is_that_of_the_zone() -> None:
    late = datetime(2026, 8, 2, 1, 30, tzinfo=UTC)  # 22:30 in São Paulo
    assert tracking_object(Scan(occurred_at=late), SAO_PAULO, "day")["date"] == (
        "2026-08-01"
    )


def test_a_tracking_event_can_be_published_as_it_is() -> None:
    event = TrackingEvent(
        references=(Reference(kind=ReferenceKind.TRACKING_NUMBER, value="BR1"),),
        milestone=Milestone.IN_TRANSIT,
        occurred_at=NOON,
    )
    expected = {"city": "", "state": "", "description": ""}
    date = {"date": "2026-08-01T11:03:00-03:00"}
    assert tracking_object(event, SAO_PAULO) == expected | date


def test_a_time_without_zone_is_refused() -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(ValueError, match="has no zone"):
        tracking_object(Scan(occurred_at=naive), SAO_PAULO)


@pytest.mark.parametrize(
    ("description", "published"),
    [
        (None, ""),
        (" two\r\n lines\x00 ", "two lines"),
        ("lone \ud800 half", "lone half"),
        ("x" * 6000, "x" * DESCRIPTION_LIMIT),
        ("x" * 4999 + " y", "x" * 4999),
    ],
)
def test_a_description_is_one_line_within_vtexs_limit(
    description: str | None, published: str
) -> None:
    one = tracking_object(Scan(description), SAO_PAULO)
    assert one["description"] == published


def test_no_text_is_null() -> None:
    one = tracking_object(Scan(None, None, None), SAO_PAULO)
    assert [one["city"], one["state"], one["description"]] == ["", "", ""]


ONE: TrackingObject = {"city": "", "state": "", "description": "Ó", "date": "d"}


def test_the_body_is_the_same_bytes_however_the_object_was_built() -> None:
    turned: TrackingObject = {"date": "d", "description": "Ó", "state": "", "city": ""}
    expected = (
        '{"isDelivered":false,"deliveredDate":null,'
        '"events":[{"city":"","state":"","description":"Ó","date":"d"}]}'
    ).encode()
    for one in (ONE, turned):
        assert tracking_body([one], None, False) == expected


def test_the_date_of_delivery_goes_out_with_the_delivery_alone() -> None:
    assert json.loads(tracking_body([], "d", True))["deliveredDate"] == "d"
    assert json.loads(tracking_body([], "d", False))["deliveredDate"] is None


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_delivery_without_its_date_is_refused(nothing: str | None) -> None:
    with pytest.raises(ValueError, match="required for a delivery"):
        tracking_body([ONE], nothing, True)


@given(st.text(), st.text(), st.text())
def test_any_text_makes_a_body_that_reads_back(
    city: str, state: str, description: str
) -> None:
    one = tracking_object(Scan(description, city, state), SAO_PAULO)
    assert json.loads(tracking_body([one], None, False))["events"] == [one]


def test_texts_that_were_never_tidied_still_make_a_body() -> None:
    broken: TrackingObject = {**ONE, "description": "\ud800"}
    assert b'"description":"?"' in tracking_body([broken], None, False)


@pytest.mark.parametrize(
    ("text", "zone", "hours"),
    [
        ("2026-08-01T11:03:00-03:00", SAO_PAULO, [14]),
        ("2026-08-01T14:03:00.4617653+00:00", None, [14]),
        ("2026-08-01 14:03:00Z", None, [14]),
        ("2026-08-01T11:03:00", None, [11]),
        ("2026-08-01T11:03:00", SAO_PAULO, [11, 14, 14]),
        ("2026-11-01T01:30:00", ZoneInfo("America/New_York"), [1, 5, 6]),
        ("2026-08-01", None, [0]),
        ("", SAO_PAULO, []),
        ("yesterday", SAO_PAULO, []),
        ("2026-13-45T99:00:00", SAO_PAULO, []),
        ("0001-01-01T00:00:00+03:00", None, []),
        ("9999-12-31T23:59:59", SAO_PAULO, [23]),
    ],
)
def test_a_time_stands_for_every_instant_it_may_mean(
    text: str, zone: ZoneInfo | None, hours: list[int]
) -> None:
    assert [i.hour for i in instants(text, zone)] == hours


@given(st.text())
def test_no_time_breaks_the_reading(text: str) -> None:
    assert all(i.tzinfo is UTC for i in instants(text, SAO_PAULO))
