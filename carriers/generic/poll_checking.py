"""Requests that could not be made: unknown placeholders, places that are not safe."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from carriers.generic.options import Options
from carriers.generic.poll_options import NUMBERS, Poll, Request
from carriers.generic.templates import needed, parts, placeholders
from relay.adapters.options import base_url
from relay.domain.events import ReferenceKind
from relay.errors import ConfigurationError
from relay.suggestions import suggest

KINDS: Final = frozenset(kind.value for kind in ReferenceKind)
_SECRETS: Final = ("secret", "secret_base64")
_COMMON: Final = frozenset({"base_url", *_SECRETS})
_TAKEN: Final = KINDS | _COMMON | {NUMBERS, "token"}


def secrets_used(options: Options) -> list[tuple[str, str]]:
    """Return where asking needs the contract's secret, and by which placeholder."""
    return [
        (f"{key}.{part}", name)
        for key, request in _requests(options)
        for part, template in parts(request).items()
        for name in _SECRETS
        if name in placeholders(template)
    ]


def wrong_polling(options: Options) -> Iterator[str]:
    """Yield what keeps the questions of *options* from being asked, by its key."""
    poll = options.polling
    if poll is None:
        return
    for name in sorted(set(options.values) & _TAKEN):
        yield f"values.{name}: the name has another meaning; choose another one"
    unknown = [
        complaint
        for key, request in _requests(options)
        for complaint in _unknown_names(key, request, options)
    ]
    yield from unknown
    for key, request in _requests(options):
        if not _is_safe(request.url, options.base_url):
            yield (
                f"{key}.url: it must begin with https:// and a host (http:// only for "
                "this machine), or with {base_url}/, which must be there too"
            )
    mine = _of_parcels(poll)
    if not unknown and not needed(poll) & mine:
        hint = f"write one of {_listed(mine)}"
        yield f"polling: no placeholder says which parcel is meant; {hint}"
    if poll.batch and poll.batch.separator is None and _within_texts(poll):
        says = "it is missing, and {numbers} stands within a text"
        yield f'polling.batch.separator: {says}; write for instance ","'


def _requests(options: Options) -> Iterator[tuple[str, Request]]:
    """Yield the question for parcels and the one for a token, by their keys."""
    if options.polling is not None:
        yield "polling", options.polling
        if options.polling.token is not None:
            yield "polling.token", options.polling.token


def _unknown_names(key: str, request: Request, options: Options) -> Iterator[str]:
    own, values = _own_names(request), frozenset(options.values)
    for part, template in parts(request).items():
        for name in sorted(placeholders(template) - own - values - _COMMON):
            hint = _hint(name, request) or _known(name, own, values)
            yield f"{key}.{part}: there is no {{{name}}}; {hint}"


def _known(name: str, own: frozenset[str], values: frozenset[str]) -> str:
    """Say which placeholder was probably meant, and which there are."""
    meant = suggest(name, sorted(own | values | _COMMON))
    groups = [
        f"did you mean {{{meant}}}?" if meant else "",
        f"known here: {_listed(_COMMON | own - KINDS)}",
        f"of the table values: {_listed(values) or 'none'}",
        f"of the parcel: {_listed(own & KINDS)}" if own & KINDS else "",
    ]
    return "; ".join(filter(None, groups))


def _own_names(request: Request) -> frozenset[str]:
    """Return the placeholders that stand for something else in each call."""
    if not isinstance(request, Poll):
        return frozenset()
    return _of_parcels(request) | ({"token"} if request.token else set())


def _of_parcels(poll: Poll) -> frozenset[str]:
    return frozenset({NUMBERS}) if poll.batch else KINDS


def _hint(name: str, request: Request) -> str:
    """Say what a placeholder lacks that would be known elsewhere."""
    if not isinstance(request, Poll):
        return "a token is fetched for all parcels" if name in KINDS else ""
    if name in KINDS:
        return f"with polling.batch {{{NUMBERS}}} stands for all references"
    needs = {NUMBERS: "polling.batch", "token": "polling.token"}
    return f"it needs {needs[name]}" if name in needs else ""


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))


def _is_safe(url: str, base: str) -> bool:
    """Whether secrets may travel to the address *url*."""
    if url.startswith("{base_url}/") and base:
        return True
    try:
        host = urlsplit(url).netloc
        base_url({"base_url": url}, "")
    except (ConfigurationError, ValueError):
        return False
    return "{" not in host


def _within_texts(poll: Poll) -> bool:
    """Whether `{numbers}` is somewhere where no list can be."""
    texts = [poll.url, *poll.headers.values()]
    leaves = _leaves([poll.query, poll.form, poll.json_body])
    texts += [text for text in leaves if text != f"{{{NUMBERS}}}"]
    return NUMBERS in placeholders(texts)


def _leaves(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, Mapping):
        yield from _leaves(list(tree.values()))
    elif isinstance(tree, Sequence):
        for part in tree:
            yield from _leaves(part)
