"""`relay outgoing`, in the terminal and as JSON."""

import pytest

from tests.cli.conftest import Cli

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture(autouse=True)
def _configured(cli: Cli) -> None:
    cli.environ |= {
        "RELAY_ACCOUNTS__STORE__APP_KEY": "k",
        "RELAY_ACCOUNTS__STORE__APP_TOKEN": "t",
        "RELAY_OUTGOING__CRM__URL": "https://crm.example/hook/a-token",
        "RELAY_OUTGOING__CRM__SECRET": SECRET,
    }


@pytest.mark.usefixtures("ids")
def test_a_test_event_is_sent_listed_shown_and_sent_again(cli: Cli) -> None:
    assert "no such" not in cli("outgoing", "receivers").stdout
    sent = cli("outgoing", "test", "crm").stdout
    id_ = sent.split()[-1]
    (event,) = cli.rows("outgoing", "list")
    assert (event["id"], event["type"]) == (id_, "relay.test")
    listed = cli("outgoing", "list", "--state", "waiting").stdout
    assert "crm waiting" in " ".join(listed.split())
    assert '"sentBy"' in cli("outgoing", "show", id_).stdout
    assert "again to crm" in cli("outgoing", "replay", id_, "--reason", "x").stdout
    since = ("--since", "2026-01-01T00:00:00", "--receiver", "crm")
    assert "0 events" in cli("outgoing", "replay", *since).stdout
    assert "is called again" in cli("outgoing", "enable", "crm").stdout
    shown = cli("outgoing", "receivers").stdout
    assert "https://crm.example" in shown
    assert "a-token" not in shown


@pytest.mark.usefixtures("ids")
def test_an_unknown_receiver_gets_a_suggestion(cli: Cli) -> None:
    done = cli("outgoing", "test", "cmr")
    assert done.exit_code == 1
    assert "crm" in getattr(done.exception, "hint", "")
