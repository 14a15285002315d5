"""`/v1/alerts`, the metric and the status: what callers see of alerts."""

from collections.abc import Callable
from datetime import timedelta

from relay.config.settings import Settings
from relay.domain.alert_facts import AlertKind
from relay.store.alerts import AlertStore
from relay.store.database import Database
from tests.api.conftest import Serving
from tests.conftest import ACCOUNT
from tests.support.alerts import condition, judged
from tests.support.clock import Clock

SETTINGS = {
    "accounts": {"store": ACCOUNT, "other": ACCOUNT},
    "contracts": {},
    "tokens": {
        "all": {"token": "token-of-everyone-0123456789", "scopes": ["operator"]},
        "some": {
            "token": "token-of-the-other-0123456789",
            "scopes": ["operator"],
            "accounts": ["other"],
        },
    },
    "alerts": {
        "chat_url": "https://chat.example.com/hook",
        "mute": ["disk_nearly_full"],
    },
}
DISK = condition(
    kind=AlertKind.DISK_NEARLY_FULL, subject="disk", account=None, party="relay"
)


async def test_alerts_are_listed_with_what_to_do_until_they_are_history(
    serving: Serving,
    settings: Callable[..., Settings],
    database: Database,
    clock: Clock,
) -> None:
    api = await serving(settings(**SETTINGS))
    await judged(database, clock(), condition(), DISK)

    async def listed(token: str) -> dict[str, list[dict[str, object]]]:
        headers = {"Authorization": f"Bearer token-of-{token}-0123456789"}
        answer = await api.client.get("/v1/alerts", headers=headers)
        assert answer.status == 200
        found: dict[str, list[dict[str, object]]] = await answer.json()
        return found

    first, second = sorted((await listed("everyone"))["open"], key=lambda o: o["kind"])
    assert (first["kind"], first["muted"]) == ("disk_nearly_full", True)
    assert (second["subject"], second["muted"]) == ("store paused", False)
    assert second["hint"] == "relay accounts open store"
    # A token of another account sees what is about the relay.
    assert [o["subject"] for o in (await listed("the-other"))["open"]] == ["disk"]
    clock.advance(timedelta(minutes=11))
    await judged(database, clock(), DISK)
    found = await listed("everyone")
    assert [o["subject"] for o in found["open"]] == ["disk"]
    assert [o["subject"] for o in found["history"]] == ["store paused"]
    assert [c["channel"] for c in found["channels"]] == ["chat"]


async def test_open_alerts_are_a_metric_and_a_failing_channel_is_in_the_status(
    serving: Serving,
    settings: Callable[..., Settings],
    database: Database,
    clock: Clock,
) -> None:
    api = await serving(settings(**SETTINGS))
    headers = {"Authorization": "Bearer token-of-everyone-0123456789"}
    await judged(database, clock(), condition())
    await AlertStore(database).failed("chat", "answered 404", clock())
    metrics = await (await api.client.get("/metrics", headers=headers)).text()
    assert 'relay_alerts_open{kind="gate_closed"} 1.0' in metrics
    assert 'relay_alerts_open{kind="loop_failing"} 0.0' in metrics
    status = await (await api.client.get("/v1/status", headers=headers)).json()
    [problem] = status["lines"][0]["problems"]
    assert problem == {
        "level": "warning",
        "message": "alerts by chat are not sent: answered 404",
        "hint": "correct [alerts], then: relay alerts test",
    }
