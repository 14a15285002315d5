"""What came is kept as it came, taken in slices, listed and read again."""

import asyncio
import hashlib
from datetime import timedelta

import pytest

from relay.adapters.protocol import Document
from relay.clock import micros
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.event_rows import Pace, ParsedDocument
from relay.store.rejected import RejectedBounds, RejectedRequest
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


def rejected_request(
    body: bytes, received_at: object = START, contract: str = "acme"
) -> RejectedRequest:
    return RejectedRequest(
        contract, received_at, {"content-type": "a/b"}, body, {"x-key": "1f"}, "forged"
    )  # type: ignore[arg-type]


async def test_asides_are_bounded_in_number_size_and_age(database: Database) -> None:
    rejected_requests = Documents(database).rejected_requests
    wide = RejectedBounds(100, ROOM, START - timedelta(days=7))
    await rejected_requests.put([rejected_request(b"other", contract="other")], wide)
    await rejected_requests.put(
        [rejected_request(b"%03d" % i) for i in range(10)], wide
    )

    async def bodies() -> list[bytes]:
        return [a["body"] for a in await rejected_requests.of_contract("acme")]

    await rejected_requests.trim("acme", RejectedBounds(5, ROOM, START))
    assert await bodies() == [b"005", b"006", b"007", b"008", b"009"]
    await rejected_requests.trim("acme", RejectedBounds(5, 10, START))
    assert await bodies() == [b"007", b"008", b"009"]
    await rejected_requests.put(
        [rejected_request(b"new", START + timedelta(days=9))], wide
    )
    await rejected_requests.trim(
        "acme", RejectedBounds(5, 10, START + timedelta(days=2))
    )
    assert await bodies() == [b"new"]
    assert len(await rejected_requests.of_contract("other")) == 1


async def test_what_was_put_aside_becomes_a_document_on_an_operators_word(
    database: Database,
) -> None:
    documents = Documents(database)
    wide = RejectedBounds(100, ROOM, START - timedelta(days=7))
    await documents.rejected_requests.put([rejected_request(b"{}")], wide)
    (row,) = await documents.rejected_requests.of_contract("acme")
    assert (row["reason"], row["presented"]) == ("forged", '{"x-key":"1f"}')
    assert await documents.rejected_requests.accept(
        row["rejected_request"], "ana", START
    )
    assert not await documents.rejected_requests.accept(
        row["rejected_request"], "ana", START
    )
    assert await documents.rejected_requests.of_contract("acme") == []
    (document,) = await documents.list()
    assert (document["source"], document["contract"]) == ("operator", "acme")


async def test_a_probe_leaves_nothing(way_in: WayIn) -> None:
    await way_in.documents.probe(START)
    assert await way_in.rows("rejected_requests") == []
