"""Feed v3: one queue per application key, with its configuration (VTEX: feed guide)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from relay.sandbox import answers
from relay.sandbox.answers import VtexAnswer
from relay.sandbox.checks import RejectedCall, check_headers, field_errors
from relay.sandbox.filters import FilterState, parse_filter
from relay.sandbox.records import Call
from relay.sandbox.times import as_text

MOST_OF_LOT: Final = 10
Key = tuple[str, str]
"""An account and an application key: each pair has one queue."""
_PATH: Final = "/api/orders/feed"


class _Queue(BaseModel):
    """Limits of a queue: seconds, within VTEX's bounds."""

    model_config = ConfigDict(extra="forbid")

    visibilityTimeoutInSeconds: int = Field(ge=1, le=43200)  # noqa: N815
    MessageRetentionPeriodInSeconds: int = Field(ge=345600, le=1209600)


@dataclass(slots=True)
class Message:
    """One notification in a queue; hidden until `visible_at` once it was received."""

    item: dict[str, Any]
    stored_at: datetime
    visible_at: datetime
    handle: str = ""


@dataclass(slots=True)
class Feed:
    """The configuration and the messages of one application key."""

    state: FilterState
    body: dict[str, Any]
    used_at: datetime
    messages: list[Message] = field(default_factory=list)

    def queue(self, name: str) -> timedelta:
        """Return a time limit of the queue."""
        return timedelta(seconds=self.body["queue"][name])

    @property
    def retention(self) -> timedelta:
        """How long a message stays, and the configuration without a new one."""
        return self.queue("MessageRetentionPeriodInSeconds")


@dataclass(slots=True)
class Feeds:
    """The feeds of all accounts."""

    by_key: dict[Key, Feed] = field(default_factory=dict)

    def of(self, account: str, now: datetime) -> Iterator[Feed]:
        """Yield the feeds of an account that still exist at *now*."""
        for key in [k for k in self.by_key if k[0] == account]:
            feed = self.find(key, now)
            if feed is not None:
                yield feed

    def find(self, key: Key, now: datetime) -> Feed | None:
        """Return the feed of a key; one without use for its retention is gone."""
        feed = self.by_key.get(key)
        if feed is None:
            return None
        if now - feed.used_at >= feed.retention:
            del self.by_key[key]
            return None
        oldest = now - feed.retention
        feed.messages = [m for m in feed.messages if m.stored_at > oldest]
        return feed


def is_feed(call: Call) -> bool:
    """Whether a call is one of Feed v3."""
    return call.path.partition(f"/vtex/{call.account}")[2] in {
        _PATH,
        f"{_PATH}/config",
    }


def answer_feed(
    feeds: Feeds,
    call: Call,
    headers: Mapping[str, str],
    given: tuple[Mapping[str, str], bytes],
    now: datetime,
) -> VtexAnswer:
    """Carry out a call of Feed v3; raise `RejectedCall` if VTEX would refuse it.

    *given* are the query and the body.
    """
    key = (call.account, headers.get("X-VTEX-API-AppKey", ""))
    query, body = given
    check_headers(headers, with_body=call.method == "POST")
    match call.method, call.path.endswith("/config"):
        case "POST", True:
            return _configure(feeds, key, _parsed(body), now)
        case "DELETE", True:
            feeds.by_key.pop(key, None)
            return VtexAnswer(204)
        case "GET", True:
            return _shown(_existing(feeds, key, now), now)
        case "GET", False:
            return _lot(_existing(feeds, key, now), query.get("maxlot", "1"), now)
        case "POST", False:
            return _commit(_existing(feeds, key, now), _parsed(body))
        case _:
            raise RejectedCall(answers.method_not_allowed(), "method", call.method)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        wrong = answers.invalid({"$": ["JSON object required"]})
        raise RejectedCall(wrong, "body", "not a JSON object")
    return found


def _existing(feeds: Feeds, key: Key, now: datetime) -> Feed:
    feed = feeds.find(key, now)
    if feed is None:
        raise RejectedCall(answers.error(404, "1", "Feed configuration not found"))
    return feed


def _configure(
    feeds: Feeds, key: Key, body: dict[str, Any], now: datetime
) -> VtexAnswer:
    """Store a configuration; messages of the one before stay."""
    try:
        queue = _Queue.model_validate(body.get("queue"))
    except ValidationError as error:
        errors = {"Queue": ["The Queue field is required."]}
        wrong = answers.invalid(errors if "queue" not in body else field_errors(error))
        raise RejectedCall(wrong, "feed-config", str(error)) from None
    chosen = parse_filter(body.get("filter", {"type": "FromWorkflow"}))
    before = feeds.find(key, now)
    shown = {
        "filter": chosen.model_dump(exclude_none=True),
        "queue": queue.model_dump(),
    }
    state = FilterState(chosen, set())
    messages = before.messages if before is not None else []
    feeds.by_key[key] = Feed(state, shown, now, messages)
    return VtexAnswer(200, shown)


def _shown(feed: Feed, now: datetime) -> VtexAnswer:
    oldest = min((m.stored_at for m in feed.messages), default=now)
    age = max((now - oldest).total_seconds(), 0)
    # "aproximate" is VTEX's spelling.
    counts = {
        "quantity": len(feed.messages),
        "aproximateAgeOfOldestMessageInSeconds": int(age),
    }
    return VtexAnswer(200, feed.body | counts)


def _lot(feed: Feed, maxlot: str, now: datetime) -> VtexAnswer:
    """Return up to *maxlot* visible messages, and hide them for a while."""
    if not maxlot.isdecimal() or not 1 <= int(maxlot) <= MOST_OF_LOT:
        wrong = answers.invalid({"maxlot": ["must be between 1 and 10"]})
        raise RejectedCall(wrong, "maxlot", maxlot)
    hidden = feed.queue("visibilityTimeoutInSeconds")
    taken = [m for m in feed.messages if m.visible_at <= now][: int(maxlot)]
    for message in taken:
        message.visible_at, message.handle = now + hidden, uuid4().hex
    return VtexAnswer(200, [m.item | {"handle": m.handle} for m in taken])


def _commit(feed: Feed, body: dict[str, Any]) -> VtexAnswer:
    handles = body.get("handles")
    if not isinstance(handles, list) or not 1 <= len(handles) <= MOST_OF_LOT:
        wrong = answers.invalid({"handles": ["1 to 10 handles are required"]})
        raise RejectedCall(wrong, "commit", "handles")
    feed.messages = [
        m for m in feed.messages if m.handle not in handles or not m.handle
    ]
    return VtexAnswer(200)


def notification(
    order: dict[str, Any], last_state: str | None, at: datetime
) -> dict[str, Any]:
    """Return the item of a feed about a change of *order*."""
    return {
        "eventId": uuid4().hex.upper(),
        "domain": "Fulfillment",
        "state": order["status"],
        "lastState": last_state,
        "orderId": order["orderId"],
        "lastChange": order["lastChange"],
        "currentChange": as_text(at),
    }
