"""A table finds room: texts are folded or set below, columns left out, ids whole."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from relay.cli.output import LocalTimes, shown, write_table, zones_of
from relay.cli.table import Column, render_table

ID = "019fbd32-0600-7c56-a77e-fdc46e3d68f2"
COLUMNS = (
    Column("id"),
    Column("order", 1),
    Column("contract", 2),
    Column("why", is_text=True),
)
WHY = "VTEX does not show the invoice yet; it shows another one"
ROWS = [(ID, "1172452900788-01", "swift", WHY), (ID, "O-2", "swift", "")]


def test_in_a_wide_window_everything_stands_in_one_line() -> None:
    layout = render_table(COLUMNS, ROWS, 200)
    assert layout.head.split() == ["id", "order", "contract", "why"]
    assert len(layout.lines) == 2
    assert layout.lines[0].endswith(WHY)
    assert layout.left_out == ()


def test_a_text_is_folded_before_anything_else_gives_way() -> None:
    layout = render_table(COLUMNS, ROWS, 110)
    assert [line[:36] for line in layout.lines] == [ID, " " * 36, ID]
    assert max(map(len, layout.lines)) <= 110


def test_a_text_without_room_goes_below_its_row() -> None:
    layout = render_table(COLUMNS, ROWS, 66)
    assert layout.lines[0].split() == [ID, "1172452900788-01", "swift"]
    assert layout.lines[1] == f"    why: {WHY}"
    assert layout.lines[2].split() == [ID, "O-2", "swift"]
    assert len(layout.lines) == 3


@pytest.mark.parametrize(
    ("width", "left_out"), [(56, ("contract",)), (40, ("order", "contract"))]
)
def test_columns_go_by_their_rank(width: int, left_out: tuple[str, ...]) -> None:
    layout = render_table(COLUMNS, ROWS, width)
    assert layout.left_out == left_out
    assert ID in layout.lines[0]


def test_an_empty_column_goes_first() -> None:
    columns = (Column("id"), Column("order", 1), Column("contract", 2))
    layout = render_table(columns, [(ID, "", "swift")], 48)
    assert layout.left_out == ("order",)


def test_what_may_not_go_stays_whole_in_the_narrowest_window() -> None:
    layout = render_table(COLUMNS, ROWS, 10)
    assert layout.lines[0] == ID
    assert layout.lines[1].startswith("    why: VTEX does not")


def test_a_table_without_columns_is_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_table((), ())
    assert capsys.readouterr().out == ""


def test_short_words_are_not_folded_in_a_column_without_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    write_table(["name", "says"], [["swift", "long words " * 9]])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("swift  long words")
    assert max(map(len, lines)) <= 60


SUMMER = datetime(2026, 8, 1, 12, 0, 0, 999_999, tzinfo=UTC)


def test_one_zone_is_named_once_and_several_in_each_cell() -> None:
    there = SUMMER.astimezone(ZoneInfo("America/Sao_Paulo"))
    assert shown(there, zones_of([there])) == "2026-08-01 09:00:00"
    zones = zones_of([there, SUMMER, there])
    assert len(zones) == 2
    assert shown(there, zones) == "2026-08-01 09:00:00-03:00"


def test_instants_in_a_sentence_are_shown_in_its_zone() -> None:
    zone = timezone(timedelta(hours=-3))
    published = LocalTimes("waits (until 2026-11-21T14:28:52+00:00)", zone)
    assert (
        shown(published, zones_of([published])) == "waits (until 2026-11-21 11:28:52)"
    )
    both = zones_of([published, SUMMER])
    assert shown(published, both) == "waits (until 2026-11-21 11:28:52-03:00)"
    assert zones_of([LocalTimes("waits", zone), None, "x"]) == []


def test_a_carriers_words_do_not_move_the_cursor() -> None:
    assert shown("a\x1b[2Jb\nc") == r"a\x1b[2Jb\nc"
