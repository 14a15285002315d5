"""`relay carriers`: list adapters, try one on a document, start a new one."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from relay.adapters.codes import CodeTable
from relay.adapters.loader import adapters
from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import write_json, write_line, write_table, write_text
from relay.cli.try_adapter import Sample, try_sample, write_result
from relay.domain.events import Reference, ReferenceKind
from relay.scaffold.generic_settings import generic_contract
from relay.scaffold.inference import infer
from relay.scaffold.writer import write_adapter

COLUMNS = {
    "adapter": "adapter",
    "displayName": "name",
    "verified": "webhooks",
    "batchSize": "parcels per poll",
    "feeds": "feeds",
    "subscribes": "subscribes",
    "codes": "codes",
}


def list_(as_json: AsJson = False) -> None:
    """List the installed adapters."""
    found = [_described(name, made) for name, made in adapters().items()]
    if as_json:
        write_json(found)
        return
    rows = [[_word(one, column) for column in COLUMNS] for one in found]
    write_table(list(COLUMNS.values()), rows)


def try_(  # noqa: PLR0913 -- each is an option of the command
    contract: Annotated[str, typer.Argument(help="The contract's name.")],
    file: Annotated[
        Path, typer.Argument(help="A body as the carrier sends it.", dir_okay=False)
    ],
    *,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", help="A header of the request: name=value."),
    ] = None,
    answer: Annotated[
        bool, typer.Option("--answer", help="The file is a response to a poll.")
    ] = False,
    polled: Annotated[
        list[str] | None,
        typer.Option("--polled", help="What was polled for: tracking_number=QQ1."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what a contract's adapter makes of a document; nothing is stored.

    The exit code is 1 if it, or a part of it, is unreadable.
    """
    sample = Sample(
        _read(file), _headers(header or []), answer, _references(polled or [])
    )
    made = try_sample(settings_of(config), contract, sample)
    if as_json:
        write_json(made)
    else:
        write_result(made)
    raise typer.Exit(1 if made["unreadableReason"] or made["unreadableParts"] else 0)


def new(
    name: Annotated[str, typer.Argument(help="The adapter's name, in lower case.")],
    sample: Annotated[
        Path, typer.Option("--from", help="A body as the carrier sends it, in JSON.")
    ],
    into: Annotated[
        Path, typer.Option(help="Where carriers/ and tests/ are.", file_okay=False)
    ] = Path(),
    generic: Annotated[
        bool,
        typer.Option(
            "--generic",
            help="Print settings for the generic adapter; no Python is needed.",
        ),
    ] = False,
) -> None:
    """Start an adapter: its folder, and tests with the sample as the first one."""
    body = _read(sample)
    found = infer(body)
    for one in found.unsure:
        write_line(f"unsure of {one.field}: {one}", err=True)
    if generic:
        write_text(generic_contract(name, found))
        return

    for path in write_adapter(name, body, found, into):
        write_line(path)
    write_line("Check the inferred fields, map the codes,")
    write_line("then run `pytest tests/carriers`.")


def _described(name: str, made: Any) -> dict[str, Any]:
    """Return what an adapter can do, without a contract."""
    try:
        codes = len(CodeTable.load(made.__module__, {}).rows)
    except (OSError, KeyError, TypeError):
        codes = 0
    verify = inspect.getdoc(getattr(made, "verify", None)) or ""
    return {
        "adapter": name,
        "displayName": getattr(made, "display_name", name),
        "verified": verify.partition("\n")[0],
        "polls": hasattr(made, "poll") or hasattr(made, "polls_if_configured"),
        "batchSize": getattr(made, "batch_size", None),
        "feeds": hasattr(made, "fetch"),
        "subscribes": hasattr(made, "subscribe"),
        "codes": codes,
    }


def _word(one: dict[str, Any], column: str) -> Any:
    value = one[column]
    if isinstance(value, bool):
        return "yes" if value else ""
    if column == "batchSize" and one["polls"] and value is None:
        return "as configured"
    return value


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        why = f"cannot read {file}: {error.strerror}"
        raise typer.BadParameter(why, param_hint="FILE") from None


def _headers(given: list[str]) -> dict[str, str]:
    pairs = (_pair(text, "--header") for text in given)
    named = {name.lower(): value for name, value in pairs}
    return {"content-type": "application/json"} | named


def _references(given: list[str]) -> list[Reference]:
    pairs = (_pair(text, "--polled") for text in given)
    try:
        return [Reference(kind=ReferenceKind(n), value=value) for n, value in pairs]
    except ValueError:
        kinds = ", ".join(ReferenceKind)
        why = f"write name=value; the names are {kinds}"
        raise typer.BadParameter(why, param_hint="--polled") from None


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.strip()):
        raise typer.BadParameter("write name=value", param_hint=option)
    return name.strip(), value.strip()
