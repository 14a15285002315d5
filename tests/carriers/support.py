"""The contract test's view of an adapter: its folder under `tests/carriers`."""

import importlib
import json
import tomllib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import pytest
from pydantic import TypeAdapter

from relay.adapters.codes import CodeTable
from relay.adapters.loader import adapter_names, load_carrier
from relay.adapters.protocol import Carrier, ContractOptions, Document
from relay.domain.events import TrackingEvent

HERE = Path(__file__).parent
ADAPTERS = [name for name in adapter_names() if (HERE / name).is_dir()]
RECEIVED_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOT_A_BODY = (".events.json", ".headers.json", ".md")

_EVENTS = TypeAdapter(list[TrackingEvent])


@dataclass(frozen=True)
class Sample:
    """One document as a carrier sends it, and the events expected of it."""

    adapter: str
    path: Path

    def __str__(self) -> str:
        return f"{self.adapter}/{self.path.name}"

    @cached_property
    def body(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def headers(self) -> dict[str, str]:
        beside = self.path.with_name(f"{self.path.stem}.headers.json")
        found = json.loads(beside.read_text()) if beside.exists() else {}
        return {"content-type": "application/json"} | found

    @property
    def document(self) -> Document:
        return Document(self.body, RECEIVED_AT, self.headers)

    @cached_property
    def events(self) -> list[TrackingEvent]:
        beside = self.path.with_name(f"{self.path.stem}.events.json")
        return _EVENTS.validate_json(beside.read_bytes())


@cache
def snapshot(adapter: str) -> dict[str, Any]:
    """Read `contract.toml`: the contract that the adapter's samples belong to."""
    return {"signed": True, "signs_body": True} | tomllib.loads(
        (HERE / adapter / "contract.toml").read_text(encoding="utf-8")
    )


def options(adapter: str, *secrets: str) -> ContractOptions:
    """Return the options of a contract, with *secrets* in place of its own."""
    zone = ZoneInfo(snapshot(adapter)["zone"])
    extra = snapshot(adapter).get("options", {})
    return ContractOptions("contract", zone, secrets=secrets, options=extra)


@cache
def carrier(adapter: str) -> Carrier:
    """Create the adapter with its own contract."""
    return load_carrier(adapter, options(adapter, snapshot(adapter)["secret"]))


def pointed(adapter: str, url: str) -> Any:
    """Create a polling adapter for the carrier at *url*."""
    contract = options(adapter, snapshot(adapter)["secret"])
    elsewhere = {**contract.options, "base_url": url}
    return load_carrier(adapter, replace(contract, options=elsewhere))


@cache
def samples(adapter: str) -> tuple[Sample, ...]:
    """Find the sample documents of an adapter."""
    found = sorted((HERE / adapter / "samples").iterdir())
    return tuple(
        Sample(adapter, path) for path in found if not path.name.endswith(NOT_A_BODY)
    )


def played(adapter: str) -> Any:
    """Import the carrier's side: `headers(body, secret)` and `document(code)`."""
    return importlib.import_module(f"tests.carriers.{adapter}.signing")


def simulator(adapter: str) -> Any:
    """Create the carrier's simulator."""
    package = type(carrier(adapter)).__module__
    return importlib.import_module(f"{package}.sandbox").Simulator()


@cache
def table(adapter: str) -> CodeTable:
    """Load the adapter's own code table."""
    return CodeTable.load(type(carrier(adapter)).__module__, {})


class Case(Protocol):
    """Opens one case of a table, named for the message."""

    def __call__(self, name: object) -> AbstractContextManager[None]: ...


@contextmanager
def every_case(*, may_be_empty: bool = False) -> Iterator[Case]:
    """Run all cases of a table in one test; fail with all that failed, or with none.

    A table without cases fails too, unless it *may_be_empty*: it would prove nothing.
    """
    failures, count = [], 0

    @contextmanager
    def case(name: object) -> Iterator[None]:
        nonlocal count
        count += 1
        try:
            yield
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 -- all
            failures.append(f"{name}: {type(error).__name__}: {error}")

    yield case
    assert not failures, f"{len(failures)} of {count} cases:\n" + "\n".join(failures)
    assert count or may_be_empty, "the table has no cases"
