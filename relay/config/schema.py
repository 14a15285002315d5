"""The keys of the settings: sections, tables by name, and which are secrets."""

from collections.abc import Mapping
from typing import Final

from pydantic.fields import FieldInfo

from relay.config.account import AccountSettings, ApiToken
from relay.config.alerts import AlertSettings
from relay.config.contract import ContractSettings
from relay.config.endpoint import EndpointPair
from relay.config.receivers import OutgoingReceiver
from relay.config.sections import (
    IntakeSettings,
    LogSettings,
    PublisherSettings,
    RetentionSettings,
    TracingSettings,
)
from relay.config.settings import Settings
from relay.config.users import ConsoleSettings, ConsoleUser
from relay.domain.events import Value

KeyPath = tuple[str, ...]

SECTIONS: Final[Mapping[str, type[Value]]] = {
    "log": LogSettings,
    "intake": IntakeSettings,
    "publisher": PublisherSettings,
    "retention": RetentionSettings,
    "console": ConsoleSettings,
    "alerts": AlertSettings,
    "tracing": TracingSettings,
}
TABLES: Final[Mapping[str, type[Value]]] = {
    "tokens": ApiToken,
    "accounts": AccountSettings,
    "contracts": ContractSettings,
    "users": ConsoleUser,
    "endpoint": EndpointPair,
    "outgoing": OutgoingReceiver,
}
SECRETS: Final[Mapping[type[Value], frozenset[str]]] = {
    Settings: frozenset({"database"}),
    ApiToken: frozenset({"token"}),
    ConsoleUser: frozenset({"password_hash"}),
    AlertSettings: frozenset({"email_password", "chat_url", "heartbeat_url"}),
    AccountSettings: frozenset(
        {
            "app_key",
            "app_token",
            "discovery_app_key",
            "discovery_app_token",
            "hook_secret",
        }
    ),
    OutgoingReceiver: frozenset({"secret", "previous_secret"}),
    ContractSettings: frozenset(
        {"secret", "previous_secret", "url_secret", "previous_url_secret"}
    ),
}


def model_at(path: KeyPath) -> type[Value] | None:
    """Return the model of the table at *path*, if one model describes it."""
    match path:
        case ():
            return Settings
        case (section,):
            return SECTIONS.get(section)
        case (section, _):
            return TABLES.get(section)
        case _:
            return None


def keys(model: type[Value]) -> frozenset[str]:
    """Return the keys that may be written for *model*, `_file` forms included."""
    secrets = SECRETS.get(model, frozenset())
    written = secrets | model.model_fields.keys()
    if model in TABLES.values():
        written -= {"name"}
    return frozenset(written | {f"{secret}_file" for secret in secrets})


def is_table(path: KeyPath) -> bool:
    """Return whether *path* is a table, not a value."""
    return model_at(path) is not None or (len(path) == 1 and path[0] in TABLES)


def is_secret(path: KeyPath) -> bool:
    """Return whether *path* is a secret, so that a file may contain it."""
    model = model_at(path[:-1])
    return model is not None and path[-1] in SECRETS.get(model, frozenset())


def field_at(path: KeyPath) -> FieldInfo | None:
    """Return the field at *path*, if there is one."""
    model = model_at(path[:-1])
    return None if model is None else model.model_fields.get(path[-1])
