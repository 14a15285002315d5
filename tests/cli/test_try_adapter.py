"""`relay carriers try`: what a contract makes of a sample, and what is odd about it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from relay.errors import ConfigurationError
from tests.cli.conftest import Cli

FORMAT: dict[str, Any] = {
    "references": [{"kind": "tracking_number", "document": "Id"}],
    "events": "Events",
    "code": "Code",
    "text": "Text",
    "time": {"path": "At", "zone": "UTC"},
    "place": {"city": "City"},
    "personal_fields": ["Events.Receiver", "Sender"],
}
POLLING = {
    "url": "https://carrier.example/track",
    "query": {"ids": "{numbers}"},
    "batch": {"size": 20, "separator": ","},
    "split": {"list": "parcels"},
}
DELIVERED = {"Code": "4002.0", "At": "2026-05-20T18:47:03", "Text": "Entregado"}


@pytest.fixture
def contract(cli: Cli) -> Cli:
    return configured(cli)


def configured(cli: Cli, **more: Any) -> Cli:
    codes = {"4002.0": {"milestone": "delivered"}}
    table = FORMAT | {"verification": "none", "codes": codes} | more
    cli.environ["RELAY_CONTRACTS__MX__ADAPTER"] = "generic"
    for key, value in table.items():
        text = value if isinstance(value, str) else json.dumps(value)
        cli.environ[f"RELAY_CONTRACTS__MX__{key.upper()}"] = text
    return cli


def written(cli: Cli, value: Any) -> str:
    file = cli.folder / "sample.json"
    file.write_text(json.dumps(value))
    return str(file)


def sample(cli: Cli, *events: dict[str, Any]) -> str:
    return written(cli, {"Id": "MX1", "Events": events})


def test_personal_fields_that_are_not_there_are_listed(contract: Cli) -> None:
    file = sample(contract, DELIVERED | {"Receiver": "Uma Pessoa"})
    made = contract.json("carriers", "try", "mx", file)
    assert made["personalFieldsCut"] == ["Events.Receiver"]
    assert made["personalFieldsNotFound"] == ["Sender"]
    shown = contract("carriers", "try", "mx", file).stdout
    assert "personalFieldsNotFound  Sender\n" in shown


def test_what_may_be_about_a_person_and_would_stay_is_named(contract: Cli) -> None:
    more = {"Receiver": "Uma Pessoa", "customerPhone": "0"}
    made = contract.json("carriers", "try", "mx", sample(contract, DELIVERED | more))
    (note,) = [n for n in made["notes"] if "personal" in n]
    assert note.startswith("Events.customerPhone: may be personal data")


def test_what_is_odd_is_said_with_what_to_do(contract: Cli) -> None:
    file = sample(contract, {"At": "2026-05-19T10:00:00"}, DELIVERED | {"Code": "9"})
    made = contract.json("carriers", "try", "mx", file)
    assert made["unknownCodes"] == ["9"]
    code, unknown, text, old = made["notes"]
    assert code == "code: 'Code' finds nothing in 1 of 2 events"
    assert unknown == "unknown codes: map them in contracts.mx.codes"
    assert text.startswith("text: missing in 1 of 2 events; shoppers read ")
    assert old.startswith("the newest event is of 2026-05-20: a label registered ")
    assert old.endswith("(lower_bound_days = 15)")
    assert "note: code: 'Code'" in contract("carriers", "try", "mx", file).stdout


def test_a_text_without_a_code_and_a_rule_is_among_the_unknown_ones(
    contract: Cli,
) -> None:
    wordy = {"At": "2026-05-20T18:47:03", "Text": "Ya casi llega"}
    made = contract.json("carriers", "try", "mx", sample(contract, wordy))
    assert made["unknownCodes"] == ["Ya casi llega"]
    assert (
        "unknown texts without a code: map them in text_rules, or in codes.toml"
        in (made["notes"])
    )


def test_of_a_fresh_sample_nothing_is_odd(contract: Cli) -> None:
    at = datetime.now(UTC) - timedelta(days=14)
    file = sample(contract, DELIVERED | {"At": f"{at:%Y-%m-%dT%H:%M:%S}"})
    assert contract.json("carriers", "try", "mx", file)["notes"] == []


def test_a_key_that_is_never_used_again_has_no_bound(cli: Cli) -> None:
    references = [{"kind": "invoice_key", "document": "Id"}]
    configured(cli, references=references, personal_fields=[])
    file = sample(cli, DELIVERED)
    assert cli.json("carriers", "try", "mx", file)["notes"] == []


def test_at_80_columns_times_and_milestones_are_whole(contract: Cli) -> None:
    words = {"Code": "DISP", "Text": "Disponible para recolección en la sucursal"}
    step = words | {"At": "2026-05-20T02:47:03", "City": "Guadalajara"}
    configured(contract, codes={"DISP": {"milestone": "available_for_pickup"}})
    file = sample(contract, step, DELIVERED | {"City": "Monterrey"})
    contract.environ["COLUMNS"] = "80"
    shown = contract("carriers", "try", "mx", file).stdout
    lines = shown.splitlines()
    head = next(line for line in lines if line.startswith("utc"))
    assert head.split() == ["utc", "local", "milestone", "code"]
    whole = "2026-05-20 02:47  05-19 23:47  available_for_pickup  DISP"
    assert lines[lines.index(whole) + 1 :][:2] == [
        "    description: Disponible para recolección en la sucursal",
        "    place: Guadalajara",
    ]
    assert "references              trackingNumber MX1" in lines


def test_what_is_out_of_the_ordinary_has_a_column(contract: Cli) -> None:
    file = sample(contract, DELIVERED, DELIVERED | {"Code": "1", "City": "Puebla"})
    configured(contract, administrative=["1"])
    shown = contract("carriers", "try", "mx", file).stdout
    [head] = [line for line in shown.splitlines() if line.startswith("utc")]
    assert head.split()[3:] == ["effect", "code", "description", "place"]


def test_a_document_without_events_says_so(contract: Cli) -> None:
    assert contract("carriers", "try", "mx", sample(contract)).stdout.endswith(
        "no events\n"
    )


def test_a_reading_error_is_in_words_of_ours(contract: Cli) -> None:
    configured(contract, references=[{"kind": "tracking_number", "path": "Id"}])
    ran = contract("carriers", "try", "mx", sample(contract, DELIVERED))
    assert ran.exit_code == 1
    assert ran.stdout.startswith(
        "unreadableReason        references: no tracking_number found; tried "
        "path 'Id'; the document has it: write `document` in place of `path`\n"
    )


def parcels(*numbers: str) -> dict[str, Any]:
    return {"parcels": [{"Id": n, "Events": [DELIVERED]} for n in numbers]}


def test_an_answer_is_taken_apart_as_asking_would(cli: Cli) -> None:
    configured(cli, polling=POLLING)
    made = cli.json(
        "carriers", "try", "mx", written(cli, parcels("A", "B")), "--answer"
    )
    assert made["pieces"] == 2
    found = [event["references"] for event in made["events"]]
    assert found == [[{"type": "trackingNumber", "value": name}] for name in "AB"]


def test_pieces_that_cannot_be_read_are_counted(cli: Cli) -> None:
    configured(cli, polling=POLLING)
    value = {"parcels": [*parcels("A")["parcels"], {"Id": "B"}, {"Id": "C"}]}
    ran = cli("carriers", "try", "mx", written(cli, value), "--answer", "--json")
    assert ran.exit_code == 1
    made = json.loads(ran.stdout)
    assert len(made["events"]) == 1
    assert made["unreadableReason"] == (
        "2 of 3 pieces: events.list: 'Events' finds nothing, and this is not a ping"
    )


def test_an_answer_without_the_list_names_the_key(cli: Cli) -> None:
    configured(cli, polling=POLLING)
    ran = cli("carriers", "try", "mx", written(cli, [1]), "--answer")
    assert ran.exit_code == 1
    assert "polling.split.list: 'parcels' finds nothing in the answer" in ran.stdout


def test_what_was_asked_for_can_be_said(cli: Cli) -> None:
    polling = {"url": "https://carrier.example/{tracking_number}", "wrap": True}
    answer = {"events": "answer", "personal_fields": []}
    asked = [{"kind": "tracking_number", "document": "polled.tracking_number"}]
    configured(cli, polling=polling, references=asked, **answer)
    tries = ("carriers", "try", "mx", written(cli, [DELIVERED]), "--answer")
    made = cli.json(*tries, "--polled", "tracking_number=MX7")
    [named] = made["events"][0]["references"]
    assert named == {"type": "trackingNumber", "value": "MX7"}
    assert "give the reference that was polled" in cli(*tries).stdout
    for wrong in ("number=MX7", "tracking_number=", "MX7"):
        ran = cli(*tries, "--polled", wrong)
        assert ran.exit_code == 2
        assert "write name=value" in ran.stderr


def test_an_answer_needs_a_carrier_that_is_asked(contract: Cli) -> None:
    file = sample(contract, DELIVERED)
    ran = contract("carriers", "try", "mx", file, "--answer")
    assert isinstance(ran.exception, ConfigurationError)
    assert "not a polling carrier" in str(ran.exception)


def test_headers_may_be_given(contract: Cli, tmp_path: Path) -> None:
    file = tmp_path / "form"
    file.write_text("d=%7B%22Id%22%3A%22MX1%22%2C%22Events%22%3A%5B%5D%7D")
    configured(contract, body={"kind": "form_json", "field": "d"}, personal_fields=[])
    kind = "Content-Type=application/x-www-form-urlencoded"
    tries = ("carriers", "try", "mx", str(file), "--header", kind)
    assert contract.json(*tries)["unreadableReason"] is None
