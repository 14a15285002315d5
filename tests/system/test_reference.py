"""docs/reference is what the code says, and complete."""

import re

import pytest

from relay.api import openapi
from relay.api.field_descriptions import DESCRIPTIONS
from relay.config.schema import SECTIONS, TABLES, keys
from relay.config.settings import Settings
from tests.support import reference


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    path = reference.FOLDER / name
    written = path.read_text(encoding="utf-8")
    assert written == reference.page(name), "run python -m tests.support.reference"


def test_every_setting_is_described() -> None:
    page = reference.settings()
    models = [Settings, *SECTIONS.values(), *TABLES.values()]
    known = {key for model in models for key in keys(model) if "_file" not in key}
    known -= {
        *SECTIONS,
        "tokens",
        "contracts",
        "endpoint",
        "users",
        "outgoing",
        "options",
    }
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == known


def test_every_command_has_a_summary() -> None:
    page = reference.cli()
    titles = page.split("\n## ")[1:]
    assert len(titles) > 20
    for section in titles:
        assert re.match(r"`relay [a-z -]+`\n\n\w", section), section


def test_an_operation_has_every_scope_that_allows_it() -> None:
    row = re.compile(r"^\| `([A-Z]+ /\S+)` \| ([\w, ]*) \|", re.MULTILINE)
    given = dict(row.findall(reference.api()))
    enforced = {
        f"{o.method} {o.path}": ", ".join(o.scopes) for o in reference.operations()
    }
    assert {name: given[name] for name in enforced} == enforced
    assert given["GET /v1/lists/stuck"] == "operator, reader"


def test_every_operation_has_a_summary() -> None:
    row = re.compile(r"^\| `([A-Z]+ \S+)` \| [\w, ]* \| (.*?) \|", re.MULTILINE)
    rows = row.findall(reference.api())
    assert len(rows) > 20
    for operation, summary in rows:
        assert summary, operation


def test_every_metric_is_listed() -> None:
    names = re.findall(r"^\| `(relay_\w+)`", reference.metrics(), re.MULTILINE)
    assert len(names) > 10
    counted = reference.Metrics().text().decode()
    for name in names:
        assert name.removesuffix("_total") in counted


def test_every_link_to_a_model_has_its_heading() -> None:
    page = reference.api()
    headings = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    links = set(re.findall(r"\]\(#(\w+)\)", page))
    assert len(links) > 20
    assert links <= {heading.lower() for heading in headings}


@pytest.mark.parametrize("name", reference.PAGES)
def test_no_description_is_empty(name: str) -> None:
    rows = re.findall(r"^\| `.*\|$", reference.page(name), re.MULTILINE)
    assert len(rows) > 10
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_description_of_a_field_is_used() -> None:
    document = openapi.document(reference.operations())
    models = document["components"]["schemas"].values()
    fields = [f for model in models for f in model.get("properties", {}).values()]
    assert {*DESCRIPTIONS.values()} <= {f.get("description") for f in fields}
    assert all(field.get("description") for field in fields)
