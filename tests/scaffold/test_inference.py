"""Inference over a table of samples: right or unsure, never wrong."""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from carriers.generic.expressions import Expression
from carriers.generic.times import parse_time
from relay.adapters.loader import load_carrier
from relay.adapters.protocol import Document
from relay.config.contract import ContractSettings
from relay.errors import ConfigurationError
from relay.scaffold.generic_settings import generic_contract
from relay.scaffold.inference import infer
from tests.scaffold.samples import CASES, Answer, Case

KEYS: Final = ("references", "code", "time", "text")
LEAST_RIGHT: Final = 50
"""Samples of the table from which all is inferred: being unsure of all is no answer."""
MOST_REFUSED: Final = 2
Found = list[str | None]


def settings(body: bytes) -> dict[str, Any]:
    """Return the contract's settings, without what is a comment in them."""
    table = tomllib.loads(generic_contract("x", infer(body)))["contracts"]["x"]
    assert isinstance(table, dict)
    return table


def items(table: dict[str, Any], value: Any) -> list[Any]:
    """Return the events of *value* with what they inherit."""
    events = table["events"]
    inherit = events.get("inherit", {}) if isinstance(events, dict) else {}
    lists = events["list"] if isinstance(events, dict) else events
    found = [value]
    for place, text in enumerate(lists := [lists] if isinstance(lists, str) else lists):
        inner = [(item, Expression(text).find(item)) for item in found]
        more = inherit if place == len(lists) - 1 else {}
        found = [
            one | {n: Expression(path).find(item) for n, path in more.items()}
            for item, part in inner
            for one in (part if isinstance(part, list) else [part])
        ]
    return found


def row(table: dict[str, Any], item: Any, value: Any) -> Found:
    """Return what the settings find in an event; None where they are unsure."""
    found: Found = [None] * len(KEYS)
    if "references" in table:
        [rule] = table["references"]
        where, path = (item, "path") if "path" in rule else (value, "document")
        found[0] = f"{rule['kind']}={Expression(rule[path]).text_in(where)}"
    if "code" in table:
        found[1] = Expression(table["code"]).text_in(item)
    if "time" in table:
        time = table["time"]
        paths = [time[key] for key in ("path", "hour") if key in time]
        parts = [Expression(path).text_in(item) for path in paths]
        zone = ZoneInfo(table["zone"])
        at = parse_time(" ".join(parts), tuple(time["formats"]), zone).at
        found[2] = at.isoformat()
    if table.get("text"):
        found[3] = Expression(table["text"]).text_in(item)
    return found


def wrong(found: str | None, right: Answer) -> bool:
    """Whether something was inferred that is not right."""
    if not found:
        return False
    return found not in (right if isinstance(right, frozenset) else {right})


def mistakes(case: Case, table: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    value = json.loads(case.body)
    found = [row(table, item, value) for item in items(table, value)]
    if len(found) != len(case.rows):
        yield "events", len(found)
        return
    for ours, right in zip(found, case.rows, strict=True):
        for key, answer, expected in zip(KEYS, ours, right, strict=True):
            if wrong(answer, expected):
                yield key, answer


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_inferred_from_a_sample_is_never_wrong(case: Case) -> None:
    try:
        table = settings(case.body)
    except ConfigurationError:
        return
    if "events" not in table:
        assert not any(table.get(key) for key in KEYS)
        return
    assert list(mistakes(case, table)) == []


def test_most_samples_need_nothing_by_hand() -> None:
    counts: Counter[str] = Counter()
    for case in CASES:
        try:
            unsure = {one.field for one in infer(case.body).unsure} - {"text"}
        except ConfigurationError:
            counts["refused"] += 1
        else:
            counts["unsure" if unsure else "right"] += 1
    assert counts["right"] >= LEAST_RIGHT
    assert counts["refused"] <= MOST_REFUSED


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_settings_parse_their_sample_or_are_refused_by_the_unsure_field(
    case: Case,
) -> None:
    try:
        found = infer(case.body)
    except ConfigurationError:
        return
    fields = {"account": "store", "name": "x"} | settings(case.body)
    contract = ContractSettings.model_validate(fields)
    missing = {one.field for one in found.unsure} & {"references", "time", "events"}
    if missing or not (found.code or found.text):
        with pytest.raises(ConfigurationError, match=r"\.(references|time|code): "):
            load_carrier(contract.adapter, contract.for_adapter())
        return
    carrier = load_carrier(contract.adapter, contract.for_adapter())
    events = carrier.parse(Document(case.body, datetime(2026, 6, 1, tzinfo=UTC)))
    times = {event.occurred_at.isoformat() for event in events}
    assert times == {right[2] for right in case.rows}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_unsure_field_is_a_commented_todo_with_its_candidates(case: Case) -> None:
    try:
        found = infer(case.body)
    except ConfigurationError:
        return
    text = generic_contract("x", found)
    for one in found.unsure:
        [todo] = [k for k in text.splitlines() if k.startswith(f"# TODO {one.field}: ")]
        assert one.why in todo
        written = text.count(f"\n# {one.field} = ")
        assert written >= len(one.candidates)
        assert f"\n{one.field} = " not in text
        # A candidate is a valid line once its # is removed.
        for line in text.splitlines():
            if line.startswith(f"# {one.field} = "):
                tomllib.loads(line[2:])


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"<evento><guia>1</guia></evento>", "XML, not JSON"),
        (b"\xef\xbb\xbf<evento/>", "XML, not JSON"),
        (b"numero;data;status\n1;20/05/2026;ENT\n", "CSV, not JSON"),
        (b"bizContent=%7B%7D&digest=abc", "a form, not JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "several JSON documents, not JSON"),
        (b"UNA:+.? 'UNB+UNOA:1", "EDI, not JSON"),
        (b"000SENDER", "this is, not JSON"),
        (b"\xff\xfe\xfa", "not text in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (
            b'{"payload": "{\\"status\\": \\"A\\"}"}',
            "payload is a text that holds another",
        ),
        (b'{"xml": "<evento/>"}', "xml is a text that holds another document"),
        (b'"{\\"a\\": 1}"', "the document is a text that holds another"),
        (b'{"events": []}', "events is an empty list"),
        (b'{"tracking": "1", "rows": [["a", "b"]]}', "have no names"),
        (b'{"events": [{"at": "2026-05-20 10:00", "code": "1"}, 3]}', "no object"),
        (b"{}", "no object has a time"),
        (b"[]", "no object has a time"),
        (b"7", "no object has a time"),
    ],
)
def test_another_form_or_a_sample_without_an_event_is_refused_by_name(
    body: bytes, name: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        infer(body)
    assert str(refused.value).startswith("sample: ")
    assert name in str(refused.value)


def test_a_sample_may_begin_with_a_byte_order_mark() -> None:
    body = b"\xef\xbb\xbf" + CASES[0].body
    assert infer(body).unsure == ()


@pytest.mark.parametrize(
    "text", ["99:99", "20261301", "1234567890123", "2026-05-20 25:00"]
)
def test_a_number_that_is_no_date_is_no_time(text: str) -> None:
    body = json.dumps({"tracking": "BR1", "code": "A", "date": text}).encode()
    with pytest.raises(ConfigurationError, match="no object has a time"):
        infer(body)
