"""Makes text safe to store, to compare and to export, and estimates its tokens.

Text is changed for storing only where Postgres could not store it. Forms for comparing are never stored.
"""

from __future__ import annotations

import re
import shlex
import unicodedata

__all__ = ["cell", "comparable", "shell_word", "storable", "tokens", "uncelled"]

_APOSTROPHES = str.maketrans(dict.fromkeys("’‘‛ʼ`´′＇", "'") | dict.fromkeys("“”„‟«»″＂", '"'))
# Characters that begin a formula in a spreadsheet, also in their full-width forms.
_FORMULA = frozenset("=+-@＝＋－＠")


def storable(text: str) -> str:
    """Replace NUL characters and lone surrogates, which Postgres cannot store."""
    if text.isascii() and "\x00" not in text:  # the common case, which has to be fast
        return text
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return text.encode("utf-8", "replace").decode() if any("\ud800" <= c <= "\udfff" for c in text) else text


def comparable(text: str) -> str:
    """Return a form in which case, spacing, apostrophes and Unicode forms make no difference."""
    folded = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def shell_word(name: str) -> str:
    """Return a name of somebody else's making for a command that is shown to be copied: a shell runs nothing of it."""
    if re.fullmatch(r"[\w@.:/ +-]+", name, re.ASCII):
        return f'"{name}"'
    if name.isprintable():
        return shlex.quote(name)
    return "$'" + "".join(c if c.isprintable() and c not in "'\\" else f"\\U{ord(c):08x}" for c in name) + "'"


def cell(text: str) -> str:
    """Return a text for a cell of a CSV file, which no spreadsheet takes for a formula.

    A text that could be a formula gets an apostrophe in front, which spreadsheets read as "this is text".
    """
    shown = "".join(each for each in storable(text) if each in "\t\n\r" or unicodedata.category(each) != "Cc")
    # Spreadsheets ignore invisible characters before a formula.
    begins = next((each for each in shown if not each.isspace() and unicodedata.category(each) != "Cf"), "")
    return f"'{shown}" if begins in _FORMULA or shown[:1] in {"\t", "\r", "\n"} else shown


def uncelled(shown: str) -> str:
    """Return the text that `cell` was given."""
    return shown[1:] if shown[:1] == "'" and cell(shown[1:]) == shown else shown


def tokens(text: str) -> int:
    """Estimate the tokens of a text, rather too high: one for three bytes, in any script."""
    return len(text.encode("utf-8", "replace")) // 3 + 4
