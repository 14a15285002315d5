"""`relay endpoint` makes key pairs, and stores none of them."""

import json
import tomllib

import pytest

from relay.config.account import hash_token
from relay.config.load import load
from relay.runtime.wiring import carriers
from tests.cli.conftest import Cli


@pytest.fixture(autouse=True)
def configured(cli: Cli) -> None:
    cli.environ |= {
        "RELAY_ACCOUNTS__STORE__APP_KEY": "k",
        "RELAY_ACCOUNTS__STORE__APP_TOKEN": "t",
    }


def test_a_new_pair_comes_with_settings_that_load(cli: Cli) -> None:
    shown = cli("endpoint", "new-pair", "store", "--name", "hub").stdout
    token = shown.partition("X-VTEX-API-AppToken:")[2].split()[0]
    written = shown[shown.index("[endpoint.hub]") :]
    table = tomllib.loads(written)
    assert table["endpoint"]["hub"]["hash"] == hash_token(token)
    assert token not in written
    (cli.folder / "relay.toml").write_text(written, encoding="utf-8")
    settings = load(cli.folder / "relay.toml", cli.environ)
    assert carriers(settings).keys() == {"hub"}
    pair = settings.pair_for(table["endpoint"]["hub"]["app_key"], token)
    assert pair is not None
    assert (pair.account, pair.contract) == ("store", "hub")


def test_a_second_pair_uses_the_contract_that_is_there(cli: Cli) -> None:
    cli.environ |= {
        "RELAY_CONTRACTS__ERP__ADAPTER": "vtex_endpoint",
        "RELAY_CONTRACTS__ERP__VERIFICATION": "endpoint",
    }
    made = cli.json("endpoint", "new-pair", "store", "--name", "hub")
    table = made["settings"]["endpoint"]["hub"]
    assert table["contract"] == "erp"
    assert table["hash"] == hash_token(made["appToken"])
    assert "[contracts" not in cli("endpoint", "new-pair", "store").stdout


def test_an_unknown_account_gets_no_pair(cli: Cli) -> None:
    failed = cli("endpoint", "new-pair", "stor")
    assert failed.exit_code != 0
    assert "unknown account 'stor'; did you mean `store`?" in str(failed.exception)


def test_pairs_are_listed_without_their_hashes(cli: Cli) -> None:
    made = cli.json("endpoint", "new-pair", "store")
    table = made["settings"]["endpoint"]["erp"]
    cli.environ |= {
        "RELAY_CONTRACTS__ERP__ADAPTER": "vtex_endpoint",
        "RELAY_CONTRACTS__ERP__VERIFICATION": "endpoint",
        **{f"RELAY_ENDPOINT__ERP__{k.upper()}": v for k, v in table.items()},
    }
    (row,) = cli.rows("endpoint", "list")
    assert row == {
        "name": "erp",
        "appKey": made["appKey"],
        "account": "store",
        "contract": "erp",
    }
    shown = cli("endpoint", "list").stdout
    assert made["appKey"] in shown
    assert table["hash"] not in shown + json.dumps(row)
