"""Polling, as a contract describes it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses
from multidict import MultiDict
from yarl import URL

from carriers.generic import Adapter
from carriers.generic.sandbox import Simulator
from relay.adapters.protocol import (
    AnswerUnpacker,
    CarrierFailure,
    ContractOptions,
    Document,
    PollEndpoint,
    PollingCarrier,
)
from relay.domain.events import ParcelView, Reference, ReferenceKind
from relay.errors import ConfigurationError
from relay.sandbox.simulator import (
    Answers,
    SimulatedCall,
    SimulatedParcel,
    SimulatedScan,
    Simulates,
    Simulation,
)
from tests.carriers.generic.formats import ARRIVED, FORMAT, adapter
from tests.carriers.wire import given

HOME = "https://carrier.example"
ONE = {"url": f"{HOME}/track/{{tracking_number}}"}
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


def parcel(number: str, **references: str) -> ParcelView:
    known = [Reference(kind=ReferenceKind(k), value=v) for k, v in references.items()]
    return ParcelView(tuple(known), number)


def asker(
    *secrets: str, now: Callable[[], datetime] | None = None, **options: Any
) -> Any:
    contract = ContractOptions("c", ZoneInfo("UTC"), secrets, options=FORMAT | options)
    made = Adapter(contract, now) if now else Adapter(contract)
    assert isinstance(made, PollingCarrier)
    return made


def sent(mocked: aioresponses) -> list[tuple[str, str, Any]]:
    """Return the requests: method, URL and arguments."""
    return [
        (method, str(url), call.kwargs)
        for (method, url), calls in mocked.requests.items()
        for call in calls
    ]


def bodies(documents: list[Document]) -> list[Any]:
    return [json.loads(document.body) for document in documents]


def test_only_a_contract_with_polling_can_be_polled() -> None:
    assert isinstance(adapter(polling=ONE), PollingCarrier)
    assert not isinstance(adapter(), PollingCarrier)
    assert isinstance(adapter(polling=ONE), Adapter)


async def test_an_answer_is_stored_unchanged(session: ClientSession) -> None:
    made = asker(polling=ONE)
    with aioresponses() as carrier:
        carrier.get(f"{HOME}/track/ZZ1", **given(b'{"n": "ZZ1" }'))
        [document] = await made.poll(session, [parcel("ZZ1")])
    assert document.body == b'{"n": "ZZ1" }'
    assert document.headers == {"content-type": "application/json"}
    assert made.batch_size == 1


async def test_what_goes_into_an_address_is_percent_encoded(
    session: ClientSession,
) -> None:
    made = asker(polling=ONE)
    url = URL(f"{HOME}/track/Z%2F%3F%20%C3%A9", encoded=True)
    with aioresponses() as carrier:
        carrier.get(url, **given({}))
        await made.poll(session, [parcel("Z/? é")])
        [(_, asked, _)] = sent(carrier)
    assert asked == str(url)


@pytest.mark.parametrize("number", ["", ".", "..", "Z\r\nX: 1", " "])
async def test_a_parcel_without_a_usable_reference_is_left_out(
    session: ClientSession, number: str
) -> None:
    assert await asker(polling=ONE).poll(session, [parcel(number)]) == []


async def test_every_part_of_a_request_is_a_template(session: ClientSession) -> None:
    request = {
        "method": "POST",
        "url": "{base_url}/find",
        "query": {"user": "{user}"},
        "headers": {"Authorization": "Basic {secret_base64}", "X-Key": "k-{secret}"},
        "json": {"keys": ["{invoice_key}"], "deep": {"n": "no {order_id}"}, "page": 1},
    }
    options: Any = {"base_url": f"{HOME}/", "values": {"user": "me"}}
    asked = ParcelView((Reference(kind=ReferenceKind.ORDER_ID, value="1-01"),), "", "K")
    with aioresponses() as carrier:
        carrier.post(f"{HOME}/find?user=me", **given({}))
        made = asker("key", polling=request, **options)
        assert len(await made.poll(session, [asked, parcel("Z")])) == 1
        [(_, _, more)] = sent(carrier)
    assert more["headers"] == {"Authorization": "Basic a2V5", "X-Key": "k-key"}
    assert more["json"] == {"keys": ["K"], "deep": {"n": "no 1-01"}, "page": 1}


async def test_a_body_may_be_a_form(session: ClientSession) -> None:
    form = {"numbers": "{numbers}", "lang": "pt & br"}
    request = {"method": "POST", "url": f"{HOME}/find", "form": form}
    made = asker(polling=request | {"batch": {"size": 3}})
    with aioresponses() as carrier:
        carrier.post(f"{HOME}/find", **given({}))
        await made.poll(session, [parcel("A"), parcel("B"), parcel("A")])
        [(_, _, more)] = sent(carrier)
    assert more["data"] == b"numbers=A&numbers=B&lang=pt+%26+br"
    assert more["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


async def test_a_batch_repeats_a_parameter_or_joins_its_values(
    session: ClientSession,
) -> None:
    numbers = [parcel(n) for n in "ABC"]
    request = {"url": f"{HOME}/find", "query": {"n": "{numbers}"}}
    with aioresponses() as carrier:
        carrier.get(f"{HOME}/find?n=A&n=B", **given({}))
        carrier.get(f"{HOME}/find?n=C", **given({}))
        carrier.get(f"{HOME}/find?n=A;B;C", **given({}))
        two = asker(polling=request | {"batch": {"size": 2}})
        assert len(await two.poll(session, numbers)) == 2
        joined = {"size": 9, "separator": ";"}
        nine = asker(polling=request | {"batch": joined})
        assert len(await nine.poll(session, numbers)) == 1
    assert (two.batch_size, nine.batch_size) == (2, 9)


async def test_a_batch_may_be_of_another_reference(session: ClientSession) -> None:
    request = {"method": "POST", "url": f"{HOME}/find", "json": {"ids": "{numbers}"}}
    batch = {"size": 9, "of": "shipment_id"}
    made = asker(polling=request | {"batch": batch})
    with aioresponses() as carrier:
        carrier.post(f"{HOME}/find", **given({}))
        await made.poll(session, [parcel("A", shipment_id="S"), parcel("B")])
        [(_, _, more)] = sent(carrier)
    assert more["json"] == {"ids": ["S"]}


BATCH = {
    "url": f"{HOME}/find",
    "query": {"n": "{numbers}"},
    "batch": {"size": 9, "separator": ","},
}


async def answered(session: ClientSession, value: Any, **more: Any) -> list[Any]:
    made = asker(polling=BATCH | more)
    with aioresponses() as carrier:
        carrier.get(f"{HOME}/find?n=A,B", **given(value))
        return bodies(await made.poll(session, [parcel("A"), parcel("B")]))


async def test_an_answer_is_split_by_parcel(session: ClientSession) -> None:
    pieces = [{"n": "A"}, {"n": "C"}]
    split = {"list": "all"}
    assert await answered(session, {"all": pieces}, split=split) == pieces
    assert await answered(session, {"all": pieces[0]}, split=split) == pieces[:1]
    assert await answered(session, {"all": []}, split=split) == []


async def test_a_part_may_be_wrapped_with_the_polled_references(
    session: ClientSession,
) -> None:
    pieces = [{"n": "b", "x": 1}, {"n": "C"}]
    split = {"list": "@", "reference": "n"}
    [found] = await answered(session, pieces, split=split, wrap=True)
    assert found == {"polled": {"tracking_number": "B"}, "answer": pieces[0]}


async def test_an_answer_may_be_keyed_by_reference(session: ClientSession) -> None:
    split = {"list": "@", "keyed": True}
    value = {"A": [1], "C": [2]}
    assert await answered(session, value, split=split) == [[1], [2]]
    [found] = await answered(session, value, split=split, wrap=True)
    assert found == {"polled": {"tracking_number": "A"}, "answer": [1]}


async def test_an_answer_that_names_no_parcel_is_wrapped_and_read(
    session: ClientSession,
) -> None:
    made = asker(
        polling=ONE | {"wrap": True},
        events={"list": "answer", "document": {"n": "polled.tracking_number"}},
    )
    with aioresponses() as carrier:
        steps = [{"c": "1", "t": "2026-05-20T10:00:00Z"}]
        carrier.get(f"{HOME}/track/ZZ1", **given(steps))
        [document] = await made.poll(session, [parcel("ZZ1")])
    [event] = made.parse(document)
    assert event.references[0].value == "ZZ1"


@pytest.mark.parametrize(
    ("value", "more", "words"),
    [
        ({"e": "no such key"}, {"error": "e"}, "an error: no such key"),
        ({"e": {"a": 1}}, {"error": "e"}, 'an error: {"a": 1}'),
        ({"e": 1}, {"split": {"list": "all"}}, "split.list: 'all' finds nothing"),
        ([], {"split": {"list": "@", "keyed": True}}, "list: '@' finds a list .* obj"),
        ({}, {"split": {"list": "a", "keyed": True}}, "list: 'a' finds nothing"),
        ({"e": 1}, {"error": "length(e)"}, "polling: the expression"),
        (b"<html>", {}, "not JSON"),
    ],
)
async def test_an_error_inside_an_answer_is_a_failure(
    session: ClientSession, value: Any, more: Any, words: str
) -> None:
    with pytest.raises(CarrierFailure, match="^.*" + words):
        await answered(session, value, **more)


def unpacked(value: Any, *parcels: ParcelView, **polling: Any) -> list[Any]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    made = asker(polling=BATCH | polling)
    assert isinstance(made, AnswerUnpacker)
    return bodies(
        made.unpack(Document(body, ARRIVED, {"content-type": "x/y"}), parcels)
    )


def test_an_answer_is_taken_apart_without_asking() -> None:
    pieces = [{"n": "A"}, {"n": "B"}]
    assert unpacked(pieces) == [pieces]
    assert unpacked({"all": pieces}, split={"list": "all"}) == pieces
    assert unpacked({"code": 404}, not_found="code") == []
    for wrong, words in [
        (b"<html>", r"not JSON \(x/y\)"),
        ({"e": "down"}, "error: down"),
    ]:
        with pytest.raises(CarrierFailure, match=words):
            unpacked(wrong, error="e")


def test_a_part_of_an_answer_names_its_parcel() -> None:
    split = {"list": "@", "reference": "n"}
    found = unpacked([{"n": "A"}, {"n": "B"}], split=split, wrap=True)
    assert [piece["polled"]["tracking_number"] for piece in found] == ["A", "B"]
    named = unpacked([{"n": "A"}, {"n": "B"}], parcel("B"), split=split, wrap=True)
    assert [piece["polled"]["tracking_number"] for piece in named] == ["B"]


def test_an_answer_that_names_no_parcel_needs_its_reference() -> None:
    answer = Document(b"[1]", ARRIVED)
    made = asker(polling=ONE | {"wrap": True})
    [found] = bodies(made.unpack(answer, [parcel("A")]))
    assert found == {"polled": {"tracking_number": "A"}, "answer": [1]}
    with pytest.raises(CarrierFailure, match=r"^polling.wrap: .* was polled$"):
        made.unpack(answer, [parcel("", order_id="1")])


@pytest.mark.parametrize("empty", [b"[]", b"{}", b"null"])
def test_an_empty_answer_has_no_document(empty: bytes) -> None:
    made = asker(polling=ONE | {"wrap": True})
    assert made.unpack(Document(empty, ARRIVED), [parcel("A")]) == []


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (ONE["url"], ONE["url"]),
        ("{base_url}/{tracking_number}?key={user}", f"{HOME}/api/{{tracking_number}}"),
        ("https://me:pass@carrier.example/{tracking_number}#x", f"{HOME}/{{trac"),
    ],
)
def test_the_poll_url_has_no_credentials(url: str, place: str) -> None:
    options: Any = {"base_url": f"{HOME}/api/", "values": {"user": "u"}}
    made = asker(polling={"url": url}, **options)
    assert isinstance(made, PollEndpoint)
    assert made.poll_url.startswith(place)
    assert "pass" not in made.poll_url
    assert "key" not in made.poll_url


async def test_a_parcel_that_is_not_known_yet_is_no_failure(
    session: ClientSession,
) -> None:
    assert await answered(session, {"code": "404"}, not_found="code == '404'") == []
    assert await answered(session, {"ok": False}, found="ok") == []
    assert await answered(session, {"ok": 1}, found="ok", not_found="no") != []
    with aioresponses() as carrier:
        carrier.get(f"{HOME}/track/Z", **given({}, 404))
        carrier.get(f"{HOME}/track/Z", **given({}, 204))
        carrier.get(f"{HOME}/track/Z", **given({}, 404))
        assert await asker(polling=ONE).poll(session, [parcel("Z")]) == []
        made = asker(polling=ONE | {"unknown_statuses": [204]})
        assert await made.poll(session, [parcel("Z")]) == []
        with pytest.raises(CarrierFailure, match="404"):
            await made.poll(session, [parcel("Z")])


async def test_a_carrier_that_wants_a_rest_is_left_alone(
    session: ClientSession,
) -> None:
    with aioresponses() as carrier:
        carrier.get(f"{HOME}/track/Z", **given({}, 429, headers={"Retry-After": "7"}))
        with pytest.raises(CarrierFailure) as failed:
            await asker(polling=ONE).poll(session, [parcel("Z")])
    assert failed.value.wait == 7


class Guarded:
    """A real carrier that gives tokens, and knows which one is good."""

    def __init__(self) -> None:
        self.tokens = 0
        self.good = ""
        self.refuses = False
        self.answer: Any = None

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/token", self._token)
        app.router.add_get("/track/{number}", self._track)
        return app

    async def _token(self, request: web.Request) -> web.Response:
        assert await request.json() == {"key": "the-secret"}
        self.tokens += 1
        self.good = f"token-{self.tokens}"
        given = {"auth": {"token": self.good}} if self.answer is None else self.answer
        return web.json_response(given, status=201)

    async def _track(self, request: web.Request) -> web.Response:
        shown = request.headers["Authorization"]
        if self.refuses or shown != f"Bearer {self.good}":
            return web.json_response({}, status=401)
        return web.json_response({"n": request.match_info["number"]})


@pytest.fixture
async def guarded() -> AsyncIterator[tuple[Guarded, str]]:
    carrier = Guarded()
    async with TestServer(carrier.app()) as server:
        yield carrier, str(server.make_url("")).rstrip("/")


def with_token(home: str, now: Callable[[], datetime], **token: Any) -> Any:
    request = {"url": "{base_url}/token", "json": {"key": "{secret}"}}
    return asker(
        "the-secret",
        now=now,
        base_url=home,
        polling={
            "url": "{base_url}/track/{tracking_number}",
            "headers": {"Authorization": "Bearer {token}"},
            "token": request | {"path": "auth.token"} | token,
        },
    )


async def test_one_token_is_fetched_for_all(
    session: ClientSession, guarded: tuple[Guarded, str]
) -> None:
    carrier, home = guarded
    made = with_token(home, lambda: NOW)
    asked = (made.poll(session, [parcel(n)]) for n in "ABC")
    found = await asyncio.gather(*asked)
    assert [bodies(documents) for documents in found] == [[{"n": n}] for n in "ABC"]
    assert carrier.tokens == 1


async def test_a_refused_token_is_renewed_once(
    session: ClientSession, guarded: tuple[Guarded, str]
) -> None:
    carrier, home = guarded
    made = with_token(home, lambda: NOW)
    await made.poll(session, [parcel("A")])
    carrier.good = "another"
    assert len(await made.poll(session, [parcel("A")])) == 1
    assert carrier.tokens == 2
    carrier.refuses = True
    with pytest.raises(CarrierFailure, match="401"):
        await made.poll(session, [parcel("A")])
    assert carrier.tokens == 3


async def test_a_token_is_renewed_before_it_runs_out(
    session: ClientSession, guarded: tuple[Guarded, str]
) -> None:
    carrier, home = guarded
    moments = [NOW]
    made = with_token(home, lambda: moments[-1], ttl_seconds=60)
    for seconds, tokens in [(0, 1), (59, 1), (60, 2), (119, 2), (120, 3)]:
        moments.append(NOW + timedelta(seconds=seconds))
        await made.poll(session, [parcel("A")])
        assert carrier.tokens == tokens


@pytest.mark.parametrize("answer", [{}, {"auth": {"token": []}}, {"auth": 1}])
async def test_an_answer_without_a_token_is_a_failure(
    session: ClientSession, guarded: tuple[Guarded, str], answer: Any
) -> None:
    carrier, home = guarded
    carrier.answer = answer
    with pytest.raises(CarrierFailure, match="without a token"):
        await with_token(home, lambda: NOW).poll(session, [parcel("A")])


@pytest.mark.parametrize("token", ["a\r\nX: 1", " "])
async def test_a_token_that_would_be_another_header_is_a_failure(
    session: ClientSession, guarded: tuple[Guarded, str], token: str
) -> None:
    carrier, home = guarded
    carrier.answer = {"auth": {"token": token}}
    with pytest.raises(CarrierFailure, match="without a token"):
        await with_token(home, lambda: NOW).poll(session, [parcel("A")])


async def test_a_real_carrier_gets_what_was_described(session: ClientSession) -> None:
    got: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.raw_path, dict(await request.post())))
        return web.json_response([])

    app = web.Application()
    app.router.add_put("/{tail:.*}", take)
    form = {"key": "{secret}", "number": "{tracking_number}"}
    url = "{base_url}/n/{tracking_number}?x=1"
    request = {"method": "PUT", "url": url, "form": form}
    async with TestServer(app) as server:
        home = str(server.make_url(""))
        made = asker("s&1", base_url=home, polling=request)
        await made.poll(session, [parcel("Z/1 +?")])
    fields = {"key": "s&1", "number": "Z/1 +?"}
    assert got == [("/n/Z%2F1%20%2B%3F?x=1", fields)]


def test_what_asks_cannot_be_made_without_saying_how() -> None:
    polling = type(adapter(polling=ONE))
    with pytest.raises(ConfigurationError, match=r"^polling: required"):
        polling(ContractOptions("c", ZoneInfo("UTC"), options=FORMAT))


def asked(headers: dict[str, str], **query: str) -> Any:
    [route] = Simulator().routes()
    answer = route.answer(SimulatedCall("GET", {}, query, headers, b""), Simulation())
    return answer.status, json.loads(answer.body)


def test_the_sandbox_refuses_what_the_plain_format_has_not() -> None:
    scan = SimulatedScan(SimulatedParcel("order", "id", "ZZ1"), "held", ARRIVED)
    nameless = SimulatedScan(SimulatedParcel("order", "id"), "held", ARRIVED)
    with pytest.raises(ValueError, match=r"^secret: required"):
        Simulator().webhook(scan, "")
    with pytest.raises(ValueError, match=r"^tracking number: required"):
        Simulator().webhook(nameless, "secret")
    bearer = {"Authorization": "Bearer x"}
    assert asked({}) == (401, {"error": "no bearer token"})
    assert asked(bearer, number="ZZ9") == (200, {"parcels": []})
    call = SimulatedCall("GET", {}, MultiDict([("number", "Z")] * 21), bearer, b"")
    [route] = Simulator().routes()
    assert b"ask for 1 to 20" in route.answer(call, Simulation()).body


async def test_an_error_of_the_plain_format_is_a_failure(
    session: ClientSession,
) -> None:
    plain = ContractOptions("c", ZoneInfo("UTC"), ("s",), options={"base_url": HOME})
    made: Any = Adapter(plain)
    with aioresponses() as carrier:
        carrier.get(f"{HOME}/parcels?number=A", **given({"error": "ask less"}))
        with pytest.raises(CarrierFailure, match="ask less"):
            await made.poll(session, [parcel("A")])


def test_the_sandboxs_part_fits_its_stage() -> None:
    assert isinstance(Simulator(), Simulates)
    assert isinstance(Simulator(), Answers)


def test_a_part_without_its_reference_does_not_stop_the_others_of_the_answer() -> None:
    split = {"list": "@", "reference": "n"}
    odd, found = unpacked([{"n": ["A"]}, {"n": "B"}], split=split, wrap=True)
    assert odd == {"n": ["A"]}  # not wrapped: an unreadable document, which is listed
    assert found["polled"] == {"tracking_number": "B"}
    with pytest.raises(CarrierFailure, match="'n' finds a list, not a string"):
        unpacked([{"n": ["A"]}, {"n": {}}], split=split, wrap=True)
