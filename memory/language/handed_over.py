"""Finds the texts that a person hands over with a message: mails, letters, articles, and what they want worked on.

`without_handed_over` leaves out what stands under a clear sign. `without_doubtful` also leaves out what only might be
pasted: it serves where a mistake would be worst. Quotations, code and announcements with a colon are found by
own_words.py; the words of each language are in the grammars.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .grammars import GRAMMARS
from .word_lists import SMALL_TALK
from .words import words

__all__ = ["LEFT_OUT", "blank", "without_doubtful", "without_handed_over"]

LEFT_OUT = "\ufffc"
MAX_INSTRUCTING = 600  # characters; a longer text of one's own teaches no instruction
MAX_ASKED_ABOUT = 200  # characters; a longer text with a question under it may be what the question is about
MAX_LINES = 10
MAX_SENTENCE = 300  # characters of a sentence that are read

# The head of a mail, or the line that a mail program puts above a quoted or a forwarded one.
_MAIL_HEAD = re.compile(
    r"""
      ^[ ]*-{2,}\ ?(?:original|forwarded|begin\ forwarded|ursprüngliche|weitergeleitete|message|mensaje|forward)\b.*$
    | ^[ ]*(?:begin\ forwarded\ message|anfang\ der\ weitergeleiteten|début\ du\ message|inicio\ del\ mensaje)\b.*$
    | ^[ ]*[*_]{0,2}(?:from|von|de|expéditeur|remitente|subject|betreff|objet|asunto|sent|gesendet|envoyé|enviado
        |to|an|à|para|date|datum|fecha|cc|fwd?|wg|tr|rv|re|aw)[*_]{0,2}\ ?:.*\n
        [ ]*[*_]{0,2}(?:from|von|de|expéditeur|remitente|subject|betreff|objet|asunto|sent|gesendet|envoyé|enviado
        |to|an|à|para|date|datum|fecha|cc)[*_]{0,2}\ ?:
    | ^[ ]*(?:subject|betreff|objet|asunto|fwd?|wg)\ ?:.*$
    | ^[ ]*(?:on|am|le|el)\b.{3,80}(?:wrote|schrieb.{0,60}|a\ écrit|escribió)\ ?:
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_LINE = re.compile(r"[^\n]*")
_SENTENCE = re.compile(r".+?(?:[.!?…:]+(?=\s|\Z)|$)", re.MULTILINE)
_ITEM = re.compile(r"[^\S\n]*(?:[-*•–—·]|\d{1,2}[.)]|[a-z][.)])\s+\S")
# What pages have, and people do not type: headings, tables, tags, the lines at the foot.
_PAGE = re.compile(
    r"""
      ^\#{1,6}\ \S | ^\|.*\|\s*$ | </?[a-z][a-z0-9]*(?:\ [^<>]*)?> | ^(?:={3,}|-{3,}|\*{3,}|_{3,})\s*$ | ©
    | \b(?:all\ rights\ reserved|unsubscribe|abmelden|abbestellen|se\ désabonner|darse\ de\ baja|view\ in\ browser
        |privacy\ policy|datenschutz|mentions\ légales|aviso\ legal|cookies?|read\ more|weiterlesen|lire\ la\ suite
        |leer\ más|sent\ from\ my|gesendet\ von\ meinem|envoyé\ de\ mon|enviado\ desde\ mi)\b
    | (?:\S\ [|·›»]\ \S.*){2}
    """,
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
# A line that a mail program or a page broke: it goes on in the next one, in the middle of a sentence.
_BROKEN_LINE = re.compile(r"^[^\n]{45,}[^\s.!?…:;](?: ?\n)(?=[a-zäöüßà-ÿ])", re.MULTILINE)


class _Sentence(NamedTuple):
    start: int
    end: int
    line: int  # the position where its line starts
    text: str


def without_handed_over(text: str) -> str:
    """Blank out what stands under a clear sign: mails, letters, and texts that are announced or to be worked on."""
    text = _without_mail(text)
    for sentence in _sentences(text):
        if not _hands_over(sentence.text):
            continue
        below = text[sentence.end :].partition("\n")[2]
        above = _says_something(text[: sentence.line])
        if _says_something(below) or (not above and _says_something(text[sentence.end :])):
            return text[: sentence.end] + blank(text[sentence.end :])
        text = blank(text[: sentence.line]) + text[sentence.line :]
    return text


def without_doubtful(text: str) -> str:
    """Blank out whatever might not be typed by the person: rather too much than too little."""
    text = _without_letter(_without_mail(text))
    for sentence in _sentences(text):
        if _hands_over(sentence.text) or _asks_about(sentence.text):
            before = sentence.line if _says_something(text[sentence.end :]) else sentence.start
            text = blank(text[:before]) + text[before : sentence.end] + blank(text[sentence.end :])
            break
    text = _without_text_asked_about(_without_lists(text))
    return blank(text) if _looks_pasted(text) else text


def blank(text: str) -> str:
    """Replace each character by one that is no word, so that positions stay as they are; lines stay lines."""
    return "".join("\n" if each == "\n" else LEFT_OUT for each in text)


def _without_mail(text: str) -> str:
    """Blank out everything from the head of a mail, and a letter with its opening and its close."""
    if head := _MAIL_HEAD.search(text):
        text = text[: head.start()] + blank(text[head.start() :])
    opening, close = _opening(text), _close(text)
    if opening is not None and close is not None and opening < close:
        return text[:opening] + blank(text[opening:close]) + _after_signature(text, close)
    return text


def _after_signature(text: str, close: int) -> str:
    """Return what follows the close of a letter; the close itself and the name under it are blanked out."""
    end = text.find("\n\n", close)
    end = len(text) if end < 0 else end
    return blank(text[close:end]) + text[end:]


def _without_letter(text: str) -> str:
    """Blank out a text that is opened or closed like a letter."""
    opening, close = _opening(text), _close(text)
    if opening is not None:
        text = text[:opening] + blank(text[opening:])
    return blank(text) if opening is None and close is not None else text


def _opening(text: str) -> int | None:
    """Return where the line stands that opens a letter."""
    return _first_line(text, [grammar.letter_opening for grammar in GRAMMARS])


def _close(text: str) -> int | None:
    """Return where the line stands that closes a letter."""
    return _first_line(text, [grammar.letter_close for grammar in GRAMMARS])


def _first_line(text: str, forms: Sequence[re.Pattern[str]]) -> int | None:
    lines = ((line.start(), line[0].strip()[:MAX_SENTENCE]) for line in _LINE.finditer(text))
    return next((start for start, line in lines if line and any(form.match(line) for form in forms)), None)


def _sentences(text: str) -> Iterator[_Sentence]:
    for found in _SENTENCE.finditer(text):
        if said := found[0].strip(" \t" + LEFT_OUT):
            line = text.rfind("\n", 0, found.start()) + 1
            yield _Sentence(found.start(), found.end(), line, said[:MAX_SENTENCE])


def _hands_over(sentence: str) -> bool:
    return not _instructs(sentence) and any(grammar.handing_over.search(sentence) for grammar in GRAMMARS)


def _asks_about(sentence: str) -> bool:
    return not _instructs(sentence) and any(grammar.asking_about.search(sentence) for grammar in GRAMMARS)


def _instructs(sentence: str) -> bool:
    """Return whether a sentence says how to answer from now on: then it asks for no work on a text."""
    return "?" not in sentence and any(grammar.instruction.match(sentence) for grammar in GRAMMARS)


def _says_something(text: str) -> bool:
    """Return whether a text says more than thanks."""
    return LEFT_OUT in text or not SMALL_TALK.issuperset(words(text))


def _without_lists(text: str) -> str:
    """Blank out lists of two items or more."""
    lines = text.split("\n")
    items = {number for number, line in enumerate(lines) if _ITEM.match(line)}
    if len(items) < 2:
        return text
    return "\n".join(blank(line) if number in items else line for number, line in enumerate(lines))


def _without_text_asked_about(text: str) -> str:
    """Blank out what follows the line of a question, and a long text before a question that ends the message."""
    lines = text.rstrip().split("\n")
    asked = next((number for number, line in enumerate(lines) if line.rstrip(f" {LEFT_OUT}").endswith("?")), None)
    if asked is None:
        return text
    before = "\n".join(lines[:asked])
    if asked == len(lines) - 1 and len(before) > MAX_ASKED_ABOUT:
        return blank(before) + text[len(before) :]
    kept = len("\n".join(lines[: asked + 1]))
    return text[:kept] + blank(text[kept:])


def _looks_pasted(text: str) -> bool:
    """Return whether a text has the shape of a page, a mail or an article: longer than what people ask in passing."""
    own = text.replace(LEFT_OUT, "")
    lines = [line for line in own.split("\n") if line.strip()]
    return (
        len(own.strip()) > MAX_INSTRUCTING
        or len(lines) > MAX_LINES
        or _PAGE.search(own) is not None
        or _BROKEN_LINE.search(own) is not None
    )
