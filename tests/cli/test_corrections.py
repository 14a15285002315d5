"""`relay shipments correct`, `handover`, `mark-delivered`: the API's words."""

import getpass
from datetime import timedelta
from typing import Any

import pytest

from relay.clock import micros, utcnow
from relay.errors import Conflict, InvalidLabel
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import Cli
from tests.store.making import execute

SWIFT = {
    "RELAY_CONTRACTS__SWIFT__ADAPTER": "loggi",
    "RELAY_CONTRACTS__SWIFT__SECRET": "user:password",
    "RELAY_CONTRACTS__LAST__ADAPTER": "melhorenvio",
    "RELAY_CONTRACTS__LAST__SECRET": "secret-of-the-last-mile",
}


@pytest.fixture(autouse=True)
def configured(cli: Cli) -> None:
    cli.environ |= SWIFT


def notes(cli: Cli, shipment: str) -> list[str]:
    timeline = cli.json("shipments", "show", shipment)["timeline"]
    return [note["text"] for note in timeline["notes"]]


@pytest.mark.parametrize("history", ["drop", "keep"])
def test_a_number_is_corrected(cli: Cli, documents: list[str], history: str) -> None:
    number = ("--tracking-number", "TN7", "--history", history)
    ran = cli("shipments", "correct", "O-1", *number)
    assert ran.exit_code == 0, ran.output
    assert ran.stdout == f"{documents[0]}: corrected (courier, trackingNumber)\n"
    shown = cli.json("shipments", "show", "TN7")
    assert shown["id"] == documents[0]
    assert len(shown["timeline"]["events"]) == (history == "keep")
    last = notes(cli, documents[0])[-1]
    assert "trackingNumber; tracking number of volume 1: TN1 -> TN7" in last
    assert last.endswith(f"; requested by {getpass.getuser()}")


def test_what_is_right_already_changes_nothing(cli: Cli, ids: list[str]) -> None:
    options = ("--tracking-number", "TN1", "--courier", "Veloz")
    cli("shipments", "correct", ids[0], *options)
    ran = cli("shipments", "correct", ids[0], *options)
    assert "nothing to change" in ran.stdout
    assert len(notes(cli, ids[0])) == 2


def test_page_courier_and_contract_are_corrected(cli: Cli, ids: list[str]) -> None:
    url = "https://carrier.example/TN1"
    options = ("--tracking-url", url, "--courier", "Veloz", "--contract", "last")
    ran = cli("shipments", "correct", ids[0], *options, "--volume", "1")
    assert ran.exit_code == 0, ran.output
    shown = cli.json("shipments", "show", ids[0])
    named = (shown["trackingUrl"], shown["courier"], shown["contract"])
    assert named == (url, "Veloz", "last")


@pytest.mark.usefixtures("ids")
def test_a_warning_is_said_apart(cli: Cli) -> None:
    url = ("--tracking-url", "https://carrier.example/TN1")
    cli("shipments", "correct", "O-1", *url)
    ran = cli("shipments", "correct", "O-1", "--tracking-number", "TN8")
    assert "was given for the old number" in ran.stderr


@pytest.mark.parametrize(
    ("options", "field", "says"),
    [
        (["--tracking-number", "T 7"], "trackingNumber", "contains a space"),
        (["--contract", "slow"], "contract", "'slow' is not configured"),
        (["--courier", "x" * 201], "courier", "longer than 200 characters"),
        (["--courier", "x", "--volume", "2"], "volume", "volumes 1 to 1"),
    ],
)
@pytest.mark.usefixtures("ids")
def test_what_the_api_refuses_is_refused_in_its_words(
    cli: Cli, options: list[str], field: str, says: str
) -> None:
    error = cli("shipments", "correct", "O-1", *options).exception
    assert isinstance(error, InvalidLabel)
    assert error.field == field
    assert says in str(error)
    assert error.hint


def test_a_correction_says_something(cli: Cli) -> None:
    ran = cli("shipments", "correct", "O-1")
    assert ran.exit_code == 2
    assert "give a correction" in ran.stderr


def test_a_cancelled_shipment_is_not_corrected(cli: Cli, ids: list[str]) -> None:
    cli("shipments", "cancel", ids[0])
    error = cli("shipments", "correct", ids[0], "--courier", "x").exception
    assert isinstance(error, Conflict)


def test_a_parcel_is_handed_over(cli: Cli, ids: list[str]) -> None:
    options = ("--contract", "last", "--tracking-number", "LM1", "--volume", "1")
    more = ("--reference", "volumeCode=V-1")
    ran = cli("shipments", "handover", "TN1", *options, *more)
    assert ran.exit_code == 0, ran.output
    assert ran.stdout == f"{ids[0]}: handover registered (references)\n"
    [parcel] = cli.json("shipments", "show", ids[0])["parcels"]
    second = [r for r in parcel["references"] if r["contract"] == "last"]
    assert {(r["type"], r["value"]) for r in second} == {
        ("trackingNumber", "LM1"),
        ("volumeCode", "V-1"),
    }
    last = notes(cli, ids[0])[-1]
    by = getpass.getuser()
    assert (
        last == f"carrier handover: volume 1 to contract last as LM1; requested by {by}"
    )
    assert (
        "nothing to change"
        in cli("shipments", "handover", "O-1", *options, *more).stdout
    )


@pytest.mark.parametrize("text", ["LM1", "=LM1", "volumeCode="])
def test_a_reference_has_a_type_and_a_value(cli: Cli, text: str) -> None:
    options = ("--contract", "last", "--reference", text)
    ran = cli("shipments", "handover", "O-1", *options)
    assert ran.exit_code == 2
    assert "write type=value" in ran.stderr


@pytest.mark.usefixtures("ids")
def test_a_type_that_there_is_not_is_refused(cli: Cli) -> None:
    options = ("--contract", "last", "--reference", "odd=1")
    error = cli("shipments", "handover", "O-1", *options).exception
    assert isinstance(error, InvalidLabel)
    assert error.field == "references[0].type"


def test_a_person_says_that_it_was_delivered(cli: Cli, ids: list[str]) -> None:
    now = utcnow()

    async def register(database: SqliteDatabase) -> None:
        changed = f"registered_at = {micros(now)}"
        await execute(database, f"UPDATE shipments SET {changed}")  # noqa: S608

    cli.on_database(register)
    at = (now - timedelta(hours=1)).isoformat(timespec="seconds")
    options = ("--at", at, "--volume", "1", "--description", "Chegou")
    ran = cli("shipments", "mark-delivered", "O-1", *options)
    assert ran.exit_code == 0, ran.output
    assert ids[0] in ran.stdout
    assert (
        notes(cli, ids[0])[-1] == f"volume 1 marked as delivered by {getpass.getuser()}"
    )

    async def kept(database: SqliteDatabase) -> Any:
        return await execute(database, "SELECT body FROM documents")

    [document] = cli.on_database(kept)
    assert b"Chegou" in document["body"]


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ("2026-08-01", "has no time of day"),
        ("soon", "not an ISO 8601 date"),
        ("2099-08-01T12:00:00", "in the future"),
        ("2020-08-01T12:00:00", "long before the label"),
    ],
)
@pytest.mark.usefixtures("ids")
def test_when_it_was_delivered_must_be_possible(cli: Cli, at: str, says: str) -> None:
    error = cli("shipments", "mark-delivered", "O-1", "--at", at).exception
    assert isinstance(error, InvalidLabel)
    assert error.field == "occurredAt"
    assert says in str(error)
