"""Check an account's credentials at VTEX with one read, which changes nothing."""

from http import HTTPStatus
from typing import Final

from aiohttp import ClientSession

from relay.clock import utcnow
from relay.config.account import AccountSettings
from relay.doctor.findings import Check, error, ok
from relay.errors import ConfigurationError, VtexError
from relay.runtime.wiring import vtex_account
from relay.vtex.answers import Meaning, hint_for, meaning
from relay.vtex.client import Deadline, VtexClient, VtexResponse

NO_ORDER: Final = "relay-doctor-0"
"""The id of an order that does not exist."""

PATIENCE_SECONDS: Final = 20.0
_REACHABLE: Final = frozenset({Meaning.NOT_YET, Meaning.ACCEPTED})


async def check_account(account: AccountSettings, session: ClientSession) -> Check:
    """Read an order that does not exist, and explain VTEX's response."""
    subject = f"accounts.{account.name}"
    deadline = Deadline.within(PATIENCE_SECONDS, utcnow)
    try:
        client = VtexClient(session, waits=())
        answer = await client.read_order(
            vtex_account(account), NO_ORDER, deadline=deadline
        )
    except ConfigurationError as refusal:
        return error(subject, str(refusal), "correct it in the settings")
    except VtexError as failure:
        hint = f"check base_url ({account.base_url}), firewall and proxy"
        return error(subject, f"cannot reach VTEX: {failure}", hint)
    return explained(subject, answer)


def explained(subject: str, answer: VtexResponse) -> Check:
    """Return what VTEX's *answer* about an unknown order means for an account.

    VTEX answers 404 only if the key pair is valid and may read orders.
    """
    means = meaning(answer.status, answer.message, answer.payload, "order")
    if means in _REACHABLE:
        return ok(subject, "the key pair is valid and may read orders")
    hint = hint_for(means, answer.status, answer.message, "")
    if answer.status == HTTPStatus.FORBIDDEN:
        hint = "give the role of app_key the permission View order in VTEX"
    words = f"VTEX answered {answer.status}: {answer.message}".rstrip(": ")
    return error(subject, words, hint)
