"""Warnings of an invoice, as a column holds them."""

from collections.abc import Iterable

from relay.problem_codes import CodedWarning, WarningCode
from relay.store.codec import dumps, loads


def warnings_text(warnings: Iterable[CodedWarning]) -> str:
    """Serialize warnings for a column."""
    return dumps([[w.code.value, w.field, str(w)] for w in warnings])


def stored_warnings(text: str) -> tuple[CodedWarning, ...]:
    """Parse the warnings of a column."""
    return tuple(
        CodedWarning(WarningCode(code), message.removeprefix(f"{field}: "), field)
        for code, field, message in loads(text)
    )
