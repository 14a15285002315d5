"""Settings of alerts: what is refused, and that their secrets are secret."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from relay.config.problems import SettingsProblem
from relay.config.settings import Settings

Loaded = Callable[..., Settings]
Found = Callable[..., dict[str, SettingsProblem]]
EMAIL = {
    "ALERTS__EMAIL_HOST": "smtp.example.com",
    "ALERTS__EMAIL_FROM": "relay@example.com",
    "ALERTS__EMAIL_TO": "a@example.com,b@example.com",
}
SIGNED = {"ALERTS__EMAIL_USER": "relay", "ALERTS__EMAIL_PASSWORD": "pass-of-the-mail"}


def test_channels_are_set_up_by_variables_and_their_secrets_masked(
    loaded: Loaded,
) -> None:
    settings = loaded(
        **EMAIL,
        **SIGNED,
        ALERTS__CHAT_URL="https://chat.example.com/secret-hook",
        ALERTS__HEARTBEAT_URL="https://hc.example.com/secret-beat",
        ALERTS__RECOVER_MINUTES="5",
        ALERTS__MUTE="contract_silent:swift,swift,quota_nearly_spent",
    )
    alerts = settings.alerts
    assert alerts.channels == ("email", "chat")
    assert alerts.email_to == ("a@example.com", "b@example.com")
    assert alerts.recover_minutes == timedelta(minutes=5)
    secrets = {
        "pass-of-the-mail",
        "https://chat.example.com/secret-hook",
        "https://hc.example.com/secret-beat",
    }
    assert secrets <= settings.secret_values()
    assert not [secret for secret in secrets if secret in repr(settings)]


def test_without_settings_nothing_is_sent(loaded: Loaded) -> None:
    assert loaded().alerts.channels == ()


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"ALERTS__EMAIL_HOST": "smtp.example.com"}, "EMAIL_FROM", "required"),
    (EMAIL | {"ALERTS__EMAIL_TO": "you"}, "EMAIL_TO", "is not an e-mail address"),
    (EMAIL | {"ALERTS__EMAIL_USER": "me"}, "EMAIL_PASSWORD", "required"),
    (
        EMAIL | SIGNED | {"ALERTS__EMAIL_SECURITY": "none"},
        "EMAIL_SECURITY",
        "would send the password unencrypted",
    ),
    (
        {"ALERTS__CHAT_URL": "http://chat.example.com/secret-hook"},
        "CHAT_URL",
        "would send the address's secret unencrypted",
    ),
    ({"ALERTS__HEARTBEAT_URL": "secret-beat"}, "HEARTBEAT_URL", "must start with"),
    ({"ALERTS__MUTE": "contract_silnt:swift"}, "MUTE", "unknown kind"),
    ({"ALERTS__MUTE": "swft"}, "MUTE", "unknown name 'swft'"),
]


@pytest.mark.parametrize(("given", "key", "wrong"), REFUSED)
def test_what_would_not_work_is_refused(
    found: Found, given: dict[str, Any], key: str, wrong: str
) -> None:
    problems = {name.rpartition("__")[2]: p for name, p in found(**given).items()}
    named = {name.rpartition(".")[2].upper(): p for name, p in problems.items()}
    assert wrong in named[key].wrong
    assert named[key].hint
    assert "secret-" not in str(named[key])
