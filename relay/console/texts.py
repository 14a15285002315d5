"""The texts of the pages: one file per language, with the same keys in each."""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from relay.clock import in_zone

Language = Literal["pt", "es", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("pt", "es", "en")
_FORMATS: Final[Mapping[str, str]] = {
    "pt": "%d/%m/%Y %H:%M",
    "es": "%d/%m/%Y %H:%M",
    "en": "%Y-%m-%d %H:%M",
}


class Texts:
    """The texts of one language, by dotted key."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._texts = _loaded(language)

    def __call__(self, key: str, **values: Any) -> str:
        """Return the text of *key* with *values* in its placeholders.

        Raises `KeyError` for an unknown key.
        """
        return self._texts[key].format(**values)

    def name(self, group: str, value: str) -> str:
        """Return the name of one *value* of a group, such as a state.

        A value that is too new to have a name is shown as it is.
        """
        return self._texts.get(f"{group}.{value}", value)

    def knows(self, group: str, value: object) -> bool:
        """Return whether one *value* of a group has a name."""
        return f"{group}.{value}" in self._texts

    def time(self, when: datetime | None, zone: ZoneInfo) -> str:
        """Return a time as people of the language write it, in *zone*."""
        if when is None:
            return "-"
        return in_zone(when, zone).strftime(_FORMATS[self.language])

    def ago(self, when: datetime, now: datetime) -> str:
        """Return how long ago something was, in its largest unit."""
        seconds = max(int((now - when).total_seconds()), 0)
        for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
            if seconds >= length:
                return self(f"ago.{unit}", number=seconds // length)
        return self("ago.now")


@cache
def texts(language: Language) -> Texts:
    """Return the texts of *language*."""
    return Texts(language)


@cache
def _loaded(language: str) -> Mapping[str, str]:
    file = files("relay.console.languages").joinpath(f"{language}.toml")
    return dict(_flat(tomllib.loads(file.read_text(encoding="utf-8"))))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
