"""The Portuguese pages keep up with the English ones, section by section.

Above each heading of a translation stands the digest of the English section from which
it was made. If that section changes, the check names it with its new digest: translate
the change, then write the new digest. Code blocks are the same, so the run of the
English page is theirs too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import pytest

from tests.system.test_docs import ROOT, blocks

PAGES = {
    "README.md": "docs/pt/README.md",
    "docs/quickstart.md": "docs/pt/inicio-rapido.md",
    "docs/connect-your-erp.md": "docs/pt/conectar-o-erp.md",
}
"""The translation of each English page."""

TEXT = re.compile(
    r"^(?P<fence>```.*?^```$)"
    r"|(?:^<!-- en: (?P<digest>\w+) -->\n)?^(?P<level>#+) (?P<heading>[^\n]+)$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Section:
    """A heading with what follows it up to the next one, and the digest above it."""

    heading: str
    level: int
    text: str
    made_from: str | None

    @property
    def digest(self) -> str:
        """A digest of heading and text; where lines break does not matter."""
        text = " ".join(f"{self.heading} {self.text}".split())
        return sha256(text.encode()).hexdigest()[:10]


def sections(text: str) -> Iterator[Section]:
    """Yield the sections of a page; a `#` in a code block is not a heading."""
    found = [m for m in TEXT.finditer(text) if m["heading"]]
    ends = [m.start() for m in found[1:]] + [len(text)]
    for match, end in zip(found, ends, strict=True):
        body = text[match.end() : end]
        level = len(match["level"])
        yield Section(match["heading"], level, body, match["digest"])


def outdated(english: str, translation: str) -> list[str]:
    """Return what to do for each section of which the English text has changed."""
    pairs = zip(sections(english), sections(translation), strict=False)
    return [
        f"{ours.heading!r}: {theirs.heading!r} has changed; translate it, then write "
        f"<!-- en: {theirs.digest} -->"
        for theirs, ours in pairs
        if ours.made_from != theirs.digest
    ]


@pytest.mark.parametrize("page", PAGES)
def test_a_translation_has_the_sections_of_its_page_as_they_are_now(page: str) -> None:
    english, translation = (
        (ROOT / path).read_text(encoding="utf-8") for path in (page, PAGES[page])
    )
    levels = [[s.level for s in sections(text)] for text in (english, translation)]
    assert levels[0] == levels[1], f"{PAGES[page]}: a section is missing or moved"
    assert outdated(english, translation) == [], PAGES[page]


@pytest.mark.parametrize("page", PAGES)
def test_code_is_not_translated(page: str) -> None:
    assert blocks(ROOT / PAGES[page]) == blocks(ROOT / page)


def test_every_page_in_portuguese_is_checked() -> None:
    found = {str(p.relative_to(ROOT)) for p in (ROOT / "docs/pt").glob("**/*.md")}
    assert found == set(PAGES.values())


ENGLISH = "# One\n\nText.\n\n```sh\n# no heading\n```\n\n## Two\n\nMore\ntext.\n"


def translated(english: str) -> str:
    """Return a translation that was made from *english*."""
    first, second = (section.digest for section in sections(english))
    return f"<!-- en: {first} -->\n# Um\n\n<!-- en: {second} -->\n## Dois\n"


def test_a_changed_section_is_named_and_a_moved_line_break_is_not_a_change() -> None:
    translation = translated(ENGLISH)
    assert outdated(ENGLISH, translation) == []
    assert outdated(ENGLISH.replace("More\ntext", "More text"), translation) == []
    changed = ENGLISH.replace("More", "Less")
    [message] = outdated(changed, translation)
    assert message.startswith("'Dois': 'Two' has changed")
    code = outdated(ENGLISH.replace("# no heading", "ls"), translation)
    assert [one.partition(":")[0] for one in code] == ["'Um'"]
