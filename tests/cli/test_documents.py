"""`relay documents` and `relay accounts` work on the same database."""

import pytest

from relay.adapters.protocol import Document
from relay.cli import session
from relay.errors import ConfigurationError, InvalidLabel, NotFound
from relay.store.documents import Documents
from relay.store.event_rows import Pace, ParsedDocument, PartReason
from relay.store.sqlite import SqliteDatabase
from relay.store.unread import ReaderTerms
from tests.cli.conftest import NOW, Cli

SLOW = {
    "RELAY_CONTRACTS__SLOW__ADAPTER": "loggi",
    "RELAY_CONTRACTS__SLOW__SECRET": "user:password",
}


@pytest.mark.usefixtures("documents")
def test_documents_are_listed_the_newest_first(cli: Cli) -> None:
    found = cli.rows("documents", "list")
    assert [d["id"] for d in found] == [2, 1]
    assert found[1]["receivedAt"] == "2026-08-01T12:00:00Z"
    ran = cli("documents", "list")
    assert "no JSON" in ran.stdout
    assert "2026-08-01 09:00:00" in ran.stdout
    assert ran.stdout.startswith("Times are in America/Sao_Paulo.\n")


@pytest.mark.parametrize("page", [1, 200])
@pytest.mark.usefixtures("documents")
def test_documents_of_one_contract_are_listed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    async def keep(database: SqliteDatabase) -> None:
        await Documents(database).keep(
            [Document(b"{}", NOW, contract="slow", source="webhook")]
        )

    cli.on_database(keep)
    monkeypatch.setattr("relay.cli.session.MOST", page)
    cli.environ |= SLOW
    assert [d["id"] for d in cli.rows("documents", "list")] == [3, 2, 1]
    options = ("documents", "list", "--contract", "swift")
    assert [d["id"] for d in cli.rows(*options)] == [2, 1]
    one = cli(*options, "--limit", "1", "--csv", "-")
    assert one.stdout.startswith("id,contract,source,receivedAt")
    assert "swift,webhook,2026-08-01 09:00:00-03:00" in one.stdout
    assert "(only the first 1 are shown; use --limit for more)" in one.stderr


@pytest.mark.usefixtures("documents")
def test_documents_of_several_stores_have_their_times_with_the_distance(
    cli: Cli,
) -> None:
    cli.environ |= SLOW | {
        "RELAY_ACCOUNTS__FAR__APP_KEY": "k",
        "RELAY_ACCOUNTS__FAR__APP_TOKEN": "t",
        "RELAY_ACCOUNTS__FAR__ZONE": "America/Manaus",
        "RELAY_CONTRACTS__SLOW__ACCOUNT": "far",
    }

    async def keep(database: SqliteDatabase) -> None:
        await Documents(database).keep(
            [Document(b"{}", NOW, contract="slow", source="webhook")]
        )

    cli.on_database(keep)
    shown = cli("documents", "list").stdout
    assert shown.startswith("Times are in each account's zone, with the UTC offset")
    assert "2026-08-01 08:00:00-04:00" in shown
    assert "2026-08-01 12:00:00+00:00" in shown  # of `swift`, which is gone


@pytest.mark.usefixtures("documents")
def test_a_contract_that_nobody_knows_is_refused(cli: Cli) -> None:
    error = cli("documents", "list", "--contract", "zzz").exception
    assert isinstance(error, InvalidLabel)
    assert (error.field, str(error)) == ("contract", "'zzz' is not configured")


@pytest.mark.usefixtures("documents")
def test_what_nobody_could_read_is_listed_alone(cli: Cli) -> None:
    found = cli.rows("documents", "list", "--unreadable")
    assert [d["unreadableReason"] for d in found] == ["no JSON"]
    shown = cli("documents", "list", "--unreadable").stdout
    assert "Next: relay documents show 2" in shown
    assert "Next" not in cli("documents", "list").stdout


@pytest.mark.usefixtures("ids")
def test_a_partly_parsed_document_is_shown_with_its_bad_parts(cli: Cli) -> None:
    async def act(database: SqliteDatabase) -> None:
        store = Documents(database)
        await store.keep([Document(b"{}", NOW, contract="swift", source="webhook")])
        async with store.slice(10, 10_000) as piece:
            parsed = ParsedDocument(
                piece.documents[0].number,
                "swift",
                NOW,
                partly="1 of 2 parts unreadable",
                parts=(PartReason("scans.1", "time:\x1b[2J missing"),),
                bad_parts=1,
                traceback="a.py:1 in parse\nb.py:2 in _event",
            )
            await piece.store_events([parsed], NOW, ReaderTerms(Pace(), {}))

    cli.on_database(act)
    shown = cli("documents", "show", "1").stdout
    assert "partly_parsed" in shown
    assert "\ncalled: a.py:1 in parse\ncalled: b.py:2 in _event\n" in shown
    assert "\nunreadable: scans.1: time:\\x1b[2J missing\n" in shown
    assert "partly_parsed" in cli("documents", "list").stdout
    assert "partly_parsed" in cli("lists", "unreadable").stdout


@pytest.mark.usefixtures("documents")
def test_a_document_is_shown_as_it_came(cli: Cli) -> None:
    ran = cli("documents", "show", "1")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.endswith('{"n": "TN1"}\n')
    second = cli.json("documents", "show", "2")
    assert (second["bodyEncoding"], second["body"]) == ("base64", "/w==")


@pytest.mark.usefixtures("documents")
def test_a_document_is_read_again(cli: Cli) -> None:
    assert cli("documents", "replay", "2").exit_code == 0
    assert cli.json("documents", "show", "2")["parsedAt"] is None


@pytest.mark.parametrize("verb", ["show", "replay"])
@pytest.mark.usefixtures("ids")
def test_a_document_that_is_not_there_is_named(cli: Cli, verb: str) -> None:
    assert isinstance(cli("documents", verb, "9").exception, NotFound)


@pytest.mark.usefixtures("ids")
def test_accounts_are_listed_with_what_shuts_them(cli: Cli) -> None:
    async def shut(database: SqliteDatabase) -> None:
        async with database.writing() as tx:
            row = await tx.row("lock_account", account="store")
            assert row is not None
            columns = dict(row) | {"paused_reason": "ten were refused alike"}
            await tx.run("save_account", **columns)

    cli.on_database(shut)
    [account] = cli.rows("accounts", "list")
    assert account["name"] == "store"
    assert account["due"] == 2
    assert [g["reason"] for g in account["gates"]] == ["ten were refused alike"]
    assert "ten were refused alike" in cli("accounts", "list").stdout
    assert cli("accounts", "open", "store").exit_code == 0
    assert cli.rows("accounts", "list")[0]["gates"] == []


@pytest.mark.usefixtures("ids")
def test_an_account_that_is_not_there_is_named(cli: Cli) -> None:
    assert isinstance(cli("accounts", "open", "other").exception, NotFound)


def test_no_empty_database_is_made_by_looking(cli: Cli) -> None:
    ran = cli("accounts", "list")
    assert isinstance(ran.exception, ConfigurationError)
    assert "relay.db does not exist" in str(ran.exception)
    assert not cli.file.exists()


def test_without_a_user_notes_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(session.getpass, "getuser", nobody)
    assert session.operator() == "the command line"
