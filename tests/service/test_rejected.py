"""A rejected webhook passes once its contract is corrected, with every scheme."""

import base64
import gzip
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import pytest

from relay.adapters.protocol import WebhookRequest
from relay.config.seal import seals
from relay.config.settings import Settings
from relay.errors import Conflict, VerificationFailed
from relay.inbound.intake import Intake
from relay.runtime.wiring import carriers
from relay.service.access import Caller
from relay.service.context import AuditEntry, ServiceContext
from relay.service.queries import AcceptManyRequest, AcceptRequest
from relay.service.services import Services
from relay.store.database import Database
from relay.store.documents import Documents
from relay.store.event_rows import Pace
from relay.store.unread import ReaderTerms
from tests.support.clock import START, Clock
from tests.support.way_in import everything

Make = Callable[..., Settings]
BODY: Final = (
    b'{"event": "order.posted", "data": {"id": "1", "tracking": "QQ123456785BR", '
    b'"posted_at": "2026-03-02 09:00:00"}}'
)
SECRET: Final = "the-secret-of-the-carrier"
WRONG: Final = "a-wrong-secret-of-ours"
URL_SECRET: Final = "0123456789abcdef-of-the-carrier"
KEY: Final = base64.b64encode(SECRET.encode()).decode()
SECONDS: Final = str(int(START.timestamp()))
OPERATOR: Final = Caller("ana")
PASSES: Final = "passes with the current settings"
JSON: Final = {"content-type": "application/json"}


def digest(content: bytes = BODY) -> bytes:
    return hmac.digest(SECRET.encode(), content, "sha256")


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass(frozen=True)
class Scheme:
    """What a carrier sends, and the contract before and after its correction."""

    headers: Mapping[str, str]
    right: Mapping[str, Any]
    wrong: Mapping[str, Any] = field(default_factory=lambda: {"secret": WRONG})
    url_secret: str | None = None
    sent: bytes = b""


def generic(*, secret: str = SECRET, **signature: Any) -> dict[str, Any]:
    references = [{"kind": "tracking_number", "path": "number"}]
    return {
        "adapter": "generic",
        "secret": secret,
        "signature": signature,
        "references": references,
        "time": "at",
        "code": "code",
    }


HEX: Final = {"kind": "hmac", "header": "X-Signature", "encoding": "hex"}
TIMED: Final = HEX | {"signed": "{timestamp}.{body}", "timestamp_header": "X-Time"}
STANDARD: Final = digest(f"msg_1.{SECONDS}.".encode() + BODY)
GZIPPED: Final = gzip.compress(BODY, mtime=0)
URL: Final = {"adapter": "generic", "verification": "url", "url_secret": URL_SECRET}
TOKEN: Final = {"kind": "header", "header": "X-Token"}

SCHEMES: Final[dict[str, Scheme]] = {
    "the plain format": Scheme(
        {"x-signature": f"sha256={digest().hex()}"},
        {"adapter": "generic", "secret": SECRET},
    ),
    "a signature in hexadecimal": Scheme(
        {"x-signature": digest().hex()}, generic(**HEX)
    ),
    "a signature in base64": Scheme(
        {"x-signature": base64_of(digest())}, generic(**HEX | {"encoding": "base64"})
    ),
    "a signature of a time and the body": Scheme(
        {
            "x-signature": digest(f"{SECONDS}.".encode() + BODY).hex(),
            "x-time": SECONDS,
        },
        generic(**TIMED),
    ),
    "standard webhooks": Scheme(
        {
            "webhook-id": "msg_1",
            "webhook-timestamp": SECONDS,
            "webhook-signature": f"v1,{base64_of(STANDARD)}",
        },
        generic(secret=KEY, kind="standard_webhooks"),
        {"secret": base64_of(WRONG.encode())},
    ),
    "a signature of the compressed bytes": Scheme(
        {"x-signature": digest(GZIPPED).hex()}, generic(**HEX), sent=GZIPPED
    ),
    "a bearer token": Scheme(
        {"authorization": f"bearer  {SECRET}"},
        generic(kind="header", header="Authorization", prefix="Bearer "),
    ),
    "a token in a header": Scheme({"x-token": SECRET}, generic(**TOKEN)),
    "basic auth": Scheme(
        {"authorization": f"Basic {base64_of(b'user:' + SECRET.encode())}"},
        generic(secret=f"user:{SECRET}", kind="basic"),
    ),
    "a secret in the URL": Scheme(
        {}, URL, {"url_secret": "another-secret-of-ours"}, url_secret=URL_SECRET
    ),
    "melhorenvio": Scheme(
        {"x-me-signature": base64_of(digest())},
        {"adapter": "melhorenvio", "secret": SECRET},
    ),
    "intelipost": Scheme(
        {"api-key": SECRET}, {"adapter": "intelipost", "secret": SECRET}
    ),
    "loggi": Scheme(
        {"authorization": f"Basic {base64_of(b'user:' + SECRET.encode())}"},
        {"adapter": "loggi", "secret": f"user:{SECRET}"},
    ),
    # Not the secret was wrong, but how it is presented.
    "another header than configured": Scheme(
        {"x-token": SECRET},
        generic(**TOKEN),
        {"signature": TOKEN | {"header": "X-Key"}},
    ),
    "another encoding than configured": Scheme(
        {"x-signature": base64_of(digest())},
        generic(**HEX | {"encoding": "base64"}),
        {"signature": HEX},
    ),
    "another kind of verification than configured": Scheme(
        {"authorization": f"Basic {base64_of(b'user:' + SECRET.encode())}"},
        {"adapter": "loggi", "secret": f"user:{SECRET}"},
        {"verification": "url", "url_secret": "another-secret-of-ours"},
    ),
}


@dataclass
class Operating:
    """An intake and the services over one database, with settings that change."""

    database: Database
    clock: Clock
    audited: list[AuditEntry] = field(default_factory=list)

    async def receive(self, settings: Settings, *requests: WebhookRequest) -> None:
        """Receive requests that are rejected."""
        await self.present(settings, None, *requests)

    async def present(
        self, settings: Settings, url_secret: str | None, *requests: WebhookRequest
    ) -> None:
        intake = Intake(
            Documents(self.database),
            carriers(settings),
            settings.contracts,
            self.clock,
            seals=seals(settings),
        )
        for request in requests:
            with pytest.raises(VerificationFailed):
                await intake.accept("acme", request, url_secret)
        await intake.close()

    def services(self, settings: Settings) -> Services:
        context = ServiceContext(
            settings=settings,
            carriers=carriers(settings),
            database=self.database,
            terms=ReaderTerms(Pace(), {}),
            clock=self.clock,
            audit=self.audited.append,
        )
        return Services.build(context)

    async def rows(self, table: str) -> list[dict[str, Any]]:
        return await everything(self.database, table)


@pytest.fixture
def operating(database: Database, clock: Clock) -> Operating:
    return Operating(database, clock)


def contract(settings: Make, given: Mapping[str, Any]) -> Settings:
    """Return settings with one contract."""
    return settings({"acme": dict(given)})


@pytest.mark.parametrize("name", SCHEMES)
async def test_with_every_scheme_a_rejected_webhook_passes_after_the_correction(
    operating: Operating, settings: Make, name: str
) -> None:
    scheme = SCHEMES[name]
    wrong, right = (
        contract(settings, {**scheme.right, **more}) for more in (scheme.wrong, {})
    )
    sent = WebhookRequest({**JSON, **scheme.headers}, BODY, sent=scheme.sent)
    await operating.present(wrong, scheme.url_secret, sent)
    operating.clock.advance(timedelta(days=3))

    before = operating.services(wrong).rejected
    with pytest.raises(Conflict, match="request 1 still fails verification"):
        await before.accept(OPERATOR, 1, AcceptRequest())
    assert await operating.rows("documents") == []
    assert (await before.show(OPERATOR, 1)).verification != PASSES

    after = operating.services(right).rejected
    assert (await after.show(OPERATOR, 1)).verification == PASSES
    await after.accept(OPERATOR, 1, AcceptRequest())
    (document,) = await operating.rows("documents")
    assert (document["body"], document["source"]) == (BODY, "webhook")
    assert json.loads(document["headers"]) == JSON | {"relay-accepted-by": "ana"}


@pytest.mark.parametrize("name", SCHEMES)
async def test_what_was_presented_is_never_stored_in_clear(
    operating: Operating, settings: Make, name: str
) -> None:
    scheme = SCHEMES[name]
    wrong = contract(settings, {**scheme.right, **scheme.wrong})
    sent = WebhookRequest({**JSON, **scheme.headers}, BODY, sent=scheme.sent)
    await operating.present(wrong, scheme.url_secret, sent)
    stored = [
        cell if isinstance(cell, bytes) else str(cell).encode()
        for table in ("rejected_requests", "rejected_counts")
        for row in await operating.rows(table)
        for cell in row.values()
    ]
    presented = {*scheme.headers.values(), scheme.url_secret or SECRET, SECRET}
    assert len(stored) > 10
    for text in presented - {SECONDS}:
        assert not any(text.encode() in cell for cell in stored)


WRONG_TOKEN: Final = generic(secret=WRONG, **TOKEN)


def tokens(*values: str) -> list[WebhookRequest]:
    return [
        WebhookRequest({"x-token": value}, json.dumps({"n": n}).encode())
        for n, value in enumerate(values)
    ]


async def test_of_many_those_that_pass_are_accepted_and_the_others_named(
    operating: Operating, settings: Make
) -> None:
    mixed = tokens(*[SECRET, "forged"] * 160)
    await operating.receive(contract(settings, WRONG_TOKEN), *mixed)
    rejected = operating.services(contract(settings, generic(**TOKEN))).rejected

    first = await rejected.accept_many(OPERATOR, AcceptManyRequest(contract="acme"))
    second = await rejected.accept_many(
        OPERATOR, AcceptManyRequest(contract="acme", cursor=first.next)
    )

    assert (first.accepted, second.accepted, second.next) == (125, 35, None)
    failed = [*first.still_rejected, *second.still_rejected]
    assert [one.id for one in failed] == list(range(2, 321, 2))
    assert {one.reason for one in failed} == {
        "the secret does not match the contract's"
    }
    again = await rejected.accept_many(OPERATOR, AcceptManyRequest(contract="acme"))
    assert again.accepted == 0
    assert len(await operating.rows("documents")) == 160


async def test_to_believe_without_verification_needs_a_reason_which_is_recorded(
    operating: Operating, settings: Make
) -> None:
    wrong = contract(settings, WRONG_TOKEN)
    await operating.receive(wrong, *tokens("forged", "forged"))
    rejected = operating.services(wrong).rejected
    believed = AcceptManyRequest(
        contract="acme", unverified=True, reason="the carrier confirmed them"
    )

    answer = await rejected.accept_many(OPERATOR, believed)

    assert (answer.accepted, answer.still_rejected) == (2, ())
    rows = await operating.rows("documents")
    assert [r["source"] for r in rows] == ["operator", "operator"]
    assert json.loads(rows[0]["headers"]) == {
        "relay-accepted-by": "ana",
        "relay-accepted-unverified": "the carrier confirmed them",
    }
    assert [(e.did, e.by, e.about) for e in operating.audited] == [
        (
            "rejected request accepted",
            "ana",
            {
                "contract": "acme",
                "request": number,
                "unverified": "the carrier confirmed them",
            },
        )
        for number in (1, 2)
    ]


async def test_a_request_that_cannot_be_opened_says_why(
    operating: Operating, settings: Make
) -> None:
    right = contract(settings, generic(**TOKEN))
    await operating.receive(contract(settings, WRONG_TOKEN), *tokens(SECRET))
    account = {"store": {"app_key": "k", "app_token": "a-rotated-token"}}
    rotated = right.model_copy(update={"accounts": settings(accounts=account).accounts})
    with pytest.raises(Conflict, match="the app_token of the contract's account"):
        await operating.services(rotated).rejected.accept(OPERATOR, 1, AcceptRequest())
    removed = right.model_copy(update={"contracts": {}})
    with pytest.raises(Conflict, match="its contract is not configured"):
        await operating.services(removed).rejected.accept(OPERATOR, 1, AcceptRequest())
    await operating.services(right).rejected.accept(OPERATOR, 1, AcceptRequest())


async def test_a_bug_of_an_adapter_fails_one_request_only(
    operating: Operating, settings: Make
) -> None:
    right = contract(settings, generic(**TOKEN))
    await operating.receive(contract(settings, WRONG_TOKEN), *tokens(SECRET))
    services = operating.services(right)

    class Broken:
        def verify(self, _: WebhookRequest) -> None:
            raise KeyError("x")

    services.context.carriers = {"acme": Broken()}  # type: ignore[dict-item]
    answer = await services.rejected.accept_many(
        OPERATOR, AcceptManyRequest(contract="acme")
    )
    assert [one.reason for one in answer.still_rejected] == [
        "verification failed with KeyError"
    ]
