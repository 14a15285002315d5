"""The command line."""

import sys

import typer

from relay.cli import (
    accepting,
    accounts,
    carriers,
    checking,
    contracts,
    correcting,
    delivering,
    documents,
    events,
    forgetting,
    handing_over,
    importing,
    listing,
    lists,
    retelling,
    running,
    shipments,
    timeline,
)
from relay.errors import ConfigurationError, RegistrationError

FAILED = 1
CONFIGURATION = 2
"""The exit code of a process that its settings do not let start."""

app = typer.Typer(
    name="relay",
    help="Tells VTEX where the parcels are of carriers it is not integrated with.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (running.serve, running.sandbox, running.init, running.demo):
    app.command()(command)
app.command()(checking.doctor)
app.command()(lists.lists)
shipments.commands.command("list")(listing.list_)
shipments.commands.command()(timeline.show)
shipments.commands.command()(correcting.correct)
shipments.commands.command()(handing_over.hand_over)
shipments.commands.command()(delivering.mark_delivered)
shipments.commands.command("import")(importing.import_)
shipments.commands.command()(retelling.retell)
app.command()(forgetting.forget)
app.add_typer(shipments.commands, name="shipments")
documents.commands.command()(accepting.untrusted)
documents.commands.command()(accepting.accept)
app.add_typer(documents.commands, name="documents")
app.add_typer(events.commands, name="events")
app.add_typer(carriers.commands, name="carriers")
app.add_typer(contracts.commands, name="contracts")
app.add_typer(accounts.commands, name="accounts")


def main() -> None:
    """Run the command that the arguments name; errors are words, no traceback."""
    try:
        app()
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        sys.exit(CONFIGURATION)
    except RegistrationError as error:
        said = (error.field, str(error), error.way_out)
        typer.echo(": ".join(filter(None, said)), err=True)
        sys.exit(FAILED)
