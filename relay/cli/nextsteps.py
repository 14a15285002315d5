"""What helps with the rows of a list: the command, with the first row's names."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import typer

from relay.cli.showing import Sentence

Row = Mapping[str, Any]


def write_next(name: str, rows: Sequence[Row]) -> None:
    """Say what to do about the list *name*; nothing if it is empty."""
    if rows:
        typer.echo(f"Next: {_STEPS[name](rows)}")


def _stuck(rows: Sequence[Row]) -> str:
    return (
        f"when the cause is mended: relay shipments retry {rows[0]['id']}, "
        "or all alike: relay shipments retry --all-stuck --because WORDS"
    )


def _quarantined(rows: Sequence[Row]) -> str:
    event = rows[0]["event"]
    return (
        f"ask the carrier, then: relay events release {event} (believe it), or "
        f"relay events drop {event}"
    )


def _unmatched(rows: Sequence[Row]) -> str:
    return (
        "compare with the labels: relay shipments list --contract "
        f"{rows[0]['contract']}; then relay shipments correct, or hand-over, as the "
        "reason says"
    )


def _unreadable(rows: Sequence[Row]) -> str:
    document = rows[0]["document"]
    return (
        f"relay documents show {document}; when its adapter is mended: "
        f"relay documents replay {document}, or replay --all --unreadable"
    )


def _untrusted(rows: Sequence[Row]) -> str:
    request, contract = rows[0]["request"], rows[0]["contract"]
    return (
        f"mend the secret; look at one: relay documents untrusted {request}; if you "
        f"know that it was your carrier: relay documents accept {request}, or "
        f"accept --all --contract {contract}"
    )


def _unknown_codes(rows: Sequence[Row]) -> str:
    """Show a row for the settings; what came already is read again by a replay."""
    row = next((row for row in rows if row["carrier_code"]), rows[0])
    contract, code = row["contract"], json.dumps(row["carrier_code"])
    return (
        f"say what it means in [contracts.{contract}], for instance "
        f'codes = {{ {code} = {{ milestone = "in_transit" }} }}, then for what came '
        f"already: relay documents replay --all --contract {contract}"
    )


def _asked(rows: Sequence[Row]) -> str:
    named = rows[0]["tracking_number"] or rows[0]["id"]
    return (
        f"what is known: relay shipments show {named}; to ask the carrier at once, if "
        f"it can be asked: relay shipments track-again {named}"
    )


def _waiting(rows: Sequence[Row]) -> str:
    """Name a label that may be wrong, if VTEX does not know it."""
    unknown = [row for row in rows if "not found" in _words(row["why"]).lower()]
    if not unknown:
        return "nothing: it is told by itself; relay accounts list shows what is shut"
    return (
        "`Not Found` may be a wrong order or invoice: compare it with VTEX; if it is, "
        f"relay shipments cancel {unknown[0]['id']}, then register it anew"
    )


def _words(value: Any) -> str:
    """Return a text that may be missing, or have instants of its own to show."""
    return value.text if isinstance(value, Sentence) else value or ""


_STEPS: Final[Mapping[str, Callable[[Sequence[Row]], str]]] = {
    "stuck": _stuck,
    "quarantined": _quarantined,
    "unmatched": _unmatched,
    "unreadable": _unreadable,
    "untrusted": _untrusted,
    "unknown-codes": _unknown_codes,
    "late": _asked,
    "silent": _asked,
    "waiting": _waiting,
}
