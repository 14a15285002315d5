"""A simulation stores a bounded number of scans."""

from datetime import UTC, datetime

from relay.sandbox.simulator import SimulatedParcel, SimulatedScan, Simulation


def scan(number: str | None, code: str = "posted") -> SimulatedScan:
    parcel = SimulatedParcel("order", f"id-{number}", tracking_number=number)
    return SimulatedScan(parcel, code, datetime(2026, 8, 1, tzinfo=UTC))


def test_scans_are_found_by_tracking_number_and_by_the_carriers_id() -> None:
    stage = Simulation()
    stage.record(scan("TN1"))
    stage.record(scan(None, "created"))
    assert [s.code for s in stage.scans_of("TN1")] == ["posted"]
    assert [s.code for s in stage.scans_of("id-TN1")] == ["posted"]
    assert [s.code for s in stage.scans_of("id-None")] == ["created"]
    assert stage.scans_of("TN2") == []


def test_the_oldest_scans_are_dropped() -> None:
    stage = Simulation(keep=2)
    for number, code in [("TN1", "a"), ("TN2", "b"), ("TN2", "c"), ("TN2", "d")]:
        stage.record(scan(number, code))
    assert stage.scans_of("TN1") == []
    assert [s.code for s in stage.scans_of("TN2")] == ["c", "d"]
