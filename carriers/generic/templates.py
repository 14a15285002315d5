"""Requests as settings describe them: texts with `{placeholders}`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from carriers.generic.poll_options import Request
from relay.adapters.http import ApiRequest

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


def parts(request: Request) -> Mapping[str, Any]:
    """Return what may hold placeholders in *request*, by its key."""
    return {
        "url": request.url,
        "query": request.query,
        "headers": request.headers,
        "json": request.json_body,
        "form": request.form,
    }


def needed(request: Request) -> set[str]:
    """Return the names that *request* asks for."""
    return placeholders(parts(request))


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


def question(request: Request, values: Values) -> ApiRequest:
    """Make what is sent: values in the address are percent-encoded."""
    quoted = {n: quote(v, safe="") for n, v in values.items() if isinstance(v, str)}
    quoted["base_url"] = str(values["base_url"])
    headers = {name: filled(text, values) for name, text in request.headers.items()}
    form = None
    if request.form is not None:
        form = urlencode(list(_pairs(request.form, values))).encode()
        headers = _FORM | headers
    return ApiRequest(
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
