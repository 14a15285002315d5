"""`relay endpoint`: key pairs of the VTEX-compatible endpoint."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from relay.adapters.loader import adapters
from relay.cli.options import AsJson, Config, settings_of
from relay.cli.output import write_json, write_line, write_table, write_text
from relay.config.endpoint import EndpointPair, NewPair
from relay.config.settings import Settings
from relay.errors import ConfigurationError
from relay.suggestions import suggestion


def new_pair(
    account: Annotated[str, typer.Argument(help="The account that it is for.")],
    name: Annotated[
        str, typer.Option(help="The pair's name, such as that of the ERP.")
    ] = "erp",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Make a key pair for an ERP or hub; nothing is stored.

    Give the pair to the ERP, and add the printed settings: they have only its hash.
    """
    settings = settings_of(config)
    if account not in settings.accounts:
        hint = suggestion(account, settings.accounts)
        raise ConfigurationError(f"account: unknown account {account!r}; {hint}")
    made = NewPair.make(account)
    contract = _contract(settings, account, name)
    table = {"app_key": made.app_key, "hash": made.hash}
    table |= {"account": account, "contract": contract}
    EndpointPair.model_validate({"name": name, **table})
    if as_json:
        pair = {"appKey": made.app_key, "appToken": made.app_token}
        write_json({**pair, "settings": {"endpoint": {name: table}}})
        return
    write_line("Give these to the ERP; the token is not shown again:")
    write_text(f"\n  X-VTEX-API-AppKey:   {made.app_key}")
    write_text(f"  X-VTEX-API-AppToken: {made.app_token}\n")
    write_line("Add this to the settings file:")
    write_text("\n" + _toml(f"endpoint.{name}", table))
    if contract not in settings.contracts:
        proposed = {"adapter": _adapter(), "account": account}
        terms = {"verification": "endpoint", "publish_unknown": True}
        write_text(_toml(f"contracts.{contract}", proposed | terms))


def list_(config: Config = None, as_json: AsJson = False) -> None:
    """List the key pairs, without their tokens."""
    pairs = settings_of(config).endpoint.values()
    if as_json:
        write_json(
            {
                "pairs": [
                    {
                        "name": pair.name,
                        "appKey": pair.app_key,
                        "account": pair.account,
                        "contract": pair.contract,
                    }
                    for pair in pairs
                ]
            }
        )
        return
    rows = [(p.name, p.app_key, p.account, p.contract) for p in pairs]
    write_table(("pair", "app key", "account", "contract"), rows)


def _contract(settings: Settings, account: str, name: str) -> str:
    """Return the account's contract for the endpoint, or the name of a new one."""
    fitting = (
        c.name
        for c in settings.contracts.values()
        if c.verification == "endpoint" and account in c.accounts
    )
    return next(fitting, name)


def _adapter() -> str:
    """Return the name of the adapter that parses what the endpoint stores."""
    return next(
        name
        for name, made in adapters().items()
        if getattr(made, "parses_vtex_updates", False)
    )


def _toml(header: str, table: Mapping[str, object]) -> str:
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    return "\n".join([f"[{header}]", *lines, ""])
