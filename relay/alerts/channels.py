"""The channels of alerts: what sends a message, and why it could not be sent."""

from collections.abc import Mapping
from typing import Protocol

from aiohttp import ClientSession

from relay.alerts.chat import ChatChannel
from relay.alerts.email import EmailChannel
from relay.config.alerts import AlertSettings
from relay.domain.alert_texts import AlertMessage


class AlertChannel(Protocol):
    """Sends messages; raises `NotDelivered` if one was not accepted."""

    async def send(self, message: AlertMessage) -> None:
        """Send one message."""
        ...


def channels(
    settings: AlertSettings, session: ClientSession
) -> Mapping[str, AlertChannel]:
    """Make the channels that are set up, by name."""
    made: dict[str, AlertChannel] = {}
    if settings.email_host is not None:
        made["email"] = EmailChannel(settings)
    if settings.chat_url is not None:
        url = settings.chat_url.get_secret_value()
        made["chat"] = ChatChannel(session, url, settings.chat_format)
    return made
