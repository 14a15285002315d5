"""Mask personal data in carriers' texts: numbers, addresses and names of recipients.

The rules are data, in `mask_rules.toml`. A text without personal data is returned as it
is, so that what VTEX shows already stays equal to it.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.resources import files
from itertools import islice
from typing import Annotated, Final
from unicodedata import combining, normalize

from pydantic import BaseModel, ConfigDict, Field

from relay.domain.fiscal import cnpj

MASK: Final = "***"
LONGEST_NAME: Final = 8
"""In words; what follows is left as it is."""
FEWEST_DIGITS: Final = 4
"""A text with fewer has no number of a person; most texts have none."""
MOST_WORDS: Final = 16
"""Words that are looked at after a phrase: titles, roles and the name."""

Words = Annotated[tuple[str, ...], Field(min_length=1)]
Span = tuple[int, int]


class NameRules(BaseModel):
    """After which phrases a name follows, and which words are not part of one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    after: Words
    after_or_place: Words
    labels: Words
    titles: frozenset[str]
    roles: frozenset[str]
    particles: frozenset[str]
    not_names: frozenset[str]


class MaskRules(BaseModel):
    """The rules as in the file; patterns match texts without accents and case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patterns: Mapping[str, str]
    checked: Mapping[str, str]
    documents: Mapping[str, Words]
    identifiers: Mapping[str, Words]
    names: NameRules

    @classmethod
    def load(cls) -> "MaskRules":
        """Load the rules of this package."""
        file = files(__package__).joinpath("mask_rules.toml")
        return cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


RULES: Final = MaskRules.load()


def masked(text: str, known: Collection[str] = ()) -> str:
    """Return *text* with `***` in place of personal data.

    *known* are values of the shipment that stay: its numbers, the city of the event.
    """
    composed = normalize("NFC", text)
    folded = _folded(composed)
    kept = {_plain(value) for value in known} - {""}
    numbers = _joined(_numbers(folded, kept))
    spans = _joined([*numbers, *_names(composed, folded, numbers, kept)])
    if not spans:
        return text
    parts, end = [], 0
    for start, stop in spans:
        parts += [composed[end:start], MASK]
        end = stop
    return "".join([*parts, composed[end:]])


def _folded(text: str) -> str:
    """Return *text* in lower case without accents, character by character."""
    return text.translate(_FOLDS)


class _Folds(dict[int, str]):
    """The folded form of each character that was met, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        base = [c for c in normalize("NFKD", char.lower()) if not combining(c)]
        folded = " " if char.isspace() else base[0] if len(base) == 1 else char
        self[code] = folded
        return folded


def _plain(value: str) -> str:
    return re.sub(r"[\W_]+", "", _folded(value))


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return *spans* in order, overlapping ones as one."""
    found: list[Span] = []
    for start, stop in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found


def _numbers(folded: str, kept: Collection[str]) -> Iterator[Span]:
    """Yield where numbers and addresses of persons are."""
    if "@" not in folded and sum(map(str.isdigit, folded)) < FEWEST_DIGITS:
        return
    for pattern in _PATTERNS:
        for match in pattern.finditer(folded):
            if not _identifies_parcel(folded, match.span(), kept):
                yield match.span()
    for kind, pattern in _CHECKED:
        for match in pattern.finditer(folded):
            if _CHECKS[kind](match[0]) and not _identifies_parcel(
                folded, match.span(), kept
            ):
                yield match.span()
    for match in _DOCUMENT.finditer(folded):
        if _plain(match["value"]) not in kept:
            yield match.span("value")


def _identifies_parcel(folded: str, span: Span, kept: Collection[str]) -> bool:
    """Whether a number is the shipment's own, or follows a word such as "pedido"."""
    plain = _plain(folded[span[0] : span[1]])
    if any(plain in value for value in kept):
        return True
    return _IDENTIFIER.search(folded[max(0, span[0] - 40) : span[0]]) is not None


def _names(
    composed: str, folded: str, numbers: list[Span], kept: Collection[str]
) -> Iterator[Span]:
    """Yield where names of recipients are; *numbers* are masked already."""
    mixed = any(c.islower() for c in composed)
    hidden = _hidden(folded, numbers)
    for match in _INTRODUCTION.finditer(hidden):
        capital = mixed and match["weak"] is not None and ":" not in match["gap"]
        span = _name(composed, hidden, match.end(), capital=capital)
        if span is not None and _plain(folded[span[0] : span[1]]) not in kept:
            yield span


def _hidden(folded: str, numbers: Iterable[Span]) -> str:
    """Return *folded* with `*` in place of masked numbers, of the same length."""
    chars = list(folded)
    for start, stop in numbers:
        chars[start:stop] = "*" * (stop - start)
    return "".join(chars)


def _name(composed: str, folded: str, at: int, *, capital: bool) -> Span | None:
    """Return where the name that begins at *at* is, or None if no name follows.

    With *capital* its words need capital letters.
    """
    names, start, end, count = RULES.names, None, at, 0
    for span in islice(_words(folded, at), MOST_WORDS):
        word = _text(folded, span)
        if start is None and word in names.titles:
            continue
        if start is None and word in names.roles:
            # After a role, other small words are as common as a name.
            capital = capital or composed != composed.upper()
            continue
        if start is not None and word in names.particles:
            continue
        ends = not {word, word.split("-")[0]}.isdisjoint(_NEVER)
        small = capital and not composed[span[0]].isupper()
        if count == LONGEST_NAME or small or (ends and not _is_initial(folded, span)):
            break
        start, end, count = (span[0] if start is None else start), span[1], count + 1
    return None if start is None else (start, end)


def _words(folded: str, at: int) -> Iterator[Span]:
    """Yield the words from *at* that follow each other with blanks only."""
    while (match := _WORD.match(folded, at)) is not None:
        yield match.span("word")
        at = match.end()


def _is_initial(folded: str, span: Span) -> bool:
    """Whether a word is a letter with a dot, as in "P. Reis"."""
    return span[1] - span[0] == 2 and folded[span[1] - 1] == "."  # noqa: PLR2004


def _text(folded: str, span: Span) -> str:
    return folded[span[0] : span[1]].strip(".")


def _is_cpf(digits: str) -> bool:
    """Whether the two check digits of a CPF are right; eleven equal digits are not one.

    Each is modulo 11, weights from 2 upwards from the right (Receita Federal).
    """
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        weighted = sum(int(d) * (length + 1 - n) for n, d in enumerate(digits[:length]))
        if int(digits[length]) != weighted * 10 % 11 % 10:
            return False
    return True


def _is_cnpj(digits: str) -> bool:
    try:
        return bool(cnpj(digits))
    except ValueError:
        return False


def _any_of(phrases: Iterable[str]) -> str:
    """Return the pattern of *phrases*, longer ones first."""
    longest_first = sorted(set(phrases), key=len, reverse=True)
    escaped = (re.escape(phrase) for phrase in longest_first)
    return "|".join(e.replace(r"\ ", r"\ +").replace(":", r"\ *:") for e in escaped)


_FOLDS: Final = _Folds()
_NEVER: Final = RULES.names.not_names | RULES.names.roles
_CHECKS: Final = {"cpf": _is_cpf, "cnpj": _is_cnpj}
_PATTERNS: Final = [re.compile(pattern) for pattern in RULES.patterns.values()]
_CHECKED: Final = [(k, re.compile(p)) for k, p in RULES.checked.items()]
_DOCUMENT: Final = re.compile(
    rf"\b(?:{_any_of(RULES.documents['words'])})\b"
    r"(?: *(?:n[o.]{1,2}|num|numero|final))?[ .:#=/-]{0,4}"
    r"(?P<value>[+(]?[*x]*\d[\d.()*x -]{2,22}[\dkx*](?:/\d{4}-\d{2})?)(?!\w)"
)
_IDENTIFIER: Final = re.compile(
    rf"\b(?:{_any_of(RULES.identifiers['words'])})\b"
    r"(?: *(?:n[o.]{1,2}|num|numero))?[ .:#=/-]{0,4}$"
)
_INTRODUCTION: Final = re.compile(
    rf"\b(?:(?P<sure>{_any_of(RULES.names.after)})"
    rf"|(?:{_any_of(RULES.names.labels)})(?= *[:=]| +- )"
    rf"|(?P<weak>{_any_of(RULES.names.after_or_place)}))(?![^\W_])"
    r"(?P<gap>[ .:=(/\u2013\u2014-]{0,20}(?:\*+[ ,:=/\u2013\u2014-]{0,10})?)"
)
_WORD: Final = re.compile(
    r" {0,3}(?P<word>[^\W\d_](?:[^\W\d_]|['\u2019-](?=[^\W\d_]))*"
    r"(?:(?<=\b\w)\.|(?<=\b\w\w)\.)?)"
)
