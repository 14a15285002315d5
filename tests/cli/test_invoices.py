"""`relay invoices`: post from a file, list, show, and act on one."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from relay.cli import app
from relay.errors import Conflict, InvalidLabel
from relay.store.sqlite import SqliteDatabase
from tests.cli.conftest import Cli

INVOICE: dict[str, Any] = {
    "orderId": "O-1",
    "invoiceNumber": "77",
    "invoiceValue": "1000",
    "issuanceDate": "2026-08-01T11:32:11-03:00",
    "items": [{"id": "SKU1", "price": 500, "quantity": 2}],
}


@pytest.fixture(autouse=True)
def database(cli: Cli) -> None:
    """Make the database that a relay would have made."""

    async def nothing(_: SqliteDatabase) -> None:
        """Opening it makes it."""

    cli.on_database(nothing)


def file(tmp_path: Path, **changed: Any) -> str:
    path = tmp_path / "invoice.json"
    path.write_text(json.dumps(INVOICE | changed), encoding="utf-8")
    return str(path)


def posted(cli: Cli, tmp_path: Path, *options: str, **changed: Any) -> str:
    """Post an invoice and return its id."""
    ran = cli("invoices", "post", file(tmp_path, **changed), *options)
    assert ran.exit_code == 0, ran.output
    return ran.stdout.partition(":")[0]


def test_an_invoice_is_posted_from_a_file_and_listed(cli: Cli, tmp_path: Path) -> None:
    id_ = posted(cli, tmp_path)

    listed = cli("invoices", "list").stdout
    assert "O-1" in listed
    assert "Output" in listed
    assert "due" in listed
    (row,) = cli.rows("invoices", "list")
    assert (row["id"], row["invoiceValue"], row["state"]) == (id_, "1000", "due")


def test_an_invoice_is_read_from_standard_input(cli: Cli) -> None:
    command = ["invoices", "post", "-"]
    text = json.dumps(INVOICE)
    ran = CliRunner().invoke(app, command, input=text, env=cli.environ)
    assert ran.exit_code == 0, ran.output
    assert ": due" in ran.stdout


def test_an_invoice_is_shown_with_its_content(cli: Cli, tmp_path: Path) -> None:
    id_ = posted(cli, tmp_path)

    shown = cli("invoices", "show", id_).stdout

    assert "invoiceValue" in shown
    assert "SKU1" in shown
    assert cli.json("invoices", "show", id_)["content"]["invoiceNumber"] == "77"


def test_a_return_needs_the_option_that_says_so(cli: Cli, tmp_path: Path) -> None:
    refused = cli("invoices", "post", file(tmp_path, type="Input"))
    assert refused.exit_code == 2
    assert "--refund" in refused.output
    assert cli.rows("invoices", "list") == []

    ran = cli("invoices", "post", file(tmp_path, type="Input"), "--refund")
    assert ran.exit_code == 0
    assert "VTEX refunds 1000 cents" in ran.stderr


def test_the_option_of_a_return_is_refused_for_goods_to_the_shopper(
    cli: Cli, tmp_path: Path
) -> None:
    refused = cli("invoices", "post", file(tmp_path), "--refund")
    assert refused.exit_code == 2
    assert "type is Output" in refused.output


def test_a_bad_field_is_named(cli: Cli, tmp_path: Path) -> None:
    ran = cli("invoices", "post", file(tmp_path, invoiceValue="10.00"))
    assert isinstance(ran.exception, InvalidLabel)
    assert ran.exception.field == "invoiceValue"


def test_a_missing_file_is_said(cli: Cli) -> None:
    ran = cli("invoices", "post", "nothing.json")
    assert ran.exit_code == 2
    assert "cannot read nothing.json" in ran.output


def test_one_is_withdrawn_and_then_not_tried_again(cli: Cli, tmp_path: Path) -> None:
    id_ = posted(cli, tmp_path)
    assert cli("invoices", "retry", id_).stdout == f"{id_}: due\n"

    assert cli("invoices", "cancel", id_).stdout.startswith(f"{id_}: cancelled")

    assert isinstance(cli("invoices", "retry", id_).exception, Conflict)


def test_only_a_return_is_marked_as_delivered(cli: Cli, tmp_path: Path) -> None:
    id_ = posted(cli, tmp_path)
    ran = cli("invoices", "mark-delivered", id_)
    assert isinstance(ran.exception, Conflict)
    assert "not a return" in str(ran.exception)


@pytest.mark.parametrize("state", ["stuck", "posted"])
def test_states_filter_the_list(cli: Cli, tmp_path: Path, state: str) -> None:
    posted(cli, tmp_path)
    assert cli.rows("invoices", "list", "--state", state) == []
