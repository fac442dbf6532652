"""What may be said anew without saying something else: wordings that are one statement, what a rewording adds or loses.

Stricter than words.py, because something is taken away on its word: when in doubt, two texts are two
statements, and a rewording has changed something. Pure, and about words only; it knows nothing of vectors.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from memory.language.words import denies, words
from memory.plain_text import comparable

__all__ = ["invented", "lost", "new_words", "wording"]

_CONTRACTED = {
    "i'm": "i am", "i've": "i have", "i'll": "i will", "we're": "we are", "we've": "we have", "we'll": "we will",
    "they're": "they are", "they've": "they have", "can't": "can not", "cannot": "can not", "won't": "will not",
}  # fmt: skip
_ARTICLES = frozenset(("a", "an", "the"))
_STRESS = frozenset(("really", "truly", "definitely"))
_BEFORE_WORDS = " \t\n\"'“„«(¿¡"
_ENDS = (".", "!", "?", ":")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_COUNT = frozenset(
    "zero two three four five six seven eight nine ten eleven twelve hundred thousand once twice half both "
    "zwei drei vier fünf sechs sieben acht neun zehn deux trois quatre cinq sept huit neuf dix "
    "dos tres cuatro cinco siete ocho nueve diez due tre quattro cinque dois três".split()
)
_NAME = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*\d*")
# Words that open a sentence, with a capital letter, and are nobody's name.
_OPENERS = frozenset(
    "i the a an he she it they we my our his her their this these both all also and but when since "
    "ich der die das er sie es wir mein meine beide je j'ai il elle nous le la les mon ma mes "
    "yo el los las mi mis mia mio io o a eu meu minha".split()
)
# What a summary needs to join its parents' words, and what says nothing by itself.
_GLUE = frozenset(
    "a an the and or as well also both but who which that is are am be was were has have had i me my of to in on at "
    "for with from by it its they them their he she his her we our s "
    "der die das den dem ein eine einen und oder auch sowie sowohl ich mein meine ist sind bin hat habe zu im mit von "
    "le la les un une des et ou aussi je mon ma mes est sont suis ai de du à en avec qui que "
    "el los las uno una y o también yo mi mis es son soy que con il lo gli i e anche io mio mia sono di "
    "um uma os as também eu meu minha são sou do da com".split()
)


def wording(text: str, language: str | None = None) -> tuple[str, ...]:
    """The words of a statement in their order; two texts with the same are the same statement.

    Only what cannot change a meaning is left out: the full stop, a sentence's capital letter, contractions,
    and in English articles and stress. Every other word, sign or capital letter makes a difference.
    """
    found = _spelled(text)
    if language is not None and not language.lower().startswith("en"):
        return tuple(found)
    bare = [word for word, after in zip(found, [*found, ""][1:], strict=True) if not _is_article(word, after)]
    return tuple(bare if denies(text) else [word for word in bare if word not in _STRESS])


def invented(text: str, parents: Iterable[str]) -> set[str]:
    """The numbers and names in a text that none of its parents has."""
    return _missing(text, " . ".join(parents))


def lost(text: str, parents: Iterable[str]) -> set[str]:
    """The numbers and names of the parents that a text no longer has, and "not" where it denies other than they do."""
    told = list(parents)
    denials = {denies(each) for each in (*told, text)}
    missing = {mark for parent in told for mark in _missing(parent, text)}
    return missing | ({"not"} if len(denials) > 1 else set())


def new_words(text: str, parents: Iterable[str]) -> set[str]:
    """The words of a text that none of its parents has, endings and joining words aside."""
    known = {word for parent in parents for word in words(parent)}
    return {word for word in words(text) if word not in _GLUE and not any(_alike(word, each) for each in known)}


def _spelled(text: str) -> list[str]:
    """The words in their comparable form, contractions opened, a capital letter kept where it may mean a name."""
    folded = comparable(text).rstrip(".! ").split()
    written = unicodedata.normalize("NFKC", text).rstrip(".! ").split()
    if len(folded) != len(written):  # nothing is known of the capitals then
        written = folded
    found: list[str] = []
    begins = True
    for word, spelled in zip(folded, written, strict=True):
        opened = _opened(word)
        if spelled[:1].isupper() and not begins and opened[0] != "i":
            opened[0] = opened[0][:1].upper() + opened[0][1:]
        found += opened
        begins = spelled.endswith(_ENDS)
    return found


def _opened(word: str) -> list[str]:
    if word in _CONTRACTED:
        return _CONTRACTED[word].split()
    if word.endswith("n't") and len(word) > 3:
        return [word.removesuffix("n't"), "not"]
    return [word]


def _is_article(word: str, after: str) -> bool:
    """Not the letter in "hepatitis A", nor what makes "a few" of "few"."""
    return word in _ARTICLES and after not in ("", "few", "little", "lot", "bit")


def _missing(text: str, known: str) -> set[str]:
    """The numbers and names of one text that another does not have."""
    there = {comparable(word) for word in _NAME.findall(known)} | set(words(known))
    plain = {word for word in _NAME.findall(known) if word == word.lower()}
    marks = (set(_NUMBER.findall(text)) - set(_NUMBER.findall(known))) | ((set(words(text)) & _COUNT) - there)
    for name, opens in _names(text):
        # "Likes tea" opens with no name where the other says "I like tea".
        if name not in there and not (opens and any(_alike(name, word) for word in plain)):
            marks.add(name)
    return marks


def _names(text: str) -> Iterator[tuple[str, bool]]:
    """Words with a capital letter, and whether a sentence begins with them."""
    for match in _NAME.finditer(text):
        name = comparable(match.group())
        if match.group() == match.group().lower() or name in _OPENERS:
            continue
        before = match.start() - 1
        while before >= 0 and text[before] in _BEFORE_WORDS:
            before -= 1
        yield name, before < 0 or text[before] in _ENDS


def _alike(one: str, other: str) -> bool:
    """The same word, one ending aside; a word with a digit has no ending."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    stem = len(shorter) - 1 if shorter.endswith("e") else len(shorter)
    plain = shorter.isalpha() and longer.isalpha() and len(shorter) >= 3
    return plain and stem >= 3 and longer.startswith(shorter[:stem]) and len(longer) - stem <= 3
