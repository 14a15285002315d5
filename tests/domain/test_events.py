"""The vocabulary, references for comparison, instants, and errors."""

import inspect
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from relay import errors
from relay.clock import EPOCH, micros, moment, utcnow
from relay.domain.events import (
    EARLIEST,
    LATEST_AFTER_RECEIPT,
    Effect,
    Milestone,
    Reference,
    ReferenceKind,
    ReferenceLevel,
    TrackingEvent,
    compared,
    is_final,
    is_real_date,
    is_scan,
    utc,
)

INSTANT = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
SALTO = timezone(timedelta(hours=-3))


def test_the_milestones_are_those_of_the_design() -> None:
    words = (
        "label_created picked_up in_transit at_hub out_for_delivery"
        " available_for_pickup delivery_failed held exception returning returned"
        " delivered lost damaged cancelled unknown"
    )
    assert {m.value for m in Milestone} == set(words.split())


@pytest.mark.parametrize("milestone", list(Milestone))
@pytest.mark.parametrize("effect", list(Effect))
def test_a_scan_is_normal_and_neither_a_label_nor_unknown(
    milestone: Milestone, effect: Effect
) -> None:
    handled = milestone.value not in {"label_created", "unknown"}
    assert is_scan(milestone, effect) is (handled and effect is Effect.NORMAL)


@pytest.mark.parametrize("milestone", list(Milestone))
def test_a_milestone_is_final_by_itself_or_where_its_row_says_so(
    milestone: Milestone,
) -> None:
    always = milestone.value in {"delivered", "returned"}
    marked = always or milestone.value in {"lost", "damaged", "cancelled"}
    assert is_final(milestone, marked=False) is always
    assert is_final(milestone, marked=True) is marked


@pytest.mark.parametrize(
    ("kind", "level", "used_again"),
    [
        ("tracking_number", ReferenceLevel.PARCEL, True),
        ("volume_code", ReferenceLevel.PARCEL, True),
        ("shipment_id", ReferenceLevel.PARCEL, True),
        ("invoice_key", ReferenceLevel.INVOICE, False),
        ("invoice", ReferenceLevel.INVOICE, True),
        ("cte_key", ReferenceLevel.INVOICE, False),
        ("order_id", ReferenceLevel.ORDER, True),
    ],
)
def test_a_kind_of_reference_has_a_level_and_a_life(
    kind: str, level: ReferenceLevel, used_again: bool
) -> None:
    assert ReferenceKind(kind).level is level
    assert ReferenceKind(kind).used_again is used_again


@pytest.mark.parametrize(
    ("given_as", "expected"),
    [("ab 12", "AB12"), (" Ab\t1\u00a02\n", "AB12"), ("AB-12/x", "AB-12/X")],
)
def test_references_are_compared_in_upper_case_without_blanks(
    given_as: str, expected: str
) -> None:
    reference = Reference(kind=ReferenceKind.TRACKING_NUMBER, value=given_as)
    assert reference.value == given_as
    assert reference.compared == compared(given_as) == expected


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_comparing_twice_changes_nothing(value: str) -> None:
    assert compared(compared(value)) == compared(value)


def event(**more: object) -> TrackingEvent:
    values = {
        "references": (Reference(kind=ReferenceKind.ORDER_ID, value="1"),),
        "milestone": Milestone.HELD,
        "occurred_at": INSTANT,
    }
    return TrackingEvent.model_validate(values | more)


def test_an_event_happens_in_utc_wherever_it_was_written() -> None:
    found = event(occurred_at=INSTANT.astimezone(SALTO))
    assert found.occurred_at == INSTANT
    assert found.occurred_at.tzinfo is UTC
    assert utc(INSTANT.astimezone(SALTO)).tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        "0001-01-01T00:00:00+03:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-03:00",
        "9999-12-31T23:59:59Z",
    ],
)
def test_a_placeholder_date_is_an_instant_that_every_zone_can_show(
    written: str,
) -> None:
    found = event(occurred_at=datetime.fromisoformat(written))
    for zone in (SALTO, UTC, timezone(timedelta(hours=14))):
        assert utc(found.occurred_at.astimezone(zone)) == found.occurred_at
    assert not is_real_date(found.occurred_at, INSTANT)


@pytest.mark.parametrize(
    ("happened", "real"),
    [
        (EARLIEST, True),
        (EARLIEST - timedelta(microseconds=1), False),
        (INSTANT + LATEST_AFTER_RECEIPT, True),
        (INSTANT + LATEST_AFTER_RECEIPT + timedelta(microseconds=1), False),
    ],
)
def test_a_real_date_lies_between_two_bounds(happened: datetime, *, real: bool) -> None:
    assert is_real_date(happened, INSTANT) is real


@pytest.mark.parametrize(
    "more",
    [
        {"occurred_at": INSTANT.replace(tzinfo=None)},
        {"references": ()},
        {"milestone": "arrived"},
        {"description": "x" * 5001},
        {"carrier_code": "x" * 101},
        {"surprise": 1},
    ],
)
def test_what_is_no_event_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        event(**more)
    assert caught.value.error_count() == 1


def test_a_refusal_does_not_repeat_what_a_document_says() -> None:
    with pytest.raises(ValidationError) as caught:
        event(milestone="Joana da Silva, Rua das Flores")
    assert "Joana" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "x" * 201])
def test_a_reference_says_something_and_not_too_much(value: str) -> None:
    with pytest.raises(ValidationError):
        Reference(kind=ReferenceKind.ORDER_ID, value=value)


# Instants.


def test_an_instant_is_stored_as_whole_microseconds_since_1970() -> None:
    assert micros(EPOCH) == 0
    assert micros(EPOCH + timedelta(seconds=1, microseconds=5)) == 1_000_005
    assert micros(EPOCH - timedelta(microseconds=1)) == -1
    assert moment(1_000_005) == EPOCH + timedelta(seconds=1, microseconds=5)


@given(st.datetimes(timezones=st.sampled_from([UTC, SALTO])))
def test_a_stored_instant_is_the_same_instant(when: datetime) -> None:
    assert moment(micros(when)) == when


def test_now_is_aware_and_in_utc() -> None:
    before = datetime.now(UTC)
    assert before <= utcnow() <= datetime.now(UTC)
    assert utcnow().tzinfo is UTC


# Errors.


def test_every_error_is_drawn_in_the_tree() -> None:
    assert errors.__doc__ is not None
    members = inspect.getmembers(errors, inspect.isclass)
    found = [e for _, e in members if e.__module__ == errors.__name__]
    for error in found:
        assert issubclass(error, errors.RelayError)
        assert error.__name__ in errors.__doc__


def test_a_refused_registration_names_the_field_and_the_way_out() -> None:
    refused = errors.Conflict("taken", field="volume", hint="add a volume")
    assert str(refused) == "taken"
    assert (refused.field, refused.hint) == ("volume", "add a volume")
    plain = errors.NotFound("there is no such shipment")
    assert (plain.field, plain.hint) == ("", "")


def test_a_lost_lease_is_the_stores_and_an_unanswered_call_is_vtexs() -> None:
    assert issubclass(errors.LeaseLost, errors.StoreError)
    for error in (errors.NotSent, errors.Unanswered, errors.DeadlineOver):
        assert issubclass(error, errors.VtexError)
        assert not issubclass(error, errors.StoreError)
