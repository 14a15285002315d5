"""What operations on mapped codes take and answer, field by field."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from relay.adapters.codes import LONGEST_CODE
from relay.registration.requests import Request
from relay.service.models import ResponseModel
from relay.service.queries import Paging
from relay.validation_errors import problem

Progress = Literal["in_progress", "checking", "applied"]
"""Documents are parsed again; they were, and are gone through once more; it is done."""
MappingEffect = Literal["normal", "administrative", "provisional"]
"""As in code tables: published, stored only, and a delivery to be confirmed."""


class CodeRequest(Request):
    """A code of a contract, and why its meaning is changed."""

    contract: str
    carrier_code: str = Field(max_length=LONGEST_CODE)
    why: str = Field(max_length=200)

    @field_validator("carrier_code", "why")
    @classmethod
    def _given(cls, text: str) -> str:
        """Require more than spaces."""
        if not text.strip():
            raise problem("required", "say it in a few words")
        return text.strip()


class MapRequest(CodeRequest):
    """What a code of a contract means.

    `text` is the description of events for which the carrier gives none. A delivery
    needs `confirmDelivered`: VTEX does not take one back.
    """

    milestone: str
    effect: MappingEffect = "normal"
    text: str = Field(default="", max_length=200)
    confirm_delivered: bool = False


class UnmapRequest(CodeRequest):
    """A mapped code of a contract that has no meaning any more."""


class CodeQuery(BaseModel):
    """Filters of the list of mapped codes."""

    model_config = Paging.model_config

    contract: str | None = None


class ExportQuery(CodeQuery):
    """Which mapped codes to export, and for which file.

    `settings` are tables of the settings file, `adapter` rows of `codes.toml`.
    """

    form: Literal["settings", "adapter"] = "settings"


class MappingEntry(ResponseModel):
    """What a code means, who says so, when and why.

    `documents` were parsed again since the change, and `percent` of the events were
    gone through. `conflict` says that the settings file has the code with another
    meaning, which counts.
    """

    id: int
    contract: str
    carrier_code: str
    meaning: dict[str, Any]
    mapped_at: datetime
    mapped_by: str
    why: str
    removed_at: datetime | None
    removed_by: str | None
    removed_why: str | None
    progress: Progress
    percent: int
    documents: int
    applied_at: datetime | None
    conflict: str | None


class MappingList(ResponseModel):
    """The mapped codes, and the latest ones that were removed."""

    mappings: tuple[MappingEntry, ...]


class ChangeLine(ResponseModel):
    """How many of the tried events change from one milestone to another one."""

    before: str
    after: str
    events: int


class PreviewedEventLine(ResponseModel):
    """An event as it would be published."""

    occurred_at: datetime
    milestone: str
    text: str


class ShipmentChangeLine(ResponseModel):
    """What changes for a shipment.

    The events `published` would be published, and `noLongerPublished` no longer. `kept`
    ones were published already, and stay in VTEX. `quarantined` are reasons to wait
    for an operator.
    """

    id: str
    account: str
    order_id: str
    invoice_number: str
    published: tuple[PreviewedEventLine, ...]
    no_longer_published: tuple[PreviewedEventLine, ...]
    kept: int
    delivered_at: datetime | None
    quarantined: tuple[str, ...]


class MappingPreview(ResponseModel):
    """What a change of a code's meaning would change; nothing was changed.

    `events` and `documents` have the code, in the latest events only unless
    `complete`. The latest `tried` documents were parsed again: `changes`, `shipments`,
    `orders` and `vtexUpdates`, the shipments for which what is published would differ,
    are theirs. `unmatched` events have no shipment.
    """

    contract: str
    carrier_code: str
    meaning: dict[str, Any] | None
    events: int
    documents: int
    complete: bool
    tried: int
    changes: tuple[ChangeLine, ...]
    unmatched: int
    shipments: int
    orders: int
    vtex_updates: int
    deliveries: int
    examples: tuple[ShipmentChangeLine, ...]
    warnings: tuple[str, ...]


class CodeExport(ResponseModel):
    """Mapped codes as TOML."""

    toml: str
