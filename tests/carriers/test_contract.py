"""What every adapter promises, whatever the carrier: samples are its evidence."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from relay.adapters.loader import adapter_names, load_carrier
from relay.adapters.personal_data import redact
from relay.adapters.protocol import (
    Carrier,
    CarrierFailure,
    Document,
    Polls,
    WebhookRequest,
)
from relay.config.contract import ContractSettings
from relay.domain.events import Milestone, ParcelView, TrackingEvent
from relay.errors import ConfigurationError, VerificationFailed
from relay.sandbox.server import create_sandbox
from relay.sandbox.simulator import (
    Answers,
    Configures,
    SimulatedParcel,
    SimulatedScan,
    Simulates,
)
from relay.sandbox.world import WORLD, SandboxOptions
from tests.carriers import support
from tests.carriers.support import ADAPTERS, RECEIVED_AT, Sample, carrier, snapshot

SIGNED = [name for name in ADAPTERS if snapshot(name)["signed"]]
SIGNS_BODY = [name for name in SIGNED if snapshot(name)["signs_body"]]
ASKED = [name for name in ADAPTERS if isinstance(carrier(name), Polls)]
ONLY_ASKED = [name for name in ASKED if name not in SIGNED]
CALLING = [n for n in ADAPTERS if isinstance(support.simulator(n), Simulates)]
CALLED_CODES = [pair for pair in support.codes() if pair[0] in CALLING]
SAMPLES = [sample for name in ADAPTERS for sample in support.samples(name)]
SIGNED_SAMPLES = [sample for sample in SAMPLES if sample.adapter in SIGNED]
NFE_KEY = "35261100000000000191550010000000011000000010"  # invented
MARK = "a shopper's name"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)  # surrogates too
NOBODY = (VerificationFailed, ConfigurationError)
"""Nobody is trusted, or the adapter cannot even be made without its secret."""
QUICK = settings(deadline=timedelta(seconds=1))

every_adapter = pytest.mark.parametrize("adapter", ADAPTERS)
every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=str)


def genuine(sample: Sample) -> WebhookRequest:
    """Sign a sample as the carrier does, with the contract's secret."""
    signed = support.played(sample.adapter).headers(
        sample.body, snapshot(sample.adapter)["secret"]
    )
    headers = sample.headers | {name.lower(): text for name, text in signed.items()}
    return WebhookRequest(headers, sample.body)


def signature_headers(adapter: str) -> list[str]:
    """Return the names of the headers that a genuine request proves itself by."""
    signed = support.played(adapter).headers(b"{}", snapshot(adapter)["secret"])
    return [name.lower() for name in signed]


def read_or_refuse(adapter: Carrier, body: bytes) -> None:
    """Read rubbish: events or an ordinary error, whose text tells no content."""
    try:
        events = adapter.read(Document(body, RECEIVED_AT))
    except ValidationError as error:
        said = f"{error} {error!r}"
    except Exception:  # noqa: BLE001 -- any ordinary error means unreadable
        return
    else:
        said = ""
        assert all(isinstance(event, TrackingEvent) for event in events)
    assert MARK not in said


def spoiled(value: Any, wrong: Any) -> Iterator[Any]:
    """Yield *value* as often as it has parts, each time with another part wrong."""
    yield wrong
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ({**value, key: bad} for bad in spoiled(part, wrong))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            after = value[index + 1 :]
            yield from ([*value[:index], bad, *after] for bad in spoiled(part, wrong))


def as_json(body: bytes) -> Any:
    """Return the value of a JSON body; another body counts as a text."""
    try:
        return json.loads(body)
    except ValueError:
        return ""


def test_every_adapter_has_samples_here() -> None:
    assert adapter_names() == ADAPTERS


@every_adapter
def test_a_carrier_calls_or_is_asked_in_the_sandbox(adapter: str) -> None:
    assert adapter in CALLING or adapter in ASKED


@every_adapter
def test_an_adapter_says_what_the_relay_asks_of_it(adapter: str) -> None:
    made = carrier(adapter)
    assert isinstance(made, Carrier)
    assert made.display_name
    assert all(name == name.lower() for name in made.stored_headers)
    assert all(field and ".." not in field for field in made.personal_fields)


@every_adapter
def test_an_option_that_the_adapter_does_not_know_is_refused_by_name(
    adapter: str,
) -> None:
    contract = support.options(adapter)
    wrong = replace(contract, options={**contract.options, "no_such_key": 1})
    with pytest.raises(ConfigurationError, match=r"^contracts\.contract\.no_such_key"):
        load_carrier(adapter, wrong)


@pytest.mark.parametrize("sample", SIGNED_SAMPLES, ids=str)
def test_a_genuine_request_is_trusted(sample: Sample) -> None:
    carrier(sample.adapter).verify(genuine(sample))


@pytest.mark.parametrize("sample", SIGNED_SAMPLES, ids=str)
def test_while_a_secret_is_replaced_both_are_good(sample: Sample) -> None:
    secret = snapshot(sample.adapter)["secret"]
    for secrets in [(secret, "new"), ("old", secret)]:
        made = load_carrier(sample.adapter, support.options(sample.adapter, *secrets))
        made.verify(genuine(sample))


@pytest.mark.parametrize("secrets", [(), ("",), ("wrong",)], ids=str)
@pytest.mark.parametrize("sample", SIGNED_SAMPLES, ids=str)
def test_without_the_right_secret_nothing_is_trusted(
    sample: Sample, secrets: tuple[str, ...]
) -> None:
    contract = support.options(sample.adapter, *secrets)
    with pytest.raises(NOBODY):
        load_carrier(sample.adapter, contract).verify(genuine(sample))


@pytest.mark.parametrize("adapter", SIGNED)
def test_an_empty_secret_is_nobodys_secret(adapter: str) -> None:
    forged = support.played(adapter).headers(b"{}", "")
    request = WebhookRequest({k.lower(): v for k, v in forged.items()}, b"{}")
    with pytest.raises(NOBODY):
        load_carrier(adapter, support.options(adapter, "")).verify(request)


@pytest.mark.parametrize("sample", SIGNED_SAMPLES, ids=str)
def test_a_request_that_lacks_a_header_is_refused(sample: Sample) -> None:
    for missing in signature_headers(sample.adapter):
        request = genuine(sample)
        headers = {k: v for k, v in request.headers.items() if k != missing}
        with pytest.raises(VerificationFailed):
            carrier(sample.adapter).verify(replace(request, headers=headers))


@pytest.mark.parametrize("adapter", SIGNS_BODY)
def test_a_changed_body_is_refused(adapter: str) -> None:
    for sample in support.samples(adapter):
        for body in (sample.body + b" ", sample.body[:-1], b"", b"{}"):
            with pytest.raises(VerificationFailed):
                carrier(adapter).verify(replace(genuine(sample), body=body))


@pytest.mark.parametrize("text", ["", " ", "é", "\ud800", "\0", "ß" * 9000])
@pytest.mark.parametrize("adapter", SIGNED)
def test_a_signature_of_odd_characters_is_refused(adapter: str, text: str) -> None:
    headers = dict.fromkeys(signature_headers(adapter), text)
    with pytest.raises(VerificationFailed):
        carrier(adapter).verify(WebhookRequest(headers, b"{}"))


@pytest.mark.parametrize("adapter", SIGNED)
@QUICK
@given(data=st.data(), body=st.binary(max_size=300))
def test_rubbish_is_refused_and_nothing_worse(
    adapter: str, data: st.DataObject, body: bytes
) -> None:
    names = st.sampled_from(signature_headers(adapter)) | ANY_TEXT
    headers = data.draw(st.dictionaries(names, ANY_TEXT, max_size=5))
    with pytest.raises(VerificationFailed):
        carrier(adapter).verify(WebhookRequest(headers, body))


@pytest.mark.parametrize("adapter", ONLY_ASKED)
@QUICK
@given(headers=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=5), body=st.binary())
def test_a_carrier_that_is_only_asked_trusts_no_call(
    adapter: str, headers: dict[str, str], body: bytes
) -> None:
    secret = snapshot(adapter)["secret"]
    shown = {"authorization": f"Bearer {secret}", "api-key": secret} | headers
    with pytest.raises(VerificationFailed):
        carrier(adapter).verify(WebhookRequest(shown, body))


@every_sample
def test_a_sample_gives_exactly_its_events(sample: Sample) -> None:
    assert carrier(sample.adapter).read(sample.document) == sample.events


@every_sample
def test_reading_is_pure_and_never_uses_the_time_of_arrival(sample: Sample) -> None:
    read = carrier(sample.adapter).read
    later = replace(sample.document, received_at=datetime(2031, 1, 1, tzinfo=UTC))
    assert read(sample.document) == read(sample.document) == read(later)


@every_sample
def test_only_the_headers_that_the_adapter_names_are_needed(sample: Sample) -> None:
    made = carrier(sample.adapter)
    kept = {"content-type"} | made.stored_headers
    headers = {k: v for k, v in sample.headers.items() if k in kept}
    assert made.read(replace(sample.document, headers=headers)) == sample.events


@every_sample
def test_the_events_are_the_same_after_personal_fields_are_cut(
    sample: Sample,
) -> None:
    made = carrier(sample.adapter)
    content_type = sample.headers["content-type"]
    cut = redact(sample.body, content_type, made.personal_fields)
    assert made.read(replace(sample.document, body=cut)) == sample.events
    assert redact(cut, content_type, made.personal_fields) == cut


@every_adapter
def test_every_personal_field_is_cut_from_some_sample(adapter: str) -> None:
    for field in carrier(adapter).personal_fields:
        bodies = [(s, redact(s.body, "", (field,))) for s in support.samples(adapter)]
        assert any(sample.body != cut for sample, cut in bodies), field


@every_sample
def test_every_event_bears_the_identifying_reference(sample: Sample) -> None:
    kind = carrier(sample.adapter).identifying
    assert all(kind in {r.kind for r in event.references} for event in sample.events)


@every_adapter
def test_a_code_that_no_table_holds_is_unknown(adapter: str) -> None:
    events = [event for s in support.samples(adapter) for event in s.events]
    strangers = [e for e in events if e.carrier_code not in support.table(adapter).rows]
    assert strangers
    assert {event.milestone for event in strangers} == {Milestone.UNKNOWN}


@pytest.mark.parametrize(("adapter", "code"), support.codes())
def test_a_code_means_what_its_row_says(adapter: str, code: str) -> None:
    row = support.table(adapter)[code]
    body = support.played(adapter).document(code)
    [event] = carrier(adapter).read(Document(body, RECEIVED_AT))
    assert event.carrier_code == code
    assert event.milestone is row.milestone
    assert event.effect is row.effect
    assert event.reason is row.reason
    assert (event.final, event.undoes) == (row.final, row.undoes)
    assert event.description


@pytest.mark.parametrize(("adapter", "code"), CALLED_CODES)
def test_the_sandbox_plays_every_code_so_that_the_adapter_trusts_and_reads_it(
    adapter: str, code: str
) -> None:
    made, simulator = carrier(adapter), support.simulator(adapter)
    assert simulator.adapter == adapter
    parcel = SimulatedParcel("1500000000001-01", "shipment-1", "ZZ000000001BR", NFE_KEY)
    happened = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    scan = SimulatedScan(parcel, code, happened, "Words", "Recife", "PE")
    request = simulator.webhook(scan, snapshot(adapter)["secret"])
    headers = {name.lower(): text for name, text in request.headers.items()}
    made.verify(WebhookRequest(headers, request.body, request.method))
    [event] = made.read(Document(request.body, RECEIVED_AT, headers))
    assert (event.carrier_code, event.occurred_at) == (code, happened)
    assert event.milestone is support.table(adapter)[code].milestone


@pytest.mark.parametrize("adapter", ASKED)
async def test_the_sandbox_answers_with_every_code_so_that_the_adapter_reads_it(
    adapter: str,
) -> None:
    simulator = support.simulator(adapter)
    assert isinstance(simulator, Answers)
    app = create_sandbox(SandboxOptions(simulators={adapter: simulator}))
    happened = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    async with TestServer(app) as server, ClientSession() as session:
        made = support.pointed(adapter, str(server.make_url(f"/carriers/{adapter}")))
        for place, code in enumerate(support.table(adapter).rows):
            key = f"{NFE_KEY[:-4]}{place:04}"
            parcel = SimulatedParcel(f"{place}-01", key, key, key)
            scan = SimulatedScan(parcel, code, happened, "Words", "Recife", "PE")
            app[WORLD].stages[adapter].record(scan)
            documents = await made.ask(session, [ParcelView((), key, key)])
            [event] = [event for document in documents for event in made.read(document)]
            assert (event.carrier_code, event.occurred_at) == (code, happened)
            assert event.milestone is support.table(adapter)[code].milestone
            assert (event.city, event.state) == ("Recife", "PE")


@pytest.mark.parametrize("adapter", ASKED)
async def test_the_sandbox_says_with_which_settings_the_carrier_is_asked_there(
    adapter: str,
) -> None:
    simulator = support.simulator(adapter)
    assert isinstance(simulator, Configures)
    app = create_sandbox(SandboxOptions(simulators={adapter: simulator}))
    happened = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    parcel = SimulatedParcel("1-01", "shipment-1", "ZZ000000001BR", NFE_KEY)
    code = simulator.speaks["delivered"]
    app[WORLD].stages[adapter].record(SimulatedScan(parcel, code, happened))
    async with TestServer(app) as server, ClientSession() as session:
        given = simulator.contract(str(server.make_url(f"/carriers/{adapter}")))
        table = {"name": "asked", "adapter": adapter, **given}
        contract = ContractSettings.model_validate(table)
        made = load_carrier(adapter, contract.for_adapter())
        assert isinstance(made, Polls)
        view = ParcelView((), parcel.tracking_number, NFE_KEY)
        documents = await made.ask(session, [view])
    [event] = [event for document in documents for event in made.read(document)]
    assert (event.milestone, event.occurred_at) == (Milestone.DELIVERED, happened)


@pytest.mark.parametrize("adapter", ASKED)
async def test_a_parcel_that_the_carrier_does_not_know_yet_is_no_failure(
    adapter: str,
) -> None:
    simulators = {adapter: support.simulator(adapter)}
    app = create_sandbox(SandboxOptions(simulators=simulators))
    async with TestServer(app) as server, ClientSession() as session:
        made = support.pointed(adapter, str(server.make_url(f"/carriers/{adapter}")))
        documents = await made.ask(session, [ParcelView((), NFE_KEY, NFE_KEY)])
    assert [event for document in documents for event in made.read(document)] == []


@pytest.mark.parametrize("adapter", ASKED)
async def test_without_parcels_nobody_is_asked(adapter: str) -> None:
    made = support.pointed(adapter, "http://127.0.0.1:1")
    async with ClientSession() as session:
        assert await made.ask(session, []) == []


@pytest.mark.parametrize("adapter", ASKED)
async def test_a_carrier_that_cannot_be_reached_is_a_failure(adapter: str) -> None:
    made = support.pointed(adapter, "http://127.0.0.1:1")
    async with ClientSession() as session:
        with pytest.raises(CarrierFailure):
            await made.ask(session, [ParcelView((), NFE_KEY, NFE_KEY)])


@every_adapter
def test_the_sandbox_speaks_of_milestones_in_codes_that_stand_for_them(
    adapter: str,
) -> None:
    spoken = getattr(support.simulator(adapter), "speaks", {})
    table = support.table(adapter)
    assert {m: table[code].milestone.value for m, code in spoken.items()} == {
        m: m for m in spoken
    }


@every_adapter
@QUICK
@given(body=st.binary(max_size=300))
def test_rubbish_is_read_or_unreadable_and_nothing_worse(
    adapter: str, body: bytes
) -> None:
    read_or_refuse(carrier(adapter), body)


@every_sample
def test_a_truncated_sample_is_read_or_unreadable(sample: Sample) -> None:
    for length in range(len(sample.body)):
        read_or_refuse(carrier(sample.adapter), sample.body[:length])


@every_sample
@pytest.mark.parametrize(
    "wrong", [None, [], {}, 0, -1.5, True, "", MARK, [MARK], {"k": MARK}, [[]]], ids=str
)
def test_a_sample_with_one_wrong_part_is_read_or_unreadable(
    sample: Sample, wrong: Any
) -> None:
    for value in spoiled(as_json(sample.body), wrong):
        read_or_refuse(carrier(sample.adapter), json.dumps(value).encode())


@every_adapter
def test_deep_nesting_is_unreadable_and_nothing_worse(adapter: str) -> None:
    read_or_refuse(carrier(adapter), b"[" * 100_000)
    read_or_refuse(carrier(adapter), b'{"data":' * 100_000)
