"""A sample document: its JSON value, the lists in it, and the fields of an object."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from relay.adapters.personal_data import is_personal
from relay.errors import ConfigurationError
from relay.text import UndecodableText, decode_text

Path = tuple[str, ...]
Leaves = Mapping[Path, Any]
"""The texts and numbers in nested objects, by path."""
MOST_ITEMS: Final = 50
"""Items of a list that are examined."""
_FORMS: Final = (
    (re.compile(r"\s*<"), "XML"),
    (re.compile(r"\s*(UNA|UNB|ISA)"), "EDI"),
    (re.compile(r"\s*[\w.%+\[\]-]+=[^\n]*$"), "a form"),
    (re.compile(r"\s*(\{[^\n]*\}\s*\n\s*){1,}\{"), "several JSON documents"),
    (re.compile(r"[^\n{]*[;,\t|][^\n]*\n[^\n]*[;,\t|]"), "CSV"),
)
_NESTED: Final = re.compile(r"\s*(\{.*\}|\[.*\]|<.*>)\s*", re.DOTALL)


def json_value(body: bytes) -> Any:
    """Return the JSON value of a sample; raise `ConfigurationError` naming its form."""
    try:
        text, _ = decode_text(body)
    except UndecodableText:
        raise _refused("not text in UTF-8") from None
    try:
        return json.loads(text)
    except RecursionError:
        raise _refused("not JSON (nested too deeply)") from None
    except ValueError:
        found = next((name for form, name in _FORMS if form.match(text)), "")
        raise _refused(f"{found or 'this is'}, not JSON".strip()) from None


def _refused(problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"sample: {problem}; copy an adapter for a similar format instead"
    )


@dataclass(frozen=True, slots=True)
class Items:
    """The objects in one list, or the document as the only one.

    `levels` are the paths of the lists, each from an item of the one before; none
    means the document. `parents` are the objects around each item, outermost first.
    """

    levels: tuple[Path, ...]
    items: tuple[Any, ...]
    parents: tuple[tuple[Any, ...], ...]

    @property
    def name(self) -> str:
        """The key of the list; empty for a document or a list without a key."""
        return next((path[-1] for path in reversed(self.levels) if path), "")


def document(value: Any) -> Items:
    """Return the document as the only item."""
    return Items((), (value,), ((),))


def lists(value: Any) -> list[Items]:
    """Return every list of objects in *value*, also in the items of other lists."""
    found: dict[tuple[Path, ...], list[tuple[Any, tuple[Any, ...]]]] = {}
    _collect(value, (), (), (value,), found)
    return [
        Items(levels, tuple(i for i, _ in pairs), tuple(p for _, p in pairs))
        for levels, pairs in found.items()
    ]


def _collect(
    value: Any,
    levels: tuple[Path, ...],
    path: Path,
    parents: tuple[Any, ...],
    found: dict[tuple[Path, ...], list[tuple[Any, tuple[Any, ...]]]],
) -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            _collect(part, levels, (*path, str(key)), parents, found)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        deeper = (*levels, path)
        around = found.setdefault(deeper, [])
        for item in value[:MOST_ITEMS]:
            around.append((item, parents))
            _collect(item, deeper, (), (*parents, item), found)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the texts and numbers in nested objects, without possible personal data."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            if not is_personal(str(key), part):
                yield from leaves(part, (*path, str(key)))
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield path, value


def empty_lists(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of empty lists in nested objects."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from empty_lists(part, (*path, str(key)))
    elif value == []:
        yield path


def has_rows_without_names(value: Any) -> bool:
    """Whether *value* has a list of lists of values, as tables without headers are."""
    if isinstance(value, Mapping):
        return any(map(has_rows_without_names, value.values()))
    if not isinstance(value, list):
        return False
    rows = [part for part in value if isinstance(part, list)]
    is_table = any(isinstance(part, str) for row in rows for part in row)
    return is_table or any(map(has_rows_without_names, value))


def nested_texts(value: Any) -> list[Path]:
    """Return the paths of texts that hold a document of their own, JSON or XML."""
    return [
        path
        for path, leaf in leaves(value)
        if isinstance(leaf, str) and len(leaf) > 2 and _NESTED.fullmatch(leaf)  # noqa: PLR2004
    ]
