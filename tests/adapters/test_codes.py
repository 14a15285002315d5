import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from relay.adapters.codes import UNKNOWN, CodeRow, CodeTable, parse_rows
from relay.domain.events import Effect, Milestone, Reason
from relay.errors import ConfigurationError

TABLE = """
[codes.10]
milestone = "in_transit"

[codes.20]
milestone = "lost"
reason = "robbery"
final = true
"""

Publish = Callable[[str], str]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Create a package with a table, and return its name."""

    def make(table: str) -> str:
        folder = tmp_path / "an_adapter_with_codes"
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "codes.toml").write_text(table)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, folder.name, raising=False)
        return folder.name

    return make


def test_a_code_means_what_its_row_says(publish: Publish) -> None:
    table = CodeTable.load(publish(TABLE), {})
    assert table["20"] == CodeRow(
        milestone=Milestone.LOST, reason=Reason.ROBBERY, final=True
    )


def test_codes_are_exact_and_what_is_not_in_the_table_is_unknown(
    publish: Publish,
) -> None:
    table = CodeTable.load(publish(TABLE), {})
    assert table["010"] is table["10 "] is table[""] is UNKNOWN
    assert UNKNOWN.milestone is Milestone.UNKNOWN


def test_a_contracts_rows_lie_over_the_table_and_may_add_to_it(
    publish: Publish,
) -> None:
    rows = {
        "10": {"milestone": "at_hub", "effect": "administrative"},
        "30": {"milestone": "delivered"},
    }
    table = CodeTable.load(publish(TABLE), rows)
    assert table["10"].milestone is Milestone.AT_HUB
    assert table["10"].effect is Effect.ADMINISTRATIVE
    assert table["30"].milestone is Milestone.DELIVERED
    assert table["20"].milestone is Milestone.LOST


def test_a_wrong_row_in_an_adapters_own_table_stops_it(publish: Publish) -> None:
    name = publish('[codes.10]\nmilestone = "posted"\n')
    with pytest.raises(ValidationError, match="milestone"):
        CodeTable.load(name, {})


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ({"milestone": "posted"}, "codes.X1.milestone: "),
        ({}, "codes.X1.milestone: "),
        ({"milestone": "lost", "colour": 1}, "codes.X1.colour: "),
        ("lost", "codes.X1: "),
    ],
)
def test_a_wrong_row_of_a_contract_is_named(row: object, where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_rows({"X1": row})
    assert str(caught.value).startswith(where)


def test_a_table_does_not_change_with_the_rows_it_was_made_of() -> None:
    rows = {"1": UNKNOWN}
    table = CodeTable(rows)
    rows.clear()
    assert list(table.rows) == ["1"]
