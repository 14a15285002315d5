"""Invalid options are start-up errors that name their key."""

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carriers.generic import Adapter
from carriers.generic.options import Options
from relay.adapters.protocol import (
    ContractOptions,
    PollingCarrier,
    Reply,
    ReplyingCarrier,
    WebhookRequest,
)
from relay.config.contract import ContractSettings
from relay.domain.events import ParcelView, Reference, ReferenceKind
from relay.errors import ConfigurationError
from tests.carriers.generic.formats import FORMAT, adapter, complaint

URL = "https://carrier.example/{tracking_number}"
BATCHED = "https://carrier.example/"
HMAC = {"kind": "hmac", "header": "s"}
RULE = {"milestone": "in_transit"}


@pytest.mark.parametrize(
    ("options", "key", "words"),
    [
        ({"evnets": "x"}, "evnets", "unknown option"),
        ({"events": "a["}, "events", "not a JMESPath expression: it is incomplete"),
        ({"events": {"list": []}}, "events.list", "must not be empty"),
        ({"events": ["a", "b["]}, "events.1", "not a JMESPath"),
        ({"events": {"list": 5}}, "events.list", "not a JMESPath"),
        ({"events": {"list": ["a", " "]}}, "events.list.1", "not a JMESPath"),
        ({"events": {"inherit": {"a": "b"}}}, "events.list", "required"),
        (
            {"events": {"list": "a", "inherit": {"a": "("}}},
            "events.inherit.a",
            "not a ",
        ),
        ({"events": {"list": "a", "parent": {}}}, "events.parent", "unknown option"),
        ({"references": []}, "references", "must not be empty"),
        (
            {"references": {}},
            "references",
            "must be a list, not a table; write it in [ ]",
        ),
        ({"references": ["n"]}, "references.0", "known here: document, kind, path"),
        ({"references": [{"kind": "box", "path": "n"}]}, "references.0.kind", ""),
        (
            {"references": [{"kind": "order_id"}]},
            "references.0",
            "give path or document",
        ),
        ({"identifying": "order_id"}, "identifying", "not a kind in references"),
        ({"code": "a["}, "code", "not a JMESPath"),
        ({"code": "a..b"}, "code", "error at character 3"),
        ({"code": "a.Status-Code"}, "code", """write 'a."Status-Code"'"""),
        ({"text": ["a", "b["]}, "text.1", "not a JMESPath"),
        ({"code": []}, "code", "required, because text is missing too"),
        ({"code": {"paths": "a", "glue": "-"}}, "code.glue", "unknown option"),
        ({"time": {"path": "t", "formats": "%d/%m"}}, "time.formats", "year"),
        (
            {"time": {"path": "t", "formats": ["iso", "%Q"]}},
            "time.formats.1",
            "strptime",
        ),
        ({"time": {"path": "t", "formats": []}}, "time.formats", "must not be empty"),
        (
            {"time": {"path": "t", "zone": "Mars/Base"}},
            "time.zone",
            "unknown time zone 'Mars/Base'; write for example \"",
        ),
        ({"time": {"path": "t", "zone": 3}}, "time.zone", "not a time zone name"),
        ({"order": "sideways"}, "order", "newest_first"),
        ({"body": "xml"}, "body", "use 'json', 'form_json' or"),
        ({"body": {"kind": "xml"}}, "body.kind", "form_json"),
        (
            {"place": "city"},
            "place",
            "must be a table, not a string; known here: city, country, state",
        ),
        ({"values": 5, "display_name": ""}, "display_name", "must not be empty"),
        ({"values": 5}, "values", "must be a table, not a number"),
        ({"body": "form_json"}, "body", "needs a field"),
        ({"body": {"kind": "json", "field": "f"}}, "body", "only form_json may"),
        (
            {"body": "base64_json", "personal_fields": ["name"]},
            "personal_fields",
            "only possible with body",
        ),
        ({"text_rules": [RULE]}, "text_rules.0", "give either contains or matches"),
        ({"text_rules": [RULE | {"matches": "("}]}, "text_rules.0.matches", "regular"),
        ({"text_rules": [RULE | {"matches": 1}]}, "text_rules.0.matches", "regular"),
        (
            {"text_rules": [{"contains": "entregue", "milestone": "delivered"}]},
            "text_rules.0",
            "use matches",
        ),
        ({"text_rules": [{"contains": "x"}]}, "text_rules.0.milestone", "required"),
        (
            {"administrative": ["1"], "rollback": ["1"]},
            "administrative",
            "in two of the lists",
        ),
        ({"signature": "magic"}, "signature", "use 'hmac', 'header'"),
        ({"signature": {}}, "signature", "its kind is missing"),
        ({"signature": "hmac"}, "signature.header", "required"),
        ({"signature": {"kind": "hmac"}}, "signature.header", "required"),
        (
            {"signature": HMAC | {"digest": "sha0"}},
            "signature.digest",
            "unknown digest",
        ),
        (
            {"signature": HMAC | {"digest": "shake_128"}},
            "signature.digest",
            "unknown digest",
        ),
        ({"signature": HMAC | {"signed": "{id}"}}, "signature", "must consist of"),
        ({"signature": HMAC | {"signed": "body"}}, "signature", "must consist of"),
        (
            {"signature": HMAC | {"signed": "{timestamp}"}},
            "signature",
            "and the reverse",
        ),
        (
            {"signature": HMAC | {"timestamp_header": "t"}},
            "signature",
            "and the reverse",
        ),
        ({"reply": {"status": 404}}, "reply.status", "299"),
        ({"page": "https://x/{name}"}, "page", "{name}"),
        ({"base_url": "http://x"}, "base_url", "https://"),
        ({"polling": {}}, "polling.url", "required"),
        (
            {"polling": {"url": "http://x/{tracking_number}"}},
            "polling.url",
            "write https",
        ),
        ({"polling": {"url": "https://{tracking_number}"}}, "polling.url", "a host"),
        ({"polling": {"url": "{base_url}/{tracking_number}"}}, "polling.url", "base"),
        (
            {"polling": {"url": "https://[/{tracking_number}"}},
            "polling.url",
            "write https",
        ),
        ({"polling": {"url": BATCHED}}, "polling", "names the parcel"),
        (
            {"polling": {"url": URL + "{x}"}},
            "polling.url",
            "unknown placeholder {x}; known here: {b",
        ),
        (
            {"polling": {"url": URL + "{token}"}},
            "polling.url",
            "needs polling.token",
        ),
        (
            {"polling": {"url": URL + "{numbers}"}},
            "polling.url",
            "it needs polling.batch",
        ),
        ({"polling": {"url": URL, "method": "DELETE"}}, "polling.method", "GET"),
        ({"polling": {"url": URL, "json": 1, "form": {}}}, "polling", "not both"),
        (
            {"polling": {"url": URL, "batch": {"size": 2}}},
            "polling.url",
            "unknown placeholder {tracking",
        ),
        ({"polling": {"url": URL, "batch": 2}}, "polling.batch", "known here: of, "),
        (
            {"polling": {"url": BATCHED + "{numbers}", "batch": {"size": 2}}},
            "polling.batch.separator",
            "part of a longer string",
        ),
        (
            {"polling": {"url": URL, "token": {"url": "http://x", "path": "t"}}},
            "polling.token.url",
            "https",
        ),
        (
            {"polling": {"url": URL, "token": {"url": URL, "path": "t"}}},
            "polling.token.url",
            "unknown placeholder {tracking_number}; a token is shared by all",
        ),
        (
            {
                "polling": {
                    "url": URL,
                    "split": {"list": "@", "keyed": 1, "reference": "a"},
                }
            },
            "polling.split",
            "remove reference",
        ),
        (
            {
                "polling": {
                    "url": BATCHED,
                    "query": {"n": "{numbers}"},
                    "batch": {"size": 2},
                    "wrap": True,
                }
            },
            "polling",
            "wrap with a batch",
        ),
        (
            {"polling": {"url": URL}, "values": {"token": "x"}},
            "values.token",
            "reserved name",
        ),
        (
            {"polling": {"url": URL}, "values": {"secret": "x"}},
            "values.secret",
            "reserved name",
        ),
    ],
    ids=str,
)
def test_the_key_at_fault_is_named(
    options: dict[str, Any], key: str, words: str
) -> None:
    says = complaint(FORMAT | options)
    assert says.startswith(f"{key}: ")
    assert words in says


@pytest.mark.parametrize("key", ["references", "time"])
def test_what_must_be_there_is_named(key: str) -> None:
    rest = {k: v for k, v in FORMAT.items() if k != key}
    assert complaint(rest) == f"{key}: required; add it"


def test_a_wrong_row_of_codes_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^codes\.1\.milestone: "):
        adapter(codes={"1": {"milestone": "teleported"}})


def test_no_option_is_hidden_by_a_setting_of_every_contract() -> None:
    assert not set(Options.model_fields) & set(ContractSettings.model_fields)


def test_without_options_the_format_is_the_plain_one_without_polling() -> None:
    made = Adapter(ContractOptions("rota_certa", ZoneInfo("UTC"), ("secret",)))
    assert made.display_name == "Rota Certa"
    assert not isinstance(made, PollingCarrier)


def test_personal_fields_are_removed_besides_those_of_the_plain_format() -> None:
    options = {"personal_fields": ["customer.phone"]}
    made = Adapter(ContractOptions("c", ZoneInfo("UTC"), ("secret",), options=options))
    assert {"customer.phone", "parcel.recipient"} <= set(made.personal_fields)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"foo": 1}, "foo: unknown option; remove it; known here: "),
        ({"persnal_fields": ["a"]}, "persnal_fields: .*`personal_fields`"),
        ({"refrences": [], "page": "https://a.example"}, "refrences: .*`references`"),
    ],
)
def test_an_unknown_option_beside_the_plain_format_is_the_only_mistake(
    options: dict[str, Any], says: str
) -> None:
    [line] = complaint(options).splitlines()
    assert re.match(says, line)


@pytest.mark.parametrize("key", ["{secret}", "{secret_base64}"])
@pytest.mark.parametrize("where", ["headers", "token"])
def test_a_secret_may_be_for_asking_alone(key: str, where: str) -> None:
    token = {"url": BATCHED, "json": {"key": [key]}, "path": "t"}
    more = {"token": token} if where == "token" else {"headers": {"Key": key}}
    assert isinstance(adapter("secret", polling={"url": URL} | more), PollingCarrier)


def test_a_secret_that_asking_does_not_use_either_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match=r"^signature: "):
        adapter("secret", polling={"url": URL})


def test_the_answer_is_the_one_that_the_carrier_insists_on() -> None:
    request = WebhookRequest({}, b"")
    plain, own = (
        adapter(),
        adapter(reply={"status": 201, "body": "OK", "content_type": "text/plain"}),
    )
    assert isinstance(own, ReplyingCarrier)
    assert plain.reply(request) == Reply()
    assert own.reply(request) == Reply(201, b"OK", "text/plain")


def test_the_page_needs_all_that_it_names() -> None:
    order = (Reference(kind=ReferenceKind.ORDER_ID, value="1-01"),)
    made = adapter(page="https://page.example/{order_id}?n={tracking_number}")
    parcel = ParcelView(order, "ZZ/1", "")
    assert made.tracking_url(parcel) == "https://page.example/1-01?n=ZZ%2F1"
    assert made.tracking_url(ParcelView(order)) is None
    assert adapter().tracking_url(parcel) is None
