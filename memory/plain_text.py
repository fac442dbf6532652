"""Makes text from outside safe to store, to compare and to export: no byte a database refuses, no formula.

It changes what a person wrote only where Postgres could not keep it; comparing forms are never stored.
"""

from __future__ import annotations

import unicodedata

__all__ = ["cell", "comparable", "storable", "tokens", "uncelled"]

_APOSTROPHES = str.maketrans(dict.fromkeys("’‘‛ʼ`´′＇", "'") | dict.fromkeys("“”„‟«»″＂", '"'))
# What makes a spreadsheet take a cell for a formula, in the width it may also be written in.
_FORMULA = frozenset("=+-@＝＋－＠")


def storable(text: str) -> str:
    """The text without NUL characters and lone surrogates, which no Postgres text can hold."""
    if text.isascii() and "\x00" not in text:  # most texts, many times in a bulk
        return text
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return text.encode("utf-8", "replace").decode() if any("\ud800" <= c <= "\udfff" for c in text) else text


def comparable(text: str) -> str:
    """A form in which case, spacing, apostrophes and Unicode spelling make no difference."""
    folded = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def cell(text: str) -> str:
    """Text for a cell of a CSV file: a spreadsheet shows it and computes nothing from it.

    What could begin a formula gets an apostrophe in front, which spreadsheets take for "this is text".
    """
    shown = "".join(each for each in storable(text) if each in "\t\n\r" or unicodedata.category(each) != "Cc")
    # Past what is not seen, since spreadsheets look past it, too.
    begins = next((each for each in shown if not each.isspace() and unicodedata.category(each) != "Cf"), "")
    return f"'{shown}" if begins in _FORMULA or shown[:1] in {"\t", "\r", "\n"} else shown


def uncelled(shown: str) -> str:
    """The text that `cell` made this of."""
    return shown[1:] if shown[:1] == "'" and cell(shown[1:]) == shown else shown


def tokens(text: str) -> int:
    """An estimate that does not fall short: three bytes a token, so that scripts other than Latin count fully."""
    return len(text.encode("utf-8", "replace")) // 3 + 4
