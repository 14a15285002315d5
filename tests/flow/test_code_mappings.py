"""An unknown code gets a meaning from a person: previewed, applied, and undone."""

import json
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from relay.adapters.protocol import Document
from relay.errors import Conflict, InvalidLabel, NotFound
from relay.inbound.code_applier import CodeApplier
from relay.service.access import Caller
from relay.service.code_models import CodeQuery, ExportQuery, MapRequest, UnmapRequest
from relay.service.codes import CodeService
from relay.service.status import ProcessState
from relay.store.code_replays import SETTLE
from relay.store.documents import Documents
from tests.support.way_in import everything
from tests.support.world import CONTRACT, World

ANA = Caller("ana", through="console")
GENERIC = {"adapter": "generic", "secret": "s" * 20, "verification": "signature"}
WHY = "the carrier's support said so"


@pytest.fixture
async def world(
    worlds: Callable[..., AbstractAsyncContextManager[World]],
) -> AsyncIterator[World]:
    """Give a relay whose carrier sends the plain format, with codes of its own."""
    async with worlds(contract=GENERIC) as made:
        yield made


def codes(world: World) -> CodeService:
    return world.process.relay.services.codes


def mapping(code: str, milestone: str, **more: Any) -> MapRequest:
    given = {
        "contract": CONTRACT,
        "carrierCode": code,
        "milestone": milestone,
        "why": WHY,
    }
    return MapRequest.model_validate(given | more)


def removal(code: str) -> UnmapRequest:
    return UnmapRequest(contract=CONTRACT, carrierCode=code, why="a mistake")


async def report(world: World, number: str, *scans: tuple[str, str]) -> None:
    """Store a document with scans of now, by code and text, and parse it."""
    events = [
        {"code": code, "at": world.now.isoformat(), "text": text}
        for code, text in scans
    ]
    body = json.dumps({"parcel": {"number": number}, "events": events}).encode()
    header = {"content-type": "application/json"}
    await Documents(world.database).keep(
        [Document(body, world.now, header, contract=CONTRACT, source="webhook")]
    )
    while await world.process.reader.step():
        pass


async def apply(world: World) -> None:
    """Parse again what a mapping concerns, in both passes, and publish."""
    applier = CodeApplier(world.database, world.clock)
    for _ in range(2):
        while await applier.step():
            while await world.process.reader.step():
                pass
        await world.rest()
        await world.clock.move_to(world.now + SETTLE)


async def in_transit(world: World, number: str = "TN1", order: str = "O-1") -> None:
    """Register a parcel that has left, with an unknown scan."""
    await world.label(order, numbers=number)
    await world.rest()
    await world.wait(hours=1)
    await report(world, number, ("in_transit", "left"))
    await world.rest()
    await world.wait(hours=1)
    await report(world, number, ("X7", "at the desk"))
    await world.rest()


async def test_a_mapping_is_previewed_without_any_change_and_then_applied(
    world: World,
) -> None:
    await in_transit(world)
    await in_transit(world, "TN2", "O-2")
    await world.label("O-3", numbers="TN3")
    await report(world, "TN3", ("in_transit", "left"))
    await world.rest()
    before = await everything(world.database, "events"), await world.vtex.counts()
    shipments = await everything(world.database, "shipments")

    seen = await codes(world).preview(ANA, mapping("X7", "available_for_pickup"))

    assert (seen.events, seen.documents, seen.tried) == (2, 2, 2)
    assert (seen.shipments, seen.orders, seen.vtex_updates) == (2, 2, 2)
    [change] = seen.changes
    assert (change.before, change.after, change.events) == (
        "unknown",
        "available_for_pickup",
        2,
    )
    assert [t.text for t in seen.examples[0].published] == ["at the desk"]
    assert (seen.deliveries, seen.warnings) == (0, ())
    assert await everything(world.database, "shipments") == shipments
    assert (
        await everything(world.database, "events"),
        await world.vtex.counts(),
    ) == before

    made = await codes(world).map(ANA, mapping("X7", "available_for_pickup"))
    assert (made.progress, made.mapped_by, made.why) == ("in_progress", "ana", WHY)
    await apply(world)

    assert "at the desk" in (await world.shown()).texts
    assert "at the desk" in (await world.shown("O-2")).texts
    [entry] = (await codes(world).page(ANA, CodeQuery())).mappings
    assert (entry.progress, entry.percent, entry.documents) == ("applied", 100, 2)
    # Only what differs is sent: two orders, each in one call.
    puts = (await world.vtex.counts())["put"] - before[1]["put"]
    assert puts == 2
    [audit] = await everything(world.database, "audit_entries")
    assert (audit["did"], audit["reason"]) == ("code mapped", WHY)
    # Later scans are parsed with it at once.
    await world.wait(hours=1)
    await report(world, "TN3", ("X7", "at the other desk"))
    await world.rest()
    assert "at the other desk" in (await world.shown("O-3")).texts


async def test_a_removed_mapping_leaves_what_was_published(world: World) -> None:
    await in_transit(world)
    await codes(world).map(ANA, mapping("X7", "held"))
    await apply(world)
    calls = await world.vtex.counts()

    seen = await codes(world).preview_removal(ANA, removal("X7"))
    assert (seen.events, seen.shipments, seen.vtex_updates) == (1, 1, 0)
    assert "1 event published already" in seen.warnings[0]
    assert seen.examples[0].kept == 1

    await codes(world).unmap(ANA, removal("X7"))
    await apply(world)
    events = await everything(world.database, "events")
    assert [(e["code"], e["milestone"]) for e in events if e["code"] == "X7"] == [
        ("X7", "unknown")
    ]
    assert "at the desk" in (await world.shown()).texts
    assert (await world.vtex.counts())["put"] == calls["put"]
    [entry] = (await codes(world).page(ANA, CodeQuery())).mappings
    assert (entry.removed_by, entry.removed_why) == ("ana", "a mistake")
    with pytest.raises(NotFound, match="is not mapped"):
        await codes(world).unmap(ANA, removal("X7"))


async def test_a_mapping_to_delivered_warns_and_passes_the_same_gates(
    world: World,
) -> None:
    await in_transit(world)
    await world.label("O-2", numbers="TN2")
    await report(world, "TN2", ("X7", "at the door"))  # too soon after its label
    await world.wait(hours=1)
    await report(world, "TN3", ("X7", "não entregue"))
    await world.label("O-3", numbers="TN3")

    wanted = mapping("X7", "delivered")
    seen = await codes(world).preview(ANA, wanted)
    assert seen.deliveries == 1
    assert "1 shipment would be published as delivered" in seen.warnings
    assert "does not take it back" in seen.warnings[0]
    with pytest.raises(InvalidLabel) as refused:
        await codes(world).map(ANA, wanted)
    assert refused.value.field == "confirmDelivered"
    assert (await codes(world).page(ANA, CodeQuery())).mappings == ()

    confirmed = mapping("X7", "delivered", confirmDelivered=True)
    await codes(world).map(ANA, confirmed)
    await apply(world)
    assert (await world.shown()).finished
    assert not (await world.shown("O-2")).finished
    assert not (await world.shown("O-3")).finished
    assert list(await world.quarantined("O-2")) == ["X7"]


async def test_a_restart_in_the_middle_goes_on_where_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.store.code_replays.EVENTS", 1)
    for number in range(1, 4):
        await in_transit(world, f"TN{number}", f"O-{number}")
    await codes(world).map(ANA, mapping("X7", "held"))
    assert await CodeApplier(world.database, world.clock).step()
    [entry] = (await codes(world).page(ANA, CodeQuery())).mappings
    assert (entry.progress, entry.documents) == ("in_progress", 1)
    await world.restart()
    await apply(world)
    for number in range(1, 4):
        assert "at the desk" in (await world.shown(f"O-{number}")).texts


@pytest.mark.parametrize(
    ("request_", "field", "said", "hint"),
    [
        (mapping("X7", "delivred"), "milestone", "no milestone", "`delivered`"),
        (mapping("X7", "unknown"), "milestone", "no milestone", "in_transit"),
        (mapping("X7", "held", contract="x"), "contract", "not config", CONTRACT),
        (
            mapping("held", "returned"),
            "carrierCode",
            "already: held",
            ".codes]",
        ),
        (
            mapping("X7", "held", effect="provisional"),
            "effect",
            "only a delivery",
            "administrative",
        ),
    ],
)
async def test_a_mistake_is_refused_with_the_fix(
    world: World, request_: MapRequest, field: str, said: str, hint: str
) -> None:
    for act in (codes(world).preview, codes(world).map):
        with pytest.raises((InvalidLabel, Conflict), match=said) as refused:
            await act(ANA, request_)
        assert (refused.value.field, hint in refused.value.hint) == (field, True)


async def test_the_settings_win_and_the_status_shows_the_conflict(
    world: World,
) -> None:
    await in_transit(world)
    service = codes(world)
    await service.map(ANA, mapping("X7", "held", text="Na agência"))
    with pytest.raises(Conflict, match="mapped to held by ana"):
        await service.preview(ANA, mapping("X7", "returned"))
    exported = (await service.export(ANA, ExportQuery())).toml
    row = {"X7": {"milestone": "held", "text": "Na agência"}}
    assert tomllib.loads(exported) == {"contracts": {CONTRACT: {"codes": row}}}
    rows = (await service.export(ANA, ExportQuery(form="adapter"))).toml
    assert tomllib.loads(rows) == {"codes": row}

    # The exported rows are put into the settings, and one is changed there later.
    for milestone, conflicts in (("held", 0), ("exception", 1)):
        own = {"X7": row["X7"] | {"milestone": milestone}}
        contract = world.settings.contracts[CONTRACT]
        given = contract.model_dump(mode="python") | {"codes": own}
        changed = type(contract).model_validate(given)
        tables = {CONTRACT: changed}
        settings = world.settings.model_copy(update={"contracts": tables})
        await world.process.relay.reload(settings)
        found = (await service.page(ANA, CodeQuery())).mappings[0].conflict
        assert bool(found) == bool(conflicts)
    assert found is not None
    assert "exception in the settings" in found
    state = ProcessState(running=True, last_good="", last_good_at=None)
    lines = (await world.process.relay.services.status.status(ANA, state)).lines
    [problem] = [p for line in lines for p in line.problems if "X7" in p.message]
    assert (problem.message, problem.level) == (found, "warning")
    assert "relay codes unmap" in problem.hint
    with pytest.raises(Conflict, match="mapped to held"):
        await service.map(ANA, mapping("X7", "returned"))
    await apply(world)
    events = await everything(world.database, "events")
    assert [e["milestone"] for e in events if e["code"] == "X7"] == ["exception"]


async def test_other_accounts_contracts_are_not_seen(world: World) -> None:
    await in_transit(world)
    await codes(world).map(ANA, mapping("X7", "held"))
    otto = Caller("otto", accounts=["other"])
    assert (await codes(world).page(otto, CodeQuery())).mappings == ()
    with pytest.raises(InvalidLabel, match="not configured"):
        await codes(world).unmap(otto, removal("X7"))
