"""Whether VTEX knows an account's credentials: one read that changes nothing."""

from typing import Final

from aiohttp import ClientSession

from relay.clock import utcnow
from relay.config.account import AccountSettings
from relay.doctor.findings import Check, fine, wrong
from relay.errors import ConfigurationError, VtexError
from relay.runtime.wiring import vtex_account
from relay.vtex.answers import Meaning, hint_for, meaning
from relay.vtex.client import Deadline, VtexClient, VtexResponse

NO_ORDER: Final = "relay-doctor-0"
"""The id of an order that does not exist."""

PATIENCE_SECONDS: Final = 20.0
_REACHABLE: Final = frozenset({Meaning.NOT_YET, Meaning.ACCEPTED})


async def check_account(account: AccountSettings, session: ClientSession) -> Check:
    """Ask VTEX for an order that does not exist, and explain the answer."""
    subject = f"accounts.{account.name}"
    deadline = Deadline.within(PATIENCE_SECONDS, utcnow)
    try:
        client = VtexClient(session, waits=())
        answer = await client.read_order(
            vtex_account(account), NO_ORDER, deadline=deadline
        )
    except ConfigurationError as error:
        return wrong(subject, str(error), "correct it in the settings")
    except VtexError as error:
        hint = f"check base_url ({account.base_url}) and the way out to it"
        return wrong(subject, f"VTEX cannot be reached: {error}", hint)
    return explained(subject, answer)


def explained(subject: str, answer: VtexResponse) -> Check:
    """Say what VTEX's *answer* about an unknown order means for an account."""
    means = meaning(answer.status, answer.words, answer.payload)
    if means in _REACHABLE:
        return fine(subject, "VTEX knows the key pair and lets it read orders")
    words = f"VTEX answered {answer.status}: {answer.words}".rstrip(": ")
    return wrong(subject, words, hint_for(means, answer.status, answer.words, ""))
