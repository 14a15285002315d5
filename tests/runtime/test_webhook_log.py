"""The start logs the addresses to give to the carriers, if the public one is known."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from relay.config.settings import Settings
from relay.runtime.serve import log_webhooks

CONTRACTS = {"acme": {}, "freight": {"verification": "polling_only"}}


@pytest.mark.parametrize(
    ("tables", "logged"),
    [
        ({}, []),
        (
            {"public_url": "https://relay.example.com"},
            [("acme", "https://relay.example.com/webhooks/acme")],
        ),
    ],
)
def test_the_webhook_address_of_each_contract_is_logged(
    settings: Callable[..., Settings],
    tables: dict[str, str],
    logged: list[tuple[str, str]],
) -> None:
    with capture_logs() as lines:
        log_webhooks(settings(CONTRACTS, **tables))
    assert [(line["contract"], line["url"]) for line in lines] == logged
