"""The guard against adapter code that never releases the interpreter."""

import subprocess
import sys
from textwrap import dedent

import pytest

OVERLAPPING = """
    import threading
    from datetime import timedelta
    from relay.runtime.wiring import InterpreterGuard

    guard = InterpreterGuard(timedelta(milliseconds=200))
    reader, poller = guard.held(), guard.held()
    reader.__enter__()
    poller.__enter__()
    reader.__exit__(None, None, None)
    {then}
    threading.Event().wait({seconds})
"""


@pytest.mark.parametrize(
    ("then", "seconds", "code"),
    [("", 60, 1), ("poller.__exit__(None, None, None)", 0.5, 0)],
)
def test_the_guard_ends_the_process_until_the_last_one_has_left(
    then: str, seconds: float, code: int
) -> None:
    script = dedent(OVERLAPPING).format(then=then, seconds=seconds)
    ran = subprocess.run([sys.executable, "-c", script], check=False, timeout=120)
    assert ran.returncode == code
