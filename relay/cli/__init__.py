"""The command line."""

import sys

import typer

from relay.cli import (
    accounts,
    carriers,
    documents,
    import_labels,
    run,
    shipment_actions,
    shipments,
    worklists,
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
for command in (run.serve, run.sandbox, run.init, run.demo):
    app.command()(command)
app.command()(run.doctor)
app.command()(worklists.lists)
shipments.commands.command("list")(shipments.list_)
shipments.commands.command()(shipments.show)
shipments.commands.command()(shipment_actions.correct)
shipments.commands.command()(shipment_actions.handover)
shipments.commands.command()(shipment_actions.mark_delivered)
shipments.commands.command("import")(import_labels.import_)
shipments.commands.command()(shipment_actions.resend)
app.command()(accounts.forget)
app.add_typer(shipments.commands, name="shipments")
documents.commands.command()(documents.rejected)
documents.commands.command()(documents.accept)
app.add_typer(documents.commands, name="documents")
app.add_typer(documents.event_commands, name="events")
app.add_typer(carriers.commands, name="carriers")
app.add_typer(accounts.contract_commands, name="contracts")
app.add_typer(accounts.commands, name="accounts")


def main() -> None:
    """Run the command that the arguments name; errors are words, no traceback."""
    try:
        app()
    except ConfigurationError as error:
        typer.echo(str(error), err=True)
        sys.exit(CONFIGURATION)
    except RegistrationError as error:
        said = (error.field, str(error), error.hint)
        typer.echo(": ".join(filter(None, said)), err=True)
        sys.exit(FAILED)
