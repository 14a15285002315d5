"""What an order shows of an account's updates, and what follows from it."""

from dataclasses import replace
from typing import Any

import pytest

from relay.domain.shipment import Policy, ReadBack, Snapshot
from relay.outbound.list_mode import digest, learn, needed_events
from relay.store.accounts import AccountState
from relay.vtex.orders import PackageView, ShownEvent
from tests.domain.snapshots import NOW, POLICY, at, event, published, snapshot
from tests.outbound.making import after

ONE, TWO = published(event(1, "in_transit", 5)), published(event(2, "held", 6))
FOREIGN = ShownEvent(at(1), "Objeto postado")
BEFORE = frozenset({digest((at(1), "Objeto postado"))})
DELTA = replace(POLICY, events="delta")


def known(updates: int = 2, **read_back: Any) -> Snapshot:
    return snapshot(
        published=(ONE, TWO), read_back=ReadBack(updates=updates, **read_back)
    )


def shown(*events: Any) -> PackageView:
    data = [
        e
        if isinstance(e, ShownEvent)
        else ShownEvent(e.occurred_at, e.object["description"])
        for e in events
    ]
    return PackageView("55", data=tuple(data))


def learned(
    seen: PackageView,
    of: Snapshot | None = None,
    policy: Policy = POLICY,
    mode: str | None = None,
) -> str | None:
    state = AccountState("store", list_mode=mode)
    found = learn(known() if of is None else of, seen, policy, state)
    if found is None:
        return None
    stored = after(state, found.amend(NOW))
    assert (stored.list_mode, stored.list_mode_evidence) == (
        found.mode,
        found.evidence,
    )
    return found.mode


@pytest.mark.parametrize(
    ("seen", "of", "policy", "mode"),
    [
        (shown(ONE, TWO), known(), POLICY, "replaces_or_merges"),
        (shown(ONE, ONE, TWO), known(), POLICY, "appends"),
        (shown(ONE, ONE, TWO), known(1), POLICY, None),
        (shown(ONE, TWO), known(1), POLICY, None),
        (shown(TWO), known(), POLICY, None),
        (shown(), known(), POLICY, None),
        (shown(ONE, TWO), known(1, shown_before=BEFORE), POLICY, "replaces"),
        (shown(FOREIGN, ONE, TWO), known(shown_before=BEFORE), POLICY, "merges"),
        (shown(ONE, TWO), known(), DELTA, "merges_or_appends"),
        (shown(TWO), known(), DELTA, "replaces"),
        (shown(ONE), known(), DELTA, None),
        (shown(), known(), DELTA, None),
        (shown(TWO), known(1), DELTA, None),
    ],
)
def test_an_order_shows_what_updates_do(
    seen: PackageView, of: Snapshot, policy: Policy, mode: str | None
) -> None:
    assert learned(seen, of, policy) == mode


def test_what_is_certain_is_not_replaced_by_a_guess() -> None:
    assert learned(shown(ONE, TWO), mode="appends") is None
    assert learned(shown(ONE, TWO), policy=DELTA, mode="appends") is None
    assert learned(shown(ONE, ONE, TWO), mode="appends") is None
    assert learned(shown(ONE, ONE, TWO), mode="replaces_or_merges") == "appends"
    assert learned(shown(ONE, ONE, TWO), mode="replaces") == "appends"


@pytest.mark.parametrize("configured", ["full", "delta"])
def test_only_what_is_certain_overrides_the_setting(configured: Any) -> None:
    assert needed_events(configured, "appends") == "delta"
    assert needed_events(configured, "replaces") == "full"
    for mode in (None, "merges", "replaces_or_merges", "merges_or_appends"):
        assert needed_events(configured, mode) == configured


def test_an_alert_says_what_the_setting_should_be() -> None:
    found = learn(known(), shown(ONE, ONE, TWO), POLICY, AccountState("store"))
    assert found is not None
    alert = found.alert(POLICY)
    assert alert is not None
    assert 'events = "delta"' in alert
    assert "2 updates: 1 events are shown more than once" in alert
    assert found.alert(DELTA) is None


def test_scans_of_a_day_that_look_alike_count_as_one() -> None:
    alike = replace(TWO, object=ONE.object)
    day = snapshot(published=(ONE, alike), read_back=ReadBack(updates=2))
    assert learned(shown(ONE), day) == "replaces_or_merges"
    assert learned(shown(ONE, ONE), day) == "appends"
