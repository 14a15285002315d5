"""How much Python a call executes, counted and not timed."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

DOUBLED: Final = 2.4
"""How much the work may grow with twice the input: sorting costs slightly more."""


def operations(call: Callable[[], object]) -> int:
    """Return how many Python instructions *call* executes."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
