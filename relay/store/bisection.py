"""Narrows the error of a batch to the item that causes it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from relay.errors import DatabaseUnavailable

T = TypeVar("T")


async def narrow(
    items: Sequence[T],
    store: Callable[[Sequence[T]], Awaitable[object]],
    fail: Callable[[T, Exception], Awaitable[None]],
) -> None:
    """Store *items* together; after an error store each half, down to single items.

    *store* must be all or nothing. *fail* is called with each item that cannot be
    stored, and its error. An outage is raised as it is: no item is at fault.
    """
    try:
        if items:
            await store(items)
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the item's
        if len(items) == 1:
            await fail(items[0], error)
            return
        middle = len(items) // 2
        await narrow(items[:middle], store, fail)
        await narrow(items[middle:], store, fail)
