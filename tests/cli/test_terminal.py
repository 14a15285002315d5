"""Texts from outside are escaped wherever the command line prints them."""

import ast
import io
import json
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from relay.adapters.protocol import Document
from relay.cli import output
from relay.domain.events import Milestone, Reference, ReferenceKind, TrackingEvent
from relay.store.documents import Documents
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.rejected import RejectedBounds, RejectedRequest, RejectedRequests
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms
from relay.text import escaped, escaped_json
from tests.cli.conftest import NOW, Cli

HOSTILE = {
    "ESC": "\x1b[2J\x1b]0;owned\x07",
    "C1": "\x9b31m\x9d0;owned\x9c",
    "bidi": "\u202edeliverd\u2066x\u2069\u200f",
    "invisible": "a\u200bb\u00adc\ufeff",
    "carriage return": "all is well\rlost",
    "backspace": "lost\x08\x08\x08\x08well",
    "line separator": "one\u2028two\u2029three\x85four",
}
CLI = Path(output.__file__).parent


def is_safe(text: str) -> bool:
    """Whether a terminal shows a text as it is; lines and tabs are allowed."""
    return all(c.isprintable() or c in "\n\t" for c in text)


def fill(cli: Cli, text: str) -> None:
    """Store *text* in every place where a carrier can write one."""
    event = TrackingEvent(
        references=(Reference(kind=ReferenceKind.TRACKING_NUMBER, value="TN9"),),
        milestone=Milestone.UNKNOWN,
        occurred_at=NOW,
        carrier_code=f"X{text}",
        description=f"words {text}",
        city=text,
    )
    body = f"first line {text}\nsecond\tline".encode()

    async def act(database: SqliteDatabase) -> None:
        store = Documents(database)
        headers = {"content-type": f"text/plain; {text}"}
        await store.keep([Document(body, NOW, headers, "swift", "webhook")] * 2)
        async with store.slice(10, 10_000) as piece:
            readings = [
                ParsedDocument(1, "swift", NOW, (event,)),
                ParsedDocument(2, "swift", NOW, unreadable=f"odd {text}"),
            ]
            await piece.store_events(readings, NOW, ReaderTerms(Pace(), {}))
        rejected = RejectedRequest(
            "swift", NOW, headers, body, b"", f"the secret is wrong {text}"
        )
        bounds = RejectedBounds(10_000, NOW)
        await RejectedRequests(database).put([rejected], bounds)

    cli.file.touch()
    cli.on_database(act)


COMMANDS = [
    ["documents", "show", "1"],
    ["documents", "list"],
    ["rejected", "show", "1"],
    ["lists", "unmatched"],
    ["lists", "unreadable"],
    ["lists", "rejected"],
    ["lists", "unknown-codes"],
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_what_a_carrier_wrote_does_not_act_on_the_terminal(
    cli: Cli, name: str, more: list[str]
) -> None:
    fill(cli, HOSTILE[name])
    for command in COMMANDS:
        ran = cli(*command, *more)
        assert ran.exit_code == 0, ran.output
        assert is_safe(ran.output), command
        if more:
            json.loads(ran.stdout)


def test_the_lines_of_a_body_stay_lines(cli: Cli) -> None:
    fill(cli, HOSTILE["ESC"])
    shown = cli("documents", "show", "1").stdout
    assert shown.endswith(r"first line \x1b[2J\x1b]0;owned\x07" + "\nsecond\tline\n")


def test_a_newline_in_a_cell_does_not_begin_a_row(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.write_table(["reason"], [("odd\nFAKE ROW",), ("tab\there",)])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["reason", r"odd\nFAKE ROW", r"tab\there"]


def test_json_is_unchanged_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"texts": [*HOSTILE.values(), "Não é “só” texto \U0001f4e6"]}
    output.write_json(value)
    written = capsys.readouterr().out
    assert is_safe(written)
    assert "Não é “só” texto \U0001f4e6" in written
    assert json.loads(written) == value


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_table_for_programs_is_escaped_only_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [(HOSTILE["C1"], 7)]
    for stream, wanted in (
        (Terminal(), r"\x9b31m\x9d0;owned\x9c,7"),
        (io.StringIO(), f"{HOSTILE['C1']},7"),
    ):
        monkeypatch.setattr(typer, "get_text_stream", lambda _, s=stream: s)
        output.write_file("-", ["text", "number"], rows, ",")
        assert stream.getvalue().splitlines(keepends=False)[0] == "text,number"
        assert wanted in stream.getvalue()


@given(st.text())
def test_an_escaped_text_is_printable_and_plain_texts_stay(text: str) -> None:
    assert escaped(text).isprintable()
    assert is_safe(escaped(text, allowed="\n\t"))
    if text.isprintable():
        assert escaped(text) == text
    written = json.dumps(text, ensure_ascii=False)
    assert is_safe(escaped_json(written))
    assert json.loads(escaped_json(written)) == text


def test_a_space_that_does_not_break_is_shown_as_a_space() -> None:
    assert escaped("R$\u00a010") == "R$ 10"


def test_only_one_module_writes_to_the_terminal() -> None:
    """Whatever writes by itself could forget to escape."""
    writers = {"echo", "secho", "print"}
    found = {
        f"{module.name}:{node.lineno}"
        for module in CLI.glob("*.py")
        if module.name != "output.py"
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", "") or getattr(node.func, "id", "")) in writers
    }
    assert found == set()
