"""What operations on alerts answer, field by field."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from relay.domain.alert_facts import AlertKind
from relay.service.models import ResponseModel


class DescribedModel(ResponseModel):
    """Base of answers whose fields are described where they are defined."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class AlertEntry(DescribedModel):
    """An alert: what is wrong, since when, whose fault it is, and what to do."""

    kind: AlertKind
    """What it is about."""
    subject: str
    """With the kind the key: an account, a contract, a process and its part."""
    account: str | None
    """The account; null: it is about a contract or the relay."""
    contract: str | None
    """The contract; null: it is about an account or the relay."""
    party: Literal["relay", "vtex", "carrier"]
    """Whose fault it is."""
    message: str
    """What is wrong."""
    hint: str
    """What to do."""
    command: str
    """The command that shows it."""
    page: str
    """The page of the console that shows it."""
    since: datetime
    """Since when it is so, as far as that is known."""
    raised_at: datetime | None
    """When it had lasted long enough to be an alert."""
    notified_at: datetime | None
    """When the last message about it was made; null: none, or it is muted."""
    resolved_at: datetime | None
    """When it was over; null: it is open."""
    muted: bool
    """Whether the settings keep it from being sent."""


class AlertChannelEntry(DescribedModel):
    """A channel that is set up, and whether it works."""

    channel: str
    """`email`, `chat` or `heartbeat`."""
    sent_at: datetime | None
    """When it last worked; null: never."""
    failed_at: datetime | None
    """When it last failed; null: never."""
    problem: str | None
    """Why the last call failed; null: it worked."""


class AlertList(DescribedModel):
    """The open alerts, those that were over last, and the channels."""

    open: tuple[AlertEntry, ...]
    """Open alerts, the oldest first."""
    history: tuple[AlertEntry, ...]
    """Alerts that are over, the latest first."""
    channels: tuple[AlertChannelEntry, ...]
    """The channels that are set up."""
