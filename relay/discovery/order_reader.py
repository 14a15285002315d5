"""Read the orders that VTEX named, and register, cancel or close their shipments."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from relay.clock import Clock
from relay.discovery.calls import AccountCalls, Called, CallResult, DiscoveryTerms
from relay.discovery.foreign_events import foreign_events
from relay.discovery.packages import FoundParcel, FoundParcels, found_parcels
from relay.domain.discovery import DiscoveredOrder, LookOutcome
from relay.domain.shipment import ORDER_CANCELLED, ORDER_REPLACED
from relay.errors import RegistrationError
from relay.logs import logger
from relay.registration.contract_choice import ContractChoice
from relay.service.access import Caller
from relay.service.services import Services
from relay.store.discovery import Discovery, DiscoveryState, SettledLook
from relay.vtex.client import VtexClient
from relay.vtex.orders import OrderView, PackageView, parse_order

BY: Final = "discovery"
AGAIN: Final = timedelta(minutes=1)
"""When an order is read again: its reader was killed, its shipment is busy, or VTEX
showed a late copy."""
FIRST_RETRY: Final = timedelta(seconds=30)
LONGEST_RETRY: Final = timedelta(hours=1)
MOST_DOUBLINGS: Final = 8
MOST_MISSING: Final = 8
"""How often an order may be missing before it counts as another account's."""
FORBIDDEN_RETRY: Final = timedelta(minutes=10)
NET: Final = timedelta(hours=24)
"""When an order is read once more of which a package could not be registered."""
LATE: Final = timedelta(hours=1)
"""A parcel registered later than this after its order changed may have left before."""
MOST_SHOWN: Final = 3
"""Texts of events that one note names."""
_ENDS: Final[Mapping[str, tuple[str, str]]] = {
    "canceled": (ORDER_CANCELLED, "cancelled"),  # VTEX's spelling, with one l
    "replaced": (ORDER_REPLACED, "replaced by another one"),
}
_ROLE: Final = "give the role of app_key the permission View order in VTEX"
_log = logger(__name__)


@dataclass(slots=True)
class OrderReader:
    """Reads one order after the other, each with the account's own key."""

    calls: AccountCalls
    vtex: VtexClient
    store: Discovery
    services: Services
    clock: Clock
    _problems: dict[str, str | None] = field(default_factory=dict)

    async def read_next(self, terms: DiscoveryTerms) -> bool:
        """Read the order that waits longest; False if the next one must wait.

        That is: none is due, none may be read, or VTEX did not show this one. A process
        that is killed meanwhile leaves it to be read again.
        """
        account, now = terms.account, self.clock()
        if not await self.store.any_due(account, now):
            return False
        if not await self.calls.permitted(terms):
            return False
        for order in await self.store.claim(account, now, now + AGAIN, 1):
            look = await self._look(terms, order)
            await self.store.settle(order, look, self.clock())
            return look.outcome is not LookOutcome.FAILED
        return False

    async def _look(self, terms: DiscoveryTerms, order: DiscoveredOrder) -> SettledLook:
        called = await self.calls.make(
            terms,
            "get",
            lambda deadline: self.vtex.read_order(
                terms.orders, order.order_id, deadline=deadline
            ),
        )
        view = parse_order(called.payload) if called.result is CallResult.DONE else None
        await self._note_problem(terms.account, called)
        if view is None:
            return self._unread(order, called)
        end = _ENDS.get(view.status)
        if end is not None:
            return await self._close(order, *end)
        return await self._register(order, view)

    async def _note_problem(self, account: str, called: Called) -> None:
        """Store that orders cannot be read for lack of a permission, or can again."""
        if called.result not in {CallResult.DONE, CallResult.FORBIDDEN}:
            return
        forbidden = called.result is CallResult.FORBIDDEN
        problem = f"{called.problem}; {_ROLE}" if forbidden else None
        if account in self._problems and self._problems[account] == problem:
            return
        self._problems[account] = problem
        if problem:
            _log.error("orders cannot be read", account=account, reason=problem)

        def change(state: DiscoveryState) -> None:
            state.order_problem = problem

        await self.store.change(account, change)

    def _unread(self, order: DiscoveredOrder, called: Called) -> SettledLook:
        """Return when to read an order again that could not be read."""
        attempts = order.attempts + 1
        detail = called.problem or "VTEX's answer is not an order"
        doubled = FIRST_RETRY * 2 ** min(attempts - 1, MOST_DOUBLINGS)
        wait = min(doubled, LONGEST_RETRY)
        if called.result is CallResult.FORBIDDEN:
            wait = FORBIDDEN_RETRY
        if called.result is CallResult.MISSING and attempts >= MOST_MISSING:
            detail = f"{detail}; it may be an order of another account"
            return SettledLook(LookOutcome.FAILED, detail, attempts=attempts)
        at = self.clock() + wait
        return SettledLook(LookOutcome.FAILED, detail, at, attempts, order.repeated)

    async def _close(
        self, order: DiscoveredOrder, reason: str, how: str
    ) -> SettledLook:
        """Close the shipments of an order that ended; those with a call a bit later."""
        text = f"closed: the order was {how} in VTEX"
        now = self.clock()
        closed, busy = await self.store.close_shipments(order, reason, text, now)
        if closed:
            about = {"account": order.account, "order": order.order_id}
            _log.info("shipments closed", **about, shipments=closed, reason=reason)
        detail = f"the order was {how}; {closed} shipments closed"
        at = now + AGAIN if busy else None
        return SettledLook(LookOutcome.CLOSED, detail, at)

    async def _register(self, order: DiscoveredOrder, view: OrderView) -> SettledLook:
        context = self.services.context
        choice = ContractChoice(context.settings, context.carriers, order.account)

        def claiming(courier: str) -> str | None:
            contract = choice.claiming(courier)
            return contract.name if contract is not None else None

        late = self.clock() - (order.changed_at or order.notified_at) > LATE
        found = found_parcels(order, view, claiming, late=late)
        late_copy = _is_late_copy(order, view)
        if late_copy:
            found = found.without_changes
        registered = dict(order.registered)
        refused = await self._withdraw(order, found, registered)
        for parcel in found.parcels:
            if parcel.invoice not in refused:
                problem = await self._label(order, parcel)
                if problem:
                    refused[parcel.invoice] = problem
                else:
                    registered[parcel.invoice] = parcel.mark
        for package in view.packages:
            if package.invoice_number in registered and package.data:
                await self._compare(order, package)
        look = _settled(order, found, registered, refused, self.clock())
        return self._again(order, look) if late_copy else look

    def _again(self, order: DiscoveredOrder, look: SettledLook) -> SettledLook:
        """Have the order read again soon, and only once: the stamps may differ."""
        return replace(
            look,
            look_at=self.clock() + AGAIN,
            attempts=order.attempts + 1,
            repeated=order.repeated,
        )

    async def _compare(self, order: DiscoveredOrder, package: PackageView) -> None:
        """Have the order read again before the next write, if others write, too."""
        account, invoice = order.account, package.invoice_number
        row = await self.store.shipment(account, order.order_id, invoice)
        if row is None or row["closed_at"] is not None:
            return
        if row["imported"] and row["compared_at"] is None:
            return
        zone = self.services.context.settings.account(account).zone
        ours = await self.store.published(row["shipment"])
        texts = foreign_events(package, ours, zone)
        if texts:
            shown = ", ".join(map(repr, texts[:MOST_SHOWN]))
            note = f"another system writes events of this invoice in VTEX: {shown}"
            await self.store.compare_again(row["shipment"], note, self.clock())

    async def _withdraw(
        self, order: DiscoveredOrder, found: FoundParcels, registered: dict[str, str]
    ) -> dict[str, str]:
        """Cancel shipments of invoices that changed or are gone; return the problems.

        A cancelled one is registered again with its new number, as a new label.
        """
        refused: dict[str, str] = {}
        caller = Caller(BY, frozenset({order.account}))
        for invoice in found.outdated:
            row = await self.store.shipment(order.account, order.order_id, invoice)
            try:
                if row is not None:
                    await self.services.shipment_actions.cancel(caller, row["id"])
            except RegistrationError as error:
                refused[invoice] = f"changed in VTEX, but {error}"
            else:
                del registered[invoice]
        return refused

    async def _label(self, order: DiscoveredOrder, parcel: FoundParcel) -> str:
        """Register a parcel; return the problem, if it is refused."""
        caller = Caller(BY, frozenset({order.account}))
        item = await self.services.shipments.register_item(caller, 0, parcel.fields)
        if item.problem is not None:
            parts = (item.problem.field, item.problem.detail)
            return ": ".join(part for part in parts if part)
        if item.status == HTTPStatus.CREATED or item.updated:
            self.services.context.wake.publisher()
        return ""


def _is_late_copy(order: DiscoveredOrder, view: OrderView) -> bool:
    """Whether VTEX showed the order as it was before the change that it notified."""
    if order.attempts or view.changed_at is None or order.changed_at is None:
        return False
    return view.changed_at < order.changed_at.replace(microsecond=0)


def _settled(
    order: DiscoveredOrder,
    found: FoundParcels,
    registered: Mapping[str, str],
    refused: Mapping[str, str],
    now: datetime,
) -> SettledLook:
    """Return the outcome; an order that had nothing to register is read once more."""
    outcome, detail = (
        LookOutcome.NOTHING,
        "no package has a tracking number and courier",
    )
    if refused:
        outcome = LookOutcome.REFUSED
        detail = "; ".join(f"invoice {i}: {text}" for i, text in refused.items())
    elif registered:
        outcome = LookOutcome.REGISTERED
        detail = "; ".join(f"invoice {i}: {mark}" for i, mark in registered.items())
    elif found.unclaimed:
        outcome = LookOutcome.UNCLAIMED
        names = ", ".join(map(repr, found.unclaimed))
        detail = f"courier {names}; add it to courier_names of its contract"
    elif not found.incomplete:
        detail = "every package is delivered"
    again = not order.repeated and bool(found.incomplete or found.unclaimed or refused)
    return SettledLook(
        outcome,
        detail,
        look_at=now + NET if again else None,
        repeated=order.repeated or again,
        registered=registered,
    )
