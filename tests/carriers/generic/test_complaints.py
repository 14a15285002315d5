"""Every mistake in the options is named by its key, with the way out."""

import re
from typing import Any

import pytest

from carriers.generic import Adapter
from relay.config.contract import ContractSettings
from relay.domain.events import ReferenceKind
from relay.errors import ConfigurationError
from tests.carriers.generic.formats import FORMAT, adapter, complaint

URL = "https://carrier.example/{tracking_number}"
BATCHED = "https://carrier.example/"
HMAC = {"kind": "hmac", "header": "s"}


def test_every_mistake_is_named_and_mistyped_keys_first() -> None:
    wrong = {"path": "t", "format": "iso", "zone": "Mexico/City"}
    batch = {"size": 0, "of": "box"}
    options = {"refrences": [], "time": wrong, "polling": {"url": 1, "batch": batch}}
    zone = 'write for example "America/Mexico_City"'
    text = "must be a string, not a number; put it in quotes: leading zeros count"
    kinds = ", ".join(f"'{kind}'" for kind in ReferenceKind)
    kinds = " or ".join(kinds.rsplit(", ", 1))
    assert complaint(options).splitlines() == [
        "time.format: unknown option; did you mean `formats`?",
        "refrences: unknown option; did you mean `references`?",
        f"time.zone: unknown time zone 'Mexico/City'; {zone}",
        f"polling.url: {text}",
        "polling.batch.size: too small; use 1 or more",
        f"polling.batch.of: unknown value; use {kinds}",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"polling": {"url": URL, "bach": {}}}, "polling.bach: .* `batch`"),
        ({"polling": {"url": URL, "jsn": {}}}, "polling.jsn: .* `json`"),
        ({"signature": HMAC | {"heade": "s"}}, "signature.heade: .* `header`"),
        (
            {"signature": {"kind": "header", "header": "s", "digest": "x"}},
            "signature.digest: .* known here: header, kind, prefix$",
        ),
        ({"text_rules": [{"contain": 1}]}, "text_rules.0.contain: .* `contains`"),
        ({"webhook": 1}, "webhook: .*; known here: administrative, base_url, "),
    ],
    ids=str,
)
def test_a_mistyped_key_is_met_with_those_of_its_table(
    options: dict[str, Any], words: str
) -> None:
    assert re.match(words, complaint(FORMAT | options))


def test_a_key_of_every_contract_may_have_been_meant() -> None:
    table = {"name": "c", "adapter": "generic", "verification": "none", **FORMAT}
    given = ContractSettings.model_validate(table | {"poll_spacing_secnds": 1})
    with pytest.raises(ConfigurationError, match="mean `poll_spacing_seconds`"):
        Adapter(given.for_adapter())


def test_an_infinite_number_is_refused() -> None:
    batch = {"size": float("inf")}
    says = complaint(FORMAT | {"polling": {"url": URL, "batch": batch}})
    assert says == (
        "polling.batch.size: must be a finite number; write for example 2.5"
    )


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("Events[*].Data.receiver", "; write 'Events.Data.receiver'"),
        ("$.receiver", "; write 'receiver'"),
        ("Events[].x | [0]", ""),
        ("@", ""),
        ("a..b", ""),
        ("", ""),
    ],
)
def test_a_personal_field_that_would_cut_nothing_is_refused(
    field: str, hint: str
) -> None:
    says = complaint(FORMAT | {"personal_fields": ["ok.x", field]})
    assert says == (
        "personal_fields.1: use only names joined by dots; "
        f"lists are entered automatically{hint}"
    )


def test_names_with_signs_of_their_own_may_be_personal() -> None:
    fields = ("@id.c/d", "a b.ç-x")
    assert adapter(personal_fields=fields).personal_fields == fields


def test_an_unknown_placeholder_is_met_with_those_there_are() -> None:
    polling = {"url": URL, "query": {"n": "{number}"}, "headers": {"X": "{usr}"}}
    says = complaint(FORMAT | {"polling": polling, "values": {"user": "u"}})
    kinds = ", ".join(f"{{{kind}}}" for kind in sorted(ReferenceKind))
    there = (
        "known here: {base_url}, {secret}, {secret_base64}; "
        f"of the table values: {{user}}; of the parcel: {kinds}"
    )
    assert says.splitlines() == [
        f"polling.query: unknown placeholder {{number}}; {there}",
        "polling.headers: unknown placeholder {usr}; did you mean {user}?; " + there,
    ]


def test_of_a_batch_other_placeholders_are_known() -> None:
    batch = {"size": 2, "separator": ","}
    query = {"n": "{number}"}
    polling = {"url": BATCHED, "query": query, "batch": batch}
    assert complaint(FORMAT | {"polling": polling}) == (
        "polling.query: unknown placeholder {number}; did you mean {numbers}?; "
        "known here: {base_url}, {numbers}, {secret}, {secret_base64}; "
        "of the table values: none"
    )


@pytest.mark.parametrize("name", ["secret", "secret_base64"])
@pytest.mark.parametrize("where", ["polling.headers", "polling.token.headers"])
def test_asking_with_a_secret_that_is_not_there_stops_the_start(
    name: str, where: str
) -> None:
    key = {"headers": {"Authorization": f"Bearer {{{name}}}"}}
    token = {"token": {"url": BATCHED, "path": "t"} | key}
    polling = {"url": URL} | (token if "token" in where else key)
    says = complaint(FORMAT | {"polling": polling})
    assert says == f"secret: required, because {where} uses {{{name}}}"
