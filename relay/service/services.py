"""All operations, gathered in one object that the composition builds once."""

from dataclasses import dataclass

from relay.config.settings import Settings
from relay.service.accounts import AccountService
from relay.service.alerts import AlertService
from relay.service.audit import AuditService
from relay.service.codes import CodeService
from relay.service.context import ServiceContext
from relay.service.discovery import DiscoveryService
from relay.service.documents import DocumentService
from relay.service.endpoint import EndpointService
from relay.service.invoices import InvoiceService
from relay.service.measurements import MeasurementService
from relay.service.outgoing_events import OutgoingService
from relay.service.recent_calls import RecentCallService
from relay.service.rejected import RejectedService
from relay.service.shadow import ShadowService
from relay.service.shipment_actions import ShipmentActionService
from relay.service.shipments import ShipmentService
from relay.service.statistics import StatisticsService
from relay.service.status import StatusService
from relay.service.worklists import WorkListService


@dataclass(frozen=True, slots=True)
class Services:
    """The operations of the relay; the API and the command line call nothing else."""

    context: ServiceContext
    shipments: ShipmentService
    shipment_actions: ShipmentActionService
    invoices: InvoiceService
    documents: DocumentService
    rejected: RejectedService
    worklists: WorkListService
    accounts: AccountService
    status: StatusService
    measurements: MeasurementService
    audit: AuditService
    endpoint: EndpointService
    discovery: DiscoveryService
    shadow: ShadowService
    alerts: AlertService
    outgoing: OutgoingService
    recent_calls: RecentCallService
    codes: CodeService
    statistics: StatisticsService

    @classmethod
    def build(cls, context: ServiceContext) -> "Services":
        """Build the services over one context."""
        return cls(
            context,
            ShipmentService(context),
            ShipmentActionService(context),
            InvoiceService(context),
            DocumentService(context),
            RejectedService(context),
            WorkListService(context),
            AccountService(context),
            StatusService(context),
            MeasurementService(context),
            AuditService(context),
            EndpointService(context),
            DiscoveryService(context),
            ShadowService(context),
            AlertService(context),
            OutgoingService(context),
            RecentCallService(context),
            CodeService(context),
            StatisticsService(context),
        )

    def reload(self, settings: Settings) -> None:
        """Use other settings from the next operation on."""
        self.context.settings = settings
