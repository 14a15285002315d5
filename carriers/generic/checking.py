"""Options that are valid one by one: whether they agree, and can do what they say."""

from collections.abc import Iterator, Sequence
from typing import Final

from carriers.generic.options import Options
from carriers.generic.poll_checking import KINDS, secrets_used, wrong_polling
from carriers.generic.signature import Unsigned
from carriers.generic.templates import placeholders
from relay.adapters.options import base_url
from relay.errors import ConfigurationError

_NO_PROOF: Final = (
    "signature: it is missing, so the secret proves nothing; describe it, "
    'or remove the secret and set verification = "url", "polling_only" or "none"'
)


def contradictions(options: Options, secrets: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with *options* as a whole, by its key.

    *secrets* are the contract's own.
    """
    yield from _wrong_reading(options)
    if options.base_url:
        try:
            base_url({"base_url": options.base_url}, "")
        except ConfigurationError as error:
            yield str(error)
    unknown = sorted(placeholders(options.page) - KINDS)
    if unknown:
        there = ", ".join(f"{{{kind}}}" for kind in sorted(KINDS))
        yield f"page: there is no {{{unknown[0]}}}; there are: {there}"
    used = secrets_used(options)
    if any(secrets) and isinstance(options.signature, Unsigned) and not used:
        yield _NO_PROOF
    if used and not any(secrets):
        place, name = used[0]
        yield f"secret: it is missing; {place} uses {{{name}}}"
    yield from wrong_polling(options)


def _wrong_reading(options: Options) -> Iterator[str]:
    kinds = {rule.kind for rule in options.references}
    if options.identifying_kind not in kinds:
        there = ", ".join(sorted(kinds))
        yield f"identifying: no reference is of that kind; there are: {there}"
    if options.personal_fields and options.body.kind != "json":
        yield 'personal_fields: they can be cut only from body = "json"'
    listed = [*options.administrative, *options.provisional, *options.rollback]
    twice = next((code for code in listed if listed.count(code) > 1), None)
    if twice is not None:
        yield f"administrative: {twice!r} is in two lists of codes"
    if not (options.code.paths or options.text):
        yield "code: neither a code nor a text says what happened"
