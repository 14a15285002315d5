"""`relay shipments import` takes labels from a file, and goes on past bad rows."""

from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from relay.cli import app, import_labels
from relay.errors import InvalidLabel
from tests.cli.conftest import Cli
from tests.domain.test_fiscal import KEY

SWIFT = {"CONTRACTS__SWIFT__ADAPTER": "loggi", "CONTRACTS__SWIFT__SECRET": "s" * 32}


def import_(cli: Cli, text: str, *options: str) -> Result:
    file = cli.folder / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return cli("shipments", "import", "labels.csv", *options, **SWIFT)


@pytest.mark.usefixtures("ids")
def test_labels_come_in_from_a_file_once(cli: Cli) -> None:
    text = "orderId;invoiceNumber;trackingNumber\nv1-01;7;T7\nv1-02;8;\n"
    ran = import_(cli, text)
    assert ran.exit_code == 0, ran.output
    assert "2 new, 0 already known, 0 refused" in ran.stdout
    ran = import_(cli, text)
    assert "0 new, 2 already known, 0 refused" in ran.stdout
    assert len(cli.rows("shipments", "list")) == 4
    assert not (cli.folder / "labels.refused.csv").exists()


@pytest.mark.usefixtures("ids")
def test_bad_rows_are_named_and_the_others_taken(cli: Cli) -> None:
    key = KEY[:-1] + str((int(KEY[-1]) + 1) % 10)
    rows = [
        "orderId,invoiceNumber,trackingNumber,invoiceKey,volumes,dispatchedDate",
        "v1-01,7,T 7,,,",
        "v1-02,8/1,T8,,,",
        f"v1-03,9,T9,{key},,",
        'v1-04,10,T10,,"1,5",',
        "v1-05,11,T11,,,08/31/2026",
        "v1-06,12,T12,,,2026-08-01,more",
        "v1-07,13 1,T13,,,",
    ]
    ran = import_(cli, "\n".join(rows))
    assert ran.exit_code == 1
    assert "1 new, 0 already known, 6 refused" in ran.stdout
    published = ran.stderr.splitlines()
    assert published[0].startswith("line 2: refused: trackingNumber: contains a space")
    assert published[1].startswith("line 3: refused: invoiceNumber: contains a slash")
    assert published[2].startswith(
        "line 4: refused: invoiceKey: the NF-e key's check digit"
    )
    assert published[3].startswith("line 5: refused: volumes: contains a decimal comma")
    assert published[4].startswith("line 6: refused: dispatchedDate: there is no month")
    assert published[5].startswith("line 7: refused: the row has 7 cells")
    assert published[6].startswith(
        "line 8: registered, but invoiceNumber: contains a space"
    )
    refused = (cli.folder / "labels.refused.csv").read_text(encoding="utf-8-sig")
    lines = refused.splitlines()
    assert lines[0] == f"{rows[0]},line,field,reason,hint"
    assert lines[2].startswith('v1-02,8/1,T8,,,,3,invoiceNumber,"contains a slash')
    assert lines[6].endswith(",more")
    assert len(lines) == 7


@pytest.mark.usefixtures("ids")
def test_all_problems_of_a_row_are_named_at_once(cli: Cli) -> None:
    rows = [
        "account,contract,orderId,invoiceNumber,trackingNumber,volumes,imported",
        'shop,nobody,v1/01,7,T 7,"1,5",maybe',
        ",,1E+12,8,T8,,",
    ]
    ran = import_(cli, "\n".join(rows))
    assert ran.exit_code == 1
    first, second = ran.stderr.splitlines()[:2]
    said = [part.partition(": ")[0] for part in first.split("; also ")]
    assert said[0] == "line 2"
    assert said[1:] == ["imported", "orderId", "trackingNumber", "account", "contract"]
    assert "volumes: contains a decimal comma" in first
    assert second.startswith("line 3: refused: orderId: rounded to a number")
    assert "required" not in second


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.usefixtures("ids")
def test_exported_shipments_can_be_imported_and_change_nothing(
    cli: Cli, delimiter: str
) -> None:
    row = f"v1-01,7,-T7,2,https://p.example/7,27/11/2026 14:03,01/12/2026,{KEY}"
    head = (
        "orderId,invoiceNumber,trackingNumber,volumes,trackingUrl,dispatchedDate,"
        "estimatedDeliveryDate,invoiceKey"
    )
    import_(cli, f"{head}\n{row}\n")
    before = cli.rows("shipments", "list", "--order", "v1-01")
    export = ("shipments", "list", "--csv", "all.csv", "--delimiter", delimiter)
    assert cli(*export).exit_code == 0

    ran = cli("shipments", "import", "all.csv", **SWIFT)

    assert ran.exit_code == 0, ran.output
    assert "0 new, 3 already known, 0 refused" in ran.stdout
    assert cli.rows("shipments", "list", "--order", "v1-01") == before
    [dated] = before
    assert dated["dispatchedDate"] == "2026-11-27T14:03:00-03:00"
    assert dated["estimatedDeliveryDate"] == "2026-12-01"
    assert dated["trackingNumber"] == "-T7"


@pytest.mark.usefixtures("ids")
def test_the_refused_rows_come_back_mended(cli: Cli) -> None:
    import_(cli, "orderId,invoiceNumber\nv1-01,1/1\n", "--refused", "again.csv")
    again = cli.folder / "again.csv"
    text = again.read_text(encoding="utf-8-sig").replace("1/1", "11")
    ran = import_(cli, text)
    assert ran.exit_code == 0, ran.output
    assert "1 new" in ran.stdout


@pytest.mark.parametrize("options", [[], ["--refused", "none/again.csv"]])
@pytest.mark.usefixtures("ids")
def test_nothing_is_imported_if_refused_rows_had_nowhere_to_go(
    cli: Cli, options: list[str]
) -> None:
    if not options:
        (cli.folder / "labels.refused.csv").mkdir()
    error = import_(
        cli, "orderId,invoiceNumber\nv1-01,7\nv1-02,8/1\n", *options
    ).exception
    assert isinstance(error, InvalidLabel)
    assert "cannot write" in str(error)
    assert "--refused" in error.hint
    assert len(cli.rows("shipments", "list")) == 2


@pytest.mark.usefixtures("ids")
def test_a_file_of_refused_rows_that_was_there_stays_without_any(cli: Cli) -> None:
    old = cli.folder / "labels.refused.csv"
    old.write_text("old", encoding="utf-8")
    assert import_(cli, "orderId,invoiceNumber\nv1-01,7\n").exit_code == 0
    assert old.read_text(encoding="utf-8") == "old"


@pytest.mark.usefixtures("ids")
def test_labels_come_from_the_input(cli: Cli) -> None:
    environ = {f"RELAY_{n}": v for n, v in SWIFT.items()}
    ran = CliRunner().invoke(
        app,
        ["shipments", "import", "-"],
        input="orderId\tinvoiceNumber\nv1-01\t7\nv1-02\t8/1\n",
        env=cli.environ | environ,
    )
    assert ran.exit_code == 1
    assert "1 new, 0 already known, 1 refused" in ran.stdout
    refused = (cli.folder / "input.refused.csv").read_text(encoding="utf-8-sig")
    assert refused.splitlines()[1].startswith("v1-02\t8/1\t3\tinvoiceNumber")


@pytest.mark.usefixtures("ids")
def test_a_wrong_reference_is_named_by_its_column(cli: Cli) -> None:
    text = "orderId,invoiceNumber,reference.shipmentId,reference.volumeCode\n"
    ran = import_(cli, f"{text}v1-01,7,S-1,V 1\nv1-02,8,,V2\n")
    assert "line 2: refused: reference.volumeCode: contains a space" in ran.stderr
    [shipment] = cli.rows("shipments", "list", "--order", "v1-02")
    [parcel] = cli.json("shipments", "show", shipment["id"])["parcels"]
    given = [(r["type"], r["value"]) for r in parcel["references"]]
    assert ("volumeCode", "V2") in given


@pytest.mark.usefixtures("ids")
def test_what_every_row_lacks_may_be_an_option(cli: Cli) -> None:
    text = "orderId,invoiceNumber\nv1-01,7\n"
    ran = import_(cli, text, "--account", "store", "--contract", "slow")
    assert ran.exit_code == 1
    assert "'slow' is not configured; configured: swift" in ran.stderr
    ran = import_(cli, text, "--account", "store", "--contract", "swift")
    assert ran.exit_code == 0, ran.output


@pytest.mark.usefixtures("ids")
def test_lines_are_written_where_nobody_watches(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_labels, "EVERY", 2)
    rows = "".join(f"v{n}-01,{n}\n" for n in range(1, 6))
    ran = import_(cli, "orderId,invoiceNumber\n" + rows)
    *lines, undated = ran.stderr.splitlines()
    assert lines == ["2 of 5, 0 refused", "4 of 5, 0 refused"]
    assert undated.startswith("5 registered, but dispatchedDate: missing, so ")


@pytest.mark.usefixtures("ids")
def test_a_terminal_shows_a_bar(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Console, "is_terminal", True)
    ran = import_(cli, "orderId,invoiceNumber\nv1-01,7\n")
    assert ran.exit_code == 0, ran.output
    assert "100%" in ran.stderr


def test_a_file_that_is_not_there_is_named(cli: Cli) -> None:
    error = cli("shipments", "import", str(Path("none.csv")), **SWIFT).exception
    assert isinstance(error, InvalidLabel)
    assert "cannot read none.csv" in str(error)
