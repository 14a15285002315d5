"""What a value looks like, for messages that must not show what it is."""

from typing import Any, Final

_LONGEST: Final = 40


def kind(value: Any) -> str:
    """Say what a JSON *value* is, without its content."""
    named = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return named.get(type(value), "nothing" if value is None else "a number")


def shape(text: str) -> str:
    """Return how *text* looks: digits as 9, letters as a."""
    looks = "".join(map(_sign, text[:_LONGEST]))
    return looks + "…" if len(text) > _LONGEST else looks


def _sign(sign: str) -> str:
    if sign.isdigit():
        return "9"
    if sign.isalpha():
        return "a"
    return sign if sign.isascii() else "?"
