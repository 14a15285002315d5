"""Change a shipment: correct, cancel, retry, poll, handover, resend, deliver."""

from dataclasses import dataclass, replace

from relay.registration.contract_terms import polled_contracts
from relay.registration.requests import (
    CorrectionRequest,
    DeliveredRequest,
    HandoverRequest,
    ResendRequest,
)
from relay.service.access import Caller
from relay.service.context import ServiceContext
from relay.service.lookup import (
    Change,
    find_shipment,
    registered_shipment,
    report_change,
)
from relay.service.models import ShipmentAnswer
from relay.store import operator_actions, operator_events


@dataclass(frozen=True, slots=True)
class ShipmentActionService:
    """Operations that change a registered shipment.

    Each raises `NotFound` for a shipment that does not exist for the caller, and
    `Conflict` if the shipment's state does not allow the change.
    """

    context: ServiceContext

    async def correct(
        self, caller: Caller, id_: str, request: CorrectionRequest
    ) -> ShipmentAnswer:
        """Correct a number, key, date, page, courier or contract.

        Raises `InvalidLabel` with the field at fault.
        """
        context, now = self.context, self.context.now()
        listed = await find_shipment(context, caller, id_)
        registered = await registered_shipment(context, listed)
        checked = context.registrar.correction(request, registered, now)
        correction = replace(checked.value, visible=caller.visible)
        done = await context.actions.correct(id_, correction, now, caller.name)
        context.wake.publisher()
        warnings = (*checked.warnings, *done.warnings)
        change = Change(id_, "corrected", done.updated, warnings)
        return await report_change(context, caller, change)

    async def cancel(self, caller: Caller, id_: str) -> ShipmentAnswer:
        """Cancel a label: nothing more is published."""
        context = self.context
        await find_shipment(context, caller, id_)
        warnings = await context.actions.cancel(id_, caller.name, context.now())
        change = Change(id_, "cancelled", warnings=warnings)
        return await report_change(context, caller, change)

    async def retry(self, caller: Caller, id_: str) -> ShipmentAnswer:
        """Publish at once, and clear earlier failures, stuck or not."""
        context = self.context
        await find_shipment(context, caller, id_)
        await context.actions.retry(id_, caller.name, context.now())
        context.wake.publisher()
        return await report_change(context, caller, Change(id_, "retry requested"))

    async def poll_now(self, caller: Caller, id_: str) -> ShipmentAnswer:
        """Poll the shipment's carriers at once; reopen it if it had expired."""
        context = self.context
        await find_shipment(context, caller, id_)
        polled = polled_contracts(context.settings.contracts, context.carriers)
        now, by = context.now(), caller.name
        await operator_events.poll_now(context.database, id_, by, now, polled)
        context.wake.poller()
        return await report_change(context, caller, Change(id_, "poll requested"))

    async def handover(
        self, caller: Caller, id_: str, request: HandoverRequest
    ) -> ShipmentAnswer:
        """Add a second carrier; events of both carriers count.

        Raises `InvalidLabel` with the field at fault.
        """
        context = self.context
        listed = await find_shipment(context, caller, id_)
        registered = await registered_shipment(context, listed)
        checked = context.registrar.handover(request, registered)
        change = replace(checked.value, visible=caller.visible)
        done = await context.handovers.handover(id_, change, context.now(), caller.name)
        context.wake.publisher()
        warnings = (*checked.warnings, *done.warnings)
        did = Change(id_, "handover registered", done.updated, warnings)
        return await report_change(context, caller, did)

    async def resend(
        self, caller: Caller, id_: str, request: ResendRequest
    ) -> ShipmentAnswer:
        """Send tracking number and events to VTEX again, with current settings."""
        context = self.context
        listed = await find_shipment(context, caller, id_)
        context.check_not_shadow(listed.row["account"])
        registered = await registered_shipment(context, listed)
        order = context.registrar.resend_order(request, registered)
        warnings = await operator_actions.resend(
            context.database, id_, order, caller.name, context.now()
        )
        context.wake.publisher()
        change = Change(id_, "resend requested", warnings=warnings)
        return await report_change(context, caller, change)

    async def mark_delivered(
        self, caller: Caller, id_: str, request: DeliveredRequest
    ) -> ShipmentAnswer:
        """Record a delivery that the carrier did not report.

        Raises `InvalidLabel` with the field at fault.
        """
        context, now = self.context, self.context.now()
        listed = await find_shipment(context, caller, id_)
        registered = await registered_shipment(context, listed)
        delivery = context.registrar.delivery(request, registered, now)
        await operator_events.mark_delivered(
            context.database, id_, delivery, caller.name, now
        )
        context.wake.reader()
        return await report_change(context, caller, Change(id_, "marked as delivered"))
