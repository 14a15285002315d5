"""Handshakes in the settings: the README's examples, and mistakes."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import carriers.generic
from tests.carriers.generic.formats import FORMAT, adapter, complaint

README = Path(carriers.generic.__file__).with_name("README.md").read_text("utf-8")
SECRET = {"hub.verify_token": "{secret}"}


def test_the_readme_s_handshakes_are_valid() -> None:
    [text] = re.findall(r"^handshakes = \[.*?^\]", README, re.DOTALL | re.MULTILINE)
    table = tomllib.loads(text)
    made = adapter("s", signature={"kind": "header", "header": "x"}, **table)
    assert made.handshake_methods == {"GET", "HEAD", "OPTIONS", "POST"}


def test_without_handshakes_a_contract_has_none() -> None:
    assert adapter().handshake_methods == frozenset()


@pytest.mark.parametrize(
    ("handshake", "key", "words"),
    [
        ({}, "handshakes.0.method", "required"),
        ({"method": "DELETE"}, "handshakes.0.method", "GET"),
        ({"method": "GET", "when": "a"}, "handshakes.0", "a GET has no body"),
        (
            {"method": "OPTIONS", "challenge": {"body": "a"}},
            "handshakes.0",
            "use query or header",
        ),
        ({"method": "POST", "when": "a["}, "handshakes.0.when", "not a JMESPath"),
        (
            {"method": "GET", "challenge": {}},
            "handshakes.0.challenge",
            "give one of query, header and body",
        ),
        (
            {"method": "GET", "challenge": {"query": "a", "header": "b"}},
            "handshakes.0.challenge",
            "give one of query, header and body",
        ),
        (
            {"method": "GET", "reply": {"body": "{challenge}"}},
            "handshakes.0",
            "needs the key challenge",
        ),
        (
            {"method": "GET", "reply": {"content_type": "text/html"}},
            "handshakes.0.reply.content_type",
            "text/plain",
        ),
        ({"method": "GET", "reply": {"status": 302}}, "handshakes.0.reply.status", ""),
        (
            {"method": "GET", "query": SECRET},
            "secret",
            "handshakes.0.query.hub.verify_token uses {secret}",
        ),
    ],
)
def test_a_mistake_in_a_handshake_is_named_by_its_key(
    handshake: dict[str, Any], key: str, words: str
) -> None:
    line = complaint(FORMAT | {"handshakes": [handshake]})
    assert line.startswith(f"{key}: ")
    assert words in line


def test_a_secret_may_be_there_for_a_handshake_only() -> None:
    made = adapter("s", handshakes=[{"method": "GET", "query": SECRET}])
    assert made.handshake_methods == {"GET", "HEAD"}
