"""Turns what people say about themselves into words said to them: "I live in Ghent" becomes "you live in Ghent".

English, French, German and Spanish. Only sentences with one plain verb of the first person are turned; for all others
the answer is None, and the caller quotes the person instead. A sentence about somebody else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ..plain_text import comparable
from .own_words import plain_text

__all__ = ["SPANISH_VERBS", "guess_language", "said_in_first_person", "speaks_of_self", "to_second_person"]

LANGUAGES = ("en", "de", "fr", "es")


def to_second_person(text: str, language: str) -> str | None:
    """Return the statement in the second person, without the full stop at its end; None where the rules cannot."""
    plain = " ".join(plain_text(text).split()).rstrip(" .!")
    turn = _TURN.get(language)
    return turn(plain) if turn and plain else None


def speaks_of_self(text: str) -> bool:
    """Return whether the person speaks of themselves, or of what is theirs: "I", "my sister", "oops, mein Bruder"."""
    return said_in_first_person(text) or bool(_THEIRS.match(plain_text(text).strip()))


def said_in_first_person(text: str) -> bool:
    """Return whether the person speaks of themselves as the subject, in any of the languages: "I", "ich", "vivo"."""
    plain = plain_text(text).strip()
    first = comparable(plain).split()[:3]
    return bool(_SUBJECT.match(plain)) or any(word in SPANISH_VERBS for word in first)


def guess_language(text: str) -> str:
    """Return the language whose small words a text has most; English where none has any."""
    spoken = re.findall(r"[^\W\d_]+", comparable(plain_text(text)))
    spoken[1:] = [word for word in spoken[1:] if word != "was"]  # English as often as German, but as a first word
    counts = {language: sum(word in _SMALL_WORDS[language] for word in spoken) for language in LANGUAGES}
    return max(LANGUAGES, key=lambda language: (counts[language], language == "en"))


_SMALL_WORDS: Mapping[str, frozenset[str]] = {
    "en": frozenset(
        "i my me i'm im ive the what who where when how is are do does did you about and in of to that forget know "
        "live hello hi thanks please tell".split()
    ),
    "de": frozenset(
        "ich mein meine meinen meiner mich mir bin der die das den dem ein eine was wer wo wann wie ist sind du über "
        "und im zu dass vergiss bitte nicht hallo danke weißt heiße wohne von dich".split()
    ),
    "fr": frozenset(
        "je j ai suis mon ma mes moi le les la un une des qui que quoi où quand comment est sont tu sur et dans à au "
        "oublie sais bonjour salut merci du habite".split()
    ),
    "es": frozenset(
        "yo mi mis me soy estoy tengo vivo el los las un una qué quién dónde cuándo cómo es son tú sobre y en que "
        "olvida sabes hola gracias por favor de llamo".split()
    ),
}
_SUBJECT = re.compile(
    r"(?:[^.!?]{0,30}, ?)?(?:i|i'?m|i'?ve|i'd|i'll|we|we're|we've|ich|wir|je|j'|nous|yo|nosotros)\b", re.I
)

_THEIRS = re.compile(
    r"(?:[^.!?]{0,30}, ?|\w{1,4} )?(?:my|our|im|ive|mein\w*|unser\w*|mon|ma|mes|notre|nos|mi|mis|nuestr[oa]s?)\b", re.I
)

# -- English ---------------------------------------------------------------------------------------

_ENGLISH_WORDS = {
    "i": "you", "i'm": "you're", "i've": "you've", "i'd": "you'd", "i'll": "you'll", "am": "are", "me": "you",
    "my": "your", "mine": "yours", "myself": "yourself", "im": "you're", "ive": "you've",
    "our": "your", "ours": "yours",
}  # fmt: skip
# "You" in the statement is somebody else, and "we" may be.
_ENGLISH_UNCLEAR = re.compile(r"\b(?:you|your|yours|yourself|we|we're|we've|us|let's)\b", re.I)
_ENGLISH_WAS = re.compile(r"\bI( (?:\w+ly |also |never |always )?)was(n't)?\b", re.I)
_ENGLISH_WORD = re.compile(r"[\w]+(?:'[\w]+)?")


def _english(text: str) -> str | None:
    if _ENGLISH_UNCLEAR.search(text):
        return None
    text = _ENGLISH_WAS.sub(r"I\1were\2", text)
    return _ENGLISH_WORD.sub(lambda found: _ENGLISH_WORDS.get(found[0].lower(), found[0]), text)


# -- German ----------------------------------------------------------------------------------------

_GERMAN_WORDS = {
    "ich": "du", "mich": "dich", "mir": "dir", "mein": "dein", "meine": "deine", "meinen": "deinen",
    "meinem": "deinem", "meiner": "deiner", "meines": "deines",
}  # fmt: skip
_GERMAN_VERBS = {
    "bin": "bist", "war": "warst", "habe": "hast", "hab": "hast", "hatte": "hattest", "mag": "magst",
    "möchte": "möchtest", "kann": "kannst", "will": "willst", "muss": "musst", "darf": "darfst", "soll": "sollst",
    "weiß": "weißt", "werde": "wirst", "wurde": "wurdest", "esse": "isst", "spreche": "sprichst", "lese": "liest",
    "fahre": "fährst", "schlafe": "schläfst", "trage": "trägst", "laufe": "läufst", "sehe": "siehst",
    "nehme": "nimmst", "gebe": "gibst", "helfe": "hilfst", "treffe": "triffst", "vergesse": "vergisst",
    "heiße": "heißt", "halte": "hältst", "wasche": "wäschst", "backe": "backst", "ging": "gingst", "kam": "kamst",
}  # fmt: skip
_GERMAN_UNCLEAR = re.compile(r"\b(?:du|dich|dir|dein\w*|wir|uns|unser\w*|ihr|euch)\b", re.I)
# The verb stands after "ich" or before it; another one may follow after "und".
_GERMAN_VERB = re.compile(r"\b(?:ich (?P<after>[a-zäöüß]+)|(?P<before>[A-Za-zäöüßÄÖÜ]+) ich)\b", re.I)
_SECOND_VERB = re.compile(r"\b(?:und|aber|oder) (?!ich\b)[a-zäöüß]+e\b")


def _german(text: str) -> str | None:
    verbs = list(_GERMAN_VERB.finditer(text))
    if _GERMAN_UNCLEAR.search(text) or (verbs and _SECOND_VERB.search(text)):
        return None
    for found in reversed(verbs):
        group = "before" if found["before"] and _german_verb(found["before"]) else "after"
        verb = found[group] and _german_verb(found[group])
        if not verb:
            return None
        text = text[: found.start(group)] + verb + text[found.end(group) :]
    return re.sub(r"[^\W\d_]+", lambda found: _cased(found[0], _GERMAN_WORDS.get(found[0].lower())), text)


def _german_verb(verb: str) -> str | None:
    known = _GERMAN_VERBS.get(verb.lower())
    if known or not verb.lower().endswith("e") or len(verb) < 4:
        return _cased(verb, known) if known else None
    if verb.endswith(("le", "re")) and verb[-3] in "mndglktbp":  # sammle, wandre
        return f"{verb[:-2]}e{verb[-2]}st"
    stem = verb[:-1]
    if stem.endswith(("d", "t", "chn", "ffn", "gn", "tm")):
        return stem + "est"
    return stem + ("t" if stem.endswith(("s", "ß", "z", "x")) else "st")


def _cased(was: str, now: str | None) -> str:
    if now is None:
        return was
    return now[0].upper() + now[1:] if was[0].isupper() else now


# -- French ----------------------------------------------------------------------------------------

_FRENCH_WORDS = {"mon": "ton", "ma": "ta", "mes": "tes", "moi": "toi", "me": "te", "m'": "t'"}
_FRENCH_VERBS = {"suis": "es", "ai": "as", "vais": "vas", "peux": "peux", "veux": "veux", "dois": "dois"}
_FRENCH_UNCLEAR = re.compile(r"\b(?:tu|te|toi|ton|ta|tes|nous|notre|nos|vous)\b|\bt'", re.I)
_FRENCH_VERB = re.compile(r"\b(?P<je>je |j')(?P<small>(?:n'|ne |m'|me |y |en )*)(?P<verb>[a-zà-ÿ]+)", re.I)
_FRENCH_SECOND = re.compile(
    r"\b(?:et|mais|ou) (?!je\b|j')(?:[a-zà-ÿ]+e|suis|ai|vais)\b (?:à|en|dans|chez|au|comme|le|la|les)\b"
)


def _french(text: str) -> str | None:
    verbs = list(_FRENCH_VERB.finditer(text))
    if _FRENCH_UNCLEAR.search(text) or (verbs and _FRENCH_SECOND.search(text)):
        return None
    for found in reversed(verbs):
        verb = found["verb"].lower()
        turned = _FRENCH_VERBS.get(verb) or (f"{verb}s" if verb.endswith("e") else verb if verb[-1] in "sx" else None)
        if turned is None:
            return None
        text = f"{text[: found.start()]}{_cased(found['je'], 'tu')} {found['small']}{turned}{text[found.end() :]}"
    words = re.sub(r"\bm'", "t'", text)
    return re.sub(r"[^\W\d_]+", lambda found: _cased(found[0], _FRENCH_WORDS.get(found[0].lower())), words)


# -- Spanish ---------------------------------------------------------------------------------------

# The subject is left out, so the verb says who speaks: those that people use of themselves.
SPANISH_VERBS = {
    "soy": "eres", "estoy": "estás", "tengo": "tienes", "vivo": "vives", "trabajo": "trabajas", "llamo": "llamas",
    "prefiero": "prefieres", "odio": "odias", "amo": "amas", "adoro": "adoras", "hablo": "hablas",
    "estudio": "estudias", "como": "comes", "bebo": "bebes", "tomo": "tomas", "uso": "usas", "juego": "juegas",
    "toco": "tocas", "canto": "cantas", "bailo": "bailas", "pinto": "pintas", "fumo": "fumas", "corro": "corres",
    "nado": "nadas", "escalo": "escalas", "cocino": "cocinas", "conduzco": "conduces", "creo": "crees",
    "sufro": "sufres", "padezco": "padeces", "voy": "vas", "vengo": "vienes", "quiero": "quieres",
    "necesito": "necesitas", "aprendo": "aprendes", "enseño": "enseñas", "colecciono": "coleccionas", "leo": "lees",
    "duermo": "duermes", "viajo": "viajas", "nací": "naciste", "crecí": "creciste", "compré": "compraste",
    "empecé": "empezaste", "dejé": "dejaste", "adopté": "adoptaste", "terminé": "terminaste", "he": "has",
    "llevo": "llevas", "practico": "practicas", "dedico": "dedicas", "puedo": "puedes", "sé": "sabes",
    "era": "eras", "estaba": "estabas", "tenía": "tenías", "vivía": "vivías", "mudé": "mudaste", "casé": "casaste",
}  # fmt: skip
_SPANISH_WORDS = {"mi": "tu", "mis": "tus", "me": "te", "mí": "ti", "conmigo": "contigo", "yo": "tú"}
_SPANISH_UNCLEAR = re.compile(r"\b(?:tú|tu|tus|te|ti|nosotros|nuestr\w+|nos|vosotros)\b", re.I)
_SPANISH_OPENING = re.compile(r"(?:yo |(?:no|ya no|nunca|siempre|también|ahora) )*(?:me )?(?P<verb>[a-záéíóúñ]+)", re.I)
# Where these open a statement, the verb is not the person's: "Mi hermana vive", "Me gusta el té".
_SPANISH_OTHERS = re.compile(r"(?:mis? \w+|(?:no )?me (?:gusta|encanta|interesa|duele)n?)\b", re.I)


def _spanish(text: str) -> str | None:
    if _SPANISH_UNCLEAR.search(text):
        return None
    if not _SPANISH_OTHERS.match(text):
        opening = _SPANISH_OPENING.match(text)
        verb = SPANISH_VERBS.get(opening["verb"].lower()) if opening else None
        if opening is None or verb is None:
            return None
        rest = text[opening.end() :]
        # A second verb after "y" would stay in the first person.
        if any(word in SPANISH_VERBS for word in re.findall(r"\by (?:me )?(\w+)", rest)):
            return None
        text = text[: opening.start("verb")] + _cased(opening["verb"], verb) + rest
    return re.sub(r"[^\W\d_]+", lambda found: _cased(found[0], _SPANISH_WORDS.get(found[0].lower())), text)


_TURN: Mapping[str, Callable[[str], str | None]] = {
    "en": _english,
    "de": _german,
    "fr": _french,
    "es": _spanish,
}
