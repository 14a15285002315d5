"""A rejected request is stored whole: its verification may read any part of it."""

from dataclasses import asdict, fields, replace

from relay.adapters.protocol import WebhookRequest
from relay.clock import micros
from relay.config.seal import Seal
from relay.service.sealed_requests import PresentedRequest, open_request, seal_request
from tests.support.clock import START

REQUEST = WebhookRequest(
    {"x-signature": "abc"},
    b'{"n": 1}',
    "PUT",
    sent=b"\x1f\x8b compressed",
    query={"key": "secret-in-the-query", "v": "2"},
    received_at=START,
)
SEAL = Seal(b"key")


def test_every_part_of_a_request_is_there_again() -> None:
    sealed = seal_request(PresentedRequest(REQUEST, "url-secret"), SEAL)
    row = {"sealed": sealed, "body": REQUEST.body, "received_at": micros(START)}
    opened = open_request(row, SEAL)
    assert opened == PresentedRequest(REQUEST, "url-secret")
    assert b"secret" not in sealed


def test_this_test_gives_every_part_a_value() -> None:
    usual = asdict(WebhookRequest({}, b""))
    given = asdict(replace(REQUEST))
    assert all(given[f.name] != usual[f.name] for f in fields(WebhookRequest))
