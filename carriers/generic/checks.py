"""Checks across the options, which each are valid on their own.

Do they contradict each other, and can the requests be built and sent safely?
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from carriers.generic.handshakes import PLACEHOLDER
from carriers.generic.options import Options
from carriers.generic.requests import (
    NUMBERS,
    Poll,
    Request,
    needed,
    parts,
    placeholders,
)
from carriers.generic.signature import Unsigned
from relay.adapters.options import base_url
from relay.domain.events import ReferenceKind
from relay.errors import ConfigurationError
from relay.suggestions import suggest

KINDS: Final = frozenset(kind.value for kind in ReferenceKind)
_SECRETS: Final = ("secret", "secret_base64")
_COMMON: Final = frozenset({"base_url", *_SECRETS})
_TAKEN: Final = KINDS | _COMMON | {NUMBERS, "token"}
_UNSIGNED: Final = (
    "signature: required, because the contract has a secret; describe it, or remove "
    'the secret and set verification = "url", "polling_only" or "none"'
)


def contradictions(options: Options, secrets: Sequence[str]) -> Iterator[str]:
    """Yield the problems of *options* as a whole, each beginning with its key.

    *secrets* are the contract's.
    """
    yield from _wrong_parsing(options)
    if options.base_url:
        try:
            base_url({"base_url": options.base_url}, "")
        except ConfigurationError as error:
            yield str(error)
    unknown = sorted(placeholders(options.page) - KINDS)
    if unknown:
        known = _listed(KINDS)
        yield f"page: unknown placeholder {{{unknown[0]}}}; use one of: {known}"
    used = secrets_used(options)
    if any(secrets) and isinstance(options.signature, Unsigned) and not used:
        yield _UNSIGNED
    if used and not any(secrets):
        place, name = used[0]
        yield f"secret: required, because {place} uses {{{name}}}"
    yield from _wrong_polling(options)


def secrets_used(options: Options) -> list[tuple[str, str]]:
    """Return the keys of requests and handshakes with the secret's placeholder."""
    in_requests = [
        (f"{key}.{part}", name)
        for key, request in _requests(options)
        for part, template in parts(request).items()
        for name in _SECRETS
        if name in placeholders(template)
    ]
    in_handshakes = [
        (f"handshakes.{place}.query.{name}", "secret")
        for place, handshake in enumerate(options.handshakes)
        for name, wanted in handshake.query.items()
        if PLACEHOLDER in wanted
    ]
    return in_requests + in_handshakes


def _wrong_parsing(options: Options) -> Iterator[str]:
    kinds = {rule.kind for rule in options.references}
    if options.identifying_kind not in kinds:
        listed = ", ".join(sorted(kinds))
        yield f"identifying: not a kind in references; use one of: {listed}"
    if options.personal_fields and options.body.kind != "json":
        yield 'personal_fields: only possible with body = "json"; remove them'
    codes = [*options.administrative, *options.provisional, *options.rollback]
    twice = next((code for code in codes if codes.count(code) > 1), None)
    if twice is not None:
        yield (
            f"administrative: {twice!r} is in two of the lists administrative, "
            "provisional and rollback; keep one"
        )
    if not (options.code.paths or options.text):
        yield "code: required, because text is missing too; give one of them"


def _wrong_polling(options: Options) -> Iterator[str]:
    """Yield the reasons why the requests of *options* cannot be sent."""
    poll = options.polling
    if poll is None:
        return
    for name in sorted(set(options.values) & _TAKEN):
        yield f"values.{name}: reserved name; choose another one"
    unknown = [
        problem
        for key, request in _requests(options)
        for problem in _unknown_names(key, request, options)
    ]
    yield from unknown
    for key, request in _requests(options):
        if not _is_safe(request.url, options.base_url):
            yield (
                f"{key}.url: not a safe address; write https:// and a host (http:// "
                "only for a loopback address), or {base_url}/ and set base_url"
            )
    mine = _parcel_names(poll)
    if not unknown and not needed(poll) & mine:
        yield f"polling: no placeholder names the parcel; add one of: {_listed(mine)}"
    if poll.batch and poll.batch.separator is None and _numbers_in_text(poll):
        yield (
            "polling.batch.separator: required, because {numbers} is part of a "
            'longer string; write for example ","'
        )


def _requests(options: Options) -> Iterator[tuple[str, Request]]:
    """Yield the request for parcels and the one for a token, with their keys."""
    if options.polling is not None:
        yield "polling", options.polling
        if options.polling.token is not None:
            yield "polling.token", options.polling.token


def _unknown_names(key: str, request: Request, options: Options) -> Iterator[str]:
    own, values = _own_names(request), frozenset(options.values)
    for part, template in parts(request).items():
        for name in sorted(placeholders(template) - own - values - _COMMON):
            hint = _hint(name, request) or _known(name, own, values)
            yield f"{key}.{part}: unknown placeholder {{{name}}}; {hint}"


def _known(name: str, own: frozenset[str], values: frozenset[str]) -> str:
    """Suggest a placeholder for the unknown *name*, and list the known ones."""
    meant = suggest(name, sorted(own | values | _COMMON))
    groups = [
        f"did you mean {{{meant}}}?" if meant else "",
        f"known here: {_listed(_COMMON | own - KINDS)}",
        f"of the table values: {_listed(values) or 'none'}",
        f"of the parcel: {_listed(own & KINDS)}" if own & KINDS else "",
    ]
    return "; ".join(filter(None, groups))


def _own_names(request: Request) -> frozenset[str]:
    """Return the placeholders whose value differs from call to call."""
    if not isinstance(request, Poll):
        return frozenset()
    return _parcel_names(request) | ({"token"} if request.token else set())


def _parcel_names(poll: Poll) -> frozenset[str]:
    return frozenset({NUMBERS}) if poll.batch else KINDS


def _hint(name: str, request: Request) -> str:
    """Say what is missing for a placeholder that is known in another place."""
    if not isinstance(request, Poll):
        return "a token is shared by all parcels" if name in KINDS else ""
    if name in KINDS:
        return f"with polling.batch use {{{NUMBERS}}}, which is all references"
    needs = {NUMBERS: "polling.batch", "token": "polling.token"}
    return f"it needs {needs[name]}" if name in needs else ""


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in sorted(names))


def _is_safe(url: str, base: str) -> bool:
    """Whether secrets may be sent to *url*: https, and no placeholder in the host."""
    if url.startswith("{base_url}/") and base:
        return True
    try:
        host = urlsplit(url).netloc
        base_url({"base_url": url}, "")
    except (ConfigurationError, ValueError):
        return False
    return "{" not in host


def _numbers_in_text(poll: Poll) -> bool:
    """Whether `{numbers}` is used where a list is impossible."""
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
