"""Alerts that are in the database, as a round leaves them."""

from datetime import datetime
from typing import Any

from relay.domain.alert_course import CourseTerms, next_round
from relay.domain.alert_facts import AlertCondition, AlertKind
from relay.store.alerts import AlertStore, RoundOutput
from relay.store.database import Database


def condition(**about: Any) -> AlertCondition:
    """Return that account `store` is paused, or something else."""
    usual = {
        "kind": AlertKind.GATE_CLOSED,
        "subject": "store paused",
        "account": "store",
        "party": "vtex",
        "text": "store: the account is paused",
        "hint": "relay accounts open store",
        "command": "relay accounts list",
        "page": "/console/vtex",
    }
    return AlertCondition(**usual | about)


async def judged(database: Database, now: datetime, *found: AlertCondition) -> None:
    """Do a round in which *found* is wrong."""
    done = await AlertStore(database).do_round(
        lambda known, ended: next_round(known, found, ended, CourseTerms(), now),
        lambda _: RoundOutput({}),
        now,
    )
    assert done is not None
