"""Parsing invented formats, each with another habit of carriers."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.adapters.protocol import (
    Document,
    SettingsReviewer,
    Unreadable,
    UnreadablePart,
)
from relay.domain.events import Effect, Milestone, Reason, TrackingEvent, is_real_date
from relay.errors import ConfigurationError
from relay.inbound.translate import parse_documents
from tests.carriers.generic.formats import ARRIVED, EVENT, adapter, read

FORM = "application/x-www-form-urlencoded"
AT = datetime(2026, 5, 20, 13, tzinfo=UTC)


def events(value: Any, **settings: Any) -> list[TrackingEvent]:
    return read(json.dumps(value).encode(), **settings)


def event(**changes: Any) -> TrackingEvent:
    settings = {k: changes.pop(k) for k in list(changes) if k not in EVENT}
    [found] = events(EVENT | changes, **settings)
    return found


def test_the_document_itself_is_the_event_or_the_list_of_them() -> None:
    [alone] = events(EVENT)
    assert (alone.carrier_code, alone.occurred_at, alone.position) == ("1", AT, 0)
    assert events([EVENT]) == [alone]


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_an_empty_body_is_no_event(body: bytes) -> None:
    assert read(body) == []


def test_a_ping_is_what_its_expression_says() -> None:
    assert events({"type": "test"}, ping="type == 'test'") == []
    assert events({"alive": 1}, ping="alive") == []
    with pytest.raises(Unreadable, match="references"):
        events(EVENT | {"alive": False, "n": ""}, ping="alive")


@pytest.mark.parametrize(
    "settings", [{}, {"code": [], "text": "c"}, {"identifying": "tracking_number"}]
)
def test_a_document_with_a_reference_and_an_event_is_no_ping(
    settings: dict[str, Any],
) -> None:
    with pytest.raises(Unreadable, match=r"^ping: 's' is true, but the document has a"):
        events(EVENT | {"s": "x"}, ping="s", **settings)


@pytest.mark.parametrize("without", ["n", "t", "c"])
def test_a_ping_may_have_part_of_an_event(without: str) -> None:
    assert events(EVENT | {"s": "x", without: None}, ping="s") == []


@pytest.mark.parametrize("value", [None, {"e": None}, {"f": []}])
def test_a_document_without_events_is_no_ping_unless_that_is_said(value: Any) -> None:
    with pytest.raises(Unreadable, match=r"^events\.list: 'e' finds nothing"):
        events(value, events="e")


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ("text", "a string"),
        (1, "a number"),
        (True, "a boolean"),
        ([None], "null in a list"),
        ([[EVENT]], "a list in a list"),
    ],
)
def test_an_event_is_an_object(found: Any, what: str) -> None:
    with pytest.raises(
        Unreadable, match=rf"^events\.list: 'e' finds {what}, not an obj"
    ):
        events({"e": found}, events="e")


def test_a_form_may_hold_the_document() -> None:
    body = urlencode({"sign": "x", "data": json.dumps([EVENT])}).encode()
    how = {"kind": "form_json", "field": "data"}
    assert len(read(body, FORM, body=how)) == 1
    with pytest.raises(Unreadable, match=r"^body\.field: the form has no field 'data'"):
        read(b"sign=x", FORM, body=how)
    assert len(events(EVENT, body=how)) == 1  # as answers come


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1"])
def test_a_form_is_read_in_its_charset(charset: str) -> None:
    document = json.dumps([EVENT | {"note": "São"}], ensure_ascii=False)
    body = urlencode({"data": document.encode(charset)}).encode()
    how = {"kind": "form_json", "field": "data"}
    assert len(read(body, f"{FORM}; charset={charset}", body=how)) == 1


def test_the_document_may_be_in_base64() -> None:
    body = base64.b64encode(json.dumps(EVENT).encode())
    assert len(read(body, "text/plain", body="base64_json")) == 1


def test_deep_nesting_is_unreadable() -> None:
    with pytest.raises(Unreadable, match="nested too deeply"):
        read(b"[" * 100_000)


def test_events_inherit_fields_of_their_parents() -> None:
    steps = [EVENT | {"c": "2"}, EVENT]
    box = {"number": "B1", "steps": [{k: s[k] for k in "ct"} for s in steps]}
    listed = {
        "list": ["boxes", "steps"],
        "inherit": {"n": "number"},
        "document": {"key": "load.key"},
    }
    references = [
        {"kind": "tracking_number", "path": "n"},
        {"kind": "shipment_id", "path": "key"},
        {"kind": "order_id", "path": "order", "document": "orders"},
    ]
    document = {
        "load": {"key": "L"},
        "orders": ["O1", 2, "O1", None, ""],
        "boxes": [box, box | {"number": 7}, {"number": "B3", "steps": None}],
    }
    found = events(document, events=listed, references=references)
    assert [e.position for e in found] == [0, 1, 0, 1]
    assert [r.value for r in found[2].references] == ["7", "L", "O1", "2"]


def test_an_events_own_reference_comes_before_the_documents() -> None:
    rule = [{"kind": "tracking_number", "path": "n", "document": "number"}]
    document = {"number": "D", "e": [EVENT, EVENT | {"n": None, "c": "2"}]}
    found = events(document, events="e", references=rule)
    assert [e.references[0].value for e in found] == ["ZZ1", "D"]


def test_without_the_identifying_reference_a_document_is_unreadable() -> None:
    references = [
        {"kind": "tracking_number", "path": "n"},
        {"kind": "order_id", "path": "o"},
    ]
    settings = {"references": references, "identifying": "order_id"}
    assert event(**settings, events="{n: n, c: c, t: t, o: 'O'}").references
    with pytest.raises(Unreadable, match=r"no order_id found; tried path 'o'$"):
        event(**settings)


def test_a_reference_that_is_too_long_is_none() -> None:
    with pytest.raises(
        Unreadable, match=r"no tracking_number found; .* longer than 200"
    ):
        event(n="9" * 201)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"path": "x"}, "tried path 'x'$"),
        ({"path": "l"}, "tried path 'l'$"),
        ({"path": "x", "document": "y"}, "tried path 'x', document 'y'$"),
        ({"path": "id"}, "'id'; the document has it: write `document` in place"),
        ({"document": "n"}, "'n'; the event has it: write `path` in place of"),
        ({"document": "polled.n"}, "'polled.n'; an answer has `polled` only with poll"),
    ],
)
def test_a_missing_reference_is_searched_elsewhere(
    rule: dict[str, str], words: str
) -> None:
    references = [{"kind": "tracking_number"} | rule, {"kind": "order_id", "path": "n"}]
    document = {"id": "ZZ1", "l": {"a": 1}, "e": [EVENT]}
    with pytest.raises(Unreadable, match=words):
        events(document, events="e", references=references)


@pytest.mark.parametrize(
    ("given", "normalised"),
    [
        ("12.345.678/0001-90/001/000045", "12345678000190/1/45"),
        ("12345678000190/0/0", "12345678000190/0/0"),
        ("45", "45"),
    ],
)
def test_an_invoice_is_normalised(given: str, normalised: str) -> None:
    found = event(n=given, references=[{"kind": "invoice", "path": "n"}])
    assert found.references[0].value == normalised


def test_a_code_may_have_parts() -> None:
    code = {"paths": ["c", "kind"], "separator": "-"}
    shape = "[].{n: n, c: c, t: t, kind: 'X'}"
    [found] = events([EVENT], code=code, events=shape)
    assert found.carrier_code == "1-X"
    assert event(code=code).carrier_code == "1"


@pytest.mark.parametrize("code", ["5", 5, "005"])
def test_zeros_before_a_code_may_mean_nothing(code: Any) -> None:
    rows = {"05": {"milestone": "delivered", "text": "Entregue"}}
    found = event(c=code, code={"paths": "c", "strip_zeros": True}, codes=rows)
    assert (found.milestone, found.carrier_code) == (Milestone.DELIVERED, "5")
    assert found.description == "Entregue"


@pytest.mark.parametrize(
    ("wrong", "what"),
    [(True, "a boolean"), ([], "a list"), ({"a": 1}, "an object")],
)
def test_a_code_that_is_no_text_is_unreadable(wrong: Any, what: str) -> None:
    with pytest.raises(Unreadable, match=f"'c' finds {what}, not a string"):
        event(c=wrong)


def test_the_value_that_fails_an_expression_is_not_shown() -> None:
    with pytest.raises(Unreadable, match="does not fit the document") as refused:
        event(c=3, code="length(c)", text="keys(n)", n="a shopper's name")
    assert "shopper" not in repr(refused.value)


def test_a_code_that_is_never_found_is_worth_a_remark() -> None:
    made = adapter(code=["Status", "s"])
    found = read(json.dumps([EVENT, EVENT | {"s": "1"}]).encode(), code=["Status", "s"])
    assert isinstance(made, SettingsReviewer)
    assert made.review(found) == ["code: 'Status', 's' finds nothing in 1 of 2 events"]
    assert made.review(found[1:]) == []
    assert adapter(code=[], text="m").review(found) == []


def test_codes_have_their_effects() -> None:
    lists = {"administrative": ["7"], "provisional": ["8"], "rollback": ["9"]}
    rows = {"8": {"milestone": "delivered"}, "6": {"milestone": "held", "final": True}}
    found = [event(c=c, codes=rows, **lists) for c in "56789"]
    effects = [e.effect for e in found]
    assert effects == ["normal", "normal", "administrative", "provisional", "rollback"]
    assert [e.unmapped for e in found] == [True, False, False, False, False]
    assert event(c="8", codes=rows, **lists).milestone is Milestone.DELIVERED


@pytest.mark.parametrize(
    ("text", "milestone"),
    [
        ("Entregue", Milestone.DELIVERED),
        ("  ENTREGUE   ao  destinatário ", Milestone.DELIVERED),
        ("Não entregue", Milestone.UNKNOWN),
        ("Entregue ao remetente", Milestone.RETURNED),
        ("Devolução: entregue ao destinatário", Milestone.RETURNING),
        ("Em trânsito para São Paulo", Milestone.IN_TRANSIT),
        ("Em transito, retorno", Milestone.UNKNOWN),
        ("Aguardando retorno do cliente", Milestone.EXCEPTION),
        ("Retorno: entregue", Milestone.UNKNOWN),
        ("", Milestone.UNKNOWN),
    ],
)
def test_words_are_read_where_no_code_says_it(text: str, milestone: Milestone) -> None:
    rules = [
        {
            "matches": "(retorno: )?Entregue( ao destinatário)?",
            "milestone": "delivered",
        },
        {"contains": "Trânsito", "milestone": "in_transit"},
        {"matches": "aguardando retorno.*", "milestone": "exception"},
        {"matches": "entregue ao remetente", "milestone": "returned"},
        {"contains": "devolu", "milestone": "returning", "reason": "refused"},
    ]
    found = event(c=text, text="c", code=[], text_rules=rules)
    assert (found.milestone, found.carrier_code) == (milestone, "")
    assert found.description == text.strip()
    assert (found.reason is Reason.REFUSED) == (milestone is Milestone.RETURNING)


@pytest.mark.parametrize(
    ("more", "listed", "effect"),
    [
        ({}, {}, Effect.TEXT_ONLY),
        ({"trusted": True}, {}, Effect.NORMAL),
        ({"effect": "provisional"}, {}, Effect.TEXT_ONLY),
        ({}, {"provisional": ["1"]}, Effect.TEXT_ONLY),
        ({"trusted": True}, {"provisional": ["1"]}, Effect.PROVISIONAL),
        ({}, {"administrative": ["1"]}, Effect.ADMINISTRATIVE),
    ],
)
def test_a_delivery_by_its_text_alone_waits_unless_the_rule_is_trusted(
    more: dict[str, Any], listed: dict[str, Any], effect: Effect
) -> None:
    rule = {"matches": "entregue.*", "milestone": "delivered"} | more
    value = EVENT | {"c": "1", "state": "Entregue ao cliente"}
    [found] = events(value, codes={}, text="state", text_rules=[rule], **listed)
    assert (found.milestone, found.effect) == (Milestone.DELIVERED, effect)


def test_only_a_rule_for_deliveries_is_trusted() -> None:
    rule = {"contains": "rota", "milestone": "in_transit", "trusted": True}
    with pytest.raises(ConfigurationError, match="trusted is for delivered only"):
        events(EVENT, text_rules=[rule])


def test_a_delivery_to_the_sender_is_never_delivered() -> None:
    """A Spanish carrier's state, by a rule for all texts and by a code."""
    rule = {"matches": "entregado.*", "milestone": "delivered"}
    text = "Entregado al remitente"
    by_text = event(c=text, text="c", code=[], text_rules=[rule])
    assert by_text.milestone is Milestone.UNKNOWN
    rows = {"E": {"milestone": "delivered"}}
    [by_code] = events(EVENT | {"c": "E", "state": text}, codes=rows, text="state")
    assert (by_code.milestone, by_code.description) == (Milestone.RETURNING, text)


def test_a_code_takes_precedence_over_the_text() -> None:
    rules = [{"contains": "x", "milestone": "held"}]
    rows = {"1": {"milestone": "picked_up", "text": "of the table"}}
    found = event(codes=rows, text=["m", "n"], text_rules=rules, n="x1")
    assert (found.milestone, found.description) == (Milestone.PICKED_UP, "x1")


@pytest.mark.parametrize(
    ("given", "time", "expected"),
    [
        ("2026-05-20T10:00:00", "t", AT),
        ("2026-05-20T10:00:00", {"path": "t", "zone": "UTC"}, AT.replace(hour=10)),
        ("2026-05-20T10:00:00Z", {"path": "t", "formats": "%Y-%m-%dT%H:%M:%SZ"}, AT),
        ("20/05/26 10:00", {"path": "t", "formats": ["iso", "%d/%m/%y %H:%M"]}, AT),
        ("20052026 10:00 -0300", {"path": "t", "formats": "%d%m%Y %H:%M %z"}, AT),
        ("1779282000", {"path": "t", "formats": "epoch_s"}, AT),
        (1779282000000, {"path": "t", "formats": ["epoch_ms"]}, AT),
        (1779282000.0, {"path": ["u", "t"], "formats": "epoch_s"}, AT),
        ("2026-05-20", {"path": "t", "hour": "c", "formats": "%Y-%m-%d %H"}, AT),
        ("2026-05-20T10:00:00", {"path": "u", "by_code": {"10": "t"}}, AT),
    ],
)
def test_times_come_in_many_spellings(
    given: Any, time: Any, expected: datetime
) -> None:
    assert event(t=given, time=time, c="10").occurred_at == expected


@pytest.mark.parametrize("formats", ["iso", "epoch_s", "%d/%m/%Y"])
@pytest.mark.parametrize("text", ["soon", "9" * 15, "0000-00-00T00:00:00Z"])
def test_a_time_that_no_format_fits_is_unreadable(text: str, formats: str) -> None:
    with pytest.raises(Unreadable, match=r"^time: no format fits"):
        event(t=text, time={"path": "t", "formats": formats})


@pytest.mark.parametrize(
    ("text", "formats"),
    [
        ("0001-01-01T00:00:00+14:00", "iso"),
        ("9999-12-31T23:59:59-03:00", "iso"),
        ("31/12/9999", "%d/%m/%Y"),
        ("-62135596800000", "epoch_ms"),
        ("0", "epoch_s"),
    ],
)
def test_a_placeholder_date_is_parsed_as_one(text: str, formats: str) -> None:
    found = event(t=text, time={"path": "t", "formats": formats})
    assert not is_real_date(found.occurred_at, AT)


@pytest.mark.parametrize(
    ("text", "unit"),
    [("15/05/2026 12:00:07", 1), ("15/05/2026 12:00", 60), ("15/05/2026", 86400)],
)
def test_a_time_is_as_precise_as_the_format_that_fits(text: str, unit: int) -> None:
    formats = ["%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y"]
    found = event(t=text, time={"path": "t", "formats": formats})
    assert found.precision.total_seconds() == unit


@pytest.mark.parametrize(
    ("text", "midnight"),
    [("1778803200", True), ("1778814000", True), ("1778814001", False)],
    ids=["in_utc", "in_the_zone", "a_second_later"],
)
def test_a_number_of_seconds_may_be_a_day_without_a_time(
    text: str, *, midnight: bool
) -> None:
    found = event(t=text, time={"path": "t", "formats": "epoch_s"})
    assert found.midnight is midnight


def test_a_time_is_shown_by_its_shape_alone() -> None:
    time = {"path": "t", "formats": ["iso", "%d/%m/%Y"]}
    with pytest.raises(Unreadable) as refused:
        event(t="Ana\xb7de Souza, 31-12-2026 às 10:00 " + "x" * 99, time=time)
    assert str(refused.value) == (
        "time: no format fits; the value has the shape "
        "aaa?aa aaaaa, 99-99-9999 aa 99:99 aaaaaa…, tried iso, %d/%m/%Y"
    )


def test_a_code_with_a_time_of_its_own_has_no_other() -> None:
    with pytest.raises(
        Unreadable, match=r"^time: no time found; tried 'delivered_at'$"
    ):
        event(time={"path": "t", "by_code": {"1": "delivered_at"}})
    with pytest.raises(Unreadable, match=r"^time: no time found$"):
        event(time={"by_code": {"2": "delivered_at"}})


def test_events_are_sorted_by_time_and_then_by_their_order() -> None:
    early, late = EVENT | {"c": "0"}, EVENT | {"t": "2026-05-21T10:00:00Z", "c": "9"}
    same = EVENT | {"c": "2"}
    for order, expected in [("oldest_first", "0129"), ("newest_first", "2109")]:
        found = events([late, early, EVENT, same], order=order)
        assert "".join(e.carrier_code for e in found) == expected
        assert [e.position for e in found] == [0, 1, 2, 3]


def test_the_same_event_twice_is_one_and_the_later_words_stay() -> None:
    twice = [EVENT | {"m": "a"}, EVENT | {"m": "b"}]
    assert [e.description for e in events(twice, text="m")] == ["b"]
    assert len(events(twice, text="m", code=[])) == 2


def test_a_place_has_three_parts() -> None:
    place = {"city": "p.city", "state": "p.uf", "country": "'BR'"}
    shape = "[].{n: n, c: c, t: t, p: {city: 'Recife', uf: 'PE'}}"
    [found] = events([EVENT], place=place, events=shape)
    assert (found.city, found.state, found.country) == ("Recife", "PE", "BR")


def test_very_long_words_are_cut() -> None:
    assert (
        len(event(n="x", text="join('', ['" + "a" * 6000 + "'])").description) == 5000
    )


@given(body=st.binary(max_size=200))
def test_rubbish_is_events_or_an_ordinary_error(body: bytes) -> None:
    how = {"kind": "form_json", "field": "data"}
    for made in (adapter(), adapter(body="base64_json"), adapter(body=how)):
        try:
            made.parse(Document(body, ARRIVED))
        except ValueError:
            continue


BOTH = {"code": "macro", "time": {"path": "t2", "formats": "%Y-%m-%d"}}
ENDED = {"c": "E", "t": "2026-05-20T10:00:00", "macro": "DEL", "t2": "2026-05-20"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "E"),
        ({"macro": "E"}, "E"),
        ({"t2": "2026-05-21"}, "E"),
        ({"macro": "T"}, "E / T"),
        ({"macro": "NEW"}, "E / NEW"),
        ({"macro": ""}, "E / no second code"),
        (
            {"macro": None, "t2": "2016-05-20"},
            "E / no second code / 2026-05-20 / 2016-05-20",
        ),
        ({"t2": "20/05/2026"}, "E / no second time"),
        ({"t2": None}, "E / no second time"),
        ({"c": "T", "macro": "DEL", "t2": None}, "T"),
    ],
)
def test_a_delivery_needs_both_fields_of_a_cross_check(
    changes: dict[str, Any], code: str
) -> None:
    rows = {
        "E": {"milestone": "delivered"},
        "DEL": {"milestone": "delivered"},
        "T": {"milestone": "in_transit"},
    }
    value = EVENT | ENDED | changes
    [found] = events(value, codes=rows, cross_check=BOTH)
    assert found.carrier_code == code
    denied = found.effect is Effect.CONTRADICTORY
    assert denied == ("/" in code)
    assert (found.milestone is Milestone.IN_TRANSIT) == (code == "T")


def test_a_delivery_by_its_text_is_checked_too() -> None:
    rules = [{"matches": "entregue", "milestone": "delivered"}]
    value = EVENT | {"c": "Entregue", "macro": "T"}
    [found] = events(
        value, code=[], text="c", text_rules=rules, cross_check={"code": "macro"}
    )
    assert found.effect is Effect.CONTRADICTORY
    assert found.carrier_code == "Entregue / T"


@pytest.mark.parametrize(
    "path",
    [
        "to_string(absent)",
        "to_string(nothing)",
        "join('/', [n, to_string(absent)])",
        "join('/', [n, absent])",
        "not_null(to_string(absent), '')",
    ],
)
def test_what_is_absent_stays_absent(path: str) -> None:
    rules = [
        {"kind": "shipment_id", "path": "n"},
        {"kind": "tracking_number", "path": path},
    ]
    [found] = events(EVENT | {"nothing": None}, references=rules)
    assert [r.kind.value for r in found.references] == ["shipment_id"]
    assert event(c="1", text=path).description == ""
    with pytest.raises(Unreadable, match=r"^references: no tracking_number found"):
        events(EVENT, references=rules[1:])


def test_numbers_and_booleans_become_strings() -> None:
    path = "join('/', [to_string(`7`), to_string(`true`), to_string('x'), n])"
    rules = [{"kind": "order_id", "path": path}]
    [found] = events(EVENT, references=rules)
    assert found.references[0].value == f"7/true/x/{EVENT['n']}"


def test_numbers_are_joined_only_as_strings() -> None:
    with pytest.raises(Unreadable, match="does not fit the document"):
        event(c="1", text="join('/', [`7`])")


@pytest.mark.parametrize("body", [b"data=%7B%7D", b" event[name]=x&y=1"])
def test_a_form_in_place_of_json_is_named(body: bytes) -> None:
    with pytest.raises(Unreadable, match=r"^body: a form, not JSON; .*form_json"):
        read(body)


def told(value: Any, **settings: Any) -> list[Any]:
    """Parse *value*: the effect of each event, or the position of a bad part."""
    return [
        part.position if isinstance(part, UnreadablePart) else part.effect
        for part in events(value, **settings)
    ]


ENDS = {"codes": {"5": {"milestone": "delivered"}}}
OLD, NEW = (EVENT | {"t": f"2026-05-{day}T10:00:00-03:00"} for day in (18, 21))
END = EVENT | {"c": "5"}
NORMAL, HELD = Effect.NORMAL, Effect.INCOMPLETE


@pytest.mark.parametrize("bad", [EVENT | {"t": None}, EVENT | {"t": "soon"}, "x", None])
def test_a_bad_event_stops_no_other_and_is_listed_with_its_position(bad: Any) -> None:
    assert told({"e": [OLD, bad, NEW]}, events="e") == [NORMAL, NORMAL, "e[1]"]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ([OLD, "x", END], [NORMAL, NORMAL, "[1]"]),
        ([OLD, END, "x"], [NORMAL, HELD, "[2]"]),
        ([END, "x", OLD], [NORMAL, NORMAL, "[1]"]),
        (["x", END, OLD], [NORMAL, HELD, "[0]"]),
        (["x", END], [HELD, "[0]"]),
        ([END, "x"], [HELD, "[1]"]),
        ([END, OLD, NEW, "x"], [NORMAL, HELD, NORMAL, "[3]"]),
    ],
)
def test_a_delivery_is_held_unless_the_order_shows_that_a_bad_event_is_older(
    listed: list[Any], expected: list[Any]
) -> None:
    by_document = [{"kind": "tracking_number", "document": "[?n].n | [0]"}]
    assert told(listed, references=by_document, **ENDS) == expected


def test_a_bad_event_holds_the_deliveries_of_its_own_parcel_only() -> None:
    mine, other = END | {"n": "A1"}, END | {"n": "B2"}
    bad = EVENT | {"n": "A1", "t": None}
    assert told([mine, other, bad], **ENDS) == [HELD, NORMAL, "[2]"]
    nameless = bad | {"n": None}
    assert told([mine, other, nameless], **ENDS) == [HELD, HELD, "[2]"]


def test_a_bad_parent_does_not_stop_the_events_of_the_others() -> None:
    value = {"boxes": [{"h": [EVENT]}, "x", {"h": ["x", EVENT]}, {"h": "x"}, {}]}
    settings = {"list": ["boxes", "h"], "inherit": {"name": "length(h)"}}
    assert told(value, events=settings) == [
        NORMAL,
        "boxes[1]",
        NORMAL,
        "boxes[2].h[0]",
        "boxes[3].h",
        "boxes[4]",
    ]


def test_a_bad_parent_stops_no_other_on_any_level() -> None:
    value = {"a": [{"b": [{"c": [EVENT]}]}, "x", {"b": ["y", {"c": EVENT}]}]}
    assert told(value, events=["a", "b", "c"]) == [
        NORMAL,
        "a[1]",
        "a[2].b[0]",
        NORMAL,
    ]


def test_a_verified_handshake_with_a_list_of_no_events_is_not_unreadable() -> None:
    handshakes = [{"method": "POST", "when": "test"}]
    settings = {"events": "e", "handshakes": handshakes}
    assert told({"test": 1, "e": ["x", "y"]}, **settings) == []
    assert told({"test": 1, "e": ["x", EVENT]}, **settings) == [NORMAL, "e[0]"]
    assert told({"e": ["x", "y"]}, **settings) == ["e[0]", "e[1]"]


TEXTS: dict[str, Any] = {"text": ["w", "u"], "codes": {"9": {"milestone": "delivered"}}}
BY_TEXT: dict[str, Any] = {
    "text": ["w", "u"],
    "text_rules": [
        {"matches": ".*(delivered|entregue).*", "milestone": "delivered"},
        {"contains": "extraviad", "milestone": "lost"},
    ],
}


def texted(code: str, first: str, second: Any, **settings: Any) -> TrackingEvent:
    [found] = events(EVENT | {"c": code, "w": first, "u": second}, **settings)
    return found


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Entregue", "Entregue ao porteiro", (Milestone.DELIVERED, Effect.NORMAL)),
        ("Entregue", "", (Milestone.DELIVERED, Effect.NORMAL)),
        ("Entregue", {"more": 1}, (Milestone.DELIVERED, Effect.NORMAL)),
        ("Entregue", ["a", 1], (Milestone.DELIVERED, Effect.NORMAL)),
        ("Entregue", "Devolvido ao remetente", (Milestone.RETURNING, Effect.NORMAL)),
        ("Entregue", ["", "Devolvido"], (Milestone.RETURNING, Effect.NORMAL)),
        ("Entregue", "Não entregue", (Milestone.DELIVERED, Effect.CONTRADICTORY)),
        ("Não entregue", "Entregue", (Milestone.DELIVERED, Effect.CONTRADICTORY)),
        ("Não entregue", "", (Milestone.DELIVERED, Effect.CONTRADICTORY)),
        ("", "Undelivered", (Milestone.DELIVERED, Effect.CONTRADICTORY)),
    ],
)
def test_all_texts_of_a_delivery_count(
    first: str, second: Any, expected: tuple[Milestone, Effect]
) -> None:
    found = texted("9", first, second, **TEXTS)
    assert (found.milestone, found.effect) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("Entregue", "", (Milestone.DELIVERED, Effect.TEXT_ONLY)),
        ("Delivered", "Entregue", (Milestone.DELIVERED, Effect.TEXT_ONLY)),
        ("Undelivered", "", (Milestone.UNKNOWN, Effect.NORMAL)),
        ("Not delivered", "", (Milestone.UNKNOWN, Effect.NORMAL)),
        ("NotDelivered", "", (Milestone.UNKNOWN, Effect.NORMAL)),
        ("Não foi entregue", "", (Milestone.UNKNOWN, Effect.NORMAL)),
        ("Entregue", "Não entregue", (Milestone.DELIVERED, Effect.CONTRADICTORY)),
        ("Entregue", "Devolvido", (Milestone.RETURNING, Effect.NORMAL)),
        ("Entregue", "Objeto extraviado", (Milestone.DELIVERED, Effect.CONTRADICTORY)),
    ],
)
def test_a_rule_takes_no_text_that_denies_the_delivery(
    first: str, second: str, expected: tuple[Milestone, Effect]
) -> None:
    found = texted("", first, second, **BY_TEXT)
    assert (found.milestone, found.effect) == expected


def test_a_missing_time_is_named_whatever_the_text_says() -> None:
    body = json.dumps(EVENT | {"t": "", "w": "no time"}).encode()
    document = Document(body, ARRIVED, contract="c")
    (parsed,) = parse_documents([document], {"c": adapter()})
    assert parsed.unreadable == "time: no time found; tried 't'"
