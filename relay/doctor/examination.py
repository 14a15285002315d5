"""Run all checks of the doctor, from the settings to VTEX."""

from collections.abc import Iterator

from relay.api.auth import check_tokens
from relay.config.problems import InvalidSettings
from relay.config.settings import Settings
from relay.doctor.contracts import check_contract, check_endpoint, check_tables
from relay.doctor.database import check_database, is_usable
from relay.doctor.findings import Check, error, ok, warning
from relay.doctor.permissions import check_access
from relay.doctor.process import can_start, process_state
from relay.doctor.status import serving_notes, stored_status
from relay.doctor.webhooks import check_webhooks
from relay.errors import ConfigurationError
from relay.service.status import ProcessState
from relay.service.status_models import StatusLine
from relay.vtex.http import vtex_session

_SUBJECTS = {"relay": "relay", "vtex": "accounts.{}", "carrier": "contracts.{}"}


def unusable(refusal: ConfigurationError) -> list[Check]:
    """Return the findings for settings that could not be loaded."""
    if isinstance(refusal, InvalidSettings):
        return [error(f.key, f.wrong, f.hint) for f in refusal.findings]
    return [error("settings", str(refusal), "correct them, then try again")]


async def examine(settings: Settings) -> list[Check]:
    """Check everything that *settings* name; nothing is changed anywhere."""
    found = [ok("settings", "valid"), *check_tables(settings)]
    found += _check_access(settings)
    for contract in settings.contracts.values():
        found += check_contract(contract, settings)
    found += check_endpoint(settings)
    stored = await check_database(settings)
    found += stored
    process = await process_state(settings, await serving_notes(settings, stored))
    status = await stored_status(settings, process, stored)
    usable = is_usable(settings, stored)
    for one in status.lines:
        found += checks_of(one, process, usable=usable)
    if usable:
        found += await check_webhooks(settings)
    async with vtex_session() as session:
        for account in settings.accounts.values():
            found += await check_access(account, settings, session)
    return found


def checks_of(
    one: StatusLine, process: ProcessState, *, usable: bool
) -> Iterator[Check]:
    """Yield the findings of one line of the status.

    A stopped relay that can be started is not a finding: the doctor is run before the
    start as well. *usable* says whether the database lets it start.
    """
    subject = _SUBJECTS[one.part].format(one.name)
    startable = one.part == "relay" and can_start(process)
    expected = process.problems if startable else ()
    # The check of webhooks reports rejected requests that wait.
    problems = [p for p in one.problems if p.level != "info"]
    if startable and usable:
        yield ok(subject, f"{_since(one)}; can be started")
    elif startable:
        hint = "correct what is named above, then start it: relay serve"
        yield warning(subject, f"{_since(one)}; cannot be started", hint)
    elif not problems:
        yield ok(subject, _since(one))
    for problem in problems:
        if problem not in expected:
            made = error if problem.level == "error" else warning
            yield made(subject, problem.message, problem.hint)


def _since(one: StatusLine) -> str:
    when = one.last_good_at
    return f"{one.last_good} at {when:%Y-%m-%d %H:%M} UTC" if when else one.last_good


def _check_access(settings: Settings) -> list[Check]:
    try:
        check_tokens(settings)
    except ConfigurationError as refusal:
        return [error("listen", str(refusal), "then start the relay again")]
    return []
