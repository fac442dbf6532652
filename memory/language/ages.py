"""Adds the month to a statement of somebody's age: "I am 34 years old" is true for a year, "(March 2026)" for good.

Only plain statements of a present age are recognised, in English, German, French and Spanish. A statement that names a
year, or says when ("when I was 12 years old"), stays as it is.
"""

from __future__ import annotations

import re
from datetime import datetime

__all__ = ["with_month", "without_month"]

_ENDS = r"(?=\s*(?:$|[.,;:!)]|(?:and|but|und|aber)\b))"
_ADVERB = r"(?:(?:now|just|already|only|almost|currently|jetzt|gerade|schon|erst|fast|inzwischen) )?"
_AGE = re.compile(
    rf"""
      (?:\b(?:am|is|are)|['’](?:m|s|re)|\baged)\s+{_ADVERB}[\w-]+[ -]years?[ -]old\b
    | (?:\bI(?:['’]m|\ am)|\bI(?:\ have|['’]ve)?(?:\ just)?\ turned)\s+{_ADVERB}\d{{1,3}}\b{_ENDS}
    | \b(?:bin|ist|sind)\s+{_ADVERB}[\w-]+\ Jahre\ alt\b
    | \b(?:ich\ bin|bin)\s+{_ADVERB}\d{{1,3}}\b{_ENDS}
    | (?:\bj['’]ai|\b(?:a|ont|avons))\s+(?:maintenant\ )?[\w-]+\ ans\b(?!\ d)
    | \b(?:tengo|tiene|tienen|tenemos)\s+(?:ya\ )?[\w-]+\ años\b(?!\ de\b)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_DATED = re.compile(
    r"\b(?:19|20)\d\d\b|\b(?:when|if|until|till|before|once|after|als|wenn|bis|bevor|nachdem|sobald|quand|si|avant|"
    r"jusqu|cuando|hasta|antes)\b",
    re.IGNORECASE,
)
_MONTH = re.compile(r" \((?:[^\W\d_]{3,10} (?:de )?\d{4}|\d{4}-\d\d)\)(?=[.!]*$)")


def with_month(text: str, at: datetime, language: str | None) -> str:
    """Return a statement with the month in which it was made behind it, if it states an age and names no time."""
    if not _AGE.search(text) or _DATED.search(text):
        return text
    bare = text.rstrip(".! ")
    return f"{bare} ({_named(at, language)}){text[len(bare) :].rstrip()}"


def without_month(text: str) -> str:
    """Return a statement without the month that `with_month` put behind it."""
    return _MONTH.sub("", text)


def _named(at: datetime, language: str | None) -> str:
    """Return a month in words of a language, or else as ISO 8601 has it."""
    from .grammars import GRAMMARS  # loads the patterns of four languages

    grammar = next((each for each in GRAMMARS if each.language == (language or "")[:2].lower()), None)
    if grammar is None:
        return f"{at:%Y-%m}"
    month = grammar.months[at.month - 1]
    name = month.capitalize() if grammar.language in ("en", "de") else month
    return f"{name} de {at.year}" if grammar.language == "es" else f"{name} {at.year}"
