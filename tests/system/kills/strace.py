"""Reads what `strace -f -y -o file` wrote: which system call began and ended when.

Pure: lines in, calls out. The order of lines is the order of events: a call begins
to act after its first line was written, and had acted before its last one was.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

NEVER: Final = 1 << 62
"""The line of what did not happen."""

_LINE: Final = re.compile(r"(\d+) +(.*)", re.DOTALL)
_BEGINS: Final = re.compile(r"(\w+)\((.*)", re.DOTALL)
_RESUMES: Final = re.compile(r"<\.\.\. (\w+) resumed>(.*)", re.DOTALL)
_ENDS: Final = re.compile(r"(.*)\) += (-?\d+|\?).*", re.DOTALL)
_UNFINISHED: Final = "<unfinished ...>"
_FILE: Final = re.compile(r"\d+<([^>]*)>")
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Call:
    """One system call; `began` and `ended` are numbers of lines."""

    name: str
    arguments: str
    began: int
    ended: int = NEVER
    result: int = -1

    @property
    def file(self) -> str:
        """What the descriptor in the first argument stands for, or ''."""
        found = _FILE.match(self.arguments)
        return found[1] if found else ""

    @property
    def data(self) -> bytes:
        """All texts among the arguments, one after the other."""
        texts = _TEXT.findall(self.arguments)
        return b"".join(ast.literal_eval(f'b"{text}"') for text in texts)


def calls(lines: Iterable[str]) -> list[Call]:
    """Return the calls of all threads, in the order in which they began."""
    return sorted(_calls(lines), key=lambda call: call.began)


def _calls(lines: Iterable[str]) -> Iterator[Call]:
    open_calls: dict[str, Call] = {}
    for number, line in enumerate(lines):
        found = _LINE.fullmatch(line.rstrip("\n"))
        if found is None:
            continue
        thread, words = found.groups()
        call = _continued(thread, words, number, open_calls)
        if call is not None and call.ended == NEVER:
            open_calls[thread] = call
        elif call is not None:
            yield call
    yield from open_calls.values()


def _continued(
    thread: str, words: str, number: int, open_calls: dict[str, Call]
) -> Call | None:
    """Return the call that a line begins or ends; None for exits and signals."""
    if found := _RESUMES.fullmatch(words):
        begun = open_calls.pop(thread, None)
        if begun is None or begun.name != found[1]:
            return None
        return _ended(begun.name, begun.arguments + found[2], begun.began, number)
    if found := _BEGINS.fullmatch(words):
        if found[2].endswith(_UNFINISHED):
            return Call(found[1], found[2].removesuffix(_UNFINISHED), number)
        return _ended(found[1], found[2], number, number)
    return None


def _ended(name: str, words: str, began: int, ended: int) -> Call | None:
    found = _ENDS.fullmatch(words)
    if found is None:
        return None
    result = -1 if found[2] == "?" else int(found[2])
    return Call(name, found[1], began, ended, result)
