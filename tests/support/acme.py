"""Acme, a carrier that exists in tests only: HMAC over a JSON body of scans."""

import hmac
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from relay.adapters.parts import Parsed, attempt
from relay.adapters.protocol import Document, Reply, WebhookRequest
from relay.adapters.signatures import check_hmac_sha256, presented_in
from relay.domain.events import (
    Milestone,
    ParcelView,
    Reference,
    ReferenceKind,
    TrackingEvent,
)

SECRET: Final = "secret-of-acme"
MILESTONES: Final = {
    "PU": Milestone.PICKED_UP,
    "IT": Milestone.IN_TRANSIT,
    "OD": Milestone.OUT_FOR_DELIVERY,
    "DL": Milestone.DELIVERED,
}


@dataclass
class Acme:
    """Reads `{"scans": [...]}`; tests change its ways by its fields."""

    display_name: str = "Acme Express"
    identifying: ReferenceKind = ReferenceKind.TRACKING_NUMBER
    stored_headers: frozenset[str] = frozenset({"x-version"})
    personal_fields: tuple[str, ...] = ("recipient.name",)
    fails: Exception | None = None
    verify_fails: Exception | None = None
    secret: str = SECRET
    held: threading.Event | None = None
    returns: Any = None
    read_bodies: list[bytes] = field(default_factory=list)

    def verify(self, request: WebhookRequest) -> None:
        if self.verify_fails is not None:
            raise self.verify_fails
        check_hmac_sha256(
            presented_in(request, "x-signature"),
            (self.secret,),
            request.body,
            encodings=("hex",),
        )

    def parse(self, document: Document) -> list[Parsed]:
        self.read_bodies.append(document.body)
        if self.held is not None:
            self.held.wait(30)
        if self.fails is not None:
            raise self.fails
        if self.returns is not None:
            return self.returns  # type: ignore[no-any-return]
        scans = json.loads(document.body)["scans"]
        return [
            attempt(f"scans.{place}", partial(_event, scan, place))
            for place, scan in enumerate(scans)
        ]

    def tracking_url(self, parcel: ParcelView) -> str | None:
        return f"https://acme.example/{parcel.tracking_number}"


@dataclass
class Replying(Acme):
    """Acme, if it insisted on an answer of its own."""

    reply_fails: Exception | None = None

    def reply(self, request: WebhookRequest) -> Reply:
        assert request.method == "POST"
        if self.reply_fails is not None:
            raise self.reply_fails
        return Reply(202, b"<ok/>", "text/xml")


@dataclass
class Handshaking(Acme):
    """Acme, if it tested the address: by GET, and by a POST of `{"hello": …}`."""

    handshake_methods = frozenset({"GET", "HEAD", "POST"})
    handshake_fails: Exception | None = None

    def handshake(self, request: WebhookRequest) -> Reply | None:
        if self.handshake_fails is not None:
            raise self.handshake_fails
        if request.method != "POST":
            return Reply(200, request.query.get("say", "").encode(), "text/plain")
        is_one = request.body in (b"", b"{}") or b"hello" in request.body
        return Reply(204, b"", headers={"X-Hello": "yes"}) if is_one else None


def _event(scan: Mapping[str, Any], place: int) -> TrackingEvent:
    return TrackingEvent(
        references=tuple(
            Reference(kind=ReferenceKind(kind), value=value)
            for kind, value in scan["refs"]
        ),
        milestone=MILESTONES.get(scan["code"], Milestone.UNKNOWN),
        occurred_at=datetime.fromisoformat(scan["at"]),
        carrier_code=scan["code"],
        description=scan.get("text", ""),
        position=place,
    )


def scan(number: str, code: str, at: datetime, **more: Any) -> dict[str, Any]:
    """Spell one scan; `refs` are its references, by default the number alone."""
    refs = more.pop("refs", [["tracking_number", number]])
    return {"refs": refs, "code": code, "at": at.isoformat(), **more}


def body(*scans: Mapping[str, Any], **more: Any) -> bytes:
    return json.dumps({"scans": scans, **more}).encode()


def request(content: bytes, **headers: str) -> WebhookRequest:
    """Return a webhook that Acme signed."""
    return WebhookRequest(signed(content) | headers, content)


def signed(content: bytes) -> dict[str, str]:
    signature = hmac.digest(SECRET.encode(), content, "sha256").hex()
    return {"content-type": "application/json", "x-signature": signature}
