"""Check whether carriers' webhooks are being rejected."""

from relay.config.settings import Settings
from relay.doctor.database import database_exists
from relay.doctor.findings import Check, warning
from relay.errors import ConfigurationError
from relay.logs import counted
from relay.runtime.database import opened
from relay.store.codec import readable_at
from relay.store.rejected import UNSIGNED_HINT, RejectedRequests, Rejections


async def check_webhooks(settings: Settings) -> list[Check]:
    """Report contracts with rejected webhooks; none without a usable database."""
    if not await database_exists(settings):
        return []
    try:
        async with opened(settings) as database:
            found = await RejectedRequests(database).totals()
    except ConfigurationError:
        return []  # the check of the database reports it
    waiting = (r for r in found.values() if r.waiting or r.dropped)
    return [_rejected(rejections) for rejections in waiting]


def _rejected(rejections: Rejections) -> Check:
    contract = rejections.contract
    rejected = counted(rejections.rejected, "webhook")
    last = readable_at(rejections.last_at)
    when = f"at {last.isoformat(timespec='seconds')}" if last else "at a damaged time"
    message = f"{rejected} rejected, the last {when}"
    if rejections.dropped:
        message += f"; {rejections.dropped} of them are not stored any more"
    if rejections.unsigned:
        message += f"; {rejections.unsigned} of those stored had no signature"
    hint = f"`relay lists rejected --contract {contract}` says why; "
    if rejections.waiting > rejections.unsigned or rejections.dropped:
        accept = f"relay rejected accept --all --contract {contract}"
        hint += f"correct the secret, then `{accept}`"
    else:
        hint += UNSIGNED_HINT
    return warning(f"contracts.{contract}.webhooks", message, hint)
