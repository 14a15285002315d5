"""The doctor: a good relay has no errors, and every problem is named."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from relay.clock import utcnow
from relay.config.settings import Settings
from relay.doctor.contracts import check_contract
from relay.doctor.database import (
    check_database,
    check_library,
    check_mount,
    check_place,
    check_server,
)
from relay.doctor.examination import examine, unusable
from relay.doctor.findings import Check, Severity
from relay.doctor.vtex import explained
from relay.doctor.webhooks import check_webhooks
from relay.domain.labels import Label, LabelParcel
from relay.errors import ConfigurationError
from relay.sandbox.server import serve_sandbox
from relay.store.rejected import (
    Acceptance,
    RejectedBounds,
    RejectedRequest,
    RejectedRequests,
    RejectedTally,
)
from relay.store.shipments import Shipments
from relay.store.sqlite import SqliteDatabase
from relay.vtex.client import VtexResponse
from tests.support.commands import run_command

TOKEN = {"token": "t" * 32, "scopes": ["erp"]}


@pytest.fixture
async def sandbox() -> AsyncIterator[str]:
    async with serve_sandbox() as address:
        yield address


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Settings]:
    """Return a function that makes the settings of a relay with nothing wrong."""

    def make(base_url: str = "http://127.0.0.1:9", **tables: Any) -> Settings:
        account = {
            "app_key": "sandbox-key",
            "app_token": "sandbox-token",
            "base_url": f"{base_url}/vtex/store",
        }
        contract = {"adapter": "melhorenvio", "secret": "its-secret"}
        return Settings.model_validate(
            {
                "listen": "127.0.0.1:0",
                "database": f"sqlite:///{tmp_path / 'relay.db'}",
                "accounts": {"store": account | tables.pop("account", {})},
                "contracts": {"swift": contract | tables.pop("contract", {})},
                "tokens": {"erp": TOKEN},
            }
            | tables
        )

    return make


def about(subject: str, found: list[Check]) -> list[Check]:
    return [check for check in found if check.subject == subject]


def worst(found: list[Check]) -> list[Check]:
    return [check for check in found if check.level is Severity.ERROR]


async def test_a_relay_that_works_has_nothing_wrong(
    sandbox: str, made: Callable[..., Settings]
) -> None:
    found = await examine(made(sandbox))
    assert worst(found) == []
    [account] = about("accounts.store", found)
    assert account.level is Severity.OK
    database = about("database", found)
    assert database[-1].level is Severity.WARNING
    assert "does not exist yet" in database[-1].message


async def test_a_database_that_is_there_is_opened(
    sandbox: str, made: Callable[..., Settings], tmp_path: Path
) -> None:
    database = SqliteDatabase(tmp_path / "relay.db")
    await database.open(serving=True)
    found = about("database", await examine(made(sandbox)))
    await database.close()
    assert found[-1].message == "can be opened, contains 0 accounts"


async def test_a_file_that_is_no_database_is_named(
    sandbox: str, made: Callable[..., Settings], tmp_path: Path
) -> None:
    (tmp_path / "relay.db").write_bytes(b"nothing that SQLite ever wrote" * 100)
    [found] = worst(await examine(made(sandbox)))
    assert "not a database" in found.message
    assert found.hint == "check the path in `database`; leave the file as it is"


async def added(sandbox: str, roles: list[str], **pair: Any) -> None:
    body = {"account": "store", "appKey": "k", "appToken": "t", "roles": roles} | pair
    async with (
        ClientSession() as session,
        session.post(f"{sandbox}/sandbox/credentials", json=body) as answer,
    ):
        assert answer.ok


async def test_credentials_that_vtex_does_not_know_are_explained(
    sandbox: str, made: Callable[..., Settings]
) -> None:
    await added(sandbox, ["view_order"], only=True)
    [found] = worst(await examine(made(sandbox)))
    assert found.subject == "accounts.store"
    assert found.message.startswith("VTEX answered 401")
    assert "app_key, app_token" in found.hint


async def test_a_missing_permission_is_explained(
    sandbox: str, made: Callable[..., Settings]
) -> None:
    await added(sandbox, ["notify_invoice"])
    pair = {"app_key": "k", "app_token": "t"}
    [found] = worst(await examine(made(sandbox, account=pair)))
    assert found.message.startswith("VTEX answered 403")
    assert "View order" in found.hint


@pytest.mark.parametrize(
    ("roles", "named"),
    [
        (["view_order", "feed_admin"], "Notify invoice"),
        (["view_order", "notify_invoice"], "Feed v3 and Hook Admin"),
        (["notify_invoice", "feed_admin"], "View order"),
    ],
)
async def test_the_missing_permission_is_the_one_that_is_named(
    sandbox: str, made: Callable[..., Settings], roles: list[str], named: str
) -> None:
    await added(sandbox, roles)
    account = {"app_key": "k", "app_token": "t", "discovery": "feed"}
    [found] = worst(await examine(made(sandbox, account=account)))
    assert found.subject.startswith("accounts.store")
    assert named in found.hint


async def test_the_key_of_the_feed_is_checked_by_itself(
    sandbox: str, made: Callable[..., Settings]
) -> None:
    pair = {"discovery_app_key": "k", "discovery_app_token": "t"}
    account = {"discovery": "feed"} | pair
    [found] = worst(await examine(made(sandbox, account=account)))
    assert "discovery_app_key" in found.hint
    await added(sandbox, ["feed_admin"])
    assert worst(await examine(made(sandbox, account=account))) == []


async def test_an_address_where_nobody_answers_is_named(
    made: Callable[..., Settings],
) -> None:
    [found] = worst(await examine(made()))
    assert found.message.startswith("cannot reach VTEX")
    assert "127.0.0.1:9" in found.hint


async def test_a_key_that_cannot_travel_is_named(
    sandbox: str, made: Callable[..., Settings]
) -> None:
    [found] = worst(await examine(made(sandbox, account={"app_key": "a b"})))
    assert "app_key: invalid characters; use visible ASCII" in found.message


@pytest.mark.parametrize(
    ("status", "payload", "level"),
    [
        (404, None, Severity.OK),
        (200, {"orderId": "relay-doctor-0"}, Severity.OK),
        (200, None, Severity.ERROR),  # a page: base_url may be a proxy's
        (302, None, Severity.ERROR),
    ],
)
def test_an_answer_about_an_unknown_order_is_explained(
    status: int, payload: object, level: Severity
) -> None:
    answer = VtexResponse(status, "Order not found", payload=payload)
    found = explained("accounts.store", answer)
    assert found.level is level
    assert bool(found.hint) is (level is Severity.ERROR)


@pytest.mark.parametrize(
    ("contract", "says"),
    [
        ({"adapter": "nothing"}, "no adapter 'nothing'"),
        ({"strange": "option"}, "strange"),
    ],
)
def test_a_contract_whose_adapter_refuses_it_is_named(
    made: Callable[..., Settings], contract: dict[str, str], says: str
) -> None:
    settings = made(contract=contract)
    [found] = check_contract(settings.contracts["swift"], settings)
    assert found.level is Severity.ERROR
    assert says in f"{found.subject}: {found.message}"


def test_every_mistake_of_a_contract_is_a_finding(
    made: Callable[..., Settings],
) -> None:
    settings = made(contract={"adapter": "generic", "tim": "t", "events": "a["})
    found = list(check_contract(settings.contracts["swift"], settings))
    assert [check.subject for check in found] == [
        "contracts.swift.tim",
        "contracts.swift.events",
        "contracts.swift.references",
    ]
    assert found[0].message == "unknown option; did you mean `time`?"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            {"poll_spacing_seconds": 0.125},
            "20 parcels per call, calls at least 0.125 s apart, no daily quota",
        ),
        ({"poll_daily_quota": 1}, "at most 1 call a day"),
        ({"poll": False}, "not polled, because poll = false"),
    ],
)
def test_how_a_carrier_is_polled_is_shown(
    made: Callable[..., Settings], more: dict[str, Any], says: str
) -> None:
    base_url = "https://carrier.example/v1"
    page = {"tracking_url": "https://carrier.example/{tracking_number}"}
    contract = {"adapter": "generic", "base_url": base_url} | page | more
    settings = made(contract=contract)
    ok, polled = check_contract(settings.contracts["swift"], settings)
    assert (ok.level, polled.level) == (Severity.OK, Severity.OK)
    assert polled.subject == "contracts.swift.poll"
    assert (f"polled at {base_url}/parcels, " in polled.message) is more.get(
        "poll", True
    )
    assert polled.message.endswith(says)


def test_a_contract_open_to_anyone_is_a_warning(
    made: Callable[..., Settings],
) -> None:
    settings = made(contract={"verification": "none"})
    warning, ok = check_contract(settings.contracts["swift"], settings)
    assert (warning.level, ok.level) == (Severity.WARNING, Severity.OK)


PAGE = "https://carrier.example/{tracking_number}"


@pytest.mark.parametrize(
    ("contract", "warned"),
    [
        ({"adapter": "loggi"}, True),
        ({"adapter": "loggi", "tracking_url": PAGE}, False),
        ({"adapter": "melhorenvio"}, False),
        ({"adapter": "ssw", "verification": "polling_only"}, False),
    ],
)
def test_a_contract_without_a_tracking_page_is_a_warning(
    made: Callable[..., Settings], contract: dict[str, str], warned: bool
) -> None:
    settings = made(contract=contract)
    found = list(check_contract(settings.contracts["swift"], settings))
    pages = about("contracts.swift.tracking_url", found)
    assert [check.level for check in pages] == [Severity.WARNING] * warned
    assert all("e-mail" in check.message and check.hint for check in pages)


async def test_open_parcels_of_a_contract_that_is_gone_are_named(
    made: Callable[..., Settings], tmp_path: Path
) -> None:
    path = tmp_path / "relay.db"
    database = SqliteDatabase(path)
    await database.open()
    label = Label("store", "gone", "v1-01", "1", (LabelParcel("BR1"),))
    await Shipments(database).register(label, utcnow())
    await database.close()
    settings = made(database=f"sqlite:///{path}")
    found = {c.subject: c for c in await check_database(settings)}
    assert found["contracts.gone"].level is Severity.WARNING
    assert (
        "1 open parcel of a contract that is not configured"
        in found["contracts.gone"].message
    )


def test_a_contract_that_only_polls_has_no_address(
    made: Callable[..., Settings],
) -> None:
    settings = made(contract={"adapter": "ssw", "verification": "polling_only"})
    ok, polled = check_contract(settings.contracts["swift"], settings)
    assert "no webhooks: polling only" in ok.message
    assert polled.message.startswith(
        "polled at https://ssw.inf.br, 1 parcel per call, "
    )


def test_an_adapter_that_cannot_poll_needs_webhooks(
    made: Callable[..., Settings],
) -> None:
    settings = made(contract={"adapter": "loggi", "verification": "polling_only"})
    [error] = check_contract(settings.contracts["swift"], settings)
    assert error.level is Severity.ERROR
    assert error.subject == "contracts.swift.verification"
    assert error.message.startswith("the adapter cannot poll")


def test_with_a_public_address_the_whole_webhook_address_is_shown(
    made: Callable[..., Settings],
) -> None:
    settings = made(public_url="https://relay.example.com/")
    [shown] = check_contract(settings.contracts["swift"], settings)
    assert shown.message.endswith(
        ", webhooks at https://relay.example.com/webhooks/swift"
    )


def test_a_secret_in_the_address_is_not_shown(made: Callable[..., Settings]) -> None:
    url = {"verification": "url", "url_secret": "0123456789abcdef"}
    settings = made(contract=url)
    [ok] = check_contract(settings.contracts["swift"], settings)
    assert "/webhooks/swift/<url_secret>" in ok.message


async def test_an_open_door_and_empty_tables_are_named(
    made: Callable[..., Settings],
) -> None:
    bare = {"accounts": {}, "contracts": {}, "tokens": {}, "listen": "0.0.0.0:8080"}
    found = await examine(made(**bare))
    assert [c.subject for c in worst(found)] == ["listen"]
    looks = [c.subject for c in found if c.level is Severity.WARNING]
    assert looks[:3] == ["accounts", "contracts", "tokens"]


def test_an_old_library_is_an_error() -> None:
    assert check_library((3, 37, 2)).level is Severity.ERROR
    assert check_library((3, 45, 0)) == Check("database", Severity.OK, "SQLite 3.45.0")


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    [found] = check_place(tmp_path / "missing" / "relay.db")
    assert "is not a folder" in found.message


def test_a_place_that_is_not_writable_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests may run as root, for whom every file is writable."""
    allowed = {tmp_path: False, tmp_path / "relay.db": False}
    monkeypatch.setattr(os, "access", lambda path, _: allowed[path])
    [folder] = check_place(tmp_path / "relay.db")
    assert "is not writable" in folder.message
    allowed[tmp_path] = True
    (tmp_path / "relay.db").touch()
    [file] = check_place(tmp_path / "relay.db")
    assert "is not readable and writable" in file.message
    assert "mounted read-only" in file.hint
    allowed[tmp_path / "relay.db"] = True
    assert list(check_place(tmp_path / "relay.db")) == []


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/x /mnt/far\\040away nfs4 rw 0 0
/dev/sdb1 /mnt/far\\040away/near ext4 rw 0 0
sshfs /home/me fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/relay.db", None),
        ("/mnt/far away/relay.db", "nfs4"),
        ("/mnt/far away/near/relay.db", None),
        ("/home/me/relay.db", "fuse.sshfs"),
    ],
)
def test_a_network_file_system_is_named(path: str, kind: str | None) -> None:
    found = list(check_mount(Path(path), MOUNTS))
    assert [f"({kind})" in c.message for c in found] == ([True] if kind else [])


def test_without_a_list_of_mounts_nothing_is_known() -> None:
    assert list(check_mount(Path("/relay.db"), "")) == []


SAFE = {"server_version": "16.1", "fsync": "on", "synchronous_commit": "on"}


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit"])
def test_a_server_that_loses_what_it_confirmed_is_an_error(name: str) -> None:
    [found] = worst(list(check_server(SAFE | {name: "off"}, timedelta(0))))
    assert found.message.startswith(f"{name} is off")


def test_clocks_that_differ_are_an_error() -> None:
    [found] = worst(list(check_server(SAFE, timedelta(seconds=7))))
    assert "7 s apart" in found.message
    assert worst(list(check_server(SAFE, timedelta(seconds=1)))) == []


async def test_a_postgresql_server_is_checked(
    sandbox: str, made: Callable[..., Settings], postgres_url: str
) -> None:
    found = about("database", await examine(made(sandbox, database=postgres_url)))
    assert found[0].message.startswith("PostgreSQL")


async def test_a_postgresql_server_that_is_away_is_named(
    sandbox: str, made: Callable[..., Settings]
) -> None:
    url = "postgresql://nobody@127.0.0.1:9/nothing"
    [found] = worst(await examine(made(sandbox, database=url)))
    assert found.message.startswith("cannot reach PostgreSQL")


async def test_postgresql_without_its_driver_is_named(
    sandbox: str, made: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    url = "postgresql://nobody@127.0.0.1:9/nothing"
    [found] = worst(await examine(made(sandbox, database=url)))
    assert "postgres" in found.hint


def test_settings_that_cannot_be_read_are_findings_as_well() -> None:
    [found] = unusable(ConfigurationError("words"))
    assert (found.subject, found.message) == ("settings", "words")


async def ran(tmp_path: Path, *arguments: str, **more: str) -> tuple[int, str]:
    environ = {n: v for n, v in os.environ.items() if not n.startswith("RELAY_")}
    given = environ | {f"RELAY_{n}": v for n, v in more.items()}
    told = await asyncio.to_thread(run_command, ("doctor", *arguments), tmp_path, given)
    return told.returncode, told.stdout + told.stderr


async def test_the_command_says_what_is_wrong_and_how_to_fix_it(
    sandbox: str, tmp_path: Path
) -> None:
    environ = {
        "ACCOUNTS__STORE__APP_KEY": "wrong-key",
        "ACCOUNTS__STORE__APP_TOKEN": "sandbox-token",
        "ACCOUNTS__STORE__BASE_URL": f"{sandbox}/vtex/store",
    }
    code, said = await ran(tmp_path, **environ)
    assert code == 1
    assert "VTEX answered 401" in said
    assert "app_key, app_token: VTEX does not accept them" in said
    assert said.endswith("1 error\n")
    right = environ | {"ACCOUNTS__STORE__APP_KEY": "sandbox-key"}
    code, said = await ran(tmp_path, **right)
    assert code == 0
    assert said.endswith("no errors\n")


async def test_the_command_lists_wrong_settings_for_scripts_too(
    tmp_path: Path,
) -> None:
    code, said = await ran(tmp_path, "--json", PUBLISHER__QUIET_SECOND="3")
    assert code == 1
    [found] = json.loads(said)
    assert found["subject"] == "RELAY_PUBLISHER__QUIET_SECOND"
    assert found["level"] == "error"
    assert "QUIET_SECONDS" in found["hint"]


def test_the_library_of_this_python_is_new_enough() -> None:
    assert check_library(sqlite3.sqlite_version_info).level is Severity.OK


async def test_rejected_webhooks_are_a_finding_until_they_are_accepted(
    sandbox: str, made: Callable[..., Settings], tmp_path: Path
) -> None:
    settings, now = made(sandbox), utcnow()
    database = SqliteDatabase(tmp_path / "relay.db")
    await database.open()
    rejected = RejectedRequests(database)
    request = RejectedRequest("swift", now, {}, b"{}", b"", "wrong secret")
    bounds = RejectedBounds(1_000, now - timedelta(days=7))
    tally = RejectedTally(now, now, rejected=32)
    await rejected.put([request], bounds, {"swift": tally})

    (found,) = about("contracts.swift.webhooks", await examine(settings))
    assert found.level is Severity.WARNING
    assert found.message.startswith("32 webhooks rejected, the last at ")
    assert "relay rejected accept --all --contract swift" in found.hint

    await rejected.accept([1], Acceptance("ana", now))
    assert about("contracts.swift.webhooks", await examine(settings)) == []
    lost = RejectedTally(now, now, rejected=3, dropped=3)
    await rejected.put([], bounds, {"swift": lost})
    (found,) = about("contracts.swift.webhooks", await examine(settings))
    assert found.message.endswith("; 3 of them are not stored any more")
    await database.close()


async def test_without_a_usable_database_rejected_webhooks_are_not_checked(
    made: Callable[..., Settings], tmp_path: Path
) -> None:
    assert await check_webhooks(made()) == []
    assert not (tmp_path / "relay.db").exists()
    (tmp_path / "relay.db").write_text("not a database at all", encoding="utf-8")
    assert await check_webhooks(made()) == []


ENDPOINT = {
    "app_key": "relaykey-store-0A1B2C3D",
    "hash": "sha256:" + "0" * 64,
    "account": "store",
    "contract": "swift",
}


async def test_a_key_pair_is_shown_with_its_account_and_contract(
    sandbox: str, made: Callable[..., Settings]
) -> None:
    contract = {"adapter": "vtex_endpoint", "verification": "endpoint"}
    found = await examine(made(sandbox, contract=contract, endpoint={"hub": ENDPOINT}))
    assert worst(found) == []
    [pair] = about("endpoint.hub", found)
    assert pair.message == "account store, contract swift"
    [swift] = [c for c in about("contracts.swift", found) if "adapter" in c.message]
    assert swift.message == "adapter vtex_endpoint, no webhooks: for the endpoint"


async def test_a_key_pair_without_a_contract_of_the_endpoint_is_an_error(
    sandbox: str, made: Callable[..., Settings]
) -> None:
    [found] = worst(await examine(made(sandbox, endpoint={"hub": ENDPOINT})))
    assert found.subject == "endpoint.hub.contract"
    assert "'swift' is not a contract of the endpoint" in found.message
    wrong = {"verification": "endpoint"}
    [found] = worst(await examine(made(sandbox, contract=wrong)))
    assert found.subject == "contracts.swift.verification"
    assert "does not parse updates in VTEX's form" in found.message
