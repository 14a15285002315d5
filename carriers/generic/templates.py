"""Requests as settings describe them: texts with `{placeholders}`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from carriers.generic.poll_options import Request
from relay.carrier.asking import Question
from relay.carrier.options import base_url
from relay.errors import ConfigurationError

_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}

Values = Mapping[str, str | list[str]]


def placeholders(template: Any) -> set[str]:
    """Return the names that *template*, a text or a tree of them, asks for."""
    if isinstance(template, str):
        return set(_PLACEHOLDER.findall(template))
    if isinstance(template, Mapping):
        return {name for value in template.values() for name in placeholders(value)}
    if isinstance(template, Sequence):
        return {name for value in template for name in placeholders(value)}
    return set()


def needed(request: Request) -> set[str]:
    """Return the names that *request* asks for."""
    parts = (request.url, request.query, request.headers, request.json_body)
    return placeholders([*parts, request.form])


def filled(template: Any, values: Values) -> Any:
    """Put *values* into *template*; a list only where the whole text asks for it."""
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        if whole:
            return values[whole[1]]
        return _PLACEHOLDER.sub(lambda name: str(values[name[1]]), template)
    if isinstance(template, Mapping):
        return {key: filled(value, values) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [filled(value, values) for value in template]
    return template


def question(request: Request, values: Values) -> Question:
    """Make what is sent: values in the address are percent-encoded."""
    quoted = {n: quote(v, safe="") for n, v in values.items() if isinstance(v, str)}
    quoted["base_url"] = str(values["base_url"])
    headers = {name: filled(text, values) for name, text in request.headers.items()}
    form = None
    if request.form is not None:
        form = urlencode(list(_pairs(request.form, values))).encode()
        headers = _FORM | headers
    return Question(
        request.method,
        filled(request.url, quoted),
        headers,
        tuple(_pairs(request.query, values)),
        json=filled(request.json_body, values),
        data=form,
    )


def _pairs(table: Mapping[str, str], values: Values) -> Iterator[tuple[str, str]]:
    """Yield names and values; one that is a list repeats its name."""
    for name, template in table.items():
        value = filled(template, values)
        for each in value if isinstance(value, list) else [value]:
            yield name, each


def check_request(key: str, request: Request, base: str, known: set[str]) -> None:
    """Raise `ConfigurationError` for a place that is not safe, or an unknown name."""
    wrong = sorted(needed(request) - known)
    if wrong:
        there = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise ConfigurationError(
            f"{key}: there is no {{{wrong[0]}}}; there are: {there}"
        )
    check_place(f"{key}.url", request.url, base)


def check_place(key: str, url: str, base: str) -> None:
    """Refuse an address that secrets must not travel to."""
    if url.startswith("{base_url}/") and base:
        return
    try:
        host = urlsplit(url).netloc
        base_url({"base_url": url}, "")
    except (ConfigurationError, ValueError):
        host = "{"
    if "{" in host:
        raise ConfigurationError(
            f"{key}: it must begin with https:// and a host (http:// only for this "
            "machine), or with {base_url}/, which must be there too"
        )
