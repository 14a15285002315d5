"""Refused requests at webhook addresses are described without a secret, and counted."""

import pytest

from relay.inbound.refusals import MOST_WAITING, describe, is_webhook_path
from relay.store.refused import RefusedWebhook
from tests.support.way_in import WayIn, until

CONTRACTS = ("acme", "zeta-express")
SECRET = "0123456789abcdef-of-the-carrier"


@pytest.mark.parametrize(
    ("path", "contract", "shown", "hint"),
    [
        ("/webhooks/acmee", "", "/webhooks/acmee", "/webhooks/acme`?"),
        ("/webhooks/ACME", "", "/webhooks/ACME", "/webhooks/acme`?"),
        ("/webhooks/zeta_express", "", "/webhooks/zeta_express", "zeta-express`?"),
        ("/webhook/acme", "acme", "/webhook/acme", "`/webhooks/acme`?"),
        ("/Webhooks/acme/", "acme", "/Webhooks/acme", "`/webhooks/acme`?"),
        ("/webhooks/acme ", "", "/webhooks/acme%20", "/webhooks/acme`?"),
        ("/webhooks/zzz", "", "/webhooks/[redacted]", "the name of a contract"),
        ("/webhooks", "", "/webhooks", "the name of a contract"),
        (f"/webhooks/{SECRET}", "", "/webhooks/[redacted]", "the name of a contract"),
        (f"/webhooks/acme{SECRET}", "", "/webhooks/acme[redacted]", "acme`?"),
        (
            f"/webhooks/acme/{SECRET}/x",
            "acme",
            "/webhooks/acme/[redacted]",
            "webhook",
        ),
        (f"/webhooks/acmee/{SECRET}", "", "/webhooks/acmee/[redacted]", "acme`?"),
        (f"/webhooks//acme//{SECRET}", "acme", "/webhooks/acme/[redacted]", ""),
    ],
)
def test_a_path_is_shown_as_far_as_it_is_a_contracts_name(
    path: str, contract: str, shown: str, hint: str
) -> None:
    found = describe(path, "POST", 404, "", CONTRACTS)
    assert (found.contract, found.path) == (contract, shown)
    assert hint in found.hint
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("status", "detail", "reason"),
    [
        (400, "the body is incomplete", "the body is incomplete"),
        (401, "the signature does not match", "the signature does not match"),
        (404, "unknown contract 'x'", "no such address"),
        (405, "", "the method is not accepted"),
        (413, "", "the body is too large"),
        (415, "Content-Encoding: unknown", "Content-Encoding: unknown"),
        (503, "busy", "the relay could not store it"),
    ],
)
def test_every_status_has_a_reason(status: int, detail: str, reason: str) -> None:
    found = describe("/webhooks/acme", "POST", status, detail, CONTRACTS)
    assert (found.status, found.reason) == (status, reason)


def test_a_refused_method_names_the_option_for_tests() -> None:
    assert "handshakes" in describe("/webhooks/acme", "GET", 405, "", CONTRACTS).hint


def test_methods_that_anyone_made_up_are_one_kind() -> None:
    methods = [
        describe("/webhooks/acme", m, 405, "", CONTRACTS).method
        for m in ("GET", "HEAD", "BREW", "\x1b[2J")
    ]
    assert methods == ["GET", "HEAD", "other", "other"]


@pytest.mark.parametrize("path", ["/", "", "/v1/shipments", "/hooks/acme"])
def test_other_paths_are_not_webhooks(path: str) -> None:
    assert not is_webhook_path(path)


async def test_more_kinds_than_fit_are_dropped_and_known_ones_still_counted(
    way_in: WayIn,
) -> None:
    refusals = way_in.intake().refusals
    kinds = [
        RefusedWebhook("acme", f"/webhooks/acme/{n:04}", "POST", 404, "none")
        for n in range(MOST_WAITING + 1)
    ]
    for kind in [*kinds, kinds[-2]]:
        refusals.put(kind)
    await refusals.close()
    rows = await way_in.rows("refused_webhooks")
    assert sorted(r["requests"] for r in rows)[-2:] == [1, 2]
    assert all(r["path"] != kinds[-1].path for r in rows)


async def test_closing_waits_for_the_write_under_way(way_in: WayIn) -> None:
    refusals = way_in.intake().refusals
    kind = RefusedWebhook("acme", "/webhooks/acme", "POST", 404, "none")
    refusals.put(kind)
    await until(lambda: not refusals.waiting)  # it is being written
    refusals.put(kind)
    await refusals.close()
    assert [r["requests"] for r in await way_in.rows("refused_webhooks")] == [2]
