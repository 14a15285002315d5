"""Merging a repeated label into the registered shipment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from relay.domain.events import Reference, ReferenceKind
from relay.domain.label_merge import KnownShipment, merge_label
from relay.domain.labels import Label, LabelParcel, parcel_references
from relay.errors import Conflict, InvalidLabel

LABEL = Label(
    account="store",
    contract="acme",
    order_id="O-1",
    invoice_number="1",
    send_tracking="A",
    parcels=(LabelParcel("A"),),
)
KNOWN = KnownShipment("acme", volumes=1, numbers={1: "A"})
IF_WRONG = "if this is wrong, correct `volumes` (PATCH)"
THREE = KnownShipment("acme", volumes=3, numbers={1: "A", 2: "B", 3: None})


def label(*parcels: LabelParcel, **changed: Any) -> Label:
    return replace(LABEL, parcels=parcels or LABEL.parcels, **changed)


def box(number: str | None = None, volume: int | None = None) -> LabelParcel:
    return LabelParcel(number, volume)


def test_a_shipment_that_begins_updates_nothing() -> None:
    joined = merge_label(None, label(courier="Acme", dispatched_date="2026-08-01"))

    assert joined.updated == ()
    assert joined.warnings == ()
    assert not joined.new_volume
    assert joined.volumes == 1
    assert joined.taken_over == {
        "courier": "Acme",
        "dispatched_date": "2026-08-01",
        "tracking_number": "A",
    }


@pytest.mark.parametrize(
    ("known", "parcels", "placed"),
    [
        (None, [box("A")], [("A", 1)]),
        (None, [box()], [(None, 1)]),
        (None, [box("A"), box("B")], [("A", 1), ("B", 2)]),
        (None, [box(), box()], [(None, 1), (None, 2)]),
        (None, [box("A"), box("B", 1)], [("B", 1), ("A", 2)]),
        (None, [box("A"), box("A")], [("A", 1), ("A", 2)]),
        (None, [box("A", 3)], [("A", 3)]),
        (KNOWN, [box("a")], [("A", 1)]),
        (KNOWN, [box()], [("A", 1)]),
        (KNOWN, [box("B"), box("A")], [("A", 1), ("B", 2)]),
        (THREE, [box("C")], [("C", 3)]),
        (THREE, [box("B")], [("B", 2)]),
        (THREE, [box("D", 4)], [("D", 4)]),
    ],
)
def test_each_box_finds_its_volume(
    known: KnownShipment | None,
    parcels: list[LabelParcel],
    placed: list[tuple[str | None, int]],
) -> None:
    joined = merge_label(known, label(*parcels))

    assert [(p.tracking_number, p.volume) for p in joined.parcels] == placed


def test_the_same_boxes_again_land_where_they_are() -> None:
    boxes = (box("A"), box("A"), box("B"))
    first = merge_label(None, label(*boxes))
    numbers = {p.volume: p.tracking_number for p in first.parcels if p.volume}
    known = KnownShipment("acme", first.volumes, numbers, {"tracking_number": "A"})

    again = merge_label(known, label(*boxes))

    assert again.parcels == first.parcels
    assert again.updated == ()


@pytest.mark.parametrize(
    ("known", "given", "field", "hint"),
    [
        (KNOWN, label(contract="other"), "contract", "PATCH"),
        (KNOWN, label(box("B")), "trackingNumber", "add a parcel"),
        (THREE, label(box("B", 1)), "trackingNumber", "PATCH"),
    ],
)
def test_what_contradicts_the_registration_is_a_conflict_with_both_ways_out(
    known: KnownShipment, given: Label, field: str, hint: str
) -> None:
    with pytest.raises(Conflict) as found:
        merge_label(known, given)

    assert found.value.field == field
    assert hint in found.value.hint


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (label(box("A", 2), box("B", 2)), "parcels"),
        (label(volumes=1000), "volumes"),
    ],
)
def test_a_label_that_contradicts_itself_is_invalid(given: Label, field: str) -> None:
    with pytest.raises(InvalidLabel) as found:
        merge_label(None, given)

    assert found.value.field == field
    assert found.value.hint


def test_a_number_that_came_later_is_taken_over_and_named() -> None:
    known = KnownShipment("acme", 1, {1: None})

    joined = merge_label(known, LABEL)

    assert joined.parcels == (box("A", 1),)
    assert joined.updated == ("trackingNumber",)
    assert joined.taken_over == {"tracking_number": "A"}


def test_optional_fields_that_came_later_are_taken_over_and_named() -> None:
    known = replace(KNOWN, fields={"tracking_number": "A", "courier": "Acme"})

    joined = merge_label(known, label(promised_on="2026-08-09", courier="Acme"))

    assert joined.updated == ("estimatedDeliveryDate",)
    assert joined.warnings == ()


@pytest.mark.parametrize(
    ("given", "warned"),
    [(frozenset({"courier"}), True), (frozenset[str](), False)],
)
def test_another_value_is_ignored_with_a_warning_if_the_erp_gave_it(
    given: frozenset[str], *, warned: bool
) -> None:
    known = replace(KNOWN, fields={"tracking_number": "A", "courier": "Acme"})

    joined = merge_label(known, label(courier="Other", given=given))

    assert joined.taken_over == {}
    stays = ("courier: ignored, because another value is registered",)
    assert joined.warnings == (stays if warned else ())


FIRST = datetime(2026, 8, 2, tzinfo=UTC)
DISPATCHED = replace(
    KNOWN,
    fields={"tracking_number": "A", "dispatched_date": "2026-08-02"},
    dispatched_at=FIRST,
)


@pytest.mark.parametrize(
    ("days", "taken", "warnings"),
    [
        (-1, ("dispatchedDate",), ()),
        (0, (), ()),
        (1, (), ("dispatchedDate: ignored, because an earlier one is registered",)),
    ],
)
def test_of_several_dispatch_dates_the_earliest_counts(
    days: int, taken: tuple[str, ...], warnings: tuple[str, ...]
) -> None:
    at = FIRST + timedelta(days=days)
    given = label(dispatched_date=at.isoformat(), dispatched_at=at)

    joined = merge_label(DISPATCHED, given)

    assert (joined.updated, joined.warnings) == (taken, warnings)
    assert ("dispatched_date" in joined.taken_over) == bool(taken)


def test_a_label_without_a_dispatch_date_leaves_it() -> None:
    joined = merge_label(DISPATCHED, LABEL)

    assert (joined.updated, joined.warnings) == ((), ())


def test_volumes_only_grow() -> None:
    joined = merge_label(KNOWN, label(box("B", 2)))

    assert joined.volumes == 2
    assert joined.new_volume
    assert joined.updated == ("trackingNumber", "volumes")
    assert joined.warnings == (f"volumes: raised from 1 to 2; {IF_WRONG}",)


def test_fewer_volumes_are_warned_of_and_change_nothing() -> None:
    joined = merge_label(THREE, label(volumes=2))

    assert joined.volumes == 3
    assert not joined.new_volume
    assert joined.warnings == (f"volumes: 2 is ignored, 3 are registered; {IF_WRONG}",)


def test_a_volume_after_the_delivery_was_published_is_a_warning() -> None:
    joined = merge_label(replace(KNOWN, delivered_published=True), label(box("B", 2)))

    assert "VTEX already shows the shipment as delivered" in joined.warnings[1]


KEY = Reference(kind=ReferenceKind.INVOICE_KEY, value="K" * 44)
CTE = Reference(kind=ReferenceKind.CTE_KEY, value="C" * 44)


@pytest.mark.parametrize(
    ("registered", "kept"), [(None, (KEY, CTE)), ("K" * 44, (KEY, CTE)), ("L", (CTE,))]
)
def test_another_invoice_key_is_not_listened_to(
    registered: str | None, kept: tuple[Reference, ...]
) -> None:
    fields = {"invoice_key": registered, "tracking_number": "A"}
    given = label(invoice_key="K" * 44, invoice_references=(KEY, CTE))

    joined = merge_label(replace(KNOWN, fields=fields), given)

    assert joined.invoice_references == kept


def test_references_of_an_invoice_without_a_key_all_count() -> None:
    fields = {"invoice_key": "L", "tracking_number": "A"}

    joined = merge_label(
        replace(KNOWN, fields=fields), label(invoice_references=(KEY,))
    )

    assert joined.invoice_references == (KEY,)


NUMBER = Reference(kind=ReferenceKind.TRACKING_NUMBER, value="A")
CODE = Reference(kind=ReferenceKind.VOLUME_CODE, value="V1")


@pytest.mark.parametrize(
    ("parcel", "references"),
    [
        (LabelParcel(), []),
        (LabelParcel("A"), [NUMBER]),
        (LabelParcel("A", references=(NUMBER, CODE)), [NUMBER, CODE]),
    ],
)
def test_a_carrier_may_report_a_box_by_its_number_and_references(
    parcel: LabelParcel, references: list[Reference]
) -> None:
    assert parcel_references(parcel) == references
