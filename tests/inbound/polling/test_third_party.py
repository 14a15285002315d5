"""FeedCarrier and subscriptions, proven by carriers that others bring along."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from relay.adapters.loader import load_carrier
from relay.adapters.protocol import ContractOptions
from relay.clock import micros
from relay.config.settings import Settings
from relay.store.database import Database
from tests.inbound.polling.asking import Polled
from tests.support.acme import body, scan
from tests.support.clock import START, Clock
from tests.support.way_in import WayIn

SOURCE = """
    from datetime import timedelta

    from relay.adapters.protocol import CarrierFailure, Document
    from relay.domain.events import ReferenceKind
    from tests.support.acme import Acme

    class Adapter(Acme):
        display_name = "Owl Post"

        def __init__(self, contract):
            super().__init__()
            self.pages, self.cursors, self.fails_to_fetch = {}, [], False
            self.subscribed, self.until, self.refuses = [], None, False

    class Feeding(Adapter):
        async def fetch(self, session, cursor):
            self.cursors.append(cursor)
            if self.fails_to_fetch:
                raise CarrierFailure("the mailbox is shut")
            bodies, behind = self.pages.get(cursor, ([], cursor))
            headers = {"content-type": "application/json", "x-token": "secret"}
            return [Document(b, self.clock(), headers) for b in bodies], behind

    class Subscribing(Adapter):
        async def subscribe(self, session, parcel):
            self.subscribed.append(parcel.tracking_number)
            if self.refuses:
                raise CarrierFailure("not yet")
            return self.until

    class Everything(Feeding, Subscribing):
        batch_size = 1

        async def poll(self, session, parcels):
            self.subscribed.append("asked for " + parcels[0].tracking_number)
            return []
"""

Owls = Callable[..., Polled]


@pytest.fixture
def owls(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    database: Database,
    clock: Clock,
    settings: Callable[..., Settings],
) -> Owls:
    """Install a third party's package, and poll by one of its adapters."""
    package = tmp_path / "third_party"
    package.mkdir()
    (package / "__init__.py").write_text(dedent(SOURCE), encoding="utf-8")
    info = tmp_path / "third_party-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: third-party\nVersion: 1.0\n")
    points = "".join(
        f"{name} = third_party:{made}\n"
        for name, made in (
            ("owl_feed", "Feeding"),
            ("owl_hooks", "Subscribing"),
            ("owl_all", "Everything"),
        )
    )
    (info / "entry_points.txt").write_text(f"[relay.carriers]\n{points}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "third_party", raising=False)

    def make(adapter: str, **contract: Any) -> Polled:
        given = {"adapter": adapter, "poll_spacing_seconds": 0} | contract
        contracts = settings({"acme": given}).contracts
        carrier: Any = load_carrier(adapter, ContractOptions("acme", ZoneInfo("UTC")))
        carrier.clock = clock
        return Polled(WayIn(database, clock, contracts, {"acme": carrier}))

    return make


# A feed.


async def test_a_feed_is_kept_page_by_page_up_to_its_end(owls: Owls) -> None:
    polled = owls("owl_feed")
    await polled.way_in.register("AC1")
    polled.carrier.pages = {
        "": ([body(scan("AC1", "PU", START))], "page 1"),
        "page 1": ([body(scan("AC1", "IT", START))], "page 2"),
    }
    await polled.poll()
    assert polled.carrier.cursors == ["", "page 1", "page 2"]
    assert await polled.sources() == ["feed", "feed"]
    assert sorted(await polled.codes()) == ["IT", "PU"]
    assert (await polled.state()).cursor == "page 2"
    assert polled.published.count("kept") == 2
    for document in await polled.way_in.rows("documents"):
        assert document["headers"] == '{"content-type":"application/json"}'


async def test_a_feed_without_news_is_looked_at_every_few_minutes(owls: Owls) -> None:
    polled = owls("owl_feed", poll_feed_minutes=5)
    await polled.poll()
    await polled.poll(minutes=4)
    assert len(polled.carrier.cursors) == 1
    await polled.poll(minutes=1)
    assert len(polled.carrier.cursors) == 2


async def test_a_feed_that_stays_where_it_is_is_not_fetched_in_a_circle(
    owls: Owls,
) -> None:
    polled = owls("owl_feed")
    polled.carrier.pages = {"": ([body(scan("AC1", "PU", START))], "")}
    await polled.poll()
    await polled.poll(minutes=14)
    assert len(polled.carrier.cursors) == 1


async def test_a_feed_that_fails_keeps_its_cursor(owls: Owls) -> None:
    polled = owls("owl_feed")
    polled.carrier.fails_to_fetch = True
    await polled.poll()
    assert (await polled.state()).reason == "the mailbox is shut"
    await polled.poll(minutes=14)
    assert len(polled.carrier.cursors) == 1
    polled.carrier.fails_to_fetch = False
    await polled.poll(minutes=1)
    assert polled.carrier.cursors == ["", ""]
    assert (await polled.state()).failures == 0


async def test_documents_and_cursor_are_kept_together_or_not_at_all(
    owls: Owls,
) -> None:
    polled = owls("owl_feed")
    polled.carrier.pages = {"": ([body(scan("AC1", "PU", START)), b""], "page 1")}
    poller = polled.poller()
    claims, whole = poller.rounds.claims, poller.rounds.claims.fetched

    async def broken(called: Any, documents: Any, cursor: Any) -> bool:
        documents[-1].headers["x"] = object()
        return await whole(called, documents, cursor)

    claims.fetched = broken  # type: ignore[method-assign]
    await polled.poll()
    assert await polled.sources() == []
    assert (await polled.state()).cursor == ""
    claims.fetched = whole  # type: ignore[method-assign]
    await polled.poll(minutes=3)
    assert (await polled.state()).cursor == "page 1"
    assert await polled.sources() == ["feed", "feed"]


@pytest.mark.parametrize("returned", [None, ([], 7), ({}, "page 1")])
async def test_a_feed_that_returns_nonsense_is_a_failure(
    owls: Owls, returned: Any
) -> None:
    polled = owls("owl_feed")
    polled.carrier.pages = None

    async def nonsense(*_: object) -> Any:
        return returned

    polled.carrier.fetch = nonsense
    await polled.poll()
    assert "TypeError" in ((await polled.state()).reason or "")


# Subscriptions.


async def test_a_new_parcel_is_subscribed_at_once(owls: Owls) -> None:
    polled = owls("owl_hooks")
    await polled.way_in.register("AC1")
    await polled.poll()
    assert polled.carrier.subscribed == ["AC1"]
    assert (await polled.parcel())["subscribe_at"] is None
    await polled.poll(days=30)
    assert len(polled.carrier.subscribed) == 1


async def test_a_subscription_is_renewed_before_it_ends(owls: Owls) -> None:
    polled = owls("owl_hooks")
    await polled.way_in.register("AC1")
    polled.carrier.until = START + timedelta(days=30)
    await polled.poll()
    renewed = micros(polled.carrier.until - timedelta(days=1))
    assert (await polled.parcel())["subscribe_at"] == renewed
    await polled.poll(days=28)
    assert len(polled.carrier.subscribed) == 1
    await polled.poll(days=1)
    assert len(polled.carrier.subscribed) == 2


async def test_a_subscription_that_fails_is_tried_again(owls: Owls) -> None:
    polled = owls("owl_hooks")
    await polled.way_in.register("AC1")
    polled.carrier.refuses = True
    await polled.poll()
    await polled.poll(minutes=59)
    assert len(polled.carrier.subscribed) == 1
    polled.carrier.refuses = False
    await polled.poll(minutes=1)
    assert len(polled.carrier.subscribed) == 2


async def test_a_parcel_of_a_closed_shipment_is_not_subscribed(owls: Owls) -> None:
    polled = owls("owl_hooks")
    await polled.way_in.register("AC1")
    await polled.close_shipment()
    async with polled.way_in.database.writing() as tx:
        key = {"shipment": 1, "contract": "acme", "volume": 1}
        await tx.run("move_subscription", **key, subscribe_at=1)
    await polled.poll()
    assert polled.carrier.subscribed == []
    assert (await polled.parcel())["subscribe_at"] is None


async def test_an_instant_without_a_zone_is_refused(owls: Owls) -> None:
    polled = owls("owl_hooks")
    await polled.way_in.register("AC1")
    polled.carrier.until = START.replace(tzinfo=None)
    await polled.poll()
    assert "TypeError" in ((await polled.state()).reason or "")


# Everything at once.


async def test_a_carrier_may_be_called_for_everything(owls: Owls) -> None:
    polled = owls("owl_all", poll_feed_minutes=1440)
    await polled.way_in.register("AC1")
    await polled.poll(minutes=30)
    assert sorted(polled.carrier.subscribed) == ["AC1", "asked for AC1"]
    assert polled.carrier.cursors == [""]
    await polled.poll(hours=3)
    await polled.poll(hours=3)
    assert polled.carrier.subscribed.count("asked for AC1") == 3
    assert (await polled.state()).calls == 5
