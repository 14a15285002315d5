import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from relay.logs import HIDDEN, Masking, Seldom, about, configure, logger

SECRET = 's3cr3t/of+the "store"\''


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    configure(secrets=[SECRET, "abc", "31337"], stream=stream)
    return stream


def line(stream: io.StringIO) -> dict[str, Any]:
    """Return the only line that was written."""
    (text,) = stream.getvalue().splitlines()
    read: dict[str, Any] = json.loads(text)
    return read


def test_a_line_is_json_where_nobody_looks(stream: io.StringIO) -> None:
    logger("relay.x").info("told %s", "VTEX", contract="swift", order="v1-01")
    written = line(stream)
    assert datetime.fromisoformat(written.pop("timestamp")).tzinfo is not None
    assert written == {
        "event": "told VTEX",
        "level": "info",
        "logger": "relay.x",
        "contract": "swift",
        "order": "v1-01",
    }


def test_a_line_is_for_reading_on_a_terminal() -> None:
    stream = Terminal()
    configure(stream=stream)
    logger("relay.x").info("told", order="v1-01")
    assert "told" in stream.getvalue()
    assert "\x1b[" in stream.getvalue()


def test_the_layout_can_be_asked_for() -> None:
    stream = io.StringIO()
    configure(stream=stream, layout="console")
    logger("relay.x").info("told")
    assert "\x1b[" not in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_without_a_stream_it_is_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure()
    logger("relay.x").info("told")
    assert json.loads(capsys.readouterr().err)["event"] == "told"


def test_less_important_lines_are_left_out(stream: io.StringIO) -> None:
    logger("relay.x").debug("detail")
    logging.getLogger("aiohttp").debug("detail")
    assert stream.getvalue() == ""


def test_libraries_lines_come_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("aiohttp.access").info(
        "%s %s", "GET", "/healthz", extra={"contract": "swift", "first_line": "x"}
    )
    written = line(stream)
    del written["timestamp"]
    assert written == {
        "event": "GET /healthz",
        "level": "info",
        "logger": "aiohttp.access",
        "contract": "swift",
    }


def test_what_lines_are_about_is_said_once(stream: io.StringIO) -> None:
    with about(contract="swift", tracking_number="AB1"):
        logging.getLogger("relay.y").info("told")
    assert line(stream)["tracking_number"] == "AB1"


def test_it_can_be_configured_again() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure(stream=first)
    configure(stream=second, secrets=["sesame-street"], level="debug")
    logger("relay.x").debug("sesame-street")
    assert first.getvalue() == ""
    assert line(second)["event"] == HIDDEN


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, f"no space left for {len(text)} characters")


def test_a_line_that_cannot_be_written_is_reported_and_nothing_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(stream=Full())
    logger("relay.x").info("told")
    assert "no space left" in capsys.readouterr().err


def test_every_level_has_its_name(stream: io.StringIO) -> None:
    log = logger("relay.x")
    for write in (log.info, log.warning, log.error, log.exception, log.critical):
        write("told")
    levels = [json.loads(text)["level"] for text in stream.getvalue().splitlines()]
    assert levels == ["info", "warning", "error", "error", "critical"]


def fail(words: str) -> None:
    raise ValueError(words)


@pytest.mark.parametrize("layout", ["json", "console"])
def test_an_error_shows_its_traceback_without_locals_or_secrets(layout: Any) -> None:
    stream = io.StringIO()
    configure(stream=stream, layout=layout, secrets=["sesame-street"])
    hidden_local = "a local of " + "the function"
    try:
        fail("no " + "sesame-" + "street")
    except ValueError:
        logger("relay.x").exception("failed", size=len(hidden_local))
    text = stream.getvalue()
    assert f"ValueError: no {HIDDEN}" in text
    assert "Traceback" in text
    assert hidden_local not in text
    assert "sesame-street" not in text


@pytest.mark.parametrize(
    "key",
    [
        "token",
        "app_token",
        "X-VTEX-API-AppToken",
        "x-vtex-api-appkey",
        "secret",
        "url_secret",
        "Authorization",
        "password",
        "passwd",
        "Set-Cookie",
        "x_signature",
        "body",
        "api_key",
        "credentials",
    ],
)
def test_what_stands_under_a_secrets_name_is_hidden(
    stream: io.StringIO, key: str
) -> None:
    nested = [{key: ["unheard-of"]}]
    logger("relay.x").info("sent", headers={key: "unheard-of"}, nested=nested)
    assert "unheard-of" not in stream.getvalue()
    assert line(stream)["headers"] == {key: HIDDEN}


def test_a_secret_that_is_not_there_is_seen_to_be_missing(stream: io.StringIO) -> None:
    logger("relay.x").info("sent", token=None)
    assert line(stream)["token"] is None


class Holder:
    def __repr__(self) -> str:
        return f"Holder({SECRET})"


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"before {SECRET} behind",
        [f"x{SECRET}"],
        {SECRET: 1},
        {"a": {"b": (SECRET,)}},
        {f"<{SECRET}>"},
        Holder(),
        SECRET.encode(),
        json.dumps({"x": SECRET}),
        repr({"x": SECRET}),
        "https://x.example/webhooks/swift/s3cr3t%2Fof%2Bthe%20%22store%22%27",
        "Basic czNjcjN0L29mK3RoZSAic3RvcmUiJw==",
        ValueError(SECRET),
    ],
)
def test_a_known_secret_never_comes_out(stream: io.StringIO, value: object) -> None:
    logger("relay.x").info("sent", value=value)
    logging.getLogger("other").info("sent %s", value, extra={"order": value})
    for written in map(json.loads, stream.getvalue().splitlines()):
        assert "s3cr3t" not in str(written)
        assert "czNjcjN0" not in str(written)


def test_a_short_secret_is_hidden_where_it_stands_alone(stream: io.StringIO) -> None:
    logger("relay.x").info("abcd", first="abc", second=31337, third=31338)
    written = line(stream)
    assert written["event"] == "abcd"
    assert (written["first"], written["second"]) == (HIDDEN, HIDDEN)
    assert written["third"] == 31338


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdefgh12", f"Authorization: Bearer {HIDDEN}"),
        ("authorization: BASIC QWxhZGRpbg==", f"authorization: BASIC {HIDDEN}"),
        ("bearer abcdefgh12, basic abcdefgh", f"bearer {HIDDEN}, basic {HIDDEN}"),
        ("postgresql://me:pw@db/x", f"postgresql://me:{HIDDEN}@db/x"),
        ("GET /x?token=abc&y=1", f"GET /x?token={HIDDEN}&y=1"),
        ("contracts.me.secret: it is missing", "contracts.me.secret: it is missing"),
        ("https://x.example:80/a", "https://x.example:80/a"),
    ],
)
def test_what_strangers_present_is_hidden(text: str, shown: str) -> None:
    assert Masking().masked(text) == shown


def test_other_values_are_shown_as_they_are(stream: io.StringIO) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    logger("relay.x").info("told", at=at, count=3, share=0.5, ok=True, raw=b"12345")
    written = line(stream)
    assert written["at"] == "2026-01-02T00:00:00+00:00"
    assert (written["count"], written["share"], written["ok"]) == (3, 0.5, True)
    assert written["raw"] == "[5 bytes]"


@given(
    secret=st.text(min_size=6, max_size=30),
    before=st.text(max_size=5),
    behind=st.text(max_size=5),
)
def test_wherever_a_secret_stands_it_is_hidden(
    secret: str, before: str, behind: str
) -> None:
    masked = Masking([secret]).masked(before + secret + behind)
    assert secret not in masked.replace(HIDDEN, "\x00") or secret in HIDDEN
    assert HIDDEN in masked


def test_a_line_of_a_kind_is_allowed_once_a_minute() -> None:
    now = [0.0]
    seldom = Seldom(lambda: now[0])
    assert [seldom("full"), seldom("full"), seldom("away")] == [True, False, True]
    now[0] = 60
    assert [seldom("full"), seldom("full")] == [True, False]


@pytest.mark.parametrize("layout", ["console", "json"])
def test_what_strangers_write_does_not_act_on_the_terminal(layout: Any) -> None:
    stream = io.StringIO()
    configure(layout=layout, stream=stream)
    hostile = "\x1b[2J \x9b31m \u202e odd\nfake line\r"
    logger("x").warning(f"event {hostile}", tried=hostile, several=[hostile])
    logging.getLogger("library").warning("a line %s", hostile)
    try:
        fail(hostile)
    except ValueError:
        logger("x").exception("failed")
    text = stream.getvalue()
    assert all(c.isprintable() or c == "\n" for c in text)
    lines = [one for one in text.splitlines() if one.startswith("fake")]
    assert lines == (["fake line\\r"] if layout == "console" else [])
