"""A carrier's bytes are verified and kept before anything else is done with them."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from relay.adapters.protocol import Document, Reply, WebhookRequest
from relay.config.seal import Seal
from relay.config.sections import IntakeSettings as Limits
from relay.errors import BacklogFull, UnknownContract, VerificationFailed
from relay.inbound.batch_writer import BatchWriter
from relay.inbound.intake import Intake
from relay.inbound.rejected import RejectedWriter
from relay.service.sealed_requests import PresentedRequest, seal_request
from relay.store.documents import Documents
from relay.store.rejected import OVERHEAD
from tests.support import acme
from tests.support.way_in import WayIn, until

SECRET = "0123456789abcdef-in-the-address"


class Held(Documents):
    """Documents on a disk that waits until it is let go, or refuses."""

    def __init__(self, documents: Documents) -> None:
        self.__dict__.update(documents.__dict__)
        self.batches: list[int] = []
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def keep(self, batch: Sequence[Document]) -> None:
        self.batches.append(len(batch))
        await self.go.wait()
        if self.error is not None:
            raise self.error
        await super().keep(batch)

    async def probe(self, now: Any) -> None:
        if self.error is not None:
            raise self.error
        await super().probe(now)


def held(way_in: WayIn, **more: Any) -> tuple[Held, Intake]:
    documents = Held(way_in.documents)
    intake = Intake(
        documents,
        way_in.carriers,
        way_in.contracts,
        way_in.clock,
        **{"health": way_in.health} | more,
    )
    return documents, intake


async def accepted(intake: Intake, *bodies: bytes) -> list[asyncio.Task[Reply]]:
    tasks = [
        asyncio.create_task(intake.accept("acme", acme.request(b))) for b in bodies
    ]
    await asyncio.sleep(0)
    return tasks


async def test_a_signed_webhook_is_on_disk_when_it_is_answered(way_in: WayIn) -> None:
    intake = way_in.intake()
    request = acme.request(b"{}", **{"x-version": "2", "cookie": "no business of ours"})
    assert await intake.accept("acme", request) == Reply(200, b"{}")
    (row,) = await way_in.rows("documents")
    assert (row["contract"], row["source"], row["body"]) == ("acme", "webhook", b"{}")
    headers = {"content-type": "application/json", "x-version": "2"}
    assert json.loads(row["headers"]) == headers
    assert way_in.published == ["kept"]
    counted = b'relay_documents_stored_total{contract="acme"} 1.0'
    assert counted in intake.metrics.text()


async def test_an_unknown_contract_is_refused(way_in: WayIn) -> None:
    with pytest.raises(UnknownContract, match="nobody"):
        await way_in.intake().accept("nobody", acme.request(b"{}"))


async def test_a_forged_webhook_is_counted_and_put_aside(way_in: WayIn) -> None:
    intake = way_in.intake()
    forged = WebhookRequest(
        {"x-signature": "guess", "content-type": "a/b", "x-version": "1"}, b"{}"
    )
    for _ in range(3):
        with pytest.raises(VerificationFailed):
            await intake.accept("acme", forged)
    await intake.close()
    assert await way_in.rows("documents") == []
    counted = b'relay_documents_rejected_total{contract="acme"} 3.0'
    assert counted in intake.metrics.text()
    rows = await way_in.rows("rejected_requests")
    assert len(rows) == 3
    assert json.loads(rows[0]["headers"]) == {"content-type": "a/b", "x-version": "1"}
    assert b"guess" not in str(rows).encode() + b"".join(r["sealed"] for r in rows)


async def test_asides_are_written_without_being_waited_for(way_in: WayIn) -> None:
    intake = way_in.intake()
    with pytest.raises(VerificationFailed):
        await intake.accept("acme", WebhookRequest({}, b"first"))

    async def written() -> bool:
        return len(await way_in.rows("rejected_requests")) == 1

    await until(written)
    await intake.close()


async def test_whoever_writes_asides_rests_and_looks_again(way_in: WayIn) -> None:
    rejected_requests = RejectedWriter(
        way_in.documents.rejected_requests,
        way_in.clock,
        Limits(),
        {"acme": Seal(b"key")},
        rest=timedelta(0),
    )
    presented = PresentedRequest(acme.request(b"{}"))

    async def written(count: int) -> None:
        async def reached() -> bool:
            return len(await way_in.rows("rejected_requests")) == count

        await until(reached)

    for count in (1, 2):
        rejected_requests.put("acme", presented, {}, VerificationFailed("forged"))
        await written(count)
        await until(lambda: rejected_requests.resting)
    await rejected_requests.close()


def rejected_sizes(*bodies: bytes) -> int:
    """Return the bytes that rejected requests of these bodies take."""
    sealed = seal_request(PresentedRequest(WebhookRequest({}, b"")), Seal(b"key"))
    return sum(len(body) + len(sealed) + OVERHEAD for body in bodies)


async def test_rejected_requests_take_no_more_room_than_the_settings_allow(
    way_in: WayIn,
) -> None:
    limit = rejected_sizes(b"2", b"3")
    intake = way_in.intake(limits=Limits(rejected_bytes=limit))
    with capture_logs() as lines:
        for body in (b"1", b"too large" * limit, b"2", b"3"):
            with pytest.raises(VerificationFailed):
                await intake.accept("acme", WebhookRequest({}, body))
        await intake.close()
    assert [r["body"] for r in await way_in.rows("rejected_requests")] == [b"2", b"3"]
    (counted,) = await way_in.rows("rejected_counts")
    assert (counted["rejected"], counted["dropped"]) == (4, 2)
    dropped = b'relay_rejected_dropped_total{contract="acme"} 2.0'
    assert dropped in intake.metrics.text()
    (line,) = [one for one in lines if one["event"] == "rejected requests dropped"]
    assert (line["contract"], line["count"]) == ("acme", 2)


async def test_a_flood_at_one_contract_displaces_no_request_of_another(
    way_in: WayIn, settings: Any
) -> None:
    way_in.contracts = settings({"acme": {}, "zeta": {}}).contracts
    way_in.carriers["zeta"] = acme.Acme()
    limit = rejected_sizes(b"x", b"x", b"x")
    intake = way_in.intake(limits=Limits(rejected_bytes=limit))
    for contract, times in (("zeta", 2), ("acme", 50), ("acme", 50)):
        for _ in range(times):
            with pytest.raises(VerificationFailed):
                await intake.accept(contract, WebhookRequest({}, b"x"))
        await intake.rejected_requests.step()
    await intake.close()
    stored = Counter(r["contract"] for r in await way_in.rows("rejected_requests"))
    assert stored == {"zeta": 2, "acme": 3}


async def test_rejected_requests_are_counted_where_none_are_stored(
    way_in: WayIn,
) -> None:
    intake = way_in.intake(limits=Limits(rejected_bytes=0))
    with pytest.raises(VerificationFailed):
        await intake.accept("acme", WebhookRequest({}, b""))
    await intake.close()
    assert await way_in.rows("rejected_requests") == []
    assert [r["rejected"] for r in await way_in.rows("rejected_counts")] == [1]


async def test_closing_without_asides_writes_nothing(way_in: WayIn) -> None:
    await way_in.intake().rejected_requests.close()
    assert await way_in.rows("rejected_requests") == []


async def test_a_disk_that_refuses_asides_does_not_change_the_answer(
    way_in: WayIn,
) -> None:
    documents = way_in.documents

    class Full:
        async def put(self, *_: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    documents.rejected_requests = documents.refused_webhooks = Full()  # type: ignore[assignment]
    intake = Intake(documents, way_in.carriers, way_in.contracts, way_in.clock)
    with pytest.raises(VerificationFailed):
        await intake.accept("acme", WebhookRequest({}, b""))
    intake.count_refused("/webhooks/acme", "POST", 401)
    await intake.close()
    dropped = b'relay_rejected_dropped_total{contract="acme"} 1.0'
    assert dropped in intake.metrics.text()


async def test_a_bug_of_verify_asks_the_carrier_to_come_again(way_in: WayIn) -> None:
    way_in.acme.verify_fails = KeyError("x")
    intake = way_in.intake()
    with pytest.raises(BacklogFull, match="could not verify"):
        await intake.accept("acme", acme.request(b"{}"))
    await intake.close()
    (row,) = await way_in.rows("rejected_requests")
    assert row["reason"] == "verification failed with KeyError"
    assert await way_in.rows("documents") == []


@pytest.fixture
def by_address(way_in: WayIn, settings: Any) -> WayIn:
    contract = {"verification": "url", "url_secret": SECRET}
    way_in.contracts = settings({"acme": contract}).contracts
    return way_in


async def test_a_secret_in_the_address_opens_the_door(by_address: WayIn) -> None:
    intake = by_address.intake()
    unsigned = WebhookRequest({}, b"{}")
    assert (await intake.accept("acme", unsigned, SECRET)).status == 200
    for wrong in (None, "", "guess-of-the-secret", "\udcff"):
        with pytest.raises(VerificationFailed):
            await intake.accept("acme", unsigned, wrong)
    await intake.close()
    rows = await by_address.rows("rejected_requests")
    assert len(rows) == 4
    assert "guess" not in str(rows)


async def test_a_contract_without_verification_takes_everything(
    way_in: WayIn, settings: Any
) -> None:
    way_in.contracts = settings({"acme": {"verification": "none"}}).contracts
    intake = way_in.intake()
    assert (await intake.accept("acme", WebhookRequest({}, b"{}"))).status == 200


async def test_an_address_with_a_typing_error_is_named_in_the_log(
    way_in: WayIn,
) -> None:
    intake = way_in.intake()
    with capture_logs() as lines:
        for _ in range(4):
            with pytest.raises(UnknownContract):
                await intake.accept("acmee", WebhookRequest({}, b"{}"))
    assert [(line["tried"], line["count"]) for line in lines] == [
        ("acmee", count) for count in (1, 2, 4)
    ]


async def test_a_contract_that_is_asked_takes_nothing(
    way_in: WayIn, settings: Any
) -> None:
    way_in.contracts = settings({"acme": {"verification": "polling_only"}}).contracts
    with pytest.raises(VerificationFailed, match="polling-only"):
        await way_in.intake().accept("acme", WebhookRequest({}, b"{}"))
    assert await way_in.rows("documents") == []


async def test_requests_that_come_together_share_a_commit(way_in: WayIn) -> None:
    documents, intake = held(way_in)
    first = await accepted(intake, b"1")
    rest = await accepted(intake, b"2", b"3", b"4")
    documents.go.set()
    await asyncio.gather(*first, *rest)
    assert documents.batches == [1, 3]
    assert len(await way_in.rows("documents")) == 4


async def test_past_the_bound_of_requests_nothing_is_taken(way_in: WayIn) -> None:
    documents, intake = held(way_in, limits=Limits(backlog_requests=2))
    tasks = await accepted(intake, b"1", b"2")
    with pytest.raises(BacklogFull, match="wait"):
        await intake.accept("acme", acme.request(b"3"))
    documents.go.set()
    await asyncio.gather(*tasks)
    assert (await intake.accept("acme", acme.request(b"3"))).status == 200


async def test_past_the_bound_of_bytes_nothing_is_taken(way_in: WayIn) -> None:
    documents, intake = held(way_in, limits=Limits(backlog_bytes=2000))
    tasks = await accepted(intake, b"1" * 1000)
    with pytest.raises(BacklogFull):
        intake.check_capacity("acme", 900)
    intake.check_capacity("acme", 100)
    documents.go.set()
    await asyncio.gather(*tasks)
    intake.check_capacity("acme", 1900)


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.OperationalError("disk I/O error"),
        ConnectionRefusedError("no server"),
        TimeoutError(),
    ],
)
async def test_a_store_that_refuses_is_told_and_not_kept_secret(
    way_in: WayIn, error: Exception
) -> None:
    documents, intake = held(way_in)
    documents.error = error
    documents.go.set()
    tasks = await accepted(intake, b"1", b"2")
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(result, BacklogFull)
    assert way_in.health.reasons() == [
        f"store: could not store documents ({type(error).__name__}); see the log"
    ]
    with pytest.raises(BacklogFull):
        await intake.accept("acme", acme.request(b"3"))
    await intake.probe()
    assert way_in.health.reasons()
    documents.error = None
    await intake.probe()
    assert way_in.health.reasons() == []
    await intake.probe()
    assert (await intake.accept("acme", acme.request(b"3"))).status == 200
    assert [r["body"] for r in await way_in.rows("documents")] == [b"3"]


async def test_a_carrier_that_hangs_up_does_not_disturb_the_others(
    way_in: WayIn,
) -> None:
    documents, intake = held(way_in)
    first, second = await accepted(intake, b"1", b"2")
    first.cancel()
    documents.go.set()
    assert (await second).status == 200
    assert len(await way_in.rows("documents")) == 2


async def test_closing_waits_for_what_was_taken(way_in: WayIn) -> None:
    documents, intake = held(way_in)
    (task,) = await accepted(intake, b"1")
    documents.go.set()
    await intake.close()
    assert len(await way_in.rows("documents")) == 1
    assert (await task).status == 200


async def test_a_carrier_gets_the_answer_it_insists_on(way_in: WayIn) -> None:
    way_in.carriers["acme"] = acme.Replying()
    reply = await way_in.intake().accept("acme", acme.request(b"{}"))
    assert reply == Reply(202, b"<ok/>", "text/xml")


async def test_an_adapters_reply_that_fails_costs_nothing(way_in: WayIn) -> None:
    way_in.carriers["acme"] = acme.Replying(reply_fails=RuntimeError())
    intake = way_in.intake()
    assert await intake.accept("acme", acme.request(b"{}")) == Reply(200, b"{}")
    assert len(await way_in.rows("documents")) == 1


async def test_other_doors_keep_documents_without_verification(way_in: WayIn) -> None:
    intake = way_in.intake()
    await intake.store_document(
        "acme", "poll", {"x-version": "3", "x-other": "1"}, b"p"
    )
    (row,) = await way_in.rows("documents")
    assert (row["source"], row["headers"]) == ("poll", '{"x-version":"3"}')
    with pytest.raises(UnknownContract):
        await intake.store_document("nobody", "poll", {}, b"")


async def test_there_is_one_limit_for_bodies(way_in: WayIn) -> None:
    assert way_in.intake(limits=Limits(body_limit=7)).body_limit == 7


async def test_a_request_waits_for_a_slow_database_only_so_long(way_in: WayIn) -> None:
    documents = Held(way_in.documents)
    patience = timedelta(milliseconds=100)
    writer = BatchWriter(documents, Limits(), way_in.health, lambda: None, patience)

    def arrives(body: bytes) -> asyncio.Task[None]:
        document = Document(body, way_in.clock(), contract="acme", source="webhook")
        return asyncio.create_task(writer.store(document))

    first = arrives(b"1")
    await asyncio.wait({first}, timeout=0.05)
    second = arrives(b"2")

    for late in (first, second):
        with pytest.raises(BacklogFull, match="did not answer in time"):
            await late
    assert way_in.health.reasons() == [
        "store: could not store documents (TimeoutError); see the log"
    ]
    third = arrives(b"3")
    documents.go.set()
    await third
    await writer.close()
    # A document that was stored late, and sent again, counts once.
    assert [r["body"] for r in await way_in.rows("documents")] == [b"1", b"2", b"3"]
    assert way_in.health.reasons() == []
