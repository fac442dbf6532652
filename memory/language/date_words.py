"""The words of each language for weekdays, seasons, feasts and spans of time, and the short names of months.

Each word is a part of a regular expression; dates/spans.py builds the expressions. The whole names of the months, and
the words for single days (yesterday, the day before yesterday), come from the grammars.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .grammar import Grammar
from .grammars.english import ENGLISH
from .grammars.french import FRENCH
from .grammars.german import GERMAN
from .grammars.spanish import SPANISH

__all__ = ["ANY_MONTH", "FEASTS", "LANGUAGES", "MONTHS", "UNITS", "DateWords"]

FEASTS = ("christmas", "new year's eve", "new year", "easter", "halloween", "valentine", "thanksgiving")
UNITS = ("day", "week", "month", "year")
_SHORT_MONTHS = {
    **{name: number for number, name in enumerate("jan feb mar apr - jun jul aug sep oct nov dec".split(), 1)},
    **{"sept": 9, "okt": 10, "dez": 12, "janv": 1, "févr": 2, "juil": 7, "déc": 12, "maerz": 3, "setiembre": 9},
}


@dataclass(frozen=True)
class DateWords:
    """How one language names times.

    Weekdays begin with Monday, seasons with spring; feasts and units are in the order of `FEASTS` and `UNITS`.
    """

    grammar: Grammar
    article: str
    leads: str  # words that make a date of a bare month, season, feast or weekday behind them
    opening: tuple[tuple[str, str], ...]  # leads that open a span (since, before, after, until) or join two ends (from)
    joins: str  # between the two ends of a span
    neutral: str  # a lead that adds no meaning
    weekdays: tuple[str, ...]
    seasons: tuple[str, ...]
    feasts: tuple[str, ...]
    weekend: str
    units: tuple[str, ...]
    before: tuple[tuple[str, str], ...]  # last, this and next, before their noun
    behind: tuple[tuple[str, str], ...]  # the same, after their noun
    numbers: tuple[tuple[str, int], ...]  # 0 is "a few"
    ago: str  # {n} {unit} before today
    ahead: str  # {n} {unit} after today
    recent: str  # the last {n} {unit}, up to today
    more_days: tuple[tuple[str, int], ...]  # beside those of the grammar: yesterday, the day before yesterday, …
    year: str  # words before the number of a year
    alone: str = ""  # where a weekday needs no lead: a check of the words before it


_ENGLISH = "two three four five six seven eight nine ten eleven twelve".split()
_GERMAN = "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split()
_FRENCH = "deux trois quatre cinq six sept huit neuf dix onze douze".split()
_SPANISH = "dos tres cuatro cinco seis siete ocho nueve diez once doce".split()


def _numbers(names: list[str], *more: tuple[str, int]) -> tuple[tuple[str, int], ...]:
    return (*more, *((name, number) for number, name in enumerate(names, 2)))


ENGLISH_WORDS = DateWords(
    grammar=ENGLISH,
    article=r"(?:the\s+)?(?:month\s+of\s+)?",
    leads=r"(?:back\s+in|in|during|throughout|around|over|by|of|on|at|for|early|mid|late|early\s+in|late\s+in)\s+",
    opening=(
        (r"since\s+", "since"),
        (r"before\s+", "before"),
        (r"after\s+", "after"),
        (r"(?:until|till)\s+", "until"),
        (r"(?:from|between)\s+", "from"),
    ),
    joins=r"\s+(?:and|to|until|till|through)\s+|\s*[-–]\s*",
    neutral="in ",
    weekdays=("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    seasons=("spring", "summer", "autumn|fall", "winter"),
    feasts=(
        r"christmas(?!\s+(?:eve\s+)?(?:tree|card|song|market|present|cake|jumper))(?:\s+(?:day|eve))?|xmas",
        r"new\s+year's\s+eve",
        r"new\s+year(?:'?s)?(?:\s+day)?",
        "easter",
        "hallowe'?en",
        r"valentine'?s?(?:\s+day)?",
        "thanksgiving",
    ),
    weekend="weekend",
    units=("days?", "weeks?", "months?", "years?"),
    before=((r"(?:last|this\s+past|the\s+past|previous)", "last"), ("this", "this"), (r"(?:next|coming)", "next")),
    behind=(),
    numbers=_numbers(_ENGLISH, (r"an?", 1), ("one", 1), (r"(?:a\s+)?couple\s+of", 2), (r"(?:a\s+)?few|several", 0)),
    ago=r"{n}\s+{unit}\s+ago",
    ahead=r"\bin\s+{n}\s+{unit}(?:'s?\s+time)?",
    recent=r"(?:in|over|during|within)\s+the\s+(?:last|past)\s+{n}\s+{unit}",
    more_days=((r"\blast\s+night\b", -1), (r"\bthis\s+(?:afternoon|evening)\b|\btonight\b", 0)),
    year=r"(?:(?:in|during|throughout|of|by|early|mid|late|around|mid-)\s*(?:the\s+year\s+)?|\bthe\s+year\s+)",
)
GERMAN_WORDS = DateWords(
    grammar=GERMAN,
    article=r"(?:(?:de[rmns]|die|das)\s+)?",
    leads=r"(?:im|in|am|an|zum|zu|um|über|übers|während|anfang|ende|mitte|für|des)\s+",
    opening=(
        (r"(?:seit|ab)\s+", "since"),
        (r"vor\s+", "before"),
        (r"nach\s+", "after"),
        (r"bis(?:\s+zum)?\s+", "until"),
        (r"(?:von|vom|zwischen)\s+", "from"),
    ),
    joins=r"\s+(?:und|bis(?:\s+zum)?)\s+|\s*[-–]\s*",
    neutral="im ",
    weekdays=("montag", "dienstag", "mittwoch", "donnerstag", "freitag", "samstag|sonnabend", "sonntag"),
    seasons=("frühling|frühjahr", "sommer", "herbst", "winter"),
    feasts=(
        "weihnachten|heiligabend",
        "silvester",
        "neujahr",
        "ostern",
        "halloween",
        "valentinstag",
        "erntedank(?:fest)?",
    ),
    weekend="wochenende",
    units=("tag(?:en?)?", "wochen?", "monat(?:en?)?|monats", "jahr(?:en?)?|jahres"),
    before=(
        (r"(?:letzt|vorig|vergangen)e[nmrs]?", "last"),
        (r"diese[nmrs]?", "this"),
        (r"(?:nächst|kommend)e[nmrs]?", "next"),
    ),
    behind=(),
    numbers=_numbers(_GERMAN, (r"eine[mnr]?|ein", 1), (r"ein\s+paar|einigen", 0)),
    ago=r"\bvor\s+{n}\s+{unit}",
    ahead=r"\bin\s+{n}\s+{unit}",
    recent=r"in\s+den\s+(?:letzten|vergangenen)\s+{n}\s+{unit}",
    more_days=((r"\bletzte\s+nacht\b", -1), (r"\bheute\s+(?:abend|nacht)\b", 0)),
    year=r"(?:(?:in|im)\s+(?:jahre?\s+)?|\bjahr\s+|(?:anfang|ende|mitte|sommer|winter|herbst)\s+)",
)
FRENCH_WORDS = DateWords(
    grammar=FRENCH,
    article=r"(?:(?:le|la|les)\s+|l')?(?:mois\s+(?:de\s+|d'))?",
    leads=r"(?:en\s+|au\s+|à\s+|pendant\s+|durant\s+|début\s+|fin\s+|mi-|pour\s+|vers\s+|de\s+|d')",
    opening=(
        (r"(?:depuis|dès)\s+", "since"),
        (r"avant\s+", "before"),
        (r"après\s+", "after"),
        (r"jusqu'(?:en|au?|à)\s+", "until"),
        (r"entre\s+|\bde\s+", "from"),
    ),
    joins=r"\s+(?:et|à|au|jusqu'en)\s+|\s*[-–]\s*",
    neutral="en ",
    weekdays=("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    seasons=("printemps", "été", "automne", "hiver"),
    feasts=(
        "noël|noel",
        r"la\s+saint-sylvestre",
        r"(?:le\s+)?nouvel\s+an",
        "pâques",
        "halloween",
        "saint-valentin",
        "action de grâce",
    ),
    weekend=r"week-?end",
    units=("jours?", "semaines?", "mois", "ans?|années?"),
    before=((r"(?:ce|cet|cette)", "this"), (r"prochaine?", "next")),
    behind=((r"(?:derni(?:er|ère)|passée?)", "last"), (r"prochaine?|qui\s+vient", "next")),
    numbers=_numbers(_FRENCH, (r"une?", 1), (r"quelques", 0)),
    ago=r"\bil\s+y\s+a\s+{n}\s+{unit}",
    ahead=r"\bdans\s+{n}\s+{unit}",
    recent=r"(?:ces|les|des|au\s+cours\s+des)\s+{n}\s+derni(?:ers|ères)\s+{unit}",
    more_days=((r"\bhier\s+soir\b|\bla\s+nuit\s+dernière\b", -1), (r"\bce\s+(?:matin|soir)\b|\bcet\s+après-midi\b", 0)),
    year=r"(?:\ben\s+|l'(?:année|an)\s+|(?:début|fin|de|courant|été|printemps|hiver|automne)\s+|mi-)",
    alone=r"(?<!\ble )(?<!\bles )(?<!\bchaque )(?<!\bdu )",
)
SPANISH_WORDS = DateWords(
    grammar=SPANISH,
    article=r"(?:(?:el|la|los|las)\s+)?(?:mes\s+de\s+)?",
    leads=r"(?:en|durante|por|para|a\s+principios\s+de|a\s+finales\s+de|a\s+mediados\s+de|de|del|el)\s+",
    opening=(
        (r"desde\s+", "since"),
        (r"antes\s+del?\s+", "before"),
        (r"(?:después\s+del?|tras)\s+", "after"),
        (r"hasta\s+", "until"),
        (r"entre\s+|\bde\s+", "from"),
    ),
    joins=r"\s+(?:y|a|al|hasta)\s+|\s*[-–]\s*",
    neutral="en ",
    weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    seasons=("primavera", "verano", "otoño", "invierno"),
    feasts=(
        "navidad(?:es)?",
        "nochevieja",
        "año nuevo",
        "pascua|semana santa",
        "halloween",
        "san valentín",
        "acción de gracias",
    ),
    weekend=r"fin(?:es)?\s+de\s+semana",
    units=("días?", "semanas?", "mes(?:es)?", "años?"),
    before=((r"últim[oa]", "last"), (r"est[ea]", "this"), (r"próxim[oa]", "next")),
    behind=((r"pasad[oa]", "last"), (r"que\s+viene|próxim[oa]", "next")),
    numbers=_numbers(_SPANISH, (r"una?", 1), (r"un\s+par\s+de", 2), (r"un[oa]s(?:\s+cuant[oa]s)?|algun[oa]s", 0)),
    ago=r"\bhace\s+{n}\s+{unit}",
    ahead=r"\b(?:dentro\s+de|en)\s+{n}\s+{unit}",
    recent=r"(?:en\s+|durante\s+)?l[oa]s\s+últim[oa]s\s+{n}\s+{unit}",
    more_days=((r"\banoche\b", -1), (r"\besta\s+(?:mañana|tarde|noche)\b", 0)),
    year=r"(?:\b(?:en|del?|durante)\s+(?:el\s+año\s+)?|\baño\s+|a\s+(?:principios|finales|mediados)\s+de\s+)",
)
LANGUAGES = (ENGLISH_WORDS, GERMAN_WORDS, FRENCH_WORDS, SPANISH_WORDS)
MONTHS: dict[str, int] = {
    **_SHORT_MONTHS,
    **{name: place for words in LANGUAGES for place, name in enumerate(words.grammar.months, 1)},
}
ANY_MONTH = "|".join(re.escape(name) for name in sorted(MONTHS, key=len, reverse=True) if name != "-")
