"""Decides what a message is for where no model reads it: a statement, a question, a request to forget, small talk.

Plain rules in English, German, French and Spanish. A message may hold several things ("I live in Ghent. Where do I
work?"): `read_intent` returns what asks for something, and `rules.py` what is told. The phrases of each language
are in its file (grammars/english.py and its siblings). Nothing is looked up here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..plain_text import comparable
from .grammar import SlotName, pattern, starting
from .grammars import GRAMMARS
from .own_words import LEFT_OUT, plain_text, without_announced_text, without_quotations
from .second_person import SPANISH_VERBS, guess_language
from .word_lists import ASKS_ABOUT_SELF, SMALL_TALK
from .words import words

__all__ = ["Intent", "Purpose", "forgets_last", "read_intent"]

# overview: "What do you know about me?"; self: a question about oneself; named: "Who is Ana?"; question: any other
# question that a memory may answer; forget, forget everything, and forget what was just said; undo: take the last
# change back; greeting, thanks, farewell, agreement; help: "What can you do?"; other: a statement, or something that
# only a model can do.
Purpose = Literal[
    "overview", "self", "named", "question", "forget", "forget all", "forget last", "undo", "greeting", "thanks",
    "farewell", "agreement", "help", "other",
]  # fmt: skip
MAX_REQUEST = 300  # characters; longer sentences are read by nobody but a model


@dataclass(frozen=True)
class Intent:
    """What a message is for, and about whom or what: the words of a question, a name, or what to forget."""

    purpose: Purpose
    about: str = ""
    language: str = "en"
    slot: SlotName | None = None  # the slot that answers a question
    alone: bool = True  # the message holds nothing else
    topic: bool = False  # asks what is known about something of the person's: "What do you know about my garden?"


def read_intent(text: str) -> Intent:
    """Return what a message asks for; of several requests the last one."""
    language = guess_language(text)
    sentences = list(_sentences(text))
    if talk := _small_talk(" ".join(sentences)):
        return Intent(talk, language=language)
    for sentence in reversed(sentences):
        found = _of_sentence(sentence, language)
        if found.purpose == "forget last" and not _is_all(found.about, text, sentences):
            found = replace(found, purpose="forget")
        if found.purpose != "other":
            return replace(found, alone=len(sentences) == 1)
    return Intent("other", language=language)


def forgets_last(text: str) -> bool:
    """Return whether a message asks to forget what was said right before it, and says nothing else."""
    return read_intent(text).purpose == "forget last"


_SENTENCE = re.compile(r"[^.!?…\n]+(?:[.!?…](?!\s|$)[^.!?…\n]*)*[.!?…]*")


def _sentences(text: str) -> Iterator[str]:
    """Yield the person's own sentences, without code, quotations and texts that a colon announces."""
    own = without_announced_text(plain_text(without_quotations(text)))
    for found in _SENTENCE.finditer(own):
        sentence = found[0].strip(" ¿¡-–—,")
        if sentence and LEFT_OUT not in sentence and len(sentence) <= MAX_REQUEST:
            yield sentence


def _of_sentence(sentence: str, language: str) -> Intent:
    bare = _OPENING.sub("", sentence).strip().rstrip(" ?!.…")
    if _asks_to_forget_last(bare):
        return Intent("forget last", bare, language)
    if forgotten := _forgotten(bare):
        return Intent("forget all" if _EVERYTHING.fullmatch(forgotten) else "forget", forgotten, language)
    if any(form.fullmatch(bare) for form in _HELP):
        return Intent("help", language=language)
    if any(form.fullmatch(bare) for form in _UNDO):
        return Intent("undo", language=language)
    if known := ASKS_ABOUT_SELF.search(bare) or next(filter(None, (form.fullmatch(bare) for form in _LISTED)), None):
        whole = not _ENDS_IN_POSSESSIVE.search(known[0])
        return Intent("overview" if whole else "self", bare, language, topic=not whole)
    slot = next((slot for slot, forms in _SLOTS if any(form.match(bare) for form in forms)), None)
    if slot or _asks_about_self(bare):
        return Intent("self", bare, language, slot)
    if name := _name_asked_for(bare):
        return Intent("named", name, language)
    asks = sentence.endswith("?") or any(form.match(bare) for form in _ASKING)
    if asks and not any(form.search(bare) for form in _REQUEST):
        return Intent("question", bare, language)
    return Intent("other", language=language)


_OPENING = re.compile(
    r"^(?:(?:so|and|but|well|ok|okay|hey|hi|hello|please|now|also|und|aber|also|hallo|bitte|et|mais|alors|"
    r"bonjour|salut|"
    r"y|pero|hola|bueno|oye|keepsake)\b[ ,!]*)+",
    re.IGNORECASE,
)

# -- small talk ------------------------------------------------------------------------------------

_GREETING = frozenset(
    "hi hello hey howdy morning afternoon evening hallo moin servus tag abend bonjour bonsoir salut coucou "
    "hola buenos "
    "buenas días tardes noches there keepsake good guten guter grüß gott again morgen nacht".split()
)
_OF_GREETINGS = frozenset(
    "hi hello hey howdy morning hallo moin servus guten bonjour bonsoir salut coucou hola buenos buenas grüß "
    "good".split()
)
_THANKS = frozenset("thanks thank thx danke dankeschön merci gracias vielen".split())
_FAREWELL = frozenset("bye goodbye tschüss tschüs ciao adieu adiós hasta revoir wiedersehen".split())
_AROUND = frozenset(
    "you so much very a lot to the schön sehr dir beaucoup bien muchas mil luego pronto mañana au auf see "
    "later soon".split()
)
_HOW_ARE_YOU = re.compile(
    r"(?:how are you|how's it going|what's up|wie geht(?:'s| es dir)|ça va|comment (?:ça va|vas-tu)|qué tal|"
    r"cómo estás)"
    r"(?: doing| today| heute| hoy)?\W*$",
    re.IGNORECASE,
)


def _small_talk(text: str) -> Purpose | None:
    """Return which small talk a message is, if it is nothing else."""
    spoken = words(text)
    if not spoken or len(spoken) > 8:
        return None
    said = set(spoken)
    rest = _HOW_ARE_YOU.sub("", text)
    if said & _THANKS and said <= _THANKS | _AROUND | SMALL_TALK:
        return "thanks"
    if said & _FAREWELL and said <= _FAREWELL | _AROUND | SMALL_TALK:
        return "farewell"
    if (rest != text or said & _OF_GREETINGS) and set(words(rest)) <= _GREETING | SMALL_TALK:
        return "greeting"
    return "agreement" if said <= SMALL_TALK else None


# -- forgetting ------------------------------------------------------------------------------------

_FORGET = (
    starting(
        r"(?:(?:please|kindly|can you|could you|would you|will you|i want you to|i'd like you to|you can|you may|"
        r"you should)\b[ ,]*)*(?:forget|delete|erase|remove)\b(?! (?:to|me not)\b)(?:,? please)? "
        r"(?:about )?(?:the fact |(?:every|any)thing (?:about|i said about) |what (?:i|you) \w+ (?:you )?about )?"
        r"(?:that (?=\w+ \w))?(?P<what>.+?)(?:,? please)?$"
    ),
    starting(
        r"(?:bitte )?(?:vergiss|vergesse|lösche?|streiche?|entferne?)\b(?: bitte)?,? (?:(?:alles|das|"
        r"was ich)? ?(?:über|mit|von) )?"
        r"(?:dass )?(?P<what>.+?)(?:,? bitte)?$",
        r"(?:kannst|könntest|würdest|willst) du (?:bitte )?(?P<asked>.+?) (?:bitte )?(?:vergessen|löschen|streichen)$",
    ),
    starting(
        r"(?:(?:s'il te plaît|s'il vous plaît|peux-tu|tu peux|pourrais-tu|veux-tu)[ ,]*)*"
        r"(?:oublie[rz]?|efface[rz]?|supprime[rz]?)\b (?:tout sur |le fait )?(?:qu(?:e |"
        r"'))?(?P<what>.+?)(?:,? s'il te plaît)?$"
    ),
    starting(
        r"(?:(?:por favor|puedes|podrías|quiero que)[ ,]*)*(?:olvid[ae](?:te)?r?|borr[ae]r?|elimin[ae]r?)\b (?:de )?"
        r"(?:todo sobre )?(?:lo de )?(?:que )?(?P<what>.+?)(?:,? por favor)?$"
    ),
)
_POLITE = re.compile(r"\W*(?:(?:to you|again|please|bitte|s'il te plaît|por favor)\W*)*", re.IGNORECASE)
_POINTING = re.compile(
    r"(?:about )?(?:it|that|this|them|das|es|dies|davon|daran|ça|cela|le|eso|esto|lo)(?: please| bitte| again)?",
    re.IGNORECASE,
)
_EVERYTHING = re.compile(
    r"(?:everything|all|it all|me|all of (?:it|this|that)|all (?:my|your) memories|alles|"
    r"alle (?:meine )?erinnerungen|mich|"
    r"tout|todo|todos mis recuerdos|tous mes souvenirs|moi)(?: (?:you (?:know|remember|have)|i (?:told|said)|"
    r"we \w+|about|"
    r"of|over|über|sur|sobre|de|was|was du|ce que tu sais|lo que sabes|me|mich|moi|mí|to you|you|weißt|again|"
    r"von mir)[ ]?)*",
    re.IGNORECASE,
)


def _is_all(request: str, text: str, sentences: Sequence[str]) -> bool:
    """Return whether a message holds nothing but a request, and a few words around it."""
    return len(sentences) == 1 and len(words(text)) <= len(words(request)) + 3


def _asks_to_forget_last(bare: str) -> bool:
    """Return whether a sentence asks to forget what was said right before, and names nothing of it."""
    asked = (grammar.forget_last.match(bare) for grammar in GRAMMARS)
    return any(found and _POLITE.fullmatch(bare, found.end()) for found in asked)


def _forgotten(bare: str) -> str:
    """Return what a sentence asks to forget, empty if it asks for nothing of the kind, or only points at something."""
    for form in _FORGET:
        if asked := form.match(bare):
            parts = asked.groupdict()
            what = (parts.get("what") or parts.get("asked") or "").strip(" ,")
            return "" if _POINTING.fullmatch(what) else what
    return ""


# -- questions -------------------------------------------------------------------------------------

_HELP = (
    pattern(
        r"(?:what can you do|how (?:does this|do you) work|help(?: me)?|what are you|who are you|"
        r"tell me about yourself)(?: for me| here)?"
    ),
    pattern(r"was kannst du(?: alles| für mich)?(?: tun)?|hilfe|wer bist du|was bist du|wie funktioniert das"),
    pattern(r"que (?:peux-tu|sais-tu) faire|qu'est-ce que tu (?:peux|sais) faire|aide|qui es-tu|comment ça marche"),
    pattern(r"qué (?:puedes|sabes) hacer|ayuda|quién eres|cómo funciona(?:s| esto)?"),
)
_UNDO = (
    pattern(
        r"(?:(?:please|no|wait|oops|can you|could you),? )*(?:(?:undo|revert)(?: (?:that|it|this|the last change))?|"
        r"(?:bring|take) (?:that|it|this) back)(?:,? please)?"
    ),
    pattern(r"(?:bitte )?(?:mach(?:e)? (?:das|es) )?(?:wieder )?rückgängig(?: machen)?(?: bitte)?|nimm das zurück"),
    pattern(r"annule(?:r|z)?(?: (?:ça|cela|le dernier changement))?|(?:remets|reviens)(?:-le)? (?:ça )?en arrière"),
    pattern(r"(?:deshaz|deshacer|deshazlo|anula|revierte)(?: (?:eso|esto|lo|el último cambio))?"),
)
_LISTED = (
    pattern(
        r"(?:show|list|tell)(?: me)? (?:all )?(?:my memories|what you (?:know|remember))|what do you (?:know|remember)"
    ),
    pattern(r"(?:zeig|nenne?)(?:e)? mir (?:meine erinnerungen|was du weißt)|was weißt du"),
    pattern(
        r"montre-moi (?:mes souvenirs|ce que tu sais)|que sais-tu|que sais-tu de moi|"
        r"qu'est-ce que tu sais(?: (?:de|sur) moi)?"
    ),
    pattern(r"muéstrame (?:mis recuerdos|lo que sabes)|qué sabes|qué recuerdas"),
)
_ENDS_IN_POSSESSIVE = re.compile(r"\b(?:my|meine?[nrs]?|mon|ma|mes|mis?)$", re.IGNORECASE)
_ASKING = (
    starting(
        r"(?:what|what'?s|where|where'?s|when|when'?s|who|who'?s|whose|which|how|why|do|does|did|am|was|were|is|"
        r"are|have|has)\b"
    ),
    starting(r"(?:was|wer|wen|wem|wo|wann|wie|welche[rsnm]?|warum|wieso|woher|wohin|bin|habe?|mag|ist|sind|hat)\b"),
    starting(
        r"(?:où|quand|quel\w*|qui|que|comment|combien|pourquoi|est-ce que|d'où|suis-je|ai-je|à quelle?|chez qui)(?!\w)|"
        r"(?:est-ce )?qu'"
    ),
    starting(r"(?:dónde|cuándo|cuál\w*|quién\w*|qué|cómo|cuánt\w*|por qué|de dónde|a qué|en qué|para quién)\b"),
)
# What is asked for is work, advice or an answer about the world, which no memory gives.
_REQUEST = (
    pattern(
        r"\b(?:should|can|could|may|might|would|shall|must) (?:i|we|you)\b|\b(?:can|could|would|will) you\b|"
        r"\bhow (?:do|does|did|can|would) (?:i|we|one|you) (?!like|take|prefer|drink|get to|feel|spell|travel|"
        r"commute)|"
        r"\bhow to\b|^(?:are|do|did|have|will|would) you\b"
    ),
    pattern(r"\b(?:soll|sollte|kann|könnte|darf|muss|müsste) (?:ich|man|wir)\b|\b(?:kannst|könntest|würdest) du\b"),
    pattern(r"\b(?:dois|puis|devrais|pourrais|peux)-(?:je|tu)\b|\bque? (?:je )?(?:dois|devrais)\b|\bpourrais-tu\b"),
    pattern(r"\b(?:debo|debería|puedo|puedes|podrías|tengo que)\b"),
)
_OF_ONESELF = (
    pattern(r"\b(?:i|i'm|i've|my|mine|myself)\b"),
    pattern(r"\b(?:ich|mein\w*|mich|mir)\b"),
    pattern(r"\b(?:je|mon|ma|mes|moi|m')\b|\bj'|-je\b"),
    pattern(r"\b(?:mi|mis|mí|yo|me)\b"),
)


def _asks_about_self(bare: str) -> bool:
    """Return whether a sentence asks something about the person that a memory may answer."""
    if any(form.search(bare) for form in _REQUEST):
        return False
    for asking, own in zip(_ASKING, _OF_ONESELF, strict=True):
        if asking.match(bare) and own.search(bare):
            return not any(form.match(bare) for form in _WHO_IS_MINE)
    # Spanish leaves the subject out: "¿Dónde vivo?"
    return bool(_ASKING[3].match(bare)) and any(word in SPANISH_VERBS for word in comparable(bare).split()[1:])


# "Who is my sister?" asks for somebody, as "Who is Ana?" does.
_WHO_IS_MINE = (
    starting(r"who(?:'?s| is| are| was) my \w+(?: \w+)?$"),
    starting(r"wer (?:ist|sind|war) meine? \w+$"),
    starting(r"qui (?:est|sont) m(?:on|a|es) \w+$"),
    starting(r"quién(?:es)? (?:es|son) mis? \w+$"),
)
_A_NAME = (
    r"(?P<name>(?!(?:the|a|an|you|your|it|this|that|he|she|they|der|die|das|du|le|la|les|el|un|una|ein|eine)\b)"
    r"[\w'-]+(?: [\w'-]+){0,2})"
)
_OR_NAME = _A_NAME.replace("<name>", "<name_1>")  # a group of a pattern needs a name of its own
_NAMED = (
    starting(
        rf"(?:who|what)(?:'?s| is| are| was) {_A_NAME}$",
        rf"(?:what (?:else )?do you (?:know|remember) about|tell me (?:something |more |all |everything )?about|"
        rf"do you (?:know|remember)|what about|who was|have i told you about|what did i (?:say|"
        rf"tell you) about) {_OR_NAME}$",
    ),
    starting(
        rf"(?:wer|was) (?:ist|sind|war) {_A_NAME}$",
        rf"(?:was weißt du (?:alles )?(?:über|von)|erzähl(?:e)? mir (?:etwas |was |mehr )?(?:über|von)|kennst du|"
        rf"was ist mit) {_A_NAME}$".replace("(?P<name>", "(?P<name_1>"),
    ),
    starting(
        rf"(?:c'est qui|qui est|qui sont|qu'est-ce que|c'est quoi) {_A_NAME}$",
        rf"(?:(?:que|qu'est-ce que tu) sais(?:-tu)? (?:de |sur |d')|parle-moi (?:de |d')|"
        rf"(?:tu )?connais(?:-tu)? ){_OR_NAME}$",
    ),
    starting(
        rf"(?:quién(?:es)?|qué) (?:es|son|era) {_A_NAME}$",
        rf"(?:qué sabes (?:de|sobre)|háblame de|cuéntame (?:algo )?(?:de|sobre)|conoces a) {_OR_NAME}$",
    ),
)


def _name_asked_for(bare: str) -> str:
    """Return about whom or what a sentence asks: a name, or "my sister"."""
    for form in _NAMED:
        if asked := form.match(bare):
            parts = asked.groupdict()
            return (parts["name"] or parts["name_1"]).strip()
    return ""


def _forms(*parts: str) -> Sequence[re.Pattern[str]]:
    return tuple(starting(part) for part in parts)


# Which slot answers a question.
_SLOTS: tuple[tuple[SlotName, Sequence[re.Pattern[str]]], ...] = (
    (
        "name",
        _forms(
            r"(?:what(?:'?s| is) my (?:\w+ )?name|what am i called|do you (?:know|remember) my name)\b",
            r"(?:wie heiße ich|wie ist mein name|(?:kennst|weißt) du (?:noch )?(?:meinen namen|wie ich heiße))\b",
            r"(?:comment (?:je m'appelle|m'appelé-je|est-ce que je m'appelle)|quel est mon (?:nom|prénom))\b",
            r"(?:cómo me llamo|cuál es mi nombre)\b",
        ),
    ),
    (
        "home",
        _forms(
            r"(?:where (?:do|am|did) i (?:\w+ )?(?:live|living|based|located|move to)|(?:which|what) (?:city|"
            r"town|country|place) "
            r"(?:do|am) i (?:live|living|from)|where(?:'?s| is) (?:my home|home))\b",
            r"(?:wo (?:wohne|lebe) ich|in welche[rm] (?:stadt|land|ort) (?:wohne|lebe) ich)\b",
            r"où (?:est-ce que )?(?:j'habite|je vis|habité-je|vis-je)\b",
            r"(?:dónde (?:es que )?vivo|en qué (?:ciudad|país) vivo)\b",
        ),
    ),
    (
        "employer",
        _forms(
            r"(?:where do i (?:\w+ )?work|(?:which|what) company do i work|who(?:m)? do i work for|who(?:'?s|"
            r" is) my employer)\b",
            r"(?:wo arbeite ich|(?:bei|für) wem? arbeite ich|wer ist mein arbeitgeber)\b",
            r"(?:où (?:est-ce que )?je travaille|pour qui (?:est-ce que )?je travaille|chez qui je travaille)\b",
            r"(?:dónde trabajo|para quién trabajo|en qué empresa trabajo)\b",
        ),
    ),
    (
        "job",
        _forms(
            r"(?:what do i (?:do(?: for (?:a living|work))?|work as)$|what(?:'?s| is) my (?:job|profession|"
            r"occupation))",
            r"(?:was (?:arbeite ich|bin ich von beruf|mache ich beruflich)|was ist mein (?:beruf|job)|"
            r"als was arbeite ich)\b",
            r"(?:quel(?:le)? est (?:mon métier|mon travail|ma profession)|qu'est-ce que je fais dans la vie)\b",
            r"(?:a qué me dedico|cuál es mi (?:trabajo|profesión)|de qué trabajo)\b",
        ),
    ),
    (
        "age",
        _forms(
            r"(?:how old am i|what(?:'?s| is) my age)\b",
            r"wie alt bin ich\b",
            r"(?:quel âge ai-je|j'ai quel âge)\b",
            r"cuántos años tengo\b",
        ),
    ),
)
