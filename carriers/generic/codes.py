"""The meaning of codes and texts, by the contract's `codes` and `text_rules`."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Self
from unicodedata import combining, normalize

from pydantic import BeforeValidator, InstanceOf, model_validator

from relay.adapters.codes import UNKNOWN, CodeRow
from relay.adapters.denials import denies_delivery
from relay.adapters.texts import may_deliver, names_return, normalised
from relay.domain.events import FINAL, MAY_END, Effect, Milestone, Reason, Value

_BACK: Final = frozenset({Milestone.RETURNING, Milestone.RETURNED})
_ZEROS: Final = re.compile(r"0+(?=[0-9])")


def _pattern(text: Any) -> re.Pattern[str]:
    """Compile *text* for normalised texts: without accents, any case."""
    letters = normalize("NFKD", text) if isinstance(text, str) else "("
    try:
        bare = "".join(c for c in letters if not combining(c))
        return re.compile(bare, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None


Pattern = Annotated[InstanceOf[re.Pattern[str]], BeforeValidator(_pattern)]


class TextRule(Value):
    """The meaning of a text: `contains` a part of it, or `matches` all of it.

    With `trusted`, a delivery by it is published without an operator.
    """

    contains: str = ""
    matches: Pattern | None = None
    milestone: Milestone
    reason: Reason | None = None
    effect: Effect = Effect.NORMAL
    trusted: bool = False

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(normalised(self.contains)) == bool(self.matches):
            raise ValueError("give either contains or matches")
        if self.contains and self.milestone in FINAL:
            raise ValueError(
                f"contains cannot mean {self.milestone}, because 'not delivered' "
                "would match too; use matches, for the whole text"
            )
        if self.trusted and self.milestone is not Milestone.DELIVERED:
            raise ValueError("trusted is for delivered only; remove it")
        return self

    def fits(self, text: str) -> bool:
        """Whether the rule applies to the normalised *text*.

        A text that means a return, or denies a delivery, is never delivered. No
        `contains` rule for another milestone applies to one that means a return.
        """
        if self.milestone is Milestone.DELIVERED and not _may_be_delivery(text):
            return False
        if self.matches:
            return bool(self.matches.fullmatch(text))
        onward = self.milestone not in _BACK
        return normalised(self.contains) in text and not (onward and names_return(text))

    @property
    def row(self) -> CodeRow:
        """The rule's meaning, as a row of a code table."""
        row = CodeRow(milestone=self.milestone, reason=self.reason, effect=self.effect)
        return row if self.trusted else row.by_text()


def _may_be_delivery(text: str) -> bool:
    return may_deliver(text) and not denies_delivery(text)


class CodeMapping:
    """Maps a code to a row; a code without a row is mapped by the text rules."""

    def __init__(
        self,
        rows: Mapping[str, CodeRow],
        rules: Iterable[TextRule],
        effects: Mapping[str, Effect],
        *,
        strip_zeros: bool,
    ) -> None:
        self._strip = strip_zeros
        self._rows = {self.normalised(code): row for code, row in rows.items()}
        self._effects = {self.normalised(code): e for code, e in effects.items()}
        # Rules for returns come first: a return mentions the delivery, too.
        self._rules = sorted(rules, key=lambda rule: rule.milestone not in _BACK)

    def normalised(self, code: str) -> str:
        """Return *code* without leading zeros, if `strip_zeros` is set."""
        number = self._strip and code.isascii() and code.isdigit()
        return _ZEROS.sub("", code, count=1) if number else code

    def row(self, code: str, text: str) -> CodeRow:
        """Return the meaning of a normalised *code* that comes with *text*."""
        row = self._rows.get(code) or self.by_text(text)
        effect = self._effects.get(code)
        # A code that is only listed as provisional does not say "delivered" itself.
        if effect is None or (row.effect is Effect.TEXT_ONLY and effect in MAY_END):
            return row
        # The lists of codes by effect are a mapping, too: the code is not unknown.
        return CodeRow.model_validate(dict(row) | {"effect": effect})

    def by_text(self, text: str) -> CodeRow:
        """Return the meaning of *text* alone; one without a rule is unknown."""
        text = normalised(text)
        fitting = (rule.row for rule in self._rules if text and rule.fits(text))
        return next(fitting, UNKNOWN)
