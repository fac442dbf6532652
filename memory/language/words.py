"""Comparing what two texts say by their words: what carries meaning, what denies, what is the same statement.

Rough on purpose and the same for every language it knows a few words of. Pure; nothing is stored in these forms.
"""

from __future__ import annotations

import re

from memory.plain_text import comparable

__all__ = ["content_words", "denies", "same_statement", "shares_content", "stands_in", "words"]

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
