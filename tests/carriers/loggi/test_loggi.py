import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carriers.loggi import Adapter
from carriers.loggi.sandbox import Simulator
from relay.adapters.protocol import (
    ContractOptions,
    Document,
    UnreadablePart,
    WebhookRequest,
)
from relay.domain.events import Effect, Milestone, ParcelView, TrackingEvent
from relay.errors import VerificationFailed
from relay.sandbox.simulator import SimulatedParcel, SimulatedScan, Simulates
from tests.carriers.loggi.signing import batch, document, headers, package, status

ARRIVED = datetime(2026, 11, 20, tzinfo=UTC)
ZONE = ZoneInfo("America/Sao_Paulo")


def adapter(**settings: Any) -> Adapter:
    return Adapter(ContractOptions("loggi", ZONE, **settings))


def read(body: bytes, **settings: Any) -> list[TrackingEvent]:
    return adapter(**settings).parse(Document(body, ARRIVED))


def event(code: Any, text: str = "Palavras", **changes: Any) -> TrackingEvent:
    [found] = read(document(code, text, **changes))
    return found


@pytest.mark.parametrize("code", ["5", 5, "05", " 5 ", "005"])
def test_a_code_is_the_same_with_and_without_zeros(code: object) -> None:
    found = event(code)
    assert (found.carrier_code, found.milestone) == ("5", Milestone.DELIVERED)


@pytest.mark.parametrize("code", ["0", "99", "5.0", "²", "V"])
def test_other_codes_stay_as_they_are_and_unknown(code: str) -> None:
    found = event(code)
    assert (found.carrier_code, found.milestone) == (code, Milestone.UNKNOWN)


@pytest.mark.parametrize(
    ("text", "milestone"),
    [
        ("Em transferência", Milestone.IN_TRANSIT),
        ("EM TRÂNSITO PARA A BASE", Milestone.IN_TRANSIT),
        ("Em rota", Milestone.OUT_FOR_DELIVERY),
        ("Em rota de devolução", Milestone.RETURNING),
        ("Devolvido", Milestone.RETURNING),
        ("Entregue ao remetente", Milestone.RETURNING),
        ("Aguardando ação do remetente", Milestone.EXCEPTION),
        ("Cancelado", Milestone.CANCELLED),
        ("Entregue", Milestone.UNKNOWN),
        ("Não entregue", Milestone.UNKNOWN),
        ("Teletransportado", Milestone.UNKNOWN),
    ],
)
def test_a_code_that_is_not_verified_is_read_from_its_words(
    text: str, milestone: Milestone
) -> None:
    found = event("99", text)
    assert (found.milestone, found.final) == (milestone, False)
    assert found.description == text


def test_a_verified_code_takes_precedence_over_the_text() -> None:
    assert event("14", "Em rota de devolução").milestone is Milestone.PICKED_UP


def test_a_contract_says_what_an_unverified_code_means() -> None:
    rows = {"3": {"milestone": "at_hub"}}
    [found] = read(document(3, "Em transferência"), codes=rows)
    assert found.milestone is Milestone.AT_HUB


def test_a_history_is_read_oldest_first_and_each_line_once() -> None:
    lines = [
        status("14", "Coletado", "2026-05-18T12:00:00.000001Z"),
        status("1", "Adicionado", "2026-05-17T12:00:00.5Z"),
        status(11, "Em rota", "2026-05-20T09:30:00Z"),
    ]
    events = read(batch(package(*lines)))
    assert [(e.carrier_code, e.position) for e in events] == [
        ("1", 0),
        ("14", 1),
        ("11", 2),
    ]
    assert events[1].occurred_at == datetime(2026, 5, 18, 12, 0, 0, 1, tzinfo=UTC)


def test_the_newest_line_may_be_missing_from_the_history() -> None:
    first = package(status("1", "Adicionado", "2026-05-17T12:00:00Z"))
    newer = status("14", "Coletado", "2026-05-18T12:00:00Z")
    assert [e.carrier_code for e in read(batch(first | {"status": newer}))] == [
        "1",
        "14",
    ]


@pytest.mark.parametrize("history", [None, []])
def test_a_package_may_come_without_its_history(history: object) -> None:
    assert event("14", trackingHistory=history).milestone is Milestone.PICKED_UP


def test_a_package_may_come_without_its_present_status() -> None:
    assert event("14", status=None).milestone is Milestone.PICKED_UP


def test_entries_without_a_code_differ_by_their_text() -> None:
    time = "2026-05-18T12:00:00Z"
    lines = [status("", "Em transferência", time), status("", "Coletado", time)]
    assert len(read(batch(package(*lines)))) == 2


def test_the_time_of_the_call_changes_nothing() -> None:
    assert event("5", requestTime="2026-06-01T00:00:00Z") == event("5")


def test_references_come_best_first() -> None:
    found = event("5", barcode="LG0001")
    assert [(r.kind.value, r.value) for r in found.references] == [
        ("tracking_number", "ZZ00000000001LG"),
        ("shipment_id", "KIF0000000000000000000001"),
        ("volume_code", "LG0001"),
    ]


def test_the_key_and_the_barcode_may_be_missing() -> None:
    assert len(event("5", loggiKey=None).references) == 1


def test_a_place_may_be_missing() -> None:
    found = event("5", location=None, trackingHistory=[])
    assert (found.city, found.state) == ("", "")
    found = event("5")
    assert (found.city, found.state) == ("São Paulo", "SP")


def test_a_package_without_a_tracking_code_is_unreadable() -> None:
    with pytest.raises(ValueError, match=r"packages\.trackingCode: missing"):
        event("5", trackingCode=" ")


def test_a_line_without_its_time_is_unreadable() -> None:
    parts = read(batch(package(status("5", "Entregue", ""))))
    assert [part.position for part in parts] == [
        "packages.0.trackingHistory.0",
        "packages.0.status",
    ]


def test_a_status_without_words_has_those_of_the_table() -> None:
    line = status("5", "", "2026-05-20T10:40:18Z") | {"description": None}
    [found] = read(batch(package(line)))
    assert found.description == "Entregue"


@pytest.mark.parametrize("body", [b"", b" ", b"{}", b'{"packages": []}'])
def test_an_empty_call_is_no_event(body: bytes) -> None:
    assert read(body) == []


def test_a_body_without_packages_is_unreadable() -> None:
    with pytest.raises(ValueError, match="packages"):
        read(json.dumps({"package": {}}).encode())


def test_user_and_password_must_both_fit() -> None:
    made = adapter(secrets=("user:password",))
    good = {k.lower(): v for k, v in headers(b"", "user:password").items()}
    made.verify(WebhookRequest(good, b"{}"))
    for wrong in ("user:Password", "user", "password", ":"):
        bad = {k.lower(): v for k, v in headers(b"", wrong).items()}
        with pytest.raises(VerificationFailed):
            made.verify(WebhookRequest(bad, b"{}"))


def test_there_is_no_public_page() -> None:
    assert adapter().tracking_url(ParcelView((), "ZZ1")) is None


def test_the_sandbox_refuses_what_the_carrier_never_sends() -> None:
    scan = SimulatedScan(SimulatedParcel("order", "key", "ZZ1"), "5", ARRIVED)
    with pytest.raises(ValueError, match="user:password"):
        Simulator().webhook(scan, "password")
    nameless = replace(scan, parcel=SimulatedParcel("order", "key"))
    with pytest.raises(ValueError, match=r"^tracking code: required"):
        Simulator().webhook(nameless, "user:password")


def test_the_sandboxs_part_fits_its_stage() -> None:
    assert isinstance(Simulator(), Simulates)


def test_a_delivery_whose_text_means_a_return_is_none() -> None:
    assert event(5, "Entregue ao embarcador").milestone is Milestone.RETURNING
    entry = status(5, "Entregue", "2026-05-20T10:40:18Z")
    entry["description"] = "Pacote entregue para o remetente"
    [found] = read(batch(package(entry)))
    assert found.milestone is Milestone.RETURNING


def test_a_delivery_whose_text_has_another_meaning_is_contradictory() -> None:
    found = event(5, "Em rota")
    assert found.milestone is Milestone.DELIVERED
    assert found.effect is Effect.CONTRADICTORY


MOVED = status("14", "Coletado", "2026-05-18T12:00:00Z")
DELIVERED = status("5", "Entregue", "2026-05-20T12:00:00Z")
WITHOUT_TIME = status("11", "Em rota", "")


def told(*packages: dict[str, Any]) -> list[Any]:
    """Parse a batch: code and effect of each event, or a part's position."""
    return [
        part.position
        if isinstance(part, UnreadablePart)
        else (part.carrier_code, part.effect)
        for part in read(batch(*packages))
    ]


def test_a_bad_package_does_not_stop_the_others_of_its_batch() -> None:
    nameless = package(MOVED, trackingCode=None)
    assert told(nameless, package(DELIVERED), {"status": "x"}) == [
        "packages.0",
        ("5", Effect.NORMAL),
        "packages.2",
    ]


def test_a_bad_line_does_not_stop_the_others_of_its_package() -> None:
    assert told(package(MOVED, WITHOUT_TIME, DELIVERED)) == [
        ("14", Effect.NORMAL),
        "packages.0.trackingHistory.1",
        ("5", Effect.NORMAL),
    ]


def test_a_delivery_in_the_history_is_held_if_a_bad_line_may_be_newer() -> None:
    assert told(package(DELIVERED, WITHOUT_TIME, status=None)) == [
        ("5", Effect.INCOMPLETE),
        "packages.0.trackingHistory.1",
    ]
    assert told(package(DELIVERED, WITHOUT_TIME), package(DELIVERED)) == [
        ("5", Effect.INCOMPLETE),
        "packages.0.trackingHistory.1",
        "packages.0.status",
        ("5", Effect.NORMAL),
    ]


def test_a_line_with_a_text_that_is_too_long_is_listed_alone() -> None:
    long = status("14", "x" * 5001, "2026-05-17T12:00:00Z")
    assert told(package(long, DELIVERED)) == [
        "packages.0.trackingHistory.0",
        ("5", Effect.NORMAL),
    ]
