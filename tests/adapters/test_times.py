from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from relay.adapters.times import iso, local
from relay.domain.event_time import DAY, HOUR, MINUTE, SECOND
from relay.domain.events import is_real_date

ZONE = ZoneInfo("America/Sao_Paulo")
NOON = datetime(2026, 5, 15, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("15/05/2026 12:00", "%d/%m/%Y %H:%M"),
        ("2026-05-15 12:00:00", "%Y-%m-%d %H:%M:%S"),
        (" 150520261200 ", "%d%m%Y%H%M"),
    ],
)
def test_a_local_time_is_of_the_contracts_zone_and_comes_back_in_utc(
    text: str, layout: str
) -> None:
    assert local(text, layout, ZONE).at == NOON
    assert local(text, layout, ZONE).at.tzinfo is UTC


@pytest.mark.parametrize("text", ["", "2026-05-15", "32/05/2026 12:00"])
def test_a_time_in_another_layout_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="does not match format"):
        local(text, "%d/%m/%Y %H:%M", ZONE)


def test_summer_time_of_a_replayed_history_is_heeded() -> None:
    assert local("15/01/2018 12:00", "%d/%m/%Y %H:%M", ZONE).at.hour == 14


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-15T12:00:00",
        " 2026-05-15 12:00 ",
        "2026-05-15T15:00:00Z",
        "2026-05-15T11:00:00-04:00",
        "2026-05-15T15:00:00.000000Z",
    ],
)
def test_iso_times_with_and_without_offset_come_back_in_utc(text: str) -> None:
    assert iso(text, ZONE).at == NOON
    assert iso(text, ZONE).at.tzinfo is UTC


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Tokyo"])
def test_a_placeholder_date_is_parsed_in_every_zone(text: str, zone: str) -> None:
    layout = "%Y-%m-%dT%H:%M:%S"
    for found in (iso(text, ZoneInfo(zone)), local(text, layout, ZoneInfo(zone))):
        assert found.at.tzinfo is UTC
        assert not is_real_date(found.at, NOON)


def test_an_iso_time_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid isoformat"):
        iso("15/05/2026", ZONE)


MIDDAY = {
    "15/05/2026": "%d/%m/%Y",
    "15/05/2026 12": "%d/%m/%Y %H",
    "15/05/2026 12:00": "%d/%m/%Y %H:%M",
    "15/05/2026 12:00:00": "%d/%m/%Y %H:%M:%S",
    "15/05/2026 12:00:00.000": "%d/%m/%Y %H:%M:%S.%f",
    "15%05 12:00 PM 2026": "%d%%%m %I:%M %p %Y",
    "Fri May 15 12:00:00 2026": "%c",
}


@pytest.mark.parametrize(
    ("text", "unit"),
    list(zip(MIDDAY, [DAY, HOUR, MINUTE, SECOND, SECOND, MINUTE, SECOND], strict=True)),
)
def test_the_precision_of_a_time_is_that_of_its_layout(
    text: str, unit: timedelta
) -> None:
    assert local(text, MIDDAY[text], ZONE).precision == unit


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("2026-05-15", DAY),
        ("20260515", DAY),
        ("2026-W20-5", DAY),
        ("2026-05-15T12", HOUR),
        ("2026-05-15T12-03:00", HOUR),
        ("2026-05-15T12:00", MINUTE),
        ("2026-05-15 12:00", MINUTE),
        ("2026-05-15T12:00-03:00", MINUTE),
        ("20260515T1200-0300", MINUTE),
        ("2026-05-15T12:00:00", SECOND),
        ("2026-05-15_12:00:00", SECOND),
        ("20260515T120000Z", SECOND),
        ("2026-05-15T12:00:00.123456Z", SECOND),
    ],
)
def test_the_precision_of_an_iso_time_is_what_it_gives(
    text: str, unit: timedelta
) -> None:
    assert iso(text, ZONE).precision == unit
    assert not iso(text, ZONE).midnight


def test_a_day_begins_in_the_contracts_zone_and_is_as_long_as_it_is_there() -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    usual, short, long = (
        iso(day, lisbon) for day in ("2026-05-15", "2026-03-29", "2026-10-25")
    )
    assert usual.at == datetime(2026, 5, 14, 23, tzinfo=UTC)
    hours = [found.precision / HOUR for found in (usual, short, long)]
    assert hours == [24, 23, 25]


@pytest.mark.parametrize(
    "text", ["2026-05-15T00:00:00", "2026-05-15 00:00", "2026-05-15T00:00:00Z"]
)
def test_exactly_midnight_in_a_format_with_a_time_may_be_a_missing_time(
    text: str,
) -> None:
    found = iso(text, ZONE)
    assert (found.midnight, found.precision) == (True, DAY)


@pytest.mark.parametrize("text", ["2026-05-15", "2026-05-15T00:00:01"])
def test_a_day_and_a_second_after_midnight_are_no_missing_time(text: str) -> None:
    assert not iso(text, ZONE).midnight
