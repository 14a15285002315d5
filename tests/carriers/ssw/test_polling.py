"""Polling SSW: by key, as the sender, and invalid answers."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientPayloadError, ClientSession
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses

from carriers.ssw import Adapter
from carriers.ssw.sandbox import Simulator
from relay.adapters.protocol import (
    AnswerUnpacker,
    CarrierFailure,
    ContractOptions,
    Document,
    PollEndpoint,
)
from relay.domain.events import ParcelView, Reference, ReferenceKind
from relay.sandbox.server import create_sandbox
from relay.sandbox.simulator import (
    SimulatedCall,
    SimulatedParcel,
    SimulatedScan,
    Simulation,
)
from relay.sandbox.world import WORLD, SandboxOptions
from tests.carriers.ssw.signing import KEY, found, occurrence, transport
from tests.carriers.wire import given

BY_KEY = "https://ssw.inf.br/api/trackingdanfe"
AS_SENDER = "https://ssw.inf.br/api/tracking"
NOT_FOUND = {"success": False, "message": "Nenhum documento localizado"}
HAPPENED = datetime(2026, 5, 19, 17, 47, 3, tzinfo=UTC)
PARCEL = ParcelView((), invoice_key=KEY)


def adapter(**options: Any) -> Adapter:
    zone = ZoneInfo("America/Sao_Paulo")
    return Adapter(ContractOptions("road", zone, options=options))


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


def sent(wire: aioresponses) -> list[Any]:
    """Return the bodies of all calls."""
    calls = [call for calls in wire.requests.values() for call in calls]
    return [call.kwargs["json"] for call in calls]


async def test_an_nfe_is_polled_by_its_key(session: ClientSession) -> None:
    answer = found(documento=transport(occurrence("01")))
    with aioresponses() as wire:
        wire.post(BY_KEY, **given(answer))
        [document] = await adapter().poll(session, [PARCEL])
        assert sent(wire) == [{"chave_nfe": KEY}]
    assert json.loads(document.body) == {"chave_nfe": KEY, "resposta": answer}
    assert document.headers == {"content-type": "application/json"}
    [event] = adapter().parse(document)
    assert event.references[0].value == KEY


async def test_a_sender_asks_by_the_invoices_number(session: ClientSession) -> None:
    made = adapter(cnpj="11.222.333/0001-81", password="s", sigla_emp="TST")
    with aioresponses() as wire:
        wire.post(AS_SENDER, **given(NOT_FOUND))
        [document] = await made.poll(session, [PARCEL])
        login = {"cnpj": "11222333000181", "senha": "s", "sigla_emp": "TST"}
        assert sent(wire) == [login | {"nro_nf": 12345}]
    assert json.loads(document.body)["chave_nfe"] == KEY
    with aioresponses() as wire:
        wire.post(AS_SENDER, **given(NOT_FOUND))
        await adapter(cnpj="11222333000181").poll(session, [PARCEL])
        assert sent(wire) == [{"cnpj": "11222333000181", "nro_nf": 12345}]


async def test_parcels_of_one_nfe_are_one_question_and_others_are_left_out(
    session: ClientSession,
) -> None:
    key = Reference(kind=ReferenceKind.INVOICE_KEY, value=f"NFe{KEY[:22]} {KEY[22:]}")
    others = [ParcelView((), "ZZ1"), ParcelView((), invoice_key="12345")]
    with aioresponses() as wire:
        wire.post(BY_KEY, **given(NOT_FOUND))
        parcels = [PARCEL, ParcelView((key,)), *others]
        assert len(await adapter().poll(session, parcels)) == 1


async def test_not_found_yet_is_no_failure(session: ClientSession) -> None:
    with aioresponses() as wire:
        wire.post(BY_KEY, **given(NOT_FOUND))
        [document] = await adapter().poll(session, [PARCEL])
    assert adapter().parse(document) == []


GOOD = json.dumps(found(documento=transport(occurrence("01")))).encode()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (given(b"<html>login</html>", content_type="text/html"), r"not JSON \(text/ht"),
        (given(GOOD[:-9]), "not JSON"),
        (given(b""), "not JSON"),
        (given([]), "without the field success"),
        (given({}), "without the field success"),
        (given({"success": "true", "documento": {}}), "without the field success"),
        (given({"success": True}), "without a document"),
        (given({"success": True, "documento": None}), "without a document"),
        (given({"success": True, "documento": "x"}), "without a document"),
        (given({"success": False, "message": "Chave invalida."}), "Chave invalida"),
        (given({"success": False}), "an error: None"),
        (given(b"", 500), "answered 500"),
        (given(GOOD, 302, headers={"Location": "/login"}), "answered 302"),
        ({"exception": ClientPayloadError("cut")}, "ClientPayloadError"),
        ({"exception": TimeoutError()}, "TimeoutError"),
    ],
)
async def test_an_invalid_answer_is_a_failure(
    session: ClientSession, answer: Any, says: str
) -> None:
    with aioresponses() as wire:
        wire.post(BY_KEY, **answer)
        with pytest.raises(CarrierFailure, match=says):
            await adapter().poll(session, [PARCEL])


async def test_they_say_how_long_to_wait(session: ClientSession) -> None:
    with aioresponses() as wire:
        wire.post(BY_KEY, **given(b"", 429, headers={"Retry-After": "30"}))
        with pytest.raises(CarrierFailure, match="answered 429") as caught:
            await adapter().poll(session, [PARCEL])
    assert caught.value.wait == 30


async def test_the_sandbox_answers_a_sender_too(session: ClientSession) -> None:
    app = create_sandbox(SandboxOptions(simulators={"ssw": Simulator()}))
    parcel = SimulatedParcel("order", "12345", invoice_number="12345")
    for code in ("80", "01"):
        app[WORLD].simulations["ssw"].record(
            SimulatedScan(parcel, code, HAPPENED, "Palavras")
        )
    async with TestServer(app) as server:
        home = str(server.make_url("/carriers/ssw"))
        made = adapter(cnpj="11222333000181", base_url=home)
        [document] = await made.poll(session, [PARCEL])
    assert [event.carrier_code for event in made.parse(document)] == ["80", "01"]


@pytest.mark.parametrize("body", [b"", b"cnpj=1", b"[]", b"{}"])
def test_the_sandbox_wants_to_know_who_asks(body: bytes) -> None:
    _, as_sender = Simulator().routes()
    answer = as_sender.answer(SimulatedCall("POST", {}, {}, {}, body), Simulation())
    assert json.loads(answer.body)["success"] is False


def test_an_answer_is_unpacked_with_the_polled_key() -> None:
    made = adapter()
    assert isinstance(made, AnswerUnpacker)
    assert isinstance(made, PollEndpoint)
    assert made.poll_url == "https://ssw.inf.br"
    answer = Document(json.dumps(NOT_FOUND).encode(), HAPPENED)
    [document] = made.unpack(answer, [PARCEL])
    published = {"chave_nfe": KEY, "resposta": NOT_FOUND}
    assert json.loads(document.body) == published
    with pytest.raises(CarrierFailure, match="does not name its NF-e"):
        made.unpack(answer, [])
