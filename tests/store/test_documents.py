"""What came is kept as it came, taken in slices, listed and read again."""

import asyncio
import hashlib
import json
from datetime import datetime, timedelta

import pytest

from relay.adapters.protocol import Document
from relay.clock import micros
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.refused import MOST_KINDS, RefusalTally, RefusedWebhook
from relay.store.rejected import (
    Acceptance,
    RejectedBounds,
    RejectedRequest,
    RejectedTally,
    Rejections,
)
from relay.store.unread import ReaderTerms, Slice
from tests.support.clock import START, Clock
from tests.support.way_in import WayIn, everything

TERMS = ReaderTerms(Pace(), {})
ROOM = 1_000_000


def kept(body: bytes = b"{}", contract: str = "acme", **headers: str) -> Document:
    return Document(body, START, headers, contract=contract, source="webhook")


async def mark(part: Slice, **more: str) -> None:
    readings = [
        ParsedDocument(d.number, d.contract, d.received_at, **more)  # type: ignore[arg-type]
        for d in part.documents
    ]
    await part.store_events(readings, START, TERMS)


async def test_a_document_comes_back_as_it_came(database: Database) -> None:
    documents = Documents(database)
    body = bytes(range(256))
    await documents.keep([kept(body, **{"x-note": "caf\udce9 \0"})])
    async with documents.slice(10, ROOM) as part:
        (unread,) = part.documents
    assert (unread.contract, unread.body) == ("acme", body)
    assert unread.received_at == START
    assert unread.headers == {"x-note": "caf? \N{REPLACEMENT CHARACTER}"}
    assert not unread.replayed


async def test_a_slice_takes_the_oldest_within_its_bounds(database: Database) -> None:
    documents = Documents(database)
    await documents.keep([kept(b"x" * 100) for _ in range(5)])
    async with documents.slice(3, ROOM) as part:
        assert ([len(d.body) for d in part.documents], part.more) == ([100] * 3, True)
    async with documents.slice(10, 250) as part:
        assert (len(part.documents), part.more) == (2, True)
    async with documents.slice(10, 1) as part:
        assert (len(part.documents), part.more) == (1, True)
    async with documents.slice(10, ROOM) as part:
        assert (len(part.documents), part.more) == (5, False)
        await mark(part)
    async with documents.slice(10, ROOM) as part:
        assert (part.documents, part.more) == ([], False)


async def test_what_fails_inside_a_slice_leaves_it_unread(database: Database) -> None:
    documents = Documents(database)
    await documents.keep([kept()])
    with pytest.raises(ZeroDivisionError):
        async with documents.slice(10, ROOM) as part:
            assert len(part.documents) / 0
    assert await documents.oldest_unread() == START


async def test_two_readers_on_postgresql_read_every_document_once(
    postgres: Database,
) -> None:
    documents = Documents(postgres)
    await documents.keep([kept(b"%d" % i) for i in range(40)])
    both_hold_theirs = asyncio.Barrier(2)

    async def read() -> list[bytes]:
        mine: list[bytes] = []
        for turn in range(3):
            async with documents.slice(10, ROOM) as part:
                if turn == 0:
                    await both_hold_theirs.wait()
                await mark(part)
                mine += [d.body for d in part.documents]
        return mine

    first, second = await asyncio.gather(read(), read())
    assert sorted(first + second) == sorted(b"%d" % i for i in range(40))
    assert first
    assert second


async def test_documents_are_parked_and_come_back(database: Database) -> None:
    documents = Documents(database)
    await documents.keep([kept(contract="acme"), kept(contract="gone")])
    async with documents.slice(10, ROOM) as part:
        await part.park([d for d in part.documents if d.contract == "gone"])
        await part.park([])
    assert await documents.parked() == {"gone": 1}
    assert (await documents.backlog()).documents == 1
    await documents.unpark(["acme"])
    assert await documents.parked() == {"gone": 1}
    await documents.unpark(["acme", "gone"])
    assert await documents.parked() == {}
    assert (await documents.backlog()).documents == 2


async def test_the_backlog_says_how_much_waits_since_when(
    database: Database, clock: Clock
) -> None:
    documents = Documents(database)
    assert (await documents.backlog()).documents == 0
    assert await documents.oldest_unread() is None
    await documents.keep([kept()])
    clock.advance(timedelta(minutes=1))
    await documents.keep([Document(b"", clock(), contract="acme", source="poll")])
    backlog = await documents.backlog()
    assert (backlog.documents, backlog.oldest) == (2, START)


async def test_tries_are_counted_and_forgotten_once_it_was_read(
    database: Database,
) -> None:
    documents = Documents(database)
    assert await documents.count_try() is None
    await documents.keep([kept()])
    number = await documents.count_try()
    assert await documents.count_try() == number
    async with documents.slice(1, ROOM) as part:
        assert [(d.number, d.tries) for d in part.documents] == [(number, 2)]
        await mark(part)
    (row,) = await everything(database, "documents")
    assert (row["tries"], row["read_at"]) == (0, micros(START))


async def test_an_unreadable_document_is_listed_and_can_be_replayed(
    database: Database,
) -> None:
    documents = Documents(database)
    await documents.keep([kept(b"good"), kept(b"bad")])
    async with documents.slice(1, ROOM) as part:
        await mark(part)
    async with documents.slice(1, ROOM) as part:
        await mark(part, unreadable="ValueError: no\0thing")
    newest, oldest = await documents.list()
    assert newest["unreadable_reason"] == "ValueError: no\N{REPLACEMENT CHARACTER}thing"
    assert (oldest["unreadable_reason"], oldest["size"]) == (None, 4)
    assert "body" not in newest
    assert await documents.list(unreadable=True) == [newest]
    assert await documents.list(before=newest["document"], limit=1) == [oldest]
    assert await documents.replay(newest["document"])
    assert not await documents.replay(12345)
    async with documents.slice(9, ROOM) as part:
        assert [(d.body, d.replayed) for d in part.documents] == [(b"bad", True)]
    one = await documents.one(newest["document"])
    assert one is not None
    assert one["body"] == b"bad"
    assert await documents.one(12345) is None


async def test_a_cut_document_keeps_the_digest_of_the_original(
    database: Database,
) -> None:
    documents = Documents(database)
    await documents.keep([kept(b"whole")])
    digest = hashlib.sha256(b"whole").hexdigest()
    for cut, its_digest in ((b"wh", digest), (b"w", "that of what was cut before")):
        async with documents.slice(1, ROOM) as part:
            (d,) = part.documents
            reading = ParsedDocument(
                d.number, "acme", START, cut=cut, digest=its_digest
            )
            await part.store_events([reading], START, TERMS)
        assert await documents.replay(d.number)
    (row,) = await everything(database, "documents")
    assert (row["body"], row["digest"]) == (b"w", digest)


WIDE = RejectedBounds(ROOM, START - timedelta(days=7))


def rejected_request(
    body: bytes, received_at: datetime = START, contract: str = "acme"
) -> RejectedRequest:
    headers = {"content-type": "a/b"}
    return RejectedRequest(contract, received_at, headers, body, b"sealed", "forged")


async def test_rejected_requests_are_bounded_in_size_and_age(
    database: Database,
) -> None:
    rejected_requests = Documents(database).rejected_requests
    three = 3 * rejected_request(b"000").size
    other = [rejected_request(b"other", contract="other")]
    await rejected_requests.put(other, WIDE)
    await rejected_requests.put(
        [rejected_request(b"%03d" % i) for i in range(10)], WIDE
    )

    async def bodies() -> list[bytes]:
        return [a["body"] for a in await rejected_requests.of_contract("acme")]

    await rejected_requests.trim("acme", RejectedBounds(three, START))
    assert await bodies() == [b"007", b"008", b"009"]
    late = rejected_request(b"new", START + timedelta(days=9))
    await rejected_requests.put([late], WIDE)
    days_later = RejectedBounds(three, START + timedelta(days=2))
    await rejected_requests.trim("acme", days_later)
    assert await bodies() == [b"new"]
    assert len(await rejected_requests.of_contract("other")) == 1


async def test_rejected_requests_are_counted_even_if_they_are_not_stored(
    database: Database,
) -> None:
    rejected_requests = Documents(database).rejected_requests
    two = RejectedBounds(2 * rejected_request(b"0").size, START - timedelta(days=7))
    hour = timedelta(hours=1)
    for number in (0, 1):
        tally = RejectedTally(START, START + number * hour, rejected=4, dropped=1)
        batch = [rejected_request(b"%d" % i) for i in range(3)]
        found = await rejected_requests.put(batch, two, {"acme": tally})
        assert found == {"acme": 1 + 2 * number}
    totals = await rejected_requests.totals()
    assert totals == {
        "acme": Rejections("acme", 8, 2, 6, micros(START), micros(START + hour)),
    }


async def test_a_rejected_request_becomes_a_document_once(database: Database) -> None:
    documents = Documents(database)
    rejected_requests = documents.rejected_requests
    await rejected_requests.put([rejected_request(b"{}"), rejected_request(b"2")], WIDE)
    first, second = await rejected_requests.of_contract("acme")
    number, other = first["rejected_request"], second["rejected_request"]
    believed = Acceptance("ana", START, "the carrier confirmed it")
    assert await rejected_requests.accept([number], believed) == [number]
    assert await rejected_requests.accept([number], believed) == []
    verified = Acceptance("ana", START)
    assert await rejected_requests.accept([number, other], verified) == [other]
    assert await rejected_requests.of_contract("acme") == []
    found = [dict(await documents.one(n) or {}) for n in (1, 2)]
    assert [(d["source"], d["contract"]) for d in found] == [
        ("operator", "acme"),
        ("webhook", "acme"),
    ]
    type_ = {"content-type": "a/b", "relay-accepted-by": "ana"}
    assert [json.loads(d["headers"]) for d in found] == [
        type_ | {"relay-accepted-unverified": "the carrier confirmed it"},
        type_,
    ]


async def test_refused_requests_are_counted_by_kind_and_bounded(
    way_in: WayIn,
) -> None:
    refused = way_in.documents.refused_webhooks
    hour = timedelta(hours=1)
    kind = RefusedWebhook(
        "acme", "/webhooks/acme", "GET", 405, "not accepted", "send POST"
    )
    for number in (0, 1):
        tally = RefusalTally(START, START + number * hour, 2)
        await refused.put([(kind, tally)])
    (row,) = await way_in.rows("refused_webhooks")
    assert (row["requests"], row["last_at"] - row["first_at"]) == (4, 3_600_000_000)
    many = [
        (
            RefusedWebhook("", f"/webhooks/acm{i}", "POST", 404, "none"),
            RefusalTally(START, START),
        )
        for i in range(MOST_KINDS + 5)
    ]
    await refused.put(many)
    rows = await way_in.rows("refused_webhooks")
    assert len([r for r in rows if not r["contract"]]) == MOST_KINDS
    assert len([r for r in rows if r["contract"]]) == 1


async def test_a_probe_leaves_nothing(way_in: WayIn) -> None:
    await way_in.documents.probe(START)
    assert await way_in.rows("rejected_requests") == []
