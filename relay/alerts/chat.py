"""Alerts in a chat, by the incoming webhook of Slack, Teams, Google Chat or Discord."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import ClientSession

from relay.alerts.calls import call
from relay.domain.alert_texts import AlertMessage

Form = Callable[[str], dict[str, Any]]
SLACK: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def _slack(text: str) -> dict[str, Any]:
    """See https://docs.slack.dev/messaging/formatting-message-text/#escaping."""
    return {"text": text.translate(SLACK)}


def _teams(text: str) -> dict[str, Any]:
    """Return an Adaptive Card: Teams' workflows take nothing else."""
    lines = [
        {"type": "TextBlock", "text": line, "wrap": True, "spacing": "None"}
        for line in text.splitlines()
        if line
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": lines,
    }
    kind = "application/vnd.microsoft.card.adaptive"
    attachment = {"contentType": kind, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _google_chat(text: str) -> dict[str, Any]:
    return {"text": text}


def _discord(text: str) -> dict[str, Any]:
    return {"content": text, "allowed_mentions": {"parse": []}}


FORMS: Final[Mapping[str, tuple[Form, int]]] = {
    "slack": (_slack, 30_000),
    "teams": (_teams, 20_000),
    "google_chat": (_google_chat, 4_000),
    "discord": (_discord, 1_900),
}
"""The body of each chat, and the most characters that it takes, less a reserve."""


@dataclass(frozen=True, slots=True)
class ChatChannel:
    """Posts messages to *url*, in the form of one chat."""

    session: ClientSession
    url: str = field(repr=False)
    form: str = "slack"

    async def send(self, message: AlertMessage) -> None:
        """Send one message; raises `NotDelivered`."""
        made, longest = FORMS[self.form]
        text = f"{message.subject}\n\n{message.text}"
        if len(text) > longest:
            text = f"{text[:longest]}\n… (shortened; see: relay alerts list)"
        await call(self.session, "POST", self.url, made(text))
