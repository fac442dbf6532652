"""Compares texts by their words: which words carry meaning, which deny, whether two statements are the same.

The first functions are for quotes and near-repeats, where word order and endings may differ. The others are stricter,
for merging and summarising. The rules are rough, and the same for all languages of word_lists.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from ..plain_text import comparable
from .word_lists import (
    ARTICLES,
    CONJUNCTIONS,
    CONTRACTIONS,
    DENIALS,
    EMPTY_WORDS,
    INTERJECTIONS,
    NUMBER_WORDS,
    ONE_WORD_LANGUAGES,
    SENTENCE_OPENERS,
    STRESS,
    SUMMARY_WORDS,
)

__all__ = [
    "can_prove",
    "content_words",
    "denies",
    "invented",
    "lost",
    "new_words",
    "repeats",
    "same_statement",
    "same_word",
    "stands_in",
    "states_in_one_word",
    "wording",
    "words",
]

# In scripts without spaces each character counts as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:'[^\W_]+)*")
_WORD_OR_BREAK = re.compile(_WORD.pattern + r"|[.,;:!?…()\[\]\"–—]")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*\d*")
_SENTENCE_ENDS = (".", "!", "?", ":")
_BETWEEN_SENTENCES = " \t\n\"'“„«(¿¡"  # what may stand between the end of a sentence and the next word


def words(text: str) -> list[str]:
    """Return the words of a text in their comparable form."""
    return _WORD.findall(comparable(text))


def content_words(text: str) -> set[str]:
    """Return the words that carry the meaning of a text."""
    return {word for word in words(text) if _carries_meaning(word)}


def denies(text: str) -> bool:
    """Return whether a text denies something."""
    return any(map(_is_denial, words(text)))


def _is_denial(word: str) -> bool:
    return word in DENIALS or word.endswith("n't")


def same_statement(one: str, other: str) -> bool:
    """Return whether two texts have the same content words, in any order, and both or neither deny something."""
    return content_words(one) == content_words(other) != set() and denies(one) == denies(other)


# -- quotes ----------------------------------------------------------------------------------------


_CLAUSE_END = re.compile(r"[.,;:!…()\[\]\n]|\b(?:" + "|".join(ONE_WORD_LANGUAGES.values()) + r")\b")
MIN_QUOTE_WORDS = 2  # interjections do not count


def can_prove(quote: str, text: str) -> bool:
    """Return whether a quote can prove a text: it has two words or more, and shares a content word with the text."""
    spoken = [word for word in words(quote) if word not in INTERJECTIONS]
    in_text = content_words(text)
    return len(spoken) >= MIN_QUOTE_WORDS and any(
        _same_stem(one, other) for one in content_words(quote) for other in in_text
    )


def states_in_one_word(quote: str, text: str, said: str, language: str | None) -> bool:
    """Return whether one word is a whole clause of a message, and the whole text: "öğretmenim", I am a teacher.

    That can only be so in languages whose words say who does or is something.
    """
    own = words(quote)
    spoken_there = (language or "").split("-")[0].lower() in ONE_WORD_LANGUAGES
    if not spoken_there or len(own) != 1 or own != words(text) or not content_words(text):
        return False
    clauses = _CLAUSE_END.split(comparable(said))
    return any(words(each) == own for each in clauses if not any(mark in each for mark in "?\"“”«»'"))


def _same_stem(one: str, other: str) -> bool:
    """Return whether two words differ at most in their last two letters."""
    if one == other:
        return True
    stem = max(3, min(len(one), len(other)) - 2)
    return min(len(one), len(other)) >= 3 and one[:stem] == other[:stem]


def stands_in(quote: str, said: str) -> bool:
    """Return whether a message contains a quote, as whole words and without a "not" right before it."""
    wanted, spoken = words(quote), _words_with_clauses(said)
    first = wanted[0] if wanted else None
    return any(
        [other for other, _ in spoken[start : start + len(wanted)]] == wanted
        and (denies(quote) or not _denied_before(spoken, start))
        for start, (word, _) in enumerate(spoken)
        if word == first
    )


_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])\s+|\n+")
FREE_WORDS = 2  # that may stand between the words of a statement when it is made again


def repeats(statement: str, said: str) -> bool:
    """Return whether a message makes a statement again: in a sentence that says the same, or within one.

    Within a sentence, its content words must follow each other in their order, near each other and denied alike. A
    question makes no statement.
    """
    own = words(statement)
    wanted = [(place, word) for place, word in enumerate(own) if _carries_meaning(word)]
    sentences = [each for each in _SENTENCE_END.split(said) if not each.rstrip().endswith(("?", "？"))]
    if len(wanted) < 2:
        return any(same_statement(statement, each) for each in sentences)
    longest = wanted[-1][0] - wanted[0][0] + FREE_WORDS
    return any(
        same_statement(statement, each) or _holds(words(each), [word for _, word in wanted], longest, denies(statement))
        for each in sentences
    )


def _carries_meaning(word: str) -> bool:
    return word not in EMPTY_WORDS and word not in INTERJECTIONS


def _holds(spoken: list[str], wanted: list[str], longest: int, denied: bool) -> bool:
    """Return whether a sentence has these words in this order, at most so far apart, and denied or not."""
    for start, word in enumerate(spoken):
        if not same_word(word, wanted[0]):
            continue
        end, place = start + longest, start
        for each in wanted[1:]:
            place = next((n for n in range(place + 1, min(end + 1, len(spoken))) if same_word(spoken[n], each)), -1)
            if place < 0:
                break
        if place > 0 and any(map(_is_denial, spoken[max(0, start - 3) : place + 1])) == denied:
            return True
    return False


@lru_cache(maxsize=8)  # every proposal of a turn asks about the same message
def _words_with_clauses(said: str) -> tuple[tuple[str, bool], ...]:
    """Return each word, and whether a clause begins with it."""
    clauses: list[tuple[str, bool]] = []
    begins = True
    for token in _WORD_OR_BREAK.findall(comparable(said.replace("\n", " . "))):
        is_word = _WORD.fullmatch(token) is not None
        if is_word:
            clauses.append((token, begins))
        begins = not is_word or token in CONJUNCTIONS
    return tuple(clauses)


def _denied_before(clauses: Sequence[tuple[str, bool]], start: int) -> bool:
    """Return whether one of the three words before `start`, in the same clause, denies what follows."""
    for position in range(start, max(-1, start - 4), -1):
        word, begins = clauses[position]
        if position < start and _is_denial(word):
            return True
        if begins:
            return False
    return False


# -- merging and summarising -----------------------------------------------------------------------


def wording(text: str, language: str | None = None) -> tuple[str, ...]:
    """Return the words of a statement in order; two texts with the same wording are the same statement.

    Only differences that cannot change the meaning are removed: the full stop, the capital letter of a sentence,
    contractions, and in English articles and stress. Every other word, sign or capital letter counts.
    """
    spelled = _spelled(text)
    if language is not None and not language.lower().startswith("en"):
        return tuple(spelled)
    bare = [word for word, after in zip(spelled, [*spelled, ""][1:], strict=True) if not _is_article(word, after)]
    return tuple(bare if denies(text) else [word for word in bare if word not in STRESS])


def invented(text: str, parents: Iterable[str]) -> set[str]:
    """Return the numbers and names in a text that none of its parents has."""
    return _missing(text, " . ".join(parents))


def lost(text: str, parents: Iterable[str]) -> set[str]:
    """Return the numbers and names of the parents that a text lacks; also "not" if only some of the texts deny."""
    originals = list(parents)
    denials = {denies(each) for each in (*originals, text)}
    missing = {mark for parent in originals for mark in _missing(parent, text)}
    return missing | ({"not"} if len(denials) > 1 else set())


def new_words(text: str, parents: Iterable[str]) -> set[str]:
    """Return the words of a text that none of its parents has; endings and joining words do not count."""
    known = {word for parent in parents for word in words(parent)}
    return {
        word for word in words(text) if word not in SUMMARY_WORDS and not any(same_word(word, one) for one in known)
    }


def _spelled(text: str) -> list[str]:
    """Return comparable words with contractions written out; words that may be names keep their capital letter."""
    folded = comparable(text).rstrip(".! ").split()
    written = unicodedata.normalize("NFKC", text).rstrip(".! ").split()
    if len(folded) != len(written):  # then the words with capital letters cannot be matched
        written = folded
    spelled: list[str] = []
    begins = True
    for word, original in zip(folded, written, strict=True):
        parts = _written_out(word)
        if original[:1].isupper() and not begins and parts[0] != "i":
            parts[0] = parts[0][:1].upper() + parts[0][1:]
        spelled += parts
        begins = original.endswith(_SENTENCE_ENDS)
    return spelled


def _written_out(word: str) -> list[str]:
    if word in CONTRACTIONS:
        return CONTRACTIONS[word].split()
    if word.endswith("n't") and len(word) > 3:
        return [word.removesuffix("n't"), "not"]
    return [word]


def _is_article(word: str, after: str) -> bool:
    """Return whether a word is an article, not the letter in "hepatitis A" or a part of "a few"."""
    return word in ARTICLES and after not in ("", "few", "little", "lot", "bit")


def _missing(text: str, known: str) -> set[str]:
    """Return the numbers and names of one text that another does not have."""
    names = _NAME.findall(known)
    present = {comparable(word) for word in names} | set(words(known))
    lower_case = {word for word in names if word == word.lower()}
    marks = set(_NUMBER.findall(text)) - set(_NUMBER.findall(known))
    marks |= (set(words(text)) & NUMBER_WORDS) - present
    for name, opens in _names(text):
        # "Likes" in "Likes tea" is no name if the other text says "I like tea".
        if name not in present and not (opens and any(same_word(name, word) for word in lower_case)):
            marks.add(name)
    return marks


def _names(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the words with a capital letter, and whether a sentence begins with each."""
    for match in _NAME.finditer(text):
        name = comparable(match.group())
        if match.group() == match.group().lower() or name in SENTENCE_OPENERS:
            continue
        before = match.start() - 1
        while before >= 0 and text[before] in _BETWEEN_SENTENCES:
            before -= 1
        yield name, before < 0 or text[before] in _SENTENCE_ENDS


def same_word(one: str, other: str) -> bool:
    """Return whether two words differ only in an ending; a word with a digit has no ending."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    stem = len(shorter) - 1 if shorter.endswith("e") else len(shorter)
    letters = shorter.isalpha() and longer.isalpha() and len(shorter) >= 3
    return letters and stem >= 3 and longer.startswith(shorter[:stem]) and len(longer) - stem <= 3
