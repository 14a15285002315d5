"""The contract of every adapter; its samples are the evidence."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from relay.adapters.loader import adapter_names, load_carrier
from relay.adapters.parts import Parsed
from relay.adapters.personal_data import redact
from relay.adapters.protocol import (
    Carrier,
    CarrierFailure,
    Document,
    PollingCarrier,
    UnreadablePart,
    WebhookRequest,
)
from relay.adapters.texts import names_return, normalised
from relay.config.contract import ContractSettings
from relay.domain.events import Effect, Milestone, ParcelView, TrackingEvent
from relay.errors import ConfigurationError, VerificationFailed
from relay.inbound.translate import parse_documents
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
from tests.carriers.support import (
    ADAPTERS,
    RECEIVED_AT,
    Sample,
    carrier,
    every_case,
    snapshot,
)

SIGNED = [name for name in ADAPTERS if snapshot(name)["signed"]]
SIGNS_BODY = [name for name in SIGNED if snapshot(name)["signs_body"]]
POLLING = [name for name in ADAPTERS if isinstance(carrier(name), PollingCarrier)]
POLLING_ONLY = [name for name in POLLING if name not in SIGNED]
SENDING = [n for n in ADAPTERS if isinstance(support.simulator(n), Simulates)]
NFE_KEY = "35261100000000000191550010000000011000000010"  # invented
LATER = datetime(2031, 1, 1, tzinfo=UTC)
HAPPENED = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
MARK = "a shopper's name"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)  # surrogates too
REJECTED = (VerificationFailed, ConfigurationError)
"""The request is rejected, or the adapter cannot be created without its secret."""
QUICK = settings(deadline=timedelta(seconds=1))

every_adapter = pytest.mark.parametrize("adapter", ADAPTERS)
every_signed = pytest.mark.parametrize("adapter", SIGNED)


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


def parse_or_refuse(adapter: Carrier, body: bytes) -> None:
    """Parse rubbish: events or an ordinary error, whose text has no content."""
    errors: list[Exception] = []
    try:
        parts = adapter.parse(Document(body, RECEIVED_AT))
    except Exception as error:  # noqa: BLE001 -- any ordinary error means unreadable
        errors.append(error)
    else:
        assert all(isinstance(part, Parsed) for part in parts)
        errors += [part.error for part in parts if isinstance(part, UnreadablePart)]
    for error in errors:
        if isinstance(error, ValidationError):
            assert MARK not in f"{error} {error!r}"


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
def test_a_carrier_sends_webhooks_or_is_polled_in_the_sandbox(adapter: str) -> None:
    assert adapter in SENDING or adapter in POLLING


@every_adapter
def test_an_adapter_has_what_the_relay_needs(adapter: str) -> None:
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


@every_signed
def test_a_genuine_request_is_trusted(adapter: str) -> None:
    with every_case() as case:
        for sample in support.samples(adapter):
            with case(sample):
                carrier(adapter).verify(genuine(sample))


@every_signed
def test_while_a_secret_is_rotated_both_are_valid(adapter: str) -> None:
    secret = snapshot(adapter)["secret"]
    with every_case() as case:
        for secrets in [(secret, "new"), ("old", secret)]:
            made = load_carrier(adapter, support.options(adapter, *secrets))
            for sample in support.samples(adapter):
                with case((secrets, sample)):
                    made.verify(genuine(sample))


@every_signed
def test_without_the_right_secret_every_request_is_rejected(adapter: str) -> None:
    with every_case() as case:
        for secrets in [(), ("",), ("wrong",)]:
            contract = support.options(adapter, *secrets)
            for sample in support.samples(adapter):
                with case((secrets, sample)), pytest.raises(REJECTED):
                    load_carrier(adapter, contract).verify(genuine(sample))


@every_signed
def test_an_empty_secret_verifies_nothing(adapter: str) -> None:
    forged = support.played(adapter).headers(b"{}", "")
    request = WebhookRequest({k.lower(): v for k, v in forged.items()}, b"{}")
    with pytest.raises(REJECTED):
        load_carrier(adapter, support.options(adapter, "")).verify(request)


@every_signed
def test_a_request_that_lacks_a_header_is_rejected(adapter: str) -> None:
    with every_case() as case:
        for sample in support.samples(adapter):
            request = genuine(sample)
            for missing in signature_headers(adapter):
                headers = {k: v for k, v in request.headers.items() if k != missing}
                with case((sample, missing)), pytest.raises(VerificationFailed):
                    carrier(adapter).verify(replace(request, headers=headers))


@pytest.mark.parametrize("adapter", SIGNS_BODY)
def test_a_changed_body_is_rejected(adapter: str) -> None:
    with every_case() as case:
        for sample in support.samples(adapter):
            for body in (sample.body + b" ", sample.body[:-1], b"", b"{}"):
                with case((sample, body[-20:])), pytest.raises(VerificationFailed):
                    carrier(adapter).verify(replace(genuine(sample), body=body))


@every_signed
def test_a_signature_of_odd_characters_is_rejected(adapter: str) -> None:
    with every_case() as case:
        for text in ["", " ", "é", "\ud800", "\0", "ß" * 9000]:
            headers = dict.fromkeys(signature_headers(adapter), text)
            with case(ascii(text[:9])), pytest.raises(VerificationFailed):
                carrier(adapter).verify(WebhookRequest(headers, b"{}"))


@every_signed
@QUICK
@given(data=st.data(), body=st.binary(max_size=300))
def test_rubbish_is_rejected_and_nothing_worse(
    adapter: str, data: st.DataObject, body: bytes
) -> None:
    names = st.sampled_from(signature_headers(adapter)) | ANY_TEXT
    headers = data.draw(st.dictionaries(names, ANY_TEXT, max_size=5))
    with pytest.raises(VerificationFailed):
        carrier(adapter).verify(WebhookRequest(headers, body))


@pytest.mark.parametrize("adapter", POLLING_ONLY)
@QUICK
@given(headers=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=5), body=st.binary())
def test_a_polling_only_carrier_rejects_every_request(
    adapter: str, headers: dict[str, str], body: bytes
) -> None:
    secret = snapshot(adapter)["secret"]
    shown = {"authorization": f"Bearer {secret}", "api-key": secret} | headers
    with pytest.raises(VerificationFailed):
        carrier(adapter).verify(WebhookRequest(shown, body))


@every_adapter
def test_a_sample_gives_exactly_its_events(adapter: str) -> None:
    with every_case() as case:
        for sample in support.samples(adapter):
            with case(sample):
                assert carrier(adapter).parse(sample.document) == sample.events


@every_adapter
def test_parsing_is_pure_and_never_uses_the_time_of_arrival(adapter: str) -> None:
    parse = carrier(adapter).parse
    with every_case() as case:
        for sample in support.samples(adapter):
            later = replace(sample.document, received_at=LATER)
            with case(sample):
                first, again = parse(sample.document), parse(sample.document)
                assert first == again == parse(later)


@every_adapter
def test_only_the_headers_that_the_adapter_names_are_needed(adapter: str) -> None:
    made = carrier(adapter)
    stored = {"content-type"} | made.stored_headers
    with every_case() as case:
        for sample in support.samples(adapter):
            headers = {k: v for k, v in sample.headers.items() if k in stored}
            with case(sample):
                document = replace(sample.document, headers=headers)
                assert made.parse(document) == sample.events


@every_adapter
def test_the_events_are_the_same_without_personal_fields(adapter: str) -> None:
    made = carrier(adapter)
    with every_case() as case:
        for sample in support.samples(adapter):
            content_type = sample.headers["content-type"]
            cut = redact(sample.body, content_type, made.personal_fields)
            with case(sample):
                assert made.parse(replace(sample.document, body=cut)) == sample.events
                assert redact(cut, content_type, made.personal_fields) == cut


@every_adapter
def test_every_personal_field_is_removed_from_some_sample(adapter: str) -> None:
    for field in carrier(adapter).personal_fields:
        bodies = [(s, redact(s.body, "", (field,))) for s in support.samples(adapter)]
        assert any(sample.body != cut for sample, cut in bodies), field


@every_adapter
def test_every_event_has_the_identifying_reference(adapter: str) -> None:
    kind = carrier(adapter).identifying
    with every_case() as case:
        for sample in support.samples(adapter):
            with case(sample):
                for event in sample.events:
                    assert kind in {r.kind for r in event.references}


@every_adapter
def test_a_code_without_a_row_is_unknown(adapter: str) -> None:
    events = [event for s in support.samples(adapter) for event in s.events]
    strangers = [e for e in events if e.carrier_code not in support.table(adapter).rows]
    assert strangers
    assert {event.milestone for event in strangers} == {Milestone.UNKNOWN}
    assert all(event.unmapped for event in strangers)


@every_adapter
def test_a_code_means_what_its_row_says(adapter: str) -> None:
    document = support.played(adapter).document
    with every_case(may_be_empty=True) as case:  # as that of a new adapter is
        for code, row in support.table(adapter).rows.items():
            with case(code):
                parsed = carrier(adapter).parse(Document(document(code), RECEIVED_AT))
                [event] = parsed
                assert event.carrier_code == code
                assert event.milestone is row.milestone
                assert event.effect is row.effect
                assert event.reason is row.reason
                assert (event.final, event.undoes) == (row.final, row.undoes)
                assert event.description
                assert not event.unmapped


BACK_OR_WAITING = frozenset(
    {
        Milestone.RETURNING,
        Milestone.RETURNED,
        Milestone.HELD,
        Milestone.EXCEPTION,
        Milestone.UNKNOWN,
    }
)
WORDS = {
    r"\btentativa de entrega\b": {Milestone.DELIVERY_FAILED},
    r"\b(extravi|roub|indeniz)": {Milestone.LOST},
    r"\bliberad": {Milestone.IN_TRANSIT, Milestone.UNKNOWN},
    r"\baguardando (pagamento|autoriza|instru|confirma)": BACK_OR_WAITING
    | {Milestone.LABEL_CREATED},
}
"""Words of a row, and the milestones that they allow."""


@every_adapter
def test_a_row_agrees_with_its_words(adapter: str) -> None:
    with every_case(may_be_empty=True) as case:  # as that of a new adapter is
        for code, row in support.table(adapter).rows.items():
            words = normalised(row.text or code)
            with case(code):
                for pattern, allowed in WORDS.items():
                    assert row.milestone in allowed or not re.search(pattern, words)
                assert row.milestone in BACK_OR_WAITING or not names_return(words)
                if row.milestone is Milestone.DELIVERED:
                    assert "entreg" in words or "delivered" in words


@every_adapter
def test_no_delivery_has_a_row_whose_text_means_a_return(adapter: str) -> None:
    with every_case(may_be_empty=True) as case:  # as that of a new adapter is
        for code, row in support.table(adapter).rows.items():
            with case(code):
                assert row.given(code, row.text) is row


@pytest.mark.parametrize("adapter", SENDING)
def test_the_adapter_accepts_every_code_that_the_sandbox_sends(adapter: str) -> None:
    made, simulator = carrier(adapter), support.simulator(adapter)
    assert simulator.adapter == adapter
    parcel = SimulatedParcel("1500000000001-01", "shipment-1", "ZZ000000001BR", NFE_KEY)
    with every_case(may_be_empty=True) as case:  # as that of a new adapter is
        for code, row in support.table(adapter).rows.items():
            with case(code):
                scan = SimulatedScan(parcel, code, HAPPENED, "Words", "Recife", "PE")
                request = simulator.webhook(scan, snapshot(adapter)["secret"])
                headers = {name.lower(): t for name, t in request.headers.items()}
                made.verify(WebhookRequest(headers, request.body, request.method))
                [event] = made.parse(Document(request.body, RECEIVED_AT, headers))
                assert (event.carrier_code, event.occurred_at) == (code, HAPPENED)
                assert event.milestone is row.milestone


@pytest.mark.parametrize("adapter", POLLING)
async def test_the_adapter_parses_every_code_that_the_sandbox_answers(
    adapter: str,
) -> None:
    simulator = support.simulator(adapter)
    assert isinstance(simulator, Answers)
    app = create_sandbox(SandboxOptions(simulators={adapter: simulator}))
    async with TestServer(app) as server, ClientSession() as session:
        made = support.pointed(adapter, str(server.make_url(f"/carriers/{adapter}")))
        for place, code in enumerate(support.table(adapter).rows):
            key = f"{NFE_KEY[:-4]}{place:04}"
            parcel = SimulatedParcel(f"{place}-01", key, key, key)
            scan = SimulatedScan(parcel, code, HAPPENED, "Words", "Recife", "PE")
            app[WORLD].simulations[adapter].record(scan)
            documents = await made.poll(session, [ParcelView((), key, key)])
            [event] = [
                event for document in documents for event in made.parse(document)
            ]
            assert (event.carrier_code, event.occurred_at) == (code, HAPPENED)
            assert event.milestone is support.table(adapter)[code].milestone
            assert (event.city, event.state) == ("Recife", "PE")


@pytest.mark.parametrize("adapter", POLLING)
async def test_the_simulator_gives_the_settings_for_polling_it(
    adapter: str,
) -> None:
    simulator = support.simulator(adapter)
    assert isinstance(simulator, Configures)
    app = create_sandbox(SandboxOptions(simulators={adapter: simulator}))
    parcel = SimulatedParcel("1-01", "shipment-1", "ZZ000000001BR", NFE_KEY)
    code = simulator.codes["delivered"]
    app[WORLD].simulations[adapter].record(SimulatedScan(parcel, code, HAPPENED))
    async with TestServer(app) as server, ClientSession() as session:
        given = simulator.contract(str(server.make_url(f"/carriers/{adapter}")))
        table = {"name": "asked", "adapter": adapter, **given}
        contract = ContractSettings.model_validate(table)
        made = load_carrier(adapter, contract.for_adapter())
        assert isinstance(made, PollingCarrier)
        view = ParcelView((), parcel.tracking_number, NFE_KEY)
        documents = await made.poll(session, [view])
    [event] = [event for document in documents for event in made.parse(document)]
    assert (event.milestone, event.occurred_at) == (Milestone.DELIVERED, HAPPENED)


@pytest.mark.parametrize("adapter", POLLING)
async def test_a_parcel_that_the_carrier_does_not_know_yet_is_no_failure(
    adapter: str,
) -> None:
    simulators = {adapter: support.simulator(adapter)}
    app = create_sandbox(SandboxOptions(simulators=simulators))
    async with TestServer(app) as server, ClientSession() as session:
        made = support.pointed(adapter, str(server.make_url(f"/carriers/{adapter}")))
        documents = await made.poll(session, [ParcelView((), NFE_KEY, NFE_KEY)])
    assert [event for document in documents for event in made.parse(document)] == []


@pytest.mark.parametrize("adapter", POLLING)
async def test_without_parcels_there_is_no_call(adapter: str) -> None:
    made = support.pointed(adapter, "http://127.0.0.1:1")
    async with ClientSession() as session:
        assert await made.poll(session, []) == []


@pytest.mark.parametrize("adapter", POLLING)
async def test_a_carrier_that_cannot_be_reached_is_a_failure(adapter: str) -> None:
    made = support.pointed(adapter, "http://127.0.0.1:1")
    async with ClientSession() as session:
        with pytest.raises(CarrierFailure):
            await made.poll(session, [ParcelView((), NFE_KEY, NFE_KEY)])


@every_adapter
def test_the_simulators_codes_have_their_milestones(
    adapter: str,
) -> None:
    codes = getattr(support.simulator(adapter), "codes", {})
    table = support.table(adapter)
    assert {m: table[code].milestone.value for m, code in codes.items()} == {
        m: m for m in codes
    }


@every_adapter
@QUICK
@given(body=st.binary(max_size=300))
def test_rubbish_is_parsed_or_unreadable_and_nothing_worse(
    adapter: str, body: bytes
) -> None:
    parse_or_refuse(carrier(adapter), body)


@every_adapter
def test_a_truncated_sample_is_parsed_or_unreadable(adapter: str) -> None:
    with every_case() as case:
        for sample in support.samples(adapter):
            for length in range(len(sample.body)):
                with case((sample, length)):
                    parse_or_refuse(carrier(adapter), sample.body[:length])


def paths_of_elements(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Yield the path of every object that is an element of a list in *value*."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from paths_of_elements(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            if isinstance(part, dict):
                yield (*path, index)
            yield from paths_of_elements(part, (*path, index))


def with_element(value: Any, path: tuple[Any, ...], *element: Any) -> bytes:
    """Return *value* as JSON, with *element* in place of the one at *path*, or none."""
    *outer, last = path
    changed = parent = json.loads(json.dumps(value))
    for key in outer:
        parent = parent[key]
    parent[last : last + 1] = element
    return json.dumps(changed).encode()


def parsed_apart(
    adapter: Carrier, sample: Sample, body: bytes
) -> tuple[list[TrackingEvent], list[str]]:
    """Return the stories of the events in *body*, and the unreadable positions."""
    document = replace(sample.document, contract="mine", body=body)
    [parsed] = parse_documents([document], {"mine": adapter})
    # A delivery that the broken element might undo is held: its effect differs.
    stories = [
        event.model_copy(update={"position": 0, "effect": Effect.NORMAL})
        for event in parsed.events
    ]
    positions = [part.position for part in parsed.parts]
    return stories, positions or [parsed.unreadable] * (parsed.unreadable is not None)


@every_adapter
def test_one_broken_element_is_listed_and_all_other_events_still_come(
    adapter: str,
) -> None:
    with every_case(may_be_empty=True) as case:  # as without a list in any sample
        for sample in support.samples(adapter):
            value = as_json(sample.body)
            whole, _ = parsed_apart(carrier(adapter), sample, sample.body)
            paths = list(paths_of_elements(value))
            for path, broken in product(paths, ["broken", 5, None, [1]]):
                with case((sample, path, broken)):
                    others, _ = parsed_apart(
                        carrier(adapter), sample, with_element(value, path)
                    )
                    found, listed = parsed_apart(
                        carrier(adapter), sample, with_element(value, path, broken)
                    )
                    assert found == others
                    assert listed or others == whole
                    indexes = [str(part) for part in path if isinstance(part, int)]
                    for position in listed if found else []:
                        numbers = re.findall(r"\d+", position)
                        assert numbers[-len(indexes) :] == indexes


WRONG = [None, [], {}, 0, -1.5, True, "", MARK, [MARK], {"k": MARK}, [[]]]
"""Each replaces each part of each sample."""


@every_adapter
def test_a_sample_with_one_wrong_part_is_parsed_or_unreadable(adapter: str) -> None:
    with every_case() as case:
        for sample in support.samples(adapter):
            for wrong in WRONG:
                for value in spoiled(as_json(sample.body), wrong):
                    body = json.dumps(value).encode()
                    with case((sample, wrong, body)):
                        parse_or_refuse(carrier(adapter), body)


@every_adapter
def test_deep_nesting_is_unreadable_and_nothing_worse(adapter: str) -> None:
    parse_or_refuse(carrier(adapter), b"[" * 100_000)
    parse_or_refuse(carrier(adapter), b'{"data":' * 100_000)
