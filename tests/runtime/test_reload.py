"""Settings change while the relay runs; what cannot is named, what is wrong ignored."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from relay.config.account import hash_token
from relay.config.load import SettingsSource, find_relay
from relay.config.settings import Settings
from relay.domain.labels import Label, LabelParcel
from relay.errors import ConfigurationError
from relay.runtime.assemble import assemble
from relay.runtime.relay import Relay
from relay.runtime.reload import (
    INVALID,
    Reloader,
    compare_settings,
    warn_if_mounted_alone,
)
from relay.runtime.serve import reload
from relay.store.accounts import Accounts
from relay.store.shipments import Shipments
from tests.support.way_in import everything, until

Make = Callable[..., Settings]
CONTRACT = {"adapter": "loggi", "verification": "url", "url_secret": "s" * 16}
TOKEN = {"token": "t" * 32, "scopes": ["operator"]}


# What can change


def test_secrets_tokens_and_credentials_can_change(settings: Make) -> None:
    account = {"app_key": "another", "app_token": "another", "burst": 3}
    new = settings({"acme": {"secret": "new"}}, accounts={"store": account})
    found = compare_settings(settings(), new)
    assert found.restart == ()
    assert found.settings == new


def test_contracts_and_accounts_can_be_added(settings: Make) -> None:
    more = {"app_key": "k", "app_token": "t"}
    contract = {"accounts": ["store", "more"], "account": "store"}
    new = settings(
        {"acme": contract | {"lower_bound_days": 3}, "other": contract},
        accounts={"store": more, "more": more},
    )
    found = compare_settings(settings(), new)
    assert (found.restart, found.settings) == ((), new)


def test_alerts_can_change(settings: Make) -> None:
    new = settings(alerts={"mute": ["acme"], "chat_url": "https://chat.example.com/x"})
    found = compare_settings(settings(), new)
    assert (found.restart, found.settings) == ((), new)


def test_what_cannot_change_stays_and_is_named(settings: Make) -> None:
    old = settings({"acme": {}, "gone": {}})
    new = settings({"acme": {}}, listen="127.0.0.1:9", database="sqlite:///x.db")
    found = compare_settings(old, new)
    assert set(found.restart) == {"database", "listen", "contracts.gone"}
    assert found.settings.database == old.database
    assert found.settings.contracts.keys() == {"acme", "gone"}


async def test_what_needs_a_restart_is_noted_until_the_file_is_restored(
    file: Path,
) -> None:
    write(file, PROTECTED)
    looking, noted = reloader(file, Applied()), list[Sequence[str]]()

    async def note(restart: Sequence[str]) -> None:
        noted.append(restart)

    looking.on_restart = note
    await looking.step()
    changed = f'listen = "127.0.0.1:9"\ndatabase = "sqlite:///x.db"\n{PROTECTED}'
    write(file, changed)
    assert not await looking.step()
    message = "settings changed that need a restart: database, listen"
    assert list(looking.health.notes.values()) == [message]
    assert looking.health.reasons() == []
    write(file, f"foo = 1\n{PROTECTED}")
    await looking.step()
    assert list(looking.health.notes.values()) == [INVALID]
    write(file, PROTECTED)
    await looking.step()
    assert looking.health.notes == {}
    listen = "listen (file 127.0.0.1:9, running 127.0.0.1:8080)"
    assert noted == [("database", listen), ()]


def test_addresses_and_databases_are_found_in_invalid_settings(file: Path) -> None:
    write(file, f'listen = "127.0.0.1:9"\nfoo = 1\n{PROTECTED}')
    found = find_relay(file, {"RELAY_DATABASE": "sqlite:///x.db"})
    assert (found.listen, found.database) == ("127.0.0.1:9", "sqlite:///x.db")
    write(file, 'listen = "127.0.0.1:9"\n[accounts')
    assert find_relay(file, {}) == Settings()


# What never takes protection away

LIMITED = {"token": "t" * 32, "scopes": ["erp"], "accounts": ["store"]}
SECOND = {"token": "u" * 32, "scopes": ["operator"]}


def test_a_token_that_is_missing_stays_until_a_restart(settings: Make) -> None:
    old = settings(tokens={"erp": TOKEN, "second": SECOND})
    found = compare_settings(old, settings(tokens={"erp": TOKEN}))
    assert found.restart == ("tokens.second",)
    assert found.settings.tokens == old.tokens


@pytest.mark.parametrize("table", ["tokens", "accounts", "contracts"])
def test_settings_without_any_table_of_a_kind_are_refused(
    settings: Make, table: str
) -> None:
    old = settings(tokens={"erp": TOKEN})
    with pytest.raises(ConfigurationError, match=f"{table}: all tables are missing"):
        compare_settings(old, old.model_copy(update={table: {}}))


def test_a_token_stays_limited_to_accounts(settings: Make) -> None:
    old = settings(tokens={"erp": LIMITED})
    unlimited = {**LIMITED, "token": "n" * 32, "accounts": []}
    found = compare_settings(old, settings(tokens={"erp": unlimited}))
    assert found.restart == ("tokens.erp.accounts",)
    erp = found.settings.tokens["erp"]
    assert (erp.accounts, erp.hash) == (("store",), hash_token("n" * 32))


def test_the_first_tokens_can_be_added(settings: Make) -> None:
    new = settings(tokens={"erp": LIMITED})
    found = compare_settings(settings(), new)
    assert (found.restart, found.settings) == ((), new)


PROTECTED = """\
[accounts.store]
app_key = "k"
app_token_file = "token"
burst = 3

[tokens.erp]
token = "tttttttttttttttttttttttttttttttt"
scopes = ["erp"]
accounts = ["store"]
"""


async def test_no_beginning_of_the_file_is_used(file: Path) -> None:
    """Wherever a save or a copy is cut short, the settings in use stay."""
    write(file, PROTECTED)
    applied = Applied()
    looking = reloader(file, applied)
    looking.settle = timedelta(0)
    await looking.step()
    for length in range(len(PROTECTED) - 2):
        write(file, PROTECTED[:length])
        looking.wake()
        assert not await looking.step(), PROTECTED[:length]
    assert applied == []
    assert looking.settings.tokens["erp"].accounts == ("store",)


async def test_a_file_cut_short_says_so_and_can_be_completed(file: Path) -> None:
    write(file, PROTECTED)
    looking = reloader(file, Applied())
    await looking.step()
    write(file, PROTECTED[: PROTECTED.index("accounts = ")])
    with capture_logs() as logged:
        assert not await looking.step()
    assert "cut short" in logged[0]["error"]
    write(file, PROTECTED.replace("burst = 3", "burst = 4"))
    assert await looking.step()


async def test_comments_at_the_end_can_be_removed(file: Path) -> None:
    write(file, PROTECTED + "# a comment\n")
    looking = reloader(file, Applied())
    await looking.step()
    write(file, PROTECTED)
    with capture_logs() as logged:
        assert not await looking.step()
    assert logged == []


async def test_a_default_file_that_is_deleted_is_missed(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, PROTECTED)
    monkeypatch.chdir(file.parent)
    applied = Applied()
    source = SettingsSource(None, {})
    looking = Reloader(source, source.load(), applied)
    await looking.step()
    write(file, None)
    with capture_logs() as logged:
        assert not await looking.step()
    assert "cannot be read" in logged[0]["error"]
    assert applied == []


def mounted(file: Path) -> Path:
    """Mount *file* as Kubernetes does; return the link that it swaps at a change."""
    for name, burst in (("first", 3), ("second", 4)):
        (file.parent / name).mkdir()
        text = PROTECTED.replace("burst = 3", f"burst = {burst}")
        (file.parent / name / file.name).write_text(text)
    data = file.parent / "..data"
    data.symlink_to("first")
    file.unlink()
    file.symlink_to(f"..data/{file.name}")
    return data


def swap(data: Path) -> None:
    new = data.with_name("..tmp")
    new.symlink_to("second")
    new.rename(data)


async def test_a_mounted_folder_whose_links_are_swapped_is_noticed(
    file: Path,
) -> None:
    data = mounted(file)
    looking = reloader(file, Applied())
    await looking.step()
    swap(data)
    assert await looking.step()
    assert looking.settings.accounts["store"].burst == 4


MOUNTS = """\
22 1 8:1 / / rw - ext4 /dev/sda1 rw
36 22 8:1 {source} {point} ro,relatime - ext4 /dev/sda1 rw
"""


@pytest.mark.parametrize(("mounted", "warned"), [("file", True), ("folder", False)])
def test_a_file_mounted_by_itself_is_warned_of(
    file: Path, tmp_path: Path, mounted: str, *, warned: bool
) -> None:
    write(file, PROTECTED)
    point = str(file if mounted == "file" else file.parent).replace(" ", "\\040")
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(MOUNTS.format(source="/srv/settings", point=point))
    with capture_logs() as logged:
        warn_if_mounted_alone([file], mountinfo)
    assert [line["file"] for line in logged] == [str(file)] * warned


def test_where_mounts_are_unknown_nothing_is_warned_of(file: Path) -> None:
    with capture_logs() as logged:
        warn_if_mounted_alone([file], file.parent / "nowhere")
    assert logged == []


async def test_a_file_that_is_still_being_written_waits(file: Path) -> None:
    class Writing(SettingsSource):
        def load(self) -> Settings:
            found = super().load()
            if "burst" not in text_of(file):
                add(file, "burst = 3\n")
            return found

    applied = Applied()
    source = Writing(file, {})
    looking = Reloader(source, SettingsSource(file, {}).load(), applied)
    await looking.step()
    write(file, text_of(file).replace('"k"', '"n"'))
    assert not await looking.step()
    assert applied == []
    assert await looking.step()
    assert applied[0].accounts["store"].burst == 3


async def test_an_empty_file_never_opens_the_api(relay: Relay) -> None:
    nothing = Settings.model_validate({"database": relay.settings.database})
    async with TestClient(TestServer(relay.application())) as client:
        with pytest.raises(ConfigurationError):
            await reload(relay, compare_settings(relay.settings, nothing).settings)
        assert (await client.get("/v1/shipments")).status == 401


# When it is looked at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("the-token")
    file = tmp_path / "relay.toml"
    file.write_text('[accounts.store]\napp_key = "k"\napp_token_file = "token"\n')
    return file


def text_of(file: Path) -> str:
    return file.read_text()


def write(file: Path, text: str | None) -> None:
    file.unlink() if text is None else file.write_text(text)


def add(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)


class Applied(list[Settings]):
    async def __call__(self, settings: Settings) -> None:
        self.append(settings)


def reloader(file: Path, applied: Applied) -> Reloader:
    source = SettingsSource(file, {})
    return Reloader(source, source.load(), applied)


async def test_nothing_happens_until_something_changes(file: Path) -> None:
    applied = Applied()
    looking = reloader(file, applied)
    assert not await looking.step()
    assert not await looking.step()
    assert applied == []


async def test_a_secret_in_a_file_of_its_own_is_looked_at(file: Path) -> None:
    applied = Applied()
    looking = reloader(file, applied)
    await looking.step()
    file.with_name("token").write_text("a-newer-token")
    assert await looking.step()
    assert applied[0].accounts["store"].app_token.get_secret_value() == "a-newer-token"
    assert not await looking.step()


async def test_a_file_that_is_broken_changes_nothing(file: Path) -> None:
    applied = Applied()
    looking = reloader(file, applied)
    await looking.step()
    good = text_of(file)
    with capture_logs() as logged:
        for broken in ("accounts = [", good.replace("app_key", "app_kee")):
            write(file, broken)
            assert not await looking.step()
        write(file, None)
        assert not await looking.step()
    assert [line["log_level"] for line in logged] == ["warning"] * 3
    assert "app_kee" in logged[1]["error"]
    write(file, good + "burst = 3\n")
    assert await looking.step()


async def test_whoever_asks_is_heard_at_once(file: Path) -> None:
    applied = Applied()
    looking = reloader(file, applied)
    looking.wake()
    assert not await looking.step()
    add(file, "burst = 3\n")
    looking.wake()
    assert await looking.step()


async def test_what_needs_a_restart_is_logged(file: Path) -> None:
    looking = reloader(file, Applied())
    await looking.step()
    write(file, "cache_mb = 8\n" + text_of(file))
    with capture_logs() as logged:
        assert not await looking.step()
    assert logged[0]["keys"] == ["cache_mb"]


def test_without_a_file_there_is_none_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert SettingsSource(None, {}).seen() == {}


async def test_it_goes_on_after_an_error(file: Path) -> None:
    class Failing(Applied):
        async def __call__(self, settings: Settings) -> None:
            await super().__call__(settings)
            looking.wake()
            if len(self) == 1:
                raise RuntimeError

    applied = Failing()
    looking = reloader(file, applied)
    add(file, "burst = 3\n")
    looking.wake()
    with capture_logs() as logged:
        running = asyncio.create_task(looking.run())
        await until(lambda: len(applied) == 2)
        running.cancel()
    assert (logged[0]["event"], logged[0]["loop"]) == (
        "loop failed; retrying",
        "reloader",
    )
    await asyncio.wait({running})


async def test_it_looks_round_by_itself(file: Path) -> None:
    applied = Applied()
    looking = reloader(file, applied)
    looking.every = timedelta(milliseconds=1)
    running = asyncio.create_task(looking.run())
    await until(lambda: looking._seen is not None)  # noqa: SLF001
    add(file, "burst = 3\n")
    await until(lambda: len(applied) == 1)
    running.cancel()
    await asyncio.wait({running})


# What a process does with it


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with assemble(serving(tmp_path)) as relay:
        yield relay


def serving(folder: Path, contract: Any = None, **account: Any) -> Settings:
    store = {"app_key": "k", "app_token": "the-token"} | account
    return Settings.model_validate(
        {
            "database": f"sqlite:///{folder / 'relay.db'}",
            "tokens": {"me": TOKEN},
            "accounts": {"store": store},
            "contracts": {"swift": CONTRACT | (contract or {})},
        }
    )


async def test_a_running_relay_takes_new_secrets_and_tokens(
    relay: Relay, tmp_path: Path
) -> None:
    async with TestClient(TestServer(relay.application())) as client:
        new = {"url_secret": "n" * 16, "previous_url_secret": "s" * 16}
        published = serving(tmp_path, new)
        me = published.tokens["me"].model_validate(
            {"name": "me", "token": "u" * 32, "scopes": ["operator"]}
        )
        await reload(relay, published.model_copy(update={"tokens": {"me": me}}))
        for secret, status in (("n", 200), ("s", 200), ("x", 401)):
            answer = await client.post(f"/webhooks/swift/{secret * 16}", data=b"{}")
            assert answer.status == status
        for token, status in (("t", 401), ("u", 200)):
            headers = {"Authorization": f"Bearer {token * 32}"}
            answer = await client.get("/v1/shipments", headers=headers)
            assert answer.status == status


async def test_new_credentials_open_the_gates(relay: Relay, tmp_path: Path) -> None:
    accounts = Accounts(relay.database)
    async with relay.database.writing() as tx:
        state = (await accounts.all())[0]
        state.paused_reason = "refused"
        await tx.run("save_account", **state.columns())
    await relay.reload(serving(tmp_path, app_token="a-newer-token"))
    assert (await accounts.all())[0].paused_reason is None
    vtex = relay.publisher.terms.accounts["store"].vtex
    assert vtex.app_token == "a-newer-token"
    policy = relay.housekeeper.sweep.policy("store", "swift")
    assert policy == relay.publisher.terms.policy("store", "swift")


async def test_a_contract_can_be_added(relay: Relay, tmp_path: Path) -> None:
    async with TestClient(TestServer(relay.application())) as client:
        published = serving(tmp_path)
        more = published.contracts["swift"].model_copy(update={"name": "more"})
        contracts = published.contracts | {"more": more}
        address = f"/webhooks/more/{'s' * 16}"
        assert (await client.post(address, data=b"{}")).status == 404
        await reload(relay, published.model_copy(update={"contracts": contracts}))
        assert (await client.post(address, data=b"{}")).status == 200
        await relay.reader.step()
        (document,) = await everything(relay.database, "documents")
        assert document["read_at"] is not None, "its adapter read it"


async def test_parcels_of_a_contract_that_is_gone_are_named_at_the_start(
    tmp_path: Path,
) -> None:
    async with assemble(serving(tmp_path)) as relay:
        label = Label("store", "gone", "v1-01", "1", (LabelParcel("BR1"),))
        await Shipments(relay.database).register(label, relay.clock())
    with capture_logs() as logged:
        async with assemble(serving(tmp_path)):
            pass
    (line,) = logged
    assert "of an unknown contract" in line["event"]
    assert (line["contract"], line["parcels"]) == ("gone", 1)


async def test_bounds_adoption_and_expiry_follow(relay: Relay, tmp_path: Path) -> None:
    new = {
        "lower_bound_days": 2,
        "expire_days": 3,
        "tracking_number": "from_carrier",
    }
    relay.application()
    await relay.reload(serving(tmp_path, new))
    assert relay.terms.lower_bounds == {"swift": timedelta(days=2)}
    assert relay.terms.adoptions.keys() == {"swift"}
    assert relay.housekeeper.sweep.expires_after("swift") == timedelta(days=3)


async def test_the_pace_of_asking_follows(tmp_path: Path) -> None:
    asked = {"adapter": "ssw", "secret": "s"}
    async with assemble(serving(tmp_path, asked)) as relay:
        await relay.reload(serving(tmp_path, asked | {"poll_spacing_seconds": 7}))
        spacing = relay.poller.targets["swift"].allowance.spacing
    assert spacing == timedelta(seconds=7)
