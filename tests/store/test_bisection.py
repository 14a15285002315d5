"""An error of a batch is narrowed to its item; an outage is not."""

from collections.abc import Sequence

import pytest

from relay.errors import DatabaseUnavailable
from relay.store.bisection import narrow


class Store:
    """Refuses batches with certain items, and counts."""

    def __init__(self, *refused: int) -> None:
        self.refused = set(refused)
        self.stored: list[int] = []
        self.failed: list[int] = []
        self.calls = 0

    async def store(self, items: Sequence[int]) -> None:
        self.calls += 1
        if self.refused & set(items):
            raise ValueError("refused")
        self.stored += items

    async def fail(self, item: int, error: Exception) -> None:
        assert str(error) == "refused"
        self.failed.append(item)


@pytest.mark.parametrize("refused", [(), (0,), (511,), (7, 8, 300)])
async def test_all_but_the_refused_items_are_stored_in_order(
    refused: tuple[int, ...],
) -> None:
    store = Store(*refused)
    await narrow(range(512), store.store, store.fail)
    assert store.stored == [n for n in range(512) if n not in refused]
    assert store.failed == list(refused)
    assert store.calls <= 1 + 18 * len(refused), "halves, not one by one"


async def test_nothing_is_stored_of_nothing() -> None:
    store = Store()
    await narrow([], store.store, store.fail)
    assert store.calls == 0


async def test_an_outage_is_no_fault_of_an_item() -> None:
    store = Store()

    async def away(_: Sequence[int]) -> None:
        store.calls += 1
        raise DatabaseUnavailable("away")

    with pytest.raises(DatabaseUnavailable):
        await narrow(range(512), away, store.fail)
    assert (store.calls, store.failed) == (1, [])
