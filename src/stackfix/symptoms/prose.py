"""Whether an error is told of, as a FAQ, a list of changes or a table of a manual does, and was not printed here."""

from __future__ import annotations

import re

from stackfix.symptoms.text import Text

_BEFORE = 200
_TOLD = re.compile(
    r"\b(?:if|when|in case|should) you (?:see|get|encounter|receive|run into|face|hit|experience)\b"
    r"|\b(?:if|in case) (?:an?|the|this)(?: following)? (?:error|message|warning)[^\n]{0,40} (?:occurs|appears|is shown)"
    r"|^\s{0,8}[-*+•] (?:\[?[A-Z]{2,8}\]? )?(?:fix|fixe[sd]|add|adds|added|change[sd]?|remove[sd]?|improve[sd]?|avoid|handle|prevent)\b"
    r"|\bfixe[sd] (?:an? |the )?(?:issue|bug|error|crash|problem|regression)"
    r"|^\s{0,8}(?:Q(?:uestion)?\d{0,3}|\d{1,2}\.) ?[:.)] ?(?:why|what|how|i get|error)",
    re.IGNORECASE | re.MULTILINE,
)
_ROW = re.compile(r"^\s{0,8}\|[^|\n]{0,200}`[^|\n]{1,300}\|[^\n]{0,400}\|\s{0,4}$")
_HEADING = re.compile(r"^#{2,6} ", re.MULTILINE)
_MANY = 3


def is_told_of(text: Text, match: re.Match[str]) -> bool:
    """Return whether a match stands in prose that tells of an error.

    That is: after "if you see", in a list of changes, in a row of a manual's table, or in a heading of a text that has
    many headings and no traceback.
    """
    start = text.text.rfind("\n", max(0, match.start() - _BEFORE), match.start()) + 1
    start = start or max(0, match.start() - _BEFORE)
    earlier = max(0, text.text.rfind("\n", max(0, start - _BEFORE), max(0, start - 1)) + 1)
    if _TOLD.search(text.text, earlier, match.start()):
        return True
    end = text.text.find("\n", match.end(), match.end() + 2 * _BEFORE)
    line = text.text[start : end if end >= 0 else match.end() + 2 * _BEFORE]
    if _ROW.match(line):
        return True
    return bool(_HEADING.match(line)) and "Traceback (most" not in text.text and _many_headings(text)


def _many_headings(text: Text) -> bool:
    return sum(1 for _ in _HEADING.finditer(text.text, 0, 1 << 16)) >= _MANY
