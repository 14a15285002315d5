"""VTEX's message in every known shape of an answer."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.vtex.answers import LIMIT, error_text, seconds_to_wait

NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
PROBLEM = {
    "errors": {"Queue": ["The Queue field is required."], "odd": None},
    "type": "https://tools.ietf.org/html/rfc7231#section-6.5.1",
    "title": "One or more validation errors occurred.",
    "status": 400,
    "traceId": "00-0d1",
}
PAGE = "<html>\n<title>404 Not Found</title><b>nginx</b></html>"


@pytest.mark.parametrize(
    ("payload", "text", "words"),
    [
        (
            {"error": {"code": "OMS007", "message": "Order Not Found"}},
            "",
            "Order Not Found (OMS007)",
        ),
        (
            PROBLEM,
            "",
            f"{PROBLEM['title']} Queue: The Queue field is required",
        ),
        ({"Message": "An error has occurred."}, "", "An error has occurred"),
        ({"error": "Invoice Not Found"}, "", "Invoice Not Found"),
        ({"errors": [{"description": "a"}, "b", 7]}, "", "a. b"),
        ("Invoice Not Found", "", "Invoice Not Found"),
        (["one", "two"], "", "one. two"),
        ({"message": {"x": 1}, "title": " "}, "as it came", "as it came"),
        ({"unheard": "of"}, '{"unheard": "of"}', '{"unheard": "of"}'),
        (7, "7", "7"),
        (None, PAGE, "404 Not Found nginx"),
        (None, " a\tb\x00c\n", "a b c"),
        (None, "1 < 2", "1 < 2"),
        (None, "", ""),
    ],
)
def test_the_message_is_found_in_every_shape(
    payload: object, text: str, words: str
) -> None:
    assert error_text(payload, text) == words


def test_the_same_problem_has_the_same_message() -> None:
    other = PROBLEM | {"traceId": "00-77f"}
    assert error_text(PROBLEM, "") == error_text(other, "")


def test_a_shape_without_end_is_left() -> None:
    deep: object = "x"
    for _ in range(900):
        deep = {"error": deep}
    assert error_text(deep, "as it came") == "as it came"


def test_secrets_are_masked_before_the_text_are_cut() -> None:
    text = "x" * (LIMIT - 4) + "a-long-token"
    words = error_text(None, text, secrets=("a-long-token", "x"))
    assert words == "x" * (LIMIT - 4) + "***"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "message", "code", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(json_values, st.text())
def test_no_answer_can_break_it(payload: object, text: str) -> None:
    words = error_text(payload, text)
    assert len(words) <= LIMIT
    assert words == " ".join(words.split()) or len(words) == LIMIT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("٣", None),
        ("120", 120.0),
        (" 0.5 ", 0.5),
        ("Sat, 01 Aug 2026 12:02:00 GMT", 120.0),
        ("Sat, 01 Aug 2026 12:02:00 -0000", 120.0),
        ("Sat, 01 Aug 2026 09:02:00 -0300", 120.0),
        ("Fri, 31 Jul 2026 12:00:00 GMT", 0.0),
        ("Fri, 99 Jul 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(
    header: str | None, seconds: float | None
) -> None:
    assert seconds_to_wait(header, NOW) == seconds


@given(st.text())
def test_a_header_that_makes_no_sense_is_none(header: str) -> None:
    seconds = seconds_to_wait(header, NOW)
    assert seconds is None or seconds >= 0
