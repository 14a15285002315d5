from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from relay.adapters.times import iso, local
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
    assert local(text, layout, ZONE) == NOON
    assert local(text, layout, ZONE).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "2026-05-15", "32/05/2026 12:00"])
def test_a_time_in_another_layout_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="does not match format"):
        local(text, "%d/%m/%Y %H:%M", ZONE)


def test_summer_time_of_a_replayed_history_is_heeded() -> None:
    assert local("15/01/2018 12:00", "%d/%m/%Y %H:%M", ZONE).hour == 14


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
    assert iso(text, ZONE) == NOON
    assert iso(text, ZONE).tzinfo is UTC


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Tokyo"])
def test_a_placeholder_date_is_parsed_in_every_zone(text: str, zone: str) -> None:
    layout = "%Y-%m-%dT%H:%M:%S"
    for found in (iso(text, ZoneInfo(zone)), local(text, layout, ZoneInfo(zone))):
        assert found.tzinfo is UTC
        assert not is_real_date(found, NOON)


def test_an_iso_time_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid isoformat"):
        iso("15/05/2026", ZONE)
