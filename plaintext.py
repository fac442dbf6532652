"""Makes text from outside safe to store and compare: no byte a database refuses, one form for each character.

It changes what a person wrote only where Postgres could not keep it; comparing forms are never stored.
"""

from __future__ import annotations

import unicodedata

__all__ = ["comparable", "storable", "tokens"]

_APOSTROPHES = str.maketrans(dict.fromkeys("’‘‛ʼ`´′＇", "'") | dict.fromkeys("“”„‟«»″＂", '"'))


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


def tokens(text: str) -> int:
    """An estimate that does not fall short: three bytes a token, so that scripts other than Latin count fully."""
    return len(text.encode("utf-8", "replace")) // 3 + 4
