"""Configurations of feed and hook: when VTEX has what is wanted."""

from typing import Any

import pytest

from relay.vtex.notifications import (
    HookTarget,
    feed_config,
    hook_config,
    is_configured,
    order_filter,
)

WORKFLOW = order_filter("workflow", ["invoiced", "canceled"])
FEED = feed_config(WORKFLOW)
HOOK = hook_config(WORKFLOW, HookTarget("https://relay.example/vtex/hook/a", "secret"))


@pytest.mark.parametrize(
    ("shown", "wanted", "expected"),
    [
        (FEED, FEED, True),
        (FEED | {"quantity": 3}, FEED, True),
        ({"filter": WORKFLOW | {"status": ["canceled", "invoiced"]}}, FEED, True),
        ({"filter": WORKFLOW | {"disableSingleFire": None}}, FEED, True),
        ({"filter": WORKFLOW | {"status": ["invoiced"]}}, FEED, False),
        ({"filter": order_filter("number_added", [])}, FEED, False),
        ({"queue": FEED["queue"]}, FEED, False),
        (None, FEED, False),
        (HOOK, HOOK, True),
        (HOOK | {"hook": HOOK["hook"] | {"url": "https://erp.example"}}, HOOK, False),
        ({"filter": WORKFLOW}, HOOK, False),
    ],
)
def test_what_vtex_shows_is_compared(
    shown: Any, wanted: dict[str, Any], *, expected: bool
) -> None:
    assert is_configured(shown, wanted) is expected


def test_the_secret_of_a_hook_is_not_shown() -> None:
    assert "secret" not in repr(HookTarget("https://relay.example", "secret"))


def test_filters_never_mix_fields_of_both_types() -> None:
    # VTEX answers 409 to a mixed one (orders feed guide).
    assert set(WORKFLOW) == {"type", "status"}
    written = order_filter("tracking_written", ["invoiced"])
    assert set(written) == {"type", "expression", "disableSingleFire"}
    assert " or " in written["expression"]
