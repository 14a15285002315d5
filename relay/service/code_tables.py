"""Meanings of codes outside the database: in the settings, in tables, as TOML."""

import json
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Literal

from relay.adapters.codes import CodeRow, CodeTable
from relay.adapters.protocol import Carrier
from relay.config.settings import Settings
from relay.service.code_models import MappingEntry
from relay.store.codec import loads
from relay.store.database import Row


def table_of(carrier: Carrier | None) -> Mapping[str, CodeRow]:
    """Return the rows of an adapter's code table; an adapter may have none."""
    try:
        return CodeTable.load(type(carrier).__module__, {}).rows
    except (OSError, KeyError, TypeError, ModuleNotFoundError):
        return {}


def in_words(meaning: Mapping[str, Any]) -> str:
    """Return a meaning in words: the milestone, and the effect if it has one."""
    effect = meaning.get("effect", "normal")
    milestone = str(meaning["milestone"])
    return milestone if effect == "normal" else f"{milestone} ({effect})"


def conflict_of(row: Row, settings: Settings) -> str | None:
    """Return how the settings file contradicts a mapping that counts, if it does."""
    contract = settings.contracts.get(row["contract"])
    if row["removed_at"] is not None or contract is None:
        return None
    own = contract.codes.get(row["code"])
    if own is None or own == CodeRow.model_validate(loads(row["meaning"])):
        return None
    mapped = in_words(loads(row["meaning"]))
    means = in_words(own.model_dump(mode="json", exclude_unset=True))
    return (
        f"code {row['code']!r} is {means} in the settings, which counts; "
        f"{row['mapped_by']} mapped it to {mapped}"
    )


def toml_of(
    mappings: Iterable[MappingEntry], form: Literal["settings", "adapter"]
) -> str:
    """Return mapped codes as TOML, each with who mapped it, when and why."""
    lines: list[str] = []
    ordered = sorted(mappings, key=lambda one: (one.contract, one.carrier_code))
    for contract, some in groupby(ordered, key=lambda one: one.contract):
        comment = f"# Mapped codes of contract {contract}, for its adapter's codes.toml"
        table = f"[contracts.{_key(contract)}.codes]"
        lines.append(table if form == "settings" else comment)
        if form == "adapter":
            lines.append("[codes]")
        for one in some:
            why = " ".join(one.why.split())
            lines.append(f"# {one.mapped_at:%Y-%m-%d}, {one.mapped_by}: {why}")
            lines.append(f"{_text(one.carrier_code)} = {_row(one.meaning)}")
        lines.append("")
    return "\n".join(lines)


def _row(meaning: Mapping[str, Any]) -> str:
    values = ", ".join(f"{name} = {_text(text)}" for name, text in meaning.items())
    return f"{{ {values} }}"


def _key(name: str) -> str:
    plain = name.replace("-", "").replace("_", "")
    return name if plain.isascii() and plain.isalnum() else _text(name)


def _text(text: str) -> str:
    """Return a basic string of TOML: JSON's strings are that, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
