"""`relay carriers`: what adapters can do, and what they make of a document."""

import json
from pathlib import Path
from typing import Any

import pytest

from relay.adapters.loader import adapter_names, adapters
from relay.cli.carriers import _described
from relay.errors import InvalidLabel
from tests.cli.conftest import Cli

SAMPLES = Path(__file__).parents[1] / "carriers"
LABEL = SAMPLES / "melhorenvio" / "samples"


@pytest.fixture
def contract(cli: Cli) -> Cli:
    cli.environ |= {
        "RELAY_CONTRACTS__HUB__ADAPTER": "melhorenvio",
        "RELAY_CONTRACTS__HUB__SECRET": "secret-of-the-hub",
    }
    return cli


def test_every_adapter_is_listed_with_what_it_can_do(cli: Cli) -> None:
    found = {one["adapter"]: one for one in cli.json("carriers", "list")}

    assert list(found) == adapter_names()
    hub = found["melhorenvio"]
    assert (hub["displayName"], hub["polls"]) == ("Melhor Envio", False)
    assert hub["verified"].startswith("Check `X-ME-Signature`")
    assert hub["codes"] > 5
    assert found["correios"]["polls"]
    assert found["correios"]["batchSize"] > 0
    assert (found["generic"]["polls"], found["generic"]["batchSize"]) == (True, None)
    assert "as configured" in cli("carriers", "list").stdout
    assert "Melhor Envio" in cli("carriers", "list").stdout


def test_an_adapter_that_is_no_class_is_listed_by_its_name() -> None:
    described = _described("odd", lambda _: None)
    assert (described["displayName"], described["codes"]) == ("odd", 0)


def test_adapters_are_made_by_what_the_entry_points_name() -> None:
    assert adapters()["melhorenvio"].display_name == "Melhor Envio"


def test_a_document_is_shown_as_the_adapter_reads_it(contract: Cli) -> None:
    file = str(LABEL / "posted.json")

    made = contract.json("carriers", "try", "hub", file)

    [event] = made["events"]
    assert event["occurredAt"] == "2026-05-16T10:05:41-03:00"
    assert (event["milestone"], event["effect"]) == ("picked_up", "normal")
    number = {"type": "trackingNumber", "value": "ZZ000000001BR"}
    assert number in event["references"]
    assert event["carrierCode"] == "order.posted"
    assert {"utc", "local", "code"}.isdisjoint(event)
    assert made["unreadableReason"] is None
    assert not contract.file.exists()
    assert "picked_up" in contract("carriers", "try", "hub", file).stdout


def test_unknown_codes_and_what_would_be_cut_are_named(
    contract: Cli, tmp_path: Path
) -> None:
    value: Any = json.loads((LABEL / "unknown-event.json").read_text())
    value["data"]["to"] = {"name": "a shopper"}
    file = tmp_path / "one.json"
    file.write_text(json.dumps(value))

    made = contract.json("carriers", "try", "hub", str(file), "--header", "X-Any=1")

    assert made["unknownCodes"] == [value["event"]]
    assert made["personalFieldsCut"] == ["data.to"]


def test_an_unreadable_document_says_why(contract: Cli, tmp_path: Path) -> None:
    file = tmp_path / "odd"
    file.write_bytes(b"{")

    ran = contract("carriers", "try", "hub", str(file))

    assert ran.exit_code == 1
    assert "ValidationError" in ran.stdout


def test_a_bad_part_is_named_and_the_events_are_shown(
    contract: Cli, tmp_path: Path
) -> None:
    value: Any = json.loads((LABEL / "posted.json").read_text())
    value["data"]["tags"] = ["broken"]
    file = tmp_path / "one.json"
    file.write_text(json.dumps(value))

    ran = contract("carriers", "try", "hub", str(file))

    assert ran.exit_code == 1
    assert "data.tags.0: ValidationError: Input should be" in ran.stdout
    assert "picked_up" in ran.stdout


def test_a_contract_that_is_not_there_is_named(contract: Cli) -> None:
    ran = contract("carriers", "try", "odd", str(LABEL / "posted.json"))
    assert isinstance(ran.exception, InvalidLabel)
    assert ran.exception.hint == "configured: hub"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["/no/such/file"], "cannot read"), (["x", "--header", "odd"], "name=value")],
)
def test_what_cannot_be_used_is_refused(
    contract: Cli, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "x").write_bytes(b"{}")
    ran = contract("carriers", "try", "hub", *arguments)
    assert ran.exit_code == 2
    assert said in ran.stderr


def test_an_adapter_is_begun_from_a_sample(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    file.write_text('{"tracking": "B1", "event": "P", "at": "2026-03-02 09:00:00"}')

    ran = cli("carriers", "new", "swift", "--from", str(file), "--into", str(tmp_path))

    assert ran.exit_code == 0, ran.output
    assert (tmp_path / "carriers" / "swift" / "__init__.py").exists()
    assert "pytest tests/carriers" in ran.stdout
    made = cli("carriers", "new", "swift", "--generic", "--from", str(file))
    assert "[contracts.swift]" in made.stdout
    assert made.stderr == ""


def test_what_a_sample_does_not_tell_is_listed(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    file.write_text(
        '{"tracking": "B1", "event": "P", "created_at": "2026-03-02 09:00:00",'
        ' "updated_at": "2026-03-02 10:00:00"}'
    )

    made = cli("carriers", "new", "swift", "--generic", "--from", str(file))

    assert made.exit_code == 0, made.output
    assert made.stderr == "unsure of time: several times: created_at, updated_at\n"
    assert '\n# time = { path = "updated_at", formats = ["iso"] }\n' in made.stdout
    into = ["--into", str(tmp_path)]
    refused = cli("carriers", "new", "swift", "--from", str(file), *into)
    assert "unsure of time" in str(refused.exception)
