"""Small made-up traces: what the reader of traces makes of them, and what is unsafe."""

import pytest

from tests.system.kills.durability import unsafe
from tests.system.kills.strace import NEVER, calls

MARKER = b"mark-1-end"
REQUEST = (
    '11 read(9<socket:[77]>, "POST /webhooks/me\\r\\n\\r\\nmark-1-end", 65536) = 31'
)
INNER = r'12 pwrite64(5</d/r.db-wal>, "\0\0\0\2\0\0\0\0abcdefghijklmnop", 24, 32) = 24'
COMMIT = r'12 pwrite64(5</d/r.db-wal>, "\0\0\0\2\0\0\0\3abcdefghijklmnop", 24, 56) = 24'
PAGE = r'12 pwrite64(5</d/r.db-wal>, "\r\0\0..mark-1-end..\377", 4096, 80) = 4096'
OTHER_PAGE = r'12 pwrite64(5</d/r.db-wal>, "\r\0\0......\377", 4096, 80) = 4096'
SYNC = "12 fdatasync(5</d/r.db-wal>) = 0"
SYNC_BEGINS = "12 fdatasync(5</d/r.db-wal> <unfinished ...>"
SYNC_ENDS = "12 <... fdatasync resumed>) = 0"
ANSWER = '11 write(9<socket:[77]>, "HTTP/1.1 200 OK\\r\\n\\r\\n{}", 21) = 21'


def test_a_call_on_one_line_begins_and_ends_there() -> None:
    (call,) = calls([PAGE])
    assert (call.name, call.file) == ("pwrite64", "/d/r.db-wal")
    assert (call.began, call.ended, call.result) == (0, 0, 4096)
    assert call.data == b"\r\0\0..mark-1-end..\xff"


def test_a_call_is_put_together_from_the_lines_of_its_thread() -> None:
    read, write = calls(
        [
            "11 read(9<socket:[77]>,  <unfinished ...>",
            '12 write(4<pipe:[3]>, "x", 1 <unfinished ...>',
            '11 <... read resumed>"POST", 65536) = 4',
            "12 <... write resumed>) = 1",
        ]
    )
    assert (read.began, read.ended, read.data, read.result) == (0, 2, b"POST", 4)
    assert (write.began, write.ended, write.data, write.result) == (1, 3, b"x", 1)
    assert read.file == "socket:[77]"


def test_a_call_that_never_ends_has_only_begun() -> None:
    (call,) = calls([SYNC_BEGINS, "12 +++ killed by SIGKILL +++"])
    assert (call.began, call.ended) == (0, NEVER)


def test_words_that_look_like_an_end_may_stand_in_a_text() -> None:
    (call,) = calls([r'7 write(1<pipe:[3]>, "f(\") = 3 (", 9) = 9'])
    assert (call.data, call.result) == (b'f(") = 3 (', 9)


def test_an_error_is_a_result() -> None:
    words = "= -1 EAGAIN (Resource temporarily unavailable)"
    (call,) = calls([f"7 read(9<socket:[77]>, 0x7f, 65536) {words}"])
    assert (call.result, call.data) == (-1, b"")


def test_the_parts_of_a_message_are_one_text() -> None:
    parts = (
        r'[{iov_base="HTTP/1.1 200 OK\r\n", iov_len=17}, {iov_base="{}", iov_len=2}]'
    )
    (call,) = calls([f"7 writev(9<socket:[77]>, {parts}, 2) = 19"])
    assert call.data == b"HTTP/1.1 200 OK\r\n{}"


def test_signals_exits_and_strange_lines_are_no_calls() -> None:
    lines = ["7 --- SIGTERM {si_signo=SIGTERM} ---", "7 +++ exited with 0 +++", "?"]
    assert calls([*lines, "7 <... read resumed>) = 3", "7 read(9, <detached"]) == []


def test_written_synced_and_answered_in_this_order_is_safe() -> None:
    assert _unsafe(REQUEST, COMMIT, PAGE, SYNC, ANSWER) is None
    assert _unsafe(REQUEST, INNER, PAGE, COMMIT, OTHER_PAGE, SYNC, ANSWER) is None
    assert _unsafe(REQUEST, COMMIT, PAGE, SYNC_BEGINS, SYNC_ENDS, ANSWER) is None


@pytest.mark.parametrize(
    "lines",
    [
        (REQUEST, COMMIT, PAGE, ANSWER),
        (REQUEST, COMMIT, PAGE, ANSWER, SYNC),
        (REQUEST, SYNC, COMMIT, PAGE, ANSWER),
        (REQUEST, COMMIT, PAGE, SYNC_BEGINS, ANSWER, SYNC_ENDS),
        (REQUEST, SYNC_BEGINS, COMMIT, PAGE, SYNC_ENDS, ANSWER),
        (REQUEST, INNER, PAGE, SYNC, COMMIT, OTHER_PAGE, ANSWER),
        (REQUEST, COMMIT, PAGE, SYNC.replace("r.db-wal", "r.db"), ANSWER),
        (REQUEST, COMMIT, PAGE, SYNC.replace("= 0", "= -1 EIO"), ANSWER),
    ],
    ids=[
        "never synced",
        "synced afterwards",
        "synced before",
        "sync not complete",
        "sync begun before",
        "synced without the commit",
        "another file",
        "failed",
    ],
)
def test_what_was_not_synced_in_time_is_unsafe(lines: tuple[str, ...]) -> None:
    assert _unsafe(*lines) == "answered before it was synced"


def test_what_was_not_written_in_time_is_unsafe() -> None:
    early = "answered before it was written"
    assert _unsafe(REQUEST, ANSWER, COMMIT, PAGE, SYNC) == early
    assert _unsafe(REQUEST, COMMIT, OTHER_PAGE, SYNC, ANSWER) == early
    assert _unsafe(REQUEST, INNER, PAGE, SYNC, ANSWER) == early


def test_an_answer_counts_for_the_request_of_its_connection() -> None:
    missing = "no answer is in the trace"
    assert _unsafe(REQUEST, COMMIT, PAGE, SYNC) == missing
    assert _unsafe(REQUEST, ANSWER.replace("77", "78")) == missing
    assert _unsafe(REQUEST, ANSWER.replace("200", "503")) == missing
    another = REQUEST.replace("mark-1", "mark-2")
    assert _unsafe(another, ANSWER, REQUEST, COMMIT, PAGE, SYNC, ANSWER) is None


def _unsafe(*lines: str) -> str | None:
    return unsafe(calls(lines), [MARKER]).get(MARKER)
