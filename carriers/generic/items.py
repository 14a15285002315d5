"""Find the events of a document, and where each of them is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from carriers.generic.expressions import Expression, kind_of
from carriers.generic.options import Events
from relay.adapters.parts import attempt
from relay.adapters.protocol import Unreadable, UnreadablePart

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """An object in a document, at a `position` such as `boxes[0].history[2]`."""

    position: str
    fields: Any


Items = list[Item | UnreadablePart]


def groups_of(events: Events, root: Any) -> list[Items]:
    """Return the events of each parent, with the fields inherited from it.

    Raises `Unreadable` if the document *root* has none.
    """
    *outer, inner = events.list
    parents: Items = [Item("", root)]
    for level in outer:
        parents = [item for parent in parents for item in _below(level, parent, root)]
    return [_inheriting(events, inner, parent, root) for parent in parents]


def _inheriting(
    events: Events, inner: Expression, parent: Item | UnreadablePart, root: Any
) -> Items:
    """Return the events of *parent*, with what they inherit from it."""

    def inherited(of: Item) -> dict[str, Any]:
        return {name: path.find(of.fields) for name, path in events.inherit.items()}

    if isinstance(parent, UnreadablePart):
        return [parent]
    more = _attempt(parent, root, partial(inherited, parent))
    if isinstance(more, UnreadablePart):
        return [more]
    return [
        Item(item.position, item.fields | more) if isinstance(item, Item) else item
        for item in _below(inner, parent, root)
    ]


def _below(path: Expression, parent: Item | UnreadablePart, root: Any) -> Items:
    """Return the objects that *path* finds in *parent*: a list, or a single one."""
    if isinstance(parent, UnreadablePart):
        return [parent]
    found = _attempt(parent, root, partial(_items, path, parent, root))
    return [found] if isinstance(found, UnreadablePart) else found


def _attempt(parent: Item, root: Any, parse: Callable[[], T]) -> T | UnreadablePart:
    """Call *parse*; its error is that of *parent*, or of the whole document."""
    return parse() if parent.fields is root else attempt(parent.position, parse)


def _items(path: Expression, parent: Item, root: Any) -> Items:
    found = path.find(parent.fields)
    if found is None and parent.fields is root:
        raise Unreadable(
            f"events.list: {path.text!r} finds nothing, and this is not a ping",
            fixed=True,
        )
    name = "" if path.text == "@" else path.text
    at = ".".join(filter(None, (parent.position, name)))
    if isinstance(found, list):
        each = [(f"{at}[{index}]", item) for index, item in enumerate(found)]
    else:
        each = [(at or "event", found)] if found is not None else []
    within = " in a list" if isinstance(found, list) else ""
    return [_item(where, item, path, within) for where, item in each]


def _item(
    position: str, value: Any, path: Expression, within: str
) -> Item | UnreadablePart:
    if isinstance(value, dict):
        return Item(position, value)
    what = f"{kind_of(value)}{within}"
    because = f"events.list: {path.text!r} finds {what}, not an object"
    return UnreadablePart(position, Unreadable(because))
