"""Registration: what the ERP asks for becomes a label that can be stored.

Between the web, or VTEX's feed, and the store; no I/O.
"""

from relay.registering.registrar import Checked as Checked
from relay.registering.registrar import Registrar as Registrar
from relay.registering.requests import BulkRequest as BulkRequest
from relay.registering.requests import CorrectionRequest as CorrectionRequest
from relay.registering.requests import DeliveredRequest as DeliveredRequest
from relay.registering.requests import HandOverRequest as HandOverRequest
from relay.registering.requests import LabelRequest as LabelRequest
from relay.registering.requests import ParcelRequest as ParcelRequest
from relay.registering.requests import ReferenceRequest as ReferenceRequest
from relay.registering.requests import RetellRequest as RetellRequest
