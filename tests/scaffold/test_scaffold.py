"""A new adapter parses its first sample and passes all tests."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from relay.adapters.loader import load_carrier
from relay.adapters.protocol import Document
from relay.config.contract import ContractSettings
from relay.errors import ConfigurationError
from relay.scaffold.generic_settings import generic_contract
from relay.scaffold.inference import infer
from relay.scaffold.sample_times import layouts_of
from relay.scaffold.writer import Fields, write_adapter

ROOT = Path(__file__).parents[2]
SCANS = [
    {"cod": 7, "data": "02/03/2026 09:00", "descricao": "Postado", "nome": "A"},
    {"cod": 8, "data": "02/03/2026 10:00", "descricao": "Em rota", "nome": "B"},
]
OUTER: Any = {"empty": [], "parcel": {"awb": "BR1", "events": SCANS}, "ok": True}
AT = "2026-03-02T09:00:00-03:00"
INNER: Any = [{"shipment_id": 12, "status": {"code": "X"}, "at": AT}]
ONE: Any = {"tracking": "BR1", "event": "POSTED", "when": "2026-03-02 09:00:00"}
ODD: Any = {"o objeto": "BR1", "código-status": "P", "em": "2026-03-02 09:00:00"}
EVENT: Any = {"code": "1", "at": "2026-03-02 09:00:00"}
IN_TWO: Any = {"awb": "1", "cod": "1", "data": "02/03/2026", "hora": "09:00"}
UNSURE: Any = EVENT | {"awb": "BR1"}
ALL = (("outer", OUTER), ("inner", INNER), ("one", ONE))


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a place like the project, with the tests of every adapter."""
    for folder in ("carriers", "tests/carriers"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "carriers/__init__.py", tmp_path / "carriers")
    for file in (ROOT / "tests/carriers").glob("*.py"):
        shutil.copy(file, tmp_path / "tests/carriers")
    for name, sample in ALL:
        write(name, body(sample), tmp_path)
    return tmp_path


def write(name: str, sample: bytes, root: Path) -> list[Path]:
    return write_adapter(name, sample, infer(sample), root)


def settings(name: str, sample: Any) -> dict[str, Any]:
    text = generic_contract(name, infer(body(sample)))
    return dict(tomllib.loads(text)["contracts"][name])


def run(root: Path, *arguments: str) -> None:
    plain = {n: v for n, v in os.environ.items() if not n.startswith(("COV", "PYTEST"))}
    ran = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=root,
        env=plain,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_new_adapter_passes_the_tests_of_every_adapter(root: Path) -> None:
    options = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", "."]
    options += ["--import-mode=importlib", "-o", "asyncio_mode=auto"]
    run(root, "pytest", *options, "tests/carriers")


def test_what_is_written_needs_no_fix(root: Path) -> None:
    pytest.importorskip("ruff")
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "relay").symlink_to(ROOT / "relay")  # so that ruff knows whose it is
    for command in (["check"], ["format", "--check"]):
        run(root, "ruff", *command, "--no-cache", *(f"carriers/{n}" for n, _ in ALL))
        run(root, "ruff", *command, "--no-cache", *_tests())


def _tests() -> list[str]:
    return [f"tests/carriers/{name}" for name, _ in ALL]


def test_the_fields_of_a_sample_are_inferred() -> None:
    outer, inner, one = (Fields.of(infer(body(v))) for _, v in ALL)

    assert (outer.scans, outer.number) == (("parcel", "events"), ("parcel", "awb"))
    assert (outer.code, outer.time, outer.text) == (("cod",), ("data",), ("descricao",))
    assert (outer.layout, outer.number_in_scan) == ("%d/%m/%Y %H:%M", False)
    assert (inner.scans, inner.number, inner.text) == ((), ("shipment_id",), ())
    assert (inner.code, inner.number_in_scan) == (("status", "code"), True)
    assert (one.number, one.code, one.layout) == (("tracking",), ("event",), "")


def test_what_people_wrote_into_a_sample_stays_in_the_sample(tmp_path: Path) -> None:
    named = OUTER | {"name": "Somebody Else"}
    written = write("outer", body(named), tmp_path)
    [holding] = [p for p in written if "Somebody" in p.read_text()]
    assert holding.name == "first.json"


@pytest.mark.parametrize(
    ("sample", "missing"),
    [
        (b"<xml/>", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "time"),
        (b"[]", "time"),
        (body(UNSURE | {"at": "20/05/2026"}), "time: the time of day is missing: at"),
        (body(UNSURE | {"code": 1, "tipo": 2}), "code: several codes.*: code, tipo"),
        (
            body({"x": [EVENT], "y": {"z": [EVENT]}}),
            "events: more .*: x, y.z",
        ),
        (body(EVENT | {"log": []}), "log is an empty list"),
        (body(UNSURE | {"x": [EVENT]}), "events: more than .*: the document, x"),
        (body(UNSURE | {"awb": 1.5}), "references: no field looks like the number"),
        (body(UNSURE | {"awb": ""}), "references: no field looks like the number"),
        (body({"boxes": [{"awb": "1", "events": [EVENT]}]}), "lists in lists"),
        (
            body(IN_TWO),
            "two fields",
        ),
        (body(EVENT | {"awb": "1", "at": 1779282000}), "as numbers"),
    ],
)
def test_a_sample_that_lacks_something_is_refused_with_what(
    tmp_path: Path, sample: bytes, missing: str
) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        write("odd", sample, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "A", "a__b", "class", "../x", "a-b", "1a"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid name"):
        write(name, body(ONE), tmp_path)


@pytest.mark.parametrize("folder", ["carriers/one", "tests/carriers/one"])
def test_nothing_is_written_over(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="already exists"):
        write("one", body(ONE), tmp_path)


@pytest.mark.parametrize(
    ("text", "layouts"),
    [
        ("2026-03-02T09:00:00Z", ("iso",)),
        ("22/03/2026 09:00:01", ("%d/%m/%Y %H:%M:%S",)),
        ("02/03/2026 09:00", ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")),
        ("20260302090000", ("%Y%m%d%H%M%S",)),
        ("2026030209000", ("epoch_ms",)),
        ("202603020", ()),
        ("20260302", ("%Y%m%d",)),
        (1779282000, ("epoch_s",)),
        ("99:99", ()),
        (7, ()),
        (True, ()),
        (1.5, ()),
    ],
)
def test_a_time_is_detected_by_all_its_digits(
    text: Any, layouts: tuple[str, ...]
) -> None:
    assert layouts_of(text) == layouts


@pytest.mark.parametrize(("name", "sample"), [*ALL, ("odd", ODD)])
def test_settings_are_guessed_that_read_the_sample(name: str, sample: Any) -> None:
    table = settings(name, sample)
    fields = {"account": "store", "name": name} | table
    contract = ContractSettings.model_validate(fields)

    carrier = load_carrier(contract.adapter, contract.for_adapter())

    events = carrier.parse(Document(body(sample), datetime(2026, 4, 1, tzinfo=UTC)))
    found = infer(body(sample))
    assert len(events) == len(sample["parcel"]["events"] if name == "outer" else [1])
    assert all(e.carrier_code for e in events)
    kind = "shipment_id" if name == "inner" else "tracking_number"
    assert {r.kind for e in events for r in e.references} == {kind}
    assert bool(events[0].description) is bool(found.text)


def test_a_persons_fields_are_cut_and_never_guessed_as_words() -> None:
    sample = {
        "data": {
            "account_id": 11600,
            "shipment_id": 3850099,
            "status": "Entregue",
            "at": "2026-03-02T09:00:00Z",
            "recipient": {"name": "Uma Pessoa", "document": "00000000000"},
            "driverPhone": "0",
        }
    }
    text = generic_contract("one", infer(body(sample)))
    table = tomllib.loads(text)["contracts"]["one"]
    assert table["references"][0]["path"] == "data.shipment_id"
    assert table["personal_fields"] == ["data.recipient", "data.driverPhone"]
    assert "recipient" not in str(table["text"])
    assert table["codes"] == {}  # so that they are listed until they are mapped
    assert '# "Entregue" = { milestone = "in_transit" }' in text
