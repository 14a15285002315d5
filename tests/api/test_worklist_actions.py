"""What operators do to many things at once: in slices, counted, with notes."""

from datetime import timedelta
from typing import Any

import pytest

from relay.service import documents, worklists
from relay.store.bulk import Bulk, ReplayFilter
from tests.api.apis import Api
from tests.api.test_worklists import register, stick
from tests.store.making import execute
from tests.support.acme import body, scan
from tests.support.clock import START
from tests.support.way_in import DAY, WayIn

RETRY = "/v1/lists/stuck/retry"
REPLAY = "/v1/documents/replay"


async def stuck(way_in: WayIn) -> list[int]:
    """Return the shipments that are stuck still."""
    sql = "SELECT shipment FROM shipments WHERE stuck_reason IS NOT NULL"
    found = await execute(way_in.database, f"{sql} ORDER BY shipment")
    return [r["shipment"] for r in found]


@pytest.mark.parametrize(
    ("filters", "count", "left"),
    [
        ({}, 3, []),
        ({"account": "store"}, 3, []),
        ({"contract": "acme"}, 3, []),
        ({"reason": "nothing"}, 0, [1, 2, 3]),
        ({"reason": "BAD DATE"}, 2, [2]),
    ],
)
async def test_stuck_shipments_that_fit_are_tried_again(
    api: Api, way_in: WayIn, filters: dict[str, str], count: int, left: list[int]
) -> None:
    ids = [await register(api, order) for order in "123"]
    for shipment, because in enumerate(("Bad date", "Other", "bad date"), 1):
        await stick(way_in, shipment, because)

    status, answered = await api.call("POST", RETRY, filters)

    assert (status, answered) == (202, {"count": count, "next": None})
    assert await stuck(way_in) == left
    assert api.woken.news == 4
    if count:
        notes = (await api.one(ids[0]))["timeline"]["notes"]
        assert notes[-1]["text"] == "retry requested by anybody"


async def test_one_request_does_so_many_slices_and_says_where_to_go_on(
    api: Api, way_in: WayIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (documents, worklists):
        monkeypatch.setattr(module, "SLICES", 1)
    monkeypatch.setattr(Bulk.__init__, "__defaults__", (2,))
    for order in "123":
        await register(api, order)
    for shipment in (1, 2, 3):
        await stick(way_in, shipment)
    await way_in.keep(b"odd", b"odd", b"odd")
    await way_in.read()

    for path in (RETRY, REPLAY):
        _, first = await api.call("POST", path, {})
        _, second = await api.call("POST", path, {"cursor": first["next"]})

        assert (first["count"], second) == (2, {"count": 1, "next": None})


async def test_a_shipment_that_somebody_else_helped_meanwhile_is_not_counted(
    api: Api, way_in: WayIn
) -> None:
    await register(api, "1")
    async with way_in.database.writing() as tx:
        assert await tx.rows("lock_stuck", rows='[{"shipment": 1}]') == []


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 2),
        ({"unreadable": False}, 3),
        ({"contract": "acme"}, 2),
        ({"since": "2026-03-03T09:00:00-03:00"}, 1),
        ({"since": "2026-03-04T00:00:00Z"}, 0),
    ],
)
async def test_documents_that_fit_are_read_again(
    api: Api, way_in: WayIn, filters: dict[str, Any], count: int
) -> None:
    await way_in.keep(b"odd")
    api.clock.now = START + DAY
    await way_in.keep(b"odd", body(scan("BR1", "IT", START)))
    await way_in.read()
    await way_in.keep(b"not read yet")

    status, answered = await api.call("POST", REPLAY, filters)

    assert (status, answered) == (202, {"count": count, "next": None})
    assert api.woken.replay == 1
    documents = await way_in.rows("documents")
    assert sum(d["replays"] for d in documents) == count


async def test_shipments_of_replayed_documents_say_who_wanted_it(
    api: Api, way_in: WayIn
) -> None:
    id_ = await register(api, "1")
    hour = timedelta(hours=1)
    await way_in.keep(body(scan("BR1", "IT", START), scan("BR1", "OD", START + hour)))
    await way_in.read()

    await api.call("POST", REPLAY, {"unreadable": False})

    notes = [n["text"] for n in (await api.one(id_))["timeline"]["notes"]]
    assert notes[-1] == "documents parsed again; requested by anybody"
    assert notes.count(notes[-1]) == 1


async def test_what_is_too_old_is_not_looked_through(way_in: WayIn) -> None:
    await way_in.keep(*[b"odd"] * 5)
    await way_in.read()
    bulk = Bulk(way_in.database, "me", START, size=2)

    done = await bulk.replay(ReplayFilter(since=START + DAY))

    assert (done.count, done.next) == (0, None)


@pytest.mark.parametrize(
    ("path", "sent", "field"),
    [
        (RETRY, {"odd": 1}, "odd"),
        (RETRY, {"cursor": "odd"}, "cursor"),
        (RETRY, {"account": "outlet"}, "account"),
        (RETRY, {"contract": "other"}, "contract"),
        (REPLAY, {"contract": "other"}, "contract"),
        (REPLAY, {"since": "2026-03-03"}, "since"),
        (REPLAY, {"since": "2026-03-03T09:00:00"}, "since"),
    ],
)
async def test_an_odd_wish_is_refused_with_its_field(
    api: Api, path: str, sent: dict[str, str], field: str
) -> None:
    status, answered = await api.call("POST", path, sent)
    assert (status, answered["field"]) == (422, field)
