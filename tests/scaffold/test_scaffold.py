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
from relay.scaffold.inference import infer, layout_of
from relay.scaffold.writer import generic_contract, write_adapter

ROOT = Path(__file__).parents[2]
SCANS = [
    {"cod": 7, "data": "02/03/2026 09:00", "descricao": "Postado", "nome": "A"},
    {"cod": 8, "data": "02/03/2026 10:00", "descricao": "Em rota", "nome": "B"},
]
OUTER: Any = {"empty": [], "parcel": {"awb": "BR1", "events": SCANS}, "ok": True}
AT = "2026-03-02T09:00:00-03:00"
INNER: Any = [{"number": 12, "status": {"code": "X"}, "at": AT}]
ONE: Any = {"tracking": "BR1", "event": "POSTED", "when": "2026-03-02 09:00:00"}
ODD: Any = {"o objeto": "BR1", "código-status": "P", "em": "2026-03-02 09:00:00"}
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
        write_adapter(name, body(sample), tmp_path)
    return tmp_path


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


def test_the_fields_of_a_sample_are_guessed() -> None:
    outer, inner, one = (infer(body(v)) for _, v in ALL)

    assert (outer.scans, outer.number) == (("parcel", "events"), ("parcel", "awb"))
    assert (outer.code, outer.time, outer.text) == (("cod",), ("data",), ("descricao",))
    assert (outer.layout, outer.number_in_scan) == ("%d/%m/%Y %H:%M", False)
    assert (inner.scans, inner.number, inner.text) == ((), ("number",), ())
    assert (inner.code, inner.number_in_scan) == (("status", "code"), True)
    assert (one.number, one.code, one.layout) == (("tracking",), ("event",), "")


def test_what_people_wrote_into_a_sample_stays_in_the_sample(tmp_path: Path) -> None:
    named = OUTER | {"name": "Somebody Else"}
    written = write_adapter("outer", body(named), tmp_path)
    [holding] = [p for p in written if "Somebody" in p.read_text()]
    assert holding.name == "first.json"


@pytest.mark.parametrize(
    ("sample", "missing"),
    [
        (b"<xml/>", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "time"),
        (b"[]", "time"),
        (body({"at": "2026-03-02", "code": "1", "id": 1}), "time"),
        (body({"at": "2026-03-02 09:00", "id": 1}), "code"),
        (body({"at": "2026-03-02 09:00", "code": "1"}), "number"),
    ],
)
def test_a_sample_that_lacks_something_is_refused_with_what(
    tmp_path: Path, sample: bytes, missing: str
) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        write_adapter("odd", sample, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "A", "a__b", "class", "../x", "a-b", "1a"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid name"):
        write_adapter(name, body(ONE), tmp_path)


@pytest.mark.parametrize("folder", ["carriers/one", "tests/carriers/one"])
def test_nothing_is_written_over(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="already exists"):
        write_adapter("one", body(ONE), tmp_path)


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("2026-03-02T09:00:00Z", ""),
        ("02/03/2026 09:00:01", "%d/%m/%Y %H:%M:%S"),
        ("20260302090000", "%Y%m%d%H%M%S"),
        ("2026-03-02", None),
        ("20260302", None),
        ("99:99", None),
        (7, None),
    ],
)
def test_a_time_is_detected_by_its_layout(text: Any, layout: str | None) -> None:
    assert layout_of(text) == layout


@pytest.mark.parametrize(("name", "sample"), [*ALL, ("odd", ODD)])
def test_settings_are_guessed_that_read_the_sample(name: str, sample: Any) -> None:
    table = tomllib.loads(generic_contract(name, body(sample)))["contracts"][name]
    fields = {"account": "store", "name": name} | table
    contract = ContractSettings.model_validate(fields)

    carrier = load_carrier(contract.adapter, contract.for_adapter())

    events = carrier.parse(Document(body(sample), datetime(2026, 4, 1, tzinfo=UTC)))
    found = infer(body(sample))
    assert len(events) == len(sample["parcel"]["events"] if name == "outer" else [1])
    assert all(e.carrier_code for e in events)
    assert {r.kind for e in events for r in e.references} == {"tracking_number"}
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
    text = generic_contract("one", body(sample))
    table = tomllib.loads(text)["contracts"]["one"]
    assert table["references"][0]["path"] == "data.shipment_id"
    assert table["personal_fields"] == ["data.recipient", "data.driverPhone"]
    assert "recipient" not in str(table["text"])
    assert table["codes"] == {}  # so that they are listed until they are mapped
    assert '# "Entregue" = { milestone = "in_transit" }' in text
