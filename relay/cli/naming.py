"""The shipment that a person means: by its id, its order or a tracking number."""

# ruff: noqa: PLC0415 -- imported when a command runs, so that help is quick

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from relay.cli.databases import on_database
from relay.cli.options import Config
from relay.clock import utcnow
from relay.errors import Conflict, NotFound

if TYPE_CHECKING:
    from relay.store.database import Database
    from relay.store.lists import Listed, Lists

T = TypeVar("T")
Act = Callable[["Database", "Listed"], Awaitable[T]]

MOST = 20
"""So many shipments are listed where several are meant."""
HELP = "Its id, or its order or tracking number if that means one shipment only."
Shipment = Annotated[str, typer.Argument(help=HELP, show_default=False)]


def on_shipment(config: Config, named: str, act: "Act[T]") -> "tuple[str, T]":
    """*act* on the shipment that *named* means; return its id, and what comes of it.

    Raises `NotFound` if there is none, and `Conflict` if there are several.
    """

    async def acted(database: "Database") -> "tuple[str, T]":
        from relay.store.lists import Lists

        listed = await meant(Lists(database), named)
        done = await act(database, listed)
        await database.notify()
        return listed.row["id"], done

    return on_database(config, acted)


async def meant(lists: "Lists", named: str) -> "Listed":
    """Return the one shipment that has this id, order or number."""
    by_id = await lists.one(named, utcnow())
    found = [by_id] if by_id else await _called(lists, named)
    if not found:
        raise NotFound(
            "no shipment has this id, order or number",
            way_out="`relay shipments list` shows them",
        )
    if len(found) > 1:
        raise Conflict(
            f"several shipments are meant, give the id of one:\n{_listed(found)}"
        )
    return found[0]


async def _called(lists: "Lists", named: str) -> "list[Listed]":
    """Return the shipments of an order, and those under a tracking number."""
    from relay.store.wanted import Wanted

    found: dict[str, Listed] = {}
    for wanted in (Wanted(order_id=named), Wanted(tracking_number=named)):
        page = await lists.shipments(wanted, utcnow(), limit=MOST)
        found |= {listed.row["id"]: listed for listed in page.shipments}
    return list(found.values())


def _listed(found: "Iterable[Listed]") -> str:
    """Return a line for each, with what tells them apart."""
    names = ("id", "account", "order_id", "invoice_number", "tracking_number")
    return "\n".join(
        "  ".join([*(str(f.row[name] or "-") for name in names), f.standing.state])
        for f in found
    )
