"""Labels in a file, and what spreadsheets do to them."""

import pytest

from relay.errors import InvalidLabel
from relay.registration.csv_import import COLUMNS, column_of, label_fields, read_table
from relay.registration.requests import LabelRequest
from relay.service.spreadsheets import cell as exported
from relay.service.validation import parse_fields

NEEDED = "orderId,invoiceNumber"
HEADER = ("orderId", "invoiceNumber", "trackingNumber", "volumes")


def test_the_columns_have_the_names_of_the_api() -> None:
    assert {"orderId", "invoiceNumber", "carrierTaxId", "trackingSent"} <= set(COLUMNS)
    assert "parcels" not in COLUMNS


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_commas_and_semicolons_are_told_apart(mark: bytes, delimiter: str) -> None:
    text = f"orderId{delimiter} invoiceNumber\r\nv1-01{delimiter}1\r\n\r\n"
    found = read_table(mark + text.encode())
    assert found.header == ("orderId", "invoiceNumber")
    assert found.rows == ((2, ("v1-01", "1")),)
    assert found.delimiter == delimiter


@pytest.mark.parametrize("said", ["sep=;\r\n", '"sep=;"\n', "SEP=|\n", "sep=\t\n"])
def test_a_first_line_may_say_what_stands_between_the_cells(said: str) -> None:
    sign = said.strip(' "\r\n')[4:] or "\t"
    text = f"{said}orderId{sign}invoiceNumber{sign}courier\nv1-01{sign}1{sign}a,b,c\n"
    found = read_table(text.encode())
    assert found.header == ("orderId", "invoiceNumber", "courier")
    assert found.rows == ((3, ("v1-01", "1", "a,b,c")),)
    assert found.delimiter == sign


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be"])
def test_unicode_text_of_excel_is_read(codec: str) -> None:
    mark = "\ufeff" if codec == "utf-16-be" else ""
    text = f"{mark}orderId\tinvoiceNumber\tcourier\r\nv1-01\t1\tLogística\r\n"
    found = read_table(text.encode(codec))
    assert found.rows == ((2, ("v1-01", "1", "Logística")),)


def test_a_row_knows_the_line_on_which_it_begins() -> None:
    found = read_table(f'{NEEDED},courier\n\nv1,1,"two\nlines"\nv2,2,x\n'.encode())
    assert [line for line, _ in found.rows] == [3, 5]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("orderId,courier", "line 1: missing column invoiceNumber"),
        ("courier", "missing column orderId and column invoiceNumber"),
        ("sep=,\norderId", "line 2: missing column invoiceNumber"),
    ],
)
def test_a_column_that_every_label_needs_is_missed_once(header: str, says: str) -> None:
    with pytest.raises(InvalidLabel, match=says) as caught:
        read_table(f"{header}\nv1\nv2\n".encode())
    assert caught.value.hint.startswith("add it")


def test_references_have_a_column_for_each_type() -> None:
    header = ("orderId", "reference.volumeCode", "reference.shipmentId")
    assert read_table(f"{NEEDED},{','.join(header[1:])}".encode()).rows == ()
    fields = label_fields(header, ("v1-01", "V-1", "S-1"))
    assert fields == {
        "orderId": "v1-01",
        "references": [
            {"type": "volumeCode", "value": "V-1"},
            {"type": "shipmentId", "value": "S-1"},
        ],
    }
    assert column_of("references[1].value", fields) == "reference.shipmentId"
    assert column_of("orderId", fields) == "orderId"
    assert column_of("references[0].value", {}) == "references[0].value"
    assert label_fields(header, ("v1-01", "")) == {"orderId": "v1-01"}


@pytest.mark.parametrize(
    ("content", "says", "hint"),
    [
        (b"", "the file is empty", "orderId"),
        (b"orderId\n\n\xe7\xe3o", "line 3: not UTF-8", "CSV UTF-8"),
        (b"orderid,x", "unknown column 'orderid'", "did you mean `orderId`?"),
        (b"orderId,shoe size", "unknown column 'shoe size'", "name the columns"),
        (
            b"reference.volumCode",
            "unknown column",
            "did you mean `reference.volumeCode`?",
        ),
        (b"orderId,orderId", "duplicate column orderId", "remove one"),
        (b'orderId\n"v"1', "line 2: unbalanced quotes", "twice"),
    ],
)
def test_a_file_that_is_no_table_is_refused(
    content: bytes, says: str, hint: str
) -> None:
    with pytest.raises(InvalidLabel, match=says) as caught:
        read_table(content)
    assert hint in caught.value.hint


def test_a_row_becomes_the_fields_of_a_label() -> None:
    header = (
        *HEADER,
        "trackingSent",
        "imported",
        "reason",
        "carrierTaxId",
        "dispatchedDate",
    )
    cells = (
        "v1-01",
        "000012",
        "",
        "2",
        "Sim",
        "0",
        "no such",
        "11.222.333/0001-81",
        "2026-08-01",
    )
    assert label_fields(header, cells) == {
        "orderId": "v1-01",
        "invoiceNumber": "000012",
        "volumes": 2,
        "trackingSent": True,
        "imported": False,
        "carrierTaxId": "11222333000181",
        "dispatchedDate": "2026-08-01",
    }


def test_cells_at_the_end_may_be_left_out() -> None:
    assert label_fields(HEADER, ("v1-01",)) == {"orderId": "v1-01"}


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((word, True) for word in ("Sim", "VERDADEIRO", "true", "Yes", "1", "s")),
        *((word, False) for word in ("Não", "nao", "Falso", "false", "no", "0")),
    ],
)
def test_yes_and_no_may_be_portuguese(cell: str, value: bool) -> None:
    assert label_fields(("imported",), (cell,)) == {"imported": value}


@pytest.mark.parametrize(
    ("field", "cell", "says", "hint"),
    [
        ("volumes", "2,0", "decimal comma", "write 2"),
        ("volumes", "2,5", "decimal comma", "a whole number"),
        ("volumes", "2.0", "not a whole number", "write 2"),
        ("volume", "two", "not a whole number", "such as 2"),
        ("dispatchedDate", "8/31/2026", "the day comes first", "write 2026-08-31"),
        ("estimatedDeliveryDate", "12.31.2026", "no month 31", "2026-12-31"),
        ("dispatchedDate", "27/13/2026", "no month 13$", "such as 2026-11-27"),
        ("dispatchedDate", "31/31/2026", "no month 31$", "such as 2026-11-27"),
        ("carrierTaxId", "11.222.333/0001-82", "check digits", "carrier's invoice"),
        ("invoiceKey", "3,52608E+43", "lost digits", "format to `text`"),
        ("trackingNumber", "1E+12", "lost digits", "format to `text`"),
        ("trackingSent", "perhaps", "neither true nor false", "write true"),
    ],
)
def test_a_wrong_cell_is_named_with_a_hint(
    field: str, cell: str, says: str, hint: str
) -> None:
    with pytest.raises(InvalidLabel, match=says) as caught:
        label_fields((field,), (cell,))
    assert caught.value.field == field
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("27/11/2026", "2026-11-27"),
        (" 1/8/2026 ", "2026-08-01"),
        ("31.12.2026", "2026-12-31"),
        ("27-11-2026", "2026-11-27"),
        ("27/11/2026 14:03", "2026-11-27T14:03"),
        ("27/11/2026 9:03", "2026-11-27T09:03"),
        ("27/11/2026 9:03:05", "2026-11-27T09:03:05"),
        ("2026-11-27 14:03:22", "2026-11-27T14:03:22"),
        ("2026-11-27 14:03:22-03:00", "2026-11-27T14:03:22-03:00"),
        ("2026-11-27T14:03", "2026-11-27T14:03"),
        ("01/01/1900", "1900-01-01"),
        ("27/11/26", "27/11/26"),
        ("27/11.2026", "27/11.2026"),
    ],
)
def test_a_date_may_begin_with_the_day(cell: str, value: str) -> None:
    assert label_fields(("dispatchedDate",), (cell,)) == {"dispatchedDate": value}


@pytest.mark.parametrize(
    "cell", ["27/11/26", "27/11.2026", "30/02/2026", "27/11/2026 25:00"]
)
def test_a_date_that_does_not_exist_is_refused(cell: str) -> None:
    header = ("orderId", "invoiceNumber", "dispatchedDate")
    fields = label_fields(header, ("v1-01", "7", cell))

    with pytest.raises(InvalidLabel) as caught:
        parse_fields(fields, LabelRequest)

    assert (caught.value.field, caught.value.code) == ("dispatchedDate", "invalid_date")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00\x08", "xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    ],
)
def test_a_workbook_is_refused_by_name(content: bytes, kind: str) -> None:
    with pytest.raises(InvalidLabel, match=kind) as caught:
        read_table(content)

    assert "CSV UTF-8" in caught.value.hint


@pytest.mark.parametrize("text", ["-1234", "+1234", "@1234"])
def test_an_exported_text_that_looks_like_a_formula_is_read_as_it_was(
    text: str,
) -> None:
    assert label_fields(("trackingNumber",), (exported(text),)) == {
        "trackingNumber": text
    }


def test_a_row_with_too_many_cells_is_refused() -> None:
    with pytest.raises(InvalidLabel, match="2 cells") as caught:
        label_fields(("orderId",), ("a", "b"))
    assert "quotes" in caught.value.hint
