"""`relay codes` and `relay carriers stats`, and the same over HTTP."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from relay.adapters.loader import load_carrier
from relay.adapters.protocol import Document
from relay.config.contract import ContractSettings
from relay.inbound.reader import Reader
from relay.registration.contract_terms import reading_terms
from relay.store.documents import Documents
from relay.store.event_rows import Pace
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import Cli

SECRET = "s" * 20
WHY = ("--why", "support said so")


@pytest.fixture
def swift(cli: Cli, ids: list[str]) -> Cli:
    """Give a carrier that sent a code of its own, for a registered label."""
    assert ids
    now = datetime.now(UTC)
    scans = [{"code": "X 7", "at": (now - timedelta(hours=1)).isoformat()}]
    body = json.dumps({"parcel": {"number": "TN1"}, "events": scans}).encode()
    header = {"content-type": "application/json"}
    contract = ContractSettings.model_validate(
        {"name": "swift", "adapter": "generic", "secret": SECRET}
    )
    carriers = {"swift": load_carrier("generic", contract.for_adapter())}

    async def act(database: SqliteDatabase) -> None:
        documents = Documents(database)
        await documents.keep(
            [Document(body, now, header, contract="swift", source="webhook")]
        )
        terms = reading_terms({"swift": contract}, carriers, Pace())
        reader = Reader(documents, carriers, lambda: now, terms=terms)
        await reader.step()
        await reader.close()

    cli.on_database(act)
    cli.environ["RELAY_CONTRACTS__SWIFT__ADAPTER"] = "generic"
    cli.environ["RELAY_CONTRACTS__SWIFT__SECRET"] = SECRET
    return cli


def test_a_code_is_tried_mapped_listed_exported_and_removed(swift: Cli) -> None:
    wanted = ("codes", "map", "swift", "X 7", "at_hub", *WHY)
    step = swift("lists", "unknown-codes").stdout
    assert "relay codes map swift 'X 7' in_transit --why TEXT --dry-run" in step
    ran = swift(*wanted, "--dry-run")
    assert ran.exit_code == 0, ran.output
    assert "1 event in 1 document have the code X 7; 1 tried." in ran.stdout
    assert (
        "1 shipment of 1 order would change; 1 differ in what is published"
        in ran.stdout
    )
    assert "UTC at_hub" in ran.stdout
    assert "Nothing was changed." in ran.stdout
    assert swift.json("codes", "list") == {"mappings": []}

    assert "X 7 is mapped to at_hub." in swift(*wanted).stdout
    [entry] = swift.json("codes", "list")["mappings"]
    assert (entry["carrierCode"], entry["progress"]) == ("X 7", "in_progress")
    assert "active, 0% applied" in swift("codes", "list").stdout
    printed = swift("codes", "export").stdout
    assert '"X 7" = { milestone = "at_hub" }' in printed
    assert "[codes]" in swift("codes", "export", "--form", "adapter").stdout

    removal = ("codes", "unmap", "swift", "X 7", "--why", "a mistake")
    assert "Nothing was changed." in swift(*removal, "--dry-run").stdout
    assert "X 7 is no longer mapped." in swift(*removal).stdout
    assert "removed" in swift("codes", "list").stdout


def test_a_mistake_on_the_command_line_names_the_fix(swift: Cli) -> None:
    ran = swift("codes", "map", "swift", "X 7", "delivred", *WHY)
    assert "did you mean `delivered`?" in getattr(ran.exception, "hint", "")
    ran = swift("codes", "map", "swift", "held", "lost", *WHY)
    assert "has a meaning already: held" in str(ran.exception)
    ran = swift("codes", "unmap", "swift", "X 7", *WHY)
    assert "is not mapped" in str(ran.exception)


def test_the_numbers_of_a_carrier_are_printed(swift: Cli) -> None:
    ran = swift("carriers", "stats", "swift", "--days", "2")
    assert ran.exit_code == 0, ran.output
    assert "this week" in ran.stdout
    assert "arrived within" in ran.stdout
    assert len(swift.json("carriers", "stats", "swift", "--days", "2")["days"]) == 2
    assert "not configured" in str(swift("carriers", "stats", "x").exception)
