"""Comparing what two texts say by their words: what carries meaning, what denies, what is the same statement.

Rough on purpose and the same for every language it knows a few words of. Pure; nothing is stored in these forms.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from ..plain_text import comparable

__all__ = [
    "content_words",
    "denies",
    "invented",
    "lost",
    "new_words",
    "same_statement",
    "shares_content",
    "stands_in",
    "wording",
    "words",
]

# A script without spaces counts each sign as a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:'[^\W_]+)*")
_WORD_OR_BREAK = re.compile(_WORD.pattern + r"|[.,;:!?…()\[\]\"–—]")
# Words that only hold others together, in the languages people have used here so far. The first person is
# among them and the others are not: "he is vegetarian" says something else than "I am vegetarian".
_EMPTY = frozenset(
    "a an the and or but so of to in on at for with from by as that this these those it its is are am be been was "
    "were do does did have has had will would can could my our i me us i'm i've "
    "der die das ein eine einen einem einer und oder aber zu im in am an auf für mit von dass ist sind bin war habe "
    "hat ich es mein meine meinen meiner mir mich "
    "le la les un une des et ou mais de du à au en dans pour avec que est sont suis je j'ai mon ma mes me moi c'est "
    "el los las uno una y o pero de del a en con por para que es son soy estoy yo mi mis me "
    "il lo gli i un uno una e o ma di da in con su per che è sono io mio mia miei "
    "o os as um uma e ou mas de do da em no na com por para que é são sou eu meu minha".split()
)
_DENIAL = frozenset(
    "not no never none nothing nobody neither nor cannot hardly without kein keine keinen keiner nicht nie niemals "
    "ohne ne pas jamais rien sans aucun nunca nada sin ningún ninguna non mai niente senza não".split()
)
_JOINTS = frozenset("and but or because und aber oder weil et mais ou y pero o e ma mas".split())
_INTERJECTIONS = frozenset("oh ah well hey hi hello ok okay yes yeah um uh so ja na ach oui ben sí pues".split())


def words(text: str) -> list[str]:
    """The words of a text in their comparable form."""
    return _WORD.findall(comparable(text))


def content_words(text: str) -> set[str]:
    """The words that carry what a text says."""
    return {word for word in words(text) if word not in _EMPTY and word not in _INTERJECTIONS}


def denies(text: str) -> bool:
    """Whether a text says that something is not so."""
    return any(map(_is_denial, words(text)))


def shares_content(quote: str, text: str) -> bool:
    """Whether a quote can prove a text: it says something, in words that the text is about."""
    told = [word for word in words(quote) if word not in _INTERJECTIONS]
    return len(told) >= 2 and any(_alike(one, other) for one in content_words(quote) for other in content_words(text))


def stands_in(quote: str, said: str) -> bool:
    """Whether a quote stands in what was said, as whole words, and not without the "not" before it."""
    wanted = words(quote)
    given = _words_and_breaks(said)
    spoken = [word for word, _ in given]
    for start in range(len(spoken) - len(wanted) + 1):
        here = wanted and spoken[start : start + len(wanted)] == wanted
        if here and (denies(quote) or not _denied_before(given, start)):
            return True
    return False


def _words_and_breaks(said: str) -> list[tuple[str, bool]]:
    """Each word, and whether a clause begins with it."""
    tokens = _WORD_OR_BREAK.findall(comparable(said.replace("\n", " . ")))
    found: list[tuple[str, bool]] = []
    begins = True
    for token in tokens:
        if _WORD.fullmatch(token):
            found.append((token, begins))
        begins = not _WORD.fullmatch(token) or token in _JOINTS
    return found


def _denied_before(given: list[tuple[str, bool]], start: int) -> bool:
    """Whether one of the few words before, in the same clause, turns what follows into its opposite."""
    for position in range(start, max(-1, start - 4), -1):
        word, begins = given[position]
        if position < start and _is_denial(word):
            return True
        if begins:
            return False
    return False


def _is_denial(word: str) -> bool:
    return word in _DENIAL or word.endswith("n't")


def same_statement(one: str, other: str) -> bool:
    """Whether two texts say the same in the same words, empty ones aside; their order may differ."""
    return content_words(one) == content_words(other) != set() and denies(one) == denies(other)


def _alike(one: str, other: str) -> bool:
    """The same word, endings aside."""
    if one == other:
        return True
    stem = max(3, min(len(one), len(other)) - 2)
    return min(len(one), len(other)) >= 3 and one[:stem] == other[:stem]


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
    return {word for word in words(text) if word not in _GLUE and not any(_same_wording(word, each) for each in known)}


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
        if name not in there and not (opens and any(_same_wording(name, word) for word in plain)):
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


def _same_wording(one: str, other: str) -> bool:
    """The same word, one ending aside; a word with a digit has no ending."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    stem = len(shorter) - 1 if shorter.endswith("e") else len(shorter)
    plain = shorter.isalpha() and longer.isalpha() and len(shorter) >= 3
    return plain and stem >= 3 and longer.startswith(shorter[:stem]) and len(longer) - stem <= 3
