"""What VTEX shows of an order, and whether it is what was sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.vtex.bodies import EventTime, TrackingObject, tracking_object
from relay.vtex.orders import (
    DifferentNumber,
    FoundPackage,
    OrderView,
    PackageView,
    ShownEvent,
    find_package,
    parse_order,
    shown_objects,
    shows_tracking_number,
)

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
KEY = "35260712345678000190550010000001231000001239"
OTHER_KEY = "35260712345678000190550020000001231000001230"
INSTANT = datetime(2026, 8, 1, 14, 3, tzinfo=UTC)

ORDER: dict[str, Any] = {
    "orderId": "v1-01",
    "status": "invoiced",
    "packageAttachment": {
        "packages": [
            {
                "type": "Output",
                "invoiceNumber": "000123",
                "invoiceKey": KEY,
                "courier": "Loggi",
                "trackingNumber": "BR1",
                "trackingUrl": None,
                "courierStatus": {
                    "status": "unknown",
                    "finished": True,
                    "data": [
                        {
                            "lastChange": "2026-08-01T14:03:00.4617653+00:00",
                            "city": "São  Paulo",
                            "state": None,
                            "description": "Entregue ",
                            "createDate": "2026-08-01T15:00:00+00:00",
                        },
                        {"lastChange": "garbage", "description": "Coletado"},
                        "no event",
                    ],
                },
            },
            {"type": "Input", "invoiceNumber": "9"},
            None,
            {"invoiceNumber": 7, "courierStatus": {"finished": "yes", "data": {}}},
        ]
    },
}


def test_an_order_is_read_as_vtex_shows_it() -> None:
    assert parse_order(ORDER) == OrderView(
        "invoiced",
        (
            PackageView(
                "000123",
                KEY,
                "BR1",
                "",
                "Loggi",
                finished=True,
                data=(
                    ShownEvent(INSTANT, "Entregue", "São Paulo"),
                    ShownEvent(None, "Coletado"),
                ),
            ),
            PackageView(""),
        ),
    )


def test_events_are_compared_by_instant_and_text() -> None:
    order = parse_order(ORDER)
    assert order is not None
    assert order.packages[0].shown == {(INSTANT, "Entregue")}


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        ({"status": "canceled"}, "canceled"),
        ({"orderId": "v1-01", "status": None}, ""),
        ({"packageAttachment": None}, ""),
        ({"packageAttachment": {"packages": None}}, ""),
        ({"packageAttachment": ["old form"]}, ""),
    ],
)
def test_an_order_may_lack_everything_else(payload: object, status: str) -> None:
    assert parse_order(payload) == OrderView(status)


@pytest.mark.parametrize("payload", [None, "", [], {}, 7, {"error": "x"}])
def test_what_is_no_order_is_not_taken_for_an_empty_one(payload: object) -> None:
    assert parse_order(payload) is None


@pytest.mark.parametrize(
    ("status", "ended", "cancelling"),
    [
        ("canceled", "cancelled", False),
        ("replaced", "replaced", False),
        ("cancel", None, True),
        ("cancellation-requested", None, True),
        ("invoiced", None, False),
        ("", None, False),
    ],
)
def test_only_final_states_end_an_order(
    status: str, ended: str | None, cancelling: bool
) -> None:
    order = OrderView(status)
    assert (order.ended, order.cancelling) == (ended, cancelling)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["packageAttachment", "packages", "courierStatus", "data", "lastChange"]
            ),
            inner,
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_no_payload_breaks_the_reading(payload: object) -> None:
    order = parse_order(payload)
    assert order is None or isinstance(order, OrderView)


def order_of(*packages: PackageView | str) -> OrderView:
    shown = (PackageView(p) if isinstance(p, str) else p for p in packages)
    return OrderView("invoiced", tuple(shown))


@pytest.mark.parametrize(
    ("ours", "shown", "by"),
    [
        ("123", "000123", "zeros"),
        ("000123", "123", "zeros"),
        ("000123-1", "123-1", "zeros"),
        ("123-001", "123-1", "zeros"),
        ("NFe-00001", "NFe-1", "zeros"),
        ("123", "000123-1", "series"),
        ("000123-1", "123", "series"),
        ("1-000123", "123", "series"),
        ("123", "001/00123", "series"),
        ("00001234", "F001-00001234", "series"),
        ("123-1", "1-123", "series"),
        ("0", "000", "zeros"),
        ("123", "124", None),
        ("123", "1230", None),
        ("123-1", "123-2", None),
        ("1", "123-1", None),
        ("123", "123-1-1", None),
        ("123", "123-ABCD", None),
        ("ABC", "ABC-1", None),
        ("123", "123 ", None),
        ("a1", "A1", None),
        ("123", "", None),
    ],
)
def test_a_number_may_differ_by_zeros_or_series(
    ours: str, shown: str, by: str | None
) -> None:
    package = PackageView(shown)
    found = find_package(order_of("other", package), ours)
    assert found == (DifferentNumber(package, by) if by else None)  # type: ignore[arg-type]


def test_the_very_number_comes_before_any_likeness() -> None:
    order = order_of("0123", PackageView("9", KEY), "123")
    assert find_package(order, "123", KEY) == FoundPackage(PackageView("123"))


def test_the_number_as_vtex_writes_it_comes_first() -> None:
    order = order_of("123", "000123-1")
    found = find_package(order, "123", None, "000123-1")
    assert found == FoundPackage(PackageView("000123-1"))
    assert find_package(order, "123", None, "gone") == FoundPackage(PackageView("123"))


def test_the_same_key_is_the_best_likeness() -> None:
    package = PackageView("A-77", KEY)
    assert find_package(order_of("0123", package), "123", KEY) == DifferentNumber(
        package, "key"
    )


def test_a_package_with_another_key_is_another_invoice() -> None:
    order = order_of(PackageView("0123", OTHER_KEY))
    assert find_package(order, "123", KEY) is None
    assert find_package(order, "123") is not None


@pytest.mark.parametrize(
    "numbers", [("0123", "00123"), ("123-1", "123-2")], ids=["zeros", "series"]
)
def test_two_that_are_alike_are_none(numbers: tuple[str, str]) -> None:
    assert find_package(order_of(*numbers), "123") is None


def test_zeros_are_nearer_than_a_series() -> None:
    found = find_package(order_of("123-2", "0123"), "123")
    assert found == DifferentNumber(PackageView("0123"), "zeros")


@pytest.mark.parametrize(
    ("ours", "shows"),
    [
        (("BR1", "https://t", "Loggi"), True),
        (("BR1 ", "https://t", "Loggi"), True),
        (("BR1", None, ""), True),
        ((None, None, None), True),
        (("BR2", "https://t", "Loggi"), False),
        (("BR1", "https://other", "Loggi"), False),
        (("BR1", "https://t", "Jadlog"), False),
    ],
)
def test_a_tracking_number_is_shown_if_all_that_is_stored_is(
    ours: tuple[str | None, str | None, str | None], shows: bool
) -> None:
    package = PackageView("1", "", "BR1", "https://t", "Loggi")
    assert shows_tracking_number(package, *ours) is shows


@pytest.mark.parametrize(
    ("ours", "shows"),
    [(("BR1", None, None), True), (("BR1", "https://t", None), False)],
)
def test_an_empty_field_differs_only_if_we_hold_a_value(
    ours: tuple[str | None, str | None, str | None], shows: bool
) -> None:
    package = PackageView("1", tracking_number="BR1")
    assert shows_tracking_number(package, *ours) is shows


@dataclass(frozen=True)
class Scan:
    occurred_at: datetime
    description: str
    city: str = ""
    state: str = ""


def as_utc(date: str) -> str:
    """Show a time as VTEX does: seven digits, UTC; one without offset unmoved."""
    read = datetime.fromisoformat(date)
    there = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    return f"{there:%Y-%m-%dT%H:%M:%S}.0000000+00:00"


def package_showing(
    objects: list[TrackingObject], spell: Callable[[str], str] = as_utc
) -> PackageView:
    data = [
        {"lastChange": spell(o["date"]), "description": o["description"]}
        for o in objects
    ]
    packages = [{"invoiceNumber": "1", "courierStatus": {"data": data}}]
    order = parse_order({"packageAttachment": {"packages": packages}})
    assert order is not None
    return order.packages[0]


moments = st.integers(946_684_800, 3_786_912_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
zones = st.sampled_from(
    ["America/Sao_Paulo", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "UTC"]
).map(ZoneInfo)
modes = st.sampled_from(["offset", "utc", "local"])


@given(moments, zones, modes, st.text())
def test_what_was_published_is_recognised_in_every_form(
    moment: datetime, zone: ZoneInfo, mode: EventTime, text: str
) -> None:
    one = tracking_object(Scan(moment, text), zone, mode)
    assert shown_objects(package_showing([one]), [one], zone) == [one]


@given(moments, zones)
def test_a_local_time_may_also_be_shown_at_its_true_instant(
    moment: datetime, zone: ZoneInfo
) -> None:
    one = tracking_object(Scan(moment, "x"), zone, "local")
    package = package_showing([one], lambda _: moment.isoformat())
    assert shown_objects(package, [one], zone) == [one]


@pytest.mark.parametrize("mode", ["offset", "utc", "local"])
def test_another_instant_or_text_is_another_event(mode: EventTime) -> None:
    published = tracking_object(Scan(INSTANT, "Coletado"), SAO_PAULO, mode)
    later = Scan(INSTANT + timedelta(seconds=1), "Coletado")
    reworded = Scan(INSTANT, "Coletada")
    others = [tracking_object(o, SAO_PAULO, mode) for o in (later, reworded)]
    assert shown_objects(package_showing([published]), others, SAO_PAULO) == []


def test_a_time_sent_with_its_offset_is_not_taken_for_local() -> None:
    published = tracking_object(Scan(INSTANT, "Coletado"), SAO_PAULO, "offset")
    package = package_showing([published], lambda _: "2026-08-01T11:03:00+00:00")
    assert shown_objects(package, [published], SAO_PAULO) == []


def test_an_object_whose_time_is_garbage_is_not_shown() -> None:
    odd: TrackingObject = {"city": "", "state": "", "description": "x", "date": "?"}
    package = package_showing([odd], lambda date: date)
    assert shown_objects(package, [odd], SAO_PAULO) == []
