"""`relay rejected`: webhooks that failed verification."""

from typing import Annotated, Final

import typer

from relay.cli.options import AsJson, Config, Contract, settings_of
from relay.cli.output import local, write_fields, write_line, write_model, write_text
from relay.cli.session import request_of, run_operation
from relay.logs import counted
from relay.service.access import Caller
from relay.service.queries import AcceptManyRequest, AcceptRequest
from relay.service.rejected import (
    AcceptedAnswer,
    AcceptManyAnswer,
    RejectedAnswer,
    StillRejected,
)
from relay.service.services import Services
from relay.service.views import zone_of

SHOWN: Final = 20
"""Requests that are named with why they still fail."""


def show(
    request: Annotated[int, typer.Argument(min=1, help="The request's number.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show a webhook that failed verification, with its body."""

    async def operation(services: Services, caller: Caller) -> RejectedAnswer:
        return await services.rejected.show(caller, request)

    found = run_operation(config, operation)
    if as_json:
        write_model(found)
        return
    zone = zone_of({"contract": found.contract}, settings_of(config))
    received = {"received_at": local(found.received_at, zone)}
    write_fields(found.model_dump(exclude={"body"}) | received)
    write_text(f"\n{found.body}")


def accept(  # noqa: PLR0913 -- each is an option of the command
    request: Annotated[
        int | None,
        typer.Argument(min=1, help="The request's number; omit it with --all."),
    ] = None,
    *,
    all_: Annotated[
        bool, typer.Option("--all", help="All stored requests of one contract.")
    ] = False,
    contract: Contract = None,
    unverified: Annotated[
        bool,
        typer.Option(
            "--unverified",
            help="Do not verify: you vouch that the carrier sent them.",
        ),
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option(help="How you know it; required with --unverified."),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Verify rejected webhooks again, and parse those that pass.

    Correct the contract's settings first. The exit code is 1 if one still fails.
    """
    if (request is None) is not all_ or (contract is not None) is not all_:
        raise typer.BadParameter(
            "give the number of one request, or --all --contract NAME"
        )
    given = {"unverified": unverified, "reason": reason}
    if request is not None:
        _accept_one(request, request_of(AcceptRequest, given), config, as_json=as_json)
        return
    many = request_of(AcceptManyRequest, given | {"contract": contract})

    async def operation(services: Services, caller: Caller) -> AcceptManyAnswer:
        return await _collected(services, caller, many)

    _write_many(run_operation(config, operation), as_json=as_json)


def _accept_one(
    number: int, request: AcceptRequest, config: Config, *, as_json: bool
) -> None:
    async def operation(services: Services, caller: Caller) -> AcceptedAnswer:
        return await services.rejected.accept(caller, number, request)

    answer = run_operation(config, operation)
    if as_json:
        write_model(answer)
    else:
        write_line("1 request will be parsed by a running relay.")


async def _collected(
    services: Services, caller: Caller, request: AcceptManyRequest
) -> AcceptManyAnswer:
    """Accept page by page, and return one answer."""
    accepted, failed, cursor = 0, list[StillRejected](), None
    while True:
        part = await services.rejected.accept_many(
            caller, request.model_copy(update={"cursor": cursor})
        )
        accepted, cursor = accepted + part.accepted, part.next
        failed += part.still_rejected
        if cursor is None:
            return AcceptManyAnswer(
                accepted=accepted, still_rejected=tuple(failed), next=None
            )


def _write_many(answer: AcceptManyAnswer, *, as_json: bool) -> None:
    if as_json:
        write_model(answer)
    else:
        requests = counted(answer.accepted, "request")
        write_line(f"{requests} will be parsed by a running relay.")
        failed = answer.still_rejected
        for one in failed[:SHOWN]:
            write_text(f"request {one.id} still fails: {one.reason}", err=True)
        if len(failed) > SHOWN:
            more = len(failed) - SHOWN
            write_line(f"({more} more; see relay lists rejected)", err=True)
    raise typer.Exit(1 if answer.still_rejected else 0)
