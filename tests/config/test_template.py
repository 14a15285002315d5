import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter
from pydantic_core import PydanticUndefined

from relay.config.load import load
from relay.config.schema import SECTIONS, TABLES, keys
from relay.config.settings import Settings
from relay.config.template import template, write_template
from relay.domain.events import Value
from relay.errors import ConfigurationError


def uncommented(text: str) -> str:
    """One '#' before a key or table is taken away, two where it is an alternative."""
    return re.sub(r"(?m)^#(?=[a-z_]+ = |\[)", "", text)


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    alternatives = re.sub(r"(?m)^##(?=[a-z_]+ = )", "", template())
    return tomllib.loads(uncommented(alternatives))


def test_as_it_is_written_it_gives_the_defaults(folder: Path) -> None:
    write_template(folder / "relay.toml")
    assert load(None, {}) == Settings()


def test_with_everything_uncommented_it_loads(folder: Path) -> None:
    file = folder / "relay.toml"
    file.write_text(uncommented(template()), encoding="utf-8")
    settings = load(file, {})
    assert settings.contract_for("mycarrier").account == "mystore"


def test_it_shows_every_key_and_no_other(everything: dict[str, Any]) -> None:
    def shown(table: dict[str, Any]) -> set[str]:
        return set(table)

    def known(model: Any) -> set[str]:
        written = keys(model) - {"options"}
        return {k for k in written if not k.endswith("_file")}

    assert shown(everything) == known(Settings)
    for section, model in SECTIONS.items():
        assert shown(everything[section]) == known(model)
    for section, model in TABLES.items():
        (table,) = everything[section].values()
        assert shown(table) == known(model)


def test_what_it_shows_are_the_defaults_or_called_examples(
    everything: dict[str, Any],
) -> None:
    tables: list[tuple[str, dict[str, Any], type[Value]]] = [("", everything, Settings)]
    tables += [(f"[{s}]", everything[s], model) for s, model in SECTIONS.items()]
    for section, model in TABLES.items():
        ((name, table),) = everything[section].items()
        tables.append((f"[{section}.{name}]", table, model))
    for header, table, model in tables:
        for key, field in model.model_fields.items():
            default = field.get_default(call_default_factory=True, validated_data={})
            shown = key in table and not isinstance(table[key], dict)
            if shown and default not in (PydanticUndefined, None):
                same = as_default(model, key, table[key], default)
                assert same or "(example" in comment(header, key), key


def as_default(model: type[Value], key: str, shown: Any, default: Any) -> bool:
    """Read what is shown as that field is read, and compare it with the default."""
    field = model.model_fields[key]
    adapter = TypeAdapter(Annotated[field.annotation, key, *field.metadata])
    return bool(adapter.validate_python(shown) == default)


def test_sections_with_everything_uncommented_are_the_defaults(
    everything: dict[str, Any],
) -> None:
    for section, model in SECTIONS.items():
        examples = {
            key
            for key in everything[section]
            if "(example" in comment(f"[{section}]", key)
        }
        shown = {k: v for k, v in everything[section].items() if k not in examples}
        assert model.model_validate(shown) == model()


def test_every_field_is_described_where_it_is_defined() -> None:
    for model in (Settings, *SECTIONS.values(), *TABLES.values()):
        described = {k for k, f in model.model_fields.items() if f.description}
        tables = {*SECTIONS, *TABLES} if model is Settings else {"name", "options"}
        assert described == model.model_fields.keys() - tables


def comment(header: str, key: str) -> str:
    """Return the line over the one that shows *key* behind a table's *header*."""
    lines = template().partition(header)[2].splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"#{key} = "))
    return lines[at - 1]


def test_every_key_has_a_line_that_says_what_it_is_for() -> None:
    lines = template().splitlines()
    for before, line in pairwise(lines):
        if re.match(r"##?[a-z_]+ = ", line):
            assert before.startswith("#"), line


def test_it_is_for_its_owners_eyes(folder: Path) -> None:
    write_template(folder / "relay.toml")
    assert (folder / "relay.toml").stat().st_mode & 0o777 == 0o600


def test_it_does_not_overwrite(folder: Path) -> None:
    (folder / "relay.toml").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="already exists"):
        write_template(folder / "relay.toml")
    assert (folder / "relay.toml").read_text(encoding="utf-8") == "mine"


def test_it_says_where_it_cannot_write(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file or directory"):
        write_template(folder / "nowhere" / "relay.toml")
