"""Polling Correios: tokens, batches, and invalid answers."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientPayloadError, ClientSession, web
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses

from carriers.correios import Adapter
from carriers.correios.sandbox import TOKEN, Simulator
from relay.adapters.protocol import (
    AnswerUnpacker,
    CarrierFailure,
    ContractOptions,
    Document,
    PollEndpoint,
)
from relay.domain.events import ParcelView, Reference, ReferenceKind
from relay.sandbox.simulator import (
    SimulatedCall,
    SimulatedParcel,
    SimulatedScan,
    Simulation,
)
from tests.carriers.correios.signing import scan, tracked
from tests.carriers.wire import given

HOME = "https://api.correios.com.br"
CARD = f"{HOME}/token/v1/autentica/cartaopostagem"
OBJECTS = f"{HOME}/srorastro/v1/objetos?codigosObjetos=ZZ1&resultado=T"
OPTIONS = {"user": "user", "access_code": "code", "posting_card": "0012"}
HAPPENED = datetime(2026, 5, 19, 17, 47, 3, tzinfo=UTC)


class Post:
    """Correios' side: the sandbox's part, with tokens that run out."""

    def __init__(self) -> None:
        self.stage = Simulation()
        self.calls: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.given = 0
        self.refused: set[str] = set()

    def app(self) -> web.Application:
        app = web.Application()
        for route in Simulator().routes():
            app.router.add_route(route.method, route.path, self._answering(route))
        return app

    def _answering(self, route: Any) -> Any:
        async def answer(request: web.Request) -> web.Response:
            self.calls.append(request)
            body = await request.read()
            self.bodies.append(body)
            bearer = request.headers["Authorization"].removeprefix("Bearer ")
            if bearer in self.refused:
                return web.json_response({"msgs": ["expirou"]}, status=401)
            headers = dict(request.headers)
            if bearer.startswith("token-"):
                headers["Authorization"] = f"Bearer {TOKEN}"
            query, values = request.query, dict(request.match_info)
            call = SimulatedCall(request.method, values, query, headers, body)
            given = route.answer(call, self.stage)
            return web.Response(
                status=given.status, body=self._own(given.body), headers=given.headers
            )

        return answer

    def _own(self, body: bytes) -> bytes:
        """Give another token each time."""
        if TOKEN.encode() not in body:
            return body
        self.given += 1
        return body.replace(TOKEN.encode(), b"token-%d" % self.given)

    def happened(self, number: str, *codes: str) -> None:
        parcel = SimulatedParcel("order", number, number)
        for place, code in enumerate(codes):
            moment = HAPPENED.replace(hour=place)
            self.stage.record(SimulatedScan(parcel, code, moment, "Palavras"))


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
async def url(post: Post) -> AsyncIterator[str]:
    async with TestServer(post.app()) as server:
        yield str(server.make_url(""))


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as opened:
        yield opened


def adapter(url: str = "", *secrets: str, **options: Any) -> Adapter:
    given = (options or OPTIONS) | ({"base_url": url} if url else {})
    zone = ZoneInfo("America/Sao_Paulo")
    return Adapter(ContractOptions("post", zone, secrets=secrets, options=given))


def views(*numbers: str) -> list[ParcelView]:
    return [ParcelView((), number) for number in numbers]


def read(made: Adapter, documents: list[Document]) -> list[list[str]]:
    return [[event.carrier_code for event in made.parse(d)] for d in documents]


async def test_every_object_is_a_document_of_its_own(
    post: Post, url: str, session: ClientSession
) -> None:
    post.happened("ZZ1", "PO01", "BDE01")
    post.happened("ZZ2", "PO01")
    made = adapter(url)
    documents = await made.poll(session, views("ZZ1", "ZZ2", "ZZ3"))
    assert read(made, documents) == [["PO01", "BDE01"], ["PO01"], []]
    assert {d.headers["content-type"] for d in documents} == {"application/json"}
    login, asked = post.calls
    assert login.path == "/token/v1/autentica/cartaopostagem"
    assert json.loads(post.bodies[0]) == {"numero": "0012"}
    pair = base64.b64encode(b"user:code").decode()
    assert login.headers["Authorization"] == f"Basic {pair}"
    assert asked.query.getall("codigosObjetos") == ["ZZ1", "ZZ2", "ZZ3"]
    assert asked.query["resultado"] == "T"
    assert asked.headers["Accept-Language"] == "pt-BR"


async def test_at_most_fifty_objects_are_polled_in_one_call(
    post: Post, url: str, session: ClientSession
) -> None:
    made = adapter(url)
    numbers = [f"ZZ{n}" for n in range(made.batch_size + 1)]
    assert len(await made.poll(session, views(*numbers))) == 51
    asked = [c.query.getall("codigosObjetos") for c in post.calls[1:]]
    assert [len(numbers) for numbers in asked] == [50, 1]


async def test_a_number_is_polled_once_and_normalised(
    post: Post, url: str, session: ClientSession
) -> None:
    number = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="zz 1")
    parcels = [*views("ZZ1", ""), ParcelView((number,))]
    assert len(await adapter(url).poll(session, parcels)) == 1
    assert await adapter(url).poll(session, views("")) == []
    assert len(post.calls) == 2


@pytest.mark.parametrize(
    ("options", "path", "body"),
    [({"contract_number": 99}, "/contrato", b'{"numero": "99"}'), ({}, "", b"")],
)
async def test_a_token_may_be_requested_in_other_ways(  # noqa: PLR0917
    post: Post, url: str, session: ClientSession, options: Any, path: str, body: bytes
) -> None:
    made = adapter(url, user="user", access_code="code", **options)
    await made.poll(session, views("ZZ1"))
    assert post.calls[0].path == f"/token/v1/autentica{path}"
    assert post.bodies[0] == body


@pytest.mark.parametrize(
    ("secrets", "options"),
    [(("cws-ch1_x",), {"base_url": ""}), ((), {"access_code": "cws-ch1_x"})],
)
async def test_without_a_user_the_access_code_is_the_token(
    post: Post, url: str, session: ClientSession, secrets: Any, options: Any
) -> None:
    await adapter(url, *secrets, **options).poll(session, views("ZZ1"))
    assert [c.headers["Authorization"] for c in post.calls] == ["Bearer cws-ch1_x"]


async def test_a_refused_access_code_is_not_tried_again(
    post: Post, url: str, session: ClientSession
) -> None:
    with pytest.raises(CarrierFailure, match=r"answered 403.*Token inválido"):
        await adapter(url, access_code="wrong").poll(session, views("ZZ1"))
    assert len(post.calls) == 1


async def test_a_token_is_shared_by_all_calls(
    post: Post, url: str, session: ClientSession
) -> None:
    made = adapter(url)
    await asyncio.gather(*(made.poll(session, views(f"ZZ{n}")) for n in range(5)))
    await made.poll(session, views("ZZ9"))
    assert post.given == 1
    assert len(post.calls) == 7


async def test_a_token_that_ran_out_is_renewed_once_for_all(
    post: Post, url: str, session: ClientSession
) -> None:
    made = adapter(url)
    await made.poll(session, views("ZZ1"))
    post.refused.add("token-1")
    asking = [made.poll(session, views(f"ZZ{n}")) for n in range(5)]
    assert [len(documents) for documents in await asyncio.gather(*asking)] == [1] * 5
    assert post.given == 2


async def test_a_renewed_token_that_is_refused_too_is_a_failure(
    post: Post, url: str, session: ClientSession
) -> None:
    post.refused |= {"token-1", "token-2", "token-3"}
    with pytest.raises(CarrierFailure, match=r"answered 401.*expirou"):
        await adapter(url).poll(session, views("ZZ1"))
    assert post.given == 2


def test_the_sandbox_answers_for_one_object_too() -> None:
    stage = Simulation()
    [_, _, _, single] = Simulator().routes()
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Language": "en"}
    call = SimulatedCall("GET", {"number": "ZZ1"}, {}, headers, b"")
    [found] = json.loads(single.answer(call, stage).body)["objetos"]
    assert found["mensagem"].startswith("SRO-020")


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, {}, 403),
        ({"Authorization": f"Bearer {TOKEN}", "Accept-Language": "*"}, {}, 400),
        ({"Authorization": f"Bearer {TOKEN}", "Accept-Language": "en"}, {}, 400),
        (
            {"Authorization": f"Bearer {TOKEN}", "Accept-Language": "en"},
            {"codigosObjetos": ",".join("A" * 51)},
            400,
        ),
    ],
)
def test_the_sandbox_is_as_strict_as_they_are(
    headers: Mapping[str, str], query: Mapping[str, str], status: int
) -> None:
    [token, _, batch, _] = Simulator().routes()
    call = SimulatedCall("GET", {}, query, headers, b"")
    assert batch.answer(call, Simulation()).status == status
    assert (
        token.answer(SimulatedCall("POST", {}, {}, {}, b""), Simulation()).status == 401
    )


FOUND = {"objetos": [tracked(scan("PO01"))]}


async def test_a_good_answer_is_taken(session: ClientSession) -> None:
    with aioresponses() as wire:
        wire.post(CARD, **given({"token": "t"}, 201))
        wire.get(OBJECTS, **given(FOUND))
        assert len(await adapter().poll(session, views("ZZ1"))) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (given(b"<html>login</html>"), "not JSON"),
        (given(json.dumps(FOUND).encode()[:-9]), "not JSON"),
        (given([]), "without objects"),
        (given({}), "without objects"),
        (given({"objetos": {}}), "without objects"),
        (given({"objetos": ["ZZ1"]}), "without objects"),
        (given({"objetos": [{"eventos": []}]}), "without objects"),
        (given({"msgs": ["SRO-018: Idioma inválido"]}, 400), "400.*SRO-018"),
        (given({"msgs": ["SRO-001: Falha"], "objetos": []}), "SRO-001: Falha"),
        (given(b"", 500), "answered 500"),
        (given(b"<html>", 302), "answered 302"),
        ({"exception": ClientPayloadError("cut")}, "ClientPayloadError"),
        ({"exception": TimeoutError()}, "TimeoutError"),
    ],
)
async def test_an_invalid_answer_is_a_failure(
    session: ClientSession, answer: Any, says: str
) -> None:
    with aioresponses() as wire:
        wire.post(CARD, **given({"token": "t"}, 201))
        wire.get(OBJECTS, **answer)
        with pytest.raises(CarrierFailure, match=says):
            await adapter().poll(session, views("ZZ1"))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (given({"msgs": ["GTW-006: credenciais"]}, 401), "401.*GTW-006"),
        (given(b"<html>"), "not JSON"),
        (given([]), "without a token"),
        (given({"token": ""}, 201), "without a token"),
        (given({"token": 7}, 201), "without a token"),
    ],
)
async def test_no_token_is_a_failure(
    session: ClientSession, answer: Any, says: str
) -> None:
    with aioresponses() as wire:
        wire.post(CARD, **answer)
        with pytest.raises(CarrierFailure, match=says) as caught:
            await adapter().poll(session, views("ZZ1"))
        assert "code" not in str(caught.value)


async def test_they_say_how_long_to_wait(session: ClientSession) -> None:
    with aioresponses() as wire:
        wire.post(CARD, **given({"token": "t"}, 201))
        wire.get(OBJECTS, **given(b"", 429, headers={"Retry-After": "30"}))
        with pytest.raises(CarrierFailure, match="answered 429") as caught:
            await adapter().poll(session, views("ZZ1"))
    assert caught.value.wait == 30


def test_an_answer_is_taken_apart_without_asking() -> None:
    made = adapter()
    assert isinstance(made, AnswerUnpacker)
    assert isinstance(made, PollEndpoint)
    assert made.poll_url == HOME
    objects = [tracked(), tracked(codObjeto="ZZ2")]
    body = json.dumps({"objetos": objects}).encode()
    found = made.unpack(Document(body, HAPPENED), [])
    assert [json.loads(document.body) for document in found] == objects
    with pytest.raises(CarrierFailure, match="without objects"):
        made.unpack(Document(b"{}", HAPPENED), [])


@pytest.mark.parametrize("bad", ["ZZ1", None, {"eventos": []}])
def test_a_bad_object_does_not_stop_the_others_of_the_answer(bad: Any) -> None:
    made = adapter()
    body = json.dumps({"objetos": [bad, tracked(scan("PO01"))]}).encode()
    odd, good = made.unpack(Document(body, HAPPENED), [])
    with pytest.raises(ValueError, match="Tracked"):
        made.parse(odd)
    assert len(made.parse(good)) == 1
