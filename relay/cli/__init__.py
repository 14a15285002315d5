"""The command line: a table of commands whose modules are imported when they run.

`relay --help` takes 0.2 s this way instead of 1.3 s: it imports neither pydantic
nor aiohttp nor a database driver.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from relay.errors import ConfigurationError, RegistrationError

FAILED = 1
CONFIGURATION = 2
"""The exit code for settings that do not let a process start."""
GROUPS: Final[Mapping[str, str]] = {
    "shipments": "List, import and change shipments.",
    "invoices": "Post invoices to VTEX, and list them.",
    "documents": "List documents received from carriers, and parse them again.",
    "rejected": "Show webhooks that failed verification, and accept them later.",
    "events": "Decide about events that `relay lists quarantined` shows.",
    "carriers": "List adapters, try them, start a new one.",
    "codes": "Map carriers' unknown codes, and list and export what is mapped.",
    "contracts": "List contracts, and how their carriers are polled.",
    "accounts": "List accounts, and open those that are closed.",
    "endpoint": "Key pairs with which an ERP calls the relay in place of VTEX.",
    "database": "Back up the SQLite database, and restore it.",
    "users": "Add people who may use the console.",
}
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": ("run:serve", "Run the relay until it is stopped."),
    "sandbox": ("run:sandbox", "Run a VTEX sandbox with carrier simulators."),
    "init": ("run:init", "Write a settings file with every setting commented out."),
    "demo": ("run:demo", "Show the whole flow with a sandbox; no account is needed."),
    "doctor": ("run:doctor", "Check settings, database and VTEX access."),
    "status": (
        "status:status",
        "Show what works and what is wrong: the relay, VTEX and each carrier.",
    ),
    "discovery": (
        "discovery:discovery",
        "Show whether parcels are found in VTEX: feed, hook, and the last orders.",
    ),
    "reconcile": (
        "reconcile:reconcile",
        "Compare open shipments with what VTEX shows; --repair sends what lacks.",
    ),
    "lists": ("worklists:lists", "Show a work list: what needs an operator."),
    "erase": ("accounts:erase", "Erase the personal data of one order for good."),
    "shipments list": ("shipments:list_", "List shipments, the newest first."),
    "shipments show": ("shipments:show", "Show everything stored about one shipment."),
    "shipments import": (
        "import_labels:import_",
        "Register labels from a CSV file; exit code 1 if a row was refused.",
    ),
    "shipments correct": (
        "shipment_actions:correct",
        "Correct a number, a key, a date, the page, the courier or the contract.",
    ),
    "shipments retry": (
        "shipment_actions:retry",
        "Publish at once, and clear earlier failures.",
    ),
    "shipments poll-now": (
        "shipment_actions:poll_now",
        "Poll the carrier at once; an expired shipment is reopened.",
    ),
    "shipments handover": (
        "shipment_actions:handover",
        "Add a second carrier; events of both carriers count.",
    ),
    "shipments resend": (
        "shipment_actions:resend",
        "Send tracking number and events to VTEX again, with current settings.",
    ),
    "shipments mark-delivered": (
        "shipment_actions:mark_delivered",
        "Record a delivery that the carrier did not report.",
    ),
    "shipments cancel": (
        "shipment_actions:cancel",
        "Cancel a label: nothing more is published.",
    ),
    "users add": (
        "users:add",
        "Make the settings of a person who may use the console.",
    ),
    "invoices post": (
        "invoices:post",
        "Post an invoice to VTEX, from a JSON file; with its parcel, if it has one.",
    ),
    "invoices list": ("invoices:list_", "List invoices, and why they wait."),
    "invoices show": (
        "invoices:show",
        "Show an invoice with its content and its calls to VTEX.",
    ),
    "invoices retry": (
        "invoices:retry",
        "Post at once, and clear earlier failures.",
    ),
    "invoices cancel": (
        "invoices:cancel",
        "Withdraw an invoice that was not sent to VTEX yet.",
    ),
    "invoices mark-delivered": (
        "invoices:mark_delivered",
        "Mark the package of a return as delivered in VTEX.",
    ),
    "documents list": ("documents:list_", "List documents, the newest first."),
    "documents show": ("documents:show", "Show a document with its headers and body."),
    "documents replay": (
        "documents:replay",
        "Parse documents again, after a fix of an adapter or a code table.",
    ),
    "rejected show": (
        "rejected:show",
        "Show a webhook that failed verification, with its body.",
    ),
    "rejected accept": (
        "rejected:accept",
        "Verify rejected webhooks again, and parse those that pass.",
    ),
    "events release": ("worklists:release", "Release an event: it is published."),
    "events drop": (
        "worklists:drop",
        "Drop an event: it is not published, unless it was already.",
    ),
    "carriers list": ("carriers:list_", "List the installed adapters."),
    "carriers try": (
        "carriers:try_",
        "Show what a contract's adapter makes of a document; nothing is stored.",
    ),
    "carriers stats": (
        "statistics:show",
        "Show what the carrier of a contract did in the last days.",
    ),
    "carriers new": (
        "carriers:new",
        "Start an adapter: its folder, and tests with the sample as the first one.",
    ),
    "codes list": (
        "codes:list_",
        "List mapped codes, and how far their documents were parsed again.",
    ),
    "codes map": (
        "codes:map_",
        "Map a code of a contract; documents with it are parsed again.",
    ),
    "codes unmap": (
        "codes:unmap",
        "Remove a mapping; what was published stays in VTEX.",
    ),
    "codes export": (
        "codes:export",
        "Print mapped codes as TOML, for the settings or a code table.",
    ),
    "contracts list": (
        "accounts:list_contracts",
        "List contracts, and why their carriers are not polled.",
    ),
    "accounts list": (
        "accounts:list_",
        "List accounts, and why nothing is published for them.",
    ),
    "accounts open": (
        "accounts:open_",
        "Try again at once, after a fix of credentials or permissions.",
    ),
    "endpoint new-pair": (
        "endpoint:new_pair",
        "Make a key pair for an ERP or hub; nothing is stored.",
    ),
    "endpoint list": ("endpoint:list_", "List the key pairs, without their tokens."),
    "database backup": (
        "database:backup",
        "Copy the SQLite database to a file, also while the relay runs.",
    ),
    "database restore": (
        "database:restore",
        "Replace the SQLite database by a backup; the relay must be stopped.",
    ),
}
"""Commands by path: `module:function` in this package, and the function's summary."""


class LazyCommand(TyperCommand):
    """A command's name and summary; `load` imports the function that runs it."""

    def __init__(self, path: str) -> None:
        target, summary = COMMANDS[path]
        super().__init__(name=path.rpartition(" ")[2], help=summary)
        self.target = target

    def load(self) -> Any:
        """Import the command's module, and return the command with its options."""
        module, _, function = self.target.partition(":")
        called = getattr(import_module(f"relay.cli.{module}"), function)
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(self.name)(called)
        return get_command(single)


class LazyGroup(TyperGroup):
    """A group of commands, each imported only when it runs."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that *args* name, loaded, and the rest of *args*."""
        name, command, rest = super().resolve_command(ctx, args)
        loaded = command.load() if isinstance(command, LazyCommand) else command
        return name, loaded, rest


def _group(name: str) -> LazyGroup:
    paths = [path for path in COMMANDS if path.startswith(f"{name} ")]
    commands = [LazyCommand(path) for path in paths]
    return LazyGroup(
        name=name, commands=commands, help=GROUPS[name], no_args_is_help=True
    )


class RootGroup(LazyGroup):
    """The command `relay`."""

    def __init__(self, **options: Any) -> None:
        single: list[Any] = [LazyCommand(path) for path in COMMANDS if " " not in path]
        commands = [*single, *map(_group, GROUPS)]
        super().__init__(**options | {"commands": commands})


app = typer.Typer(
    name="relay",
    cls=RootGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from relay.cli.output import write_line  # noqa: PLC0415 -- only now

        write_line(f"relay {version('carrier-tracking-relay')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Show the version."
    ),
]


@app.callback()
def relay(version: Version = False) -> None:
    """Publish to VTEX the tracking of carriers that VTEX is not integrated with."""


def main() -> None:
    """Run the command that the arguments name; print errors without a traceback."""
    try:
        app()
    except ConfigurationError as error:
        _write_error(str(error))
        sys.exit(CONFIGURATION)
    except RegistrationError as error:
        problem = ": ".join(filter(None, (error.field, str(error))))
        _write_error("; ".join(filter(None, (problem, error.hint))))
        sys.exit(FAILED)


def _write_error(text: str) -> None:
    from relay.cli.output import write_text  # noqa: PLC0415 -- slow to import

    write_text(text, err=True)
