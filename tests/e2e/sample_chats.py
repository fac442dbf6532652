"""The chats that screenshots show and that axe checks: half a year of Dave, a baker in Porto, and of two others.

This module holds only what people say and what the model answers; sample_accounts.py stores it in a running app.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = [
    "BEFORE_DOUBT",
    "CHECKS",
    "DOUBT",
    "KNOWN_FROM_ELSEWHERE",
    "LAST",
    "LIFE",
    "MODEL",
    "NOW",
    "OLD_FRIEND",
    "STORY",
    "TODAY",
    "TODAYS",
    "Talk",
    "Turn",
    "page_of",
    "reply_to",
    "told_of",
]

MODEL = "gpt-5.4-mini"
TODAY = datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Told:
    """One thing that the model takes from a message: the words are the person's own."""

    words: str
    kind: str = "fact"
    names: tuple[tuple[str, ...], ...] = ()
    relations: tuple[tuple[str, str, str], ...] = ()
    day: str | None = None
    quote: str | None = None
    action: str = "add"

    def operation(self) -> dict[str, Any]:
        """As the model answers it."""
        told: dict[str, Any] = {"action": self.action, "target": None if self.action == "add" else 1}
        told |= {"text": self.words, "kind": self.kind, "quote": self.quote or self.words, "happened_at": self.day}
        told |= {"language": "en", "entities": [list(each) for each in self.names]}
        return told | {"relations": [list(each) for each in self.relations], "reason": "said so"}


@dataclass(frozen=True)
class Turn:
    """What was said, what was replied, and what is kept of it."""

    said: str
    reply: str
    told: tuple[Told, ...] = ()
    file: str | None = None


@dataclass(frozen=True)
class Talk:
    """A chat of so many days ago."""

    days: int
    name: str
    turns: tuple[Turn, ...]
    pinned: bool = False
    archived: bool = False


def _day(days: int) -> str:
    return f"{TODAY + timedelta(days=days):%Y-%m-%d}"


LIFE = (
    Talk(
        171,
        "Hello from the bakery",
        (
            Turn(
                "Hello! My name is Dave. I run a small bakery in Porto.",
                "Welcome, Dave. A small bakery in Porto sounds like early mornings and good bread.",
                (
                    Told("My name is Dave.", names=(("Dave",),)),
                    Told(
                        "I run a small bakery in Porto.",
                        names=(("bakery", "small bakery"), ("Porto",)),
                        relations=(("me", "runs", "bakery"), ("bakery", "is in", "Porto")),
                    ),
                ),
            ),
        ),
    ),
    Talk(
        140,
        "The bakery's web shop",
        (
            Turn(
                "The web shop of my bakery runs on Redis and Supabase. Bea looks after it.",
                "Good to know: Redis and Supabase, with Bea at the helm.",
                (
                    Told(
                        "The web shop of my bakery runs on Redis and Supabase.",
                        names=(("web shop",), ("Redis",), ("Supabase",), ("bakery",)),
                        relations=(
                            ("web shop", "runs on", "Redis"),
                            ("web shop", "runs on", "Supabase"),
                            ("web shop", "belongs to", "bakery"),
                        ),
                    ),
                    Told(
                        "Bea looks after the web shop of my bakery.",
                        names=(("Bea",), ("web shop",)),
                        relations=(("Bea", "looks after", "web shop"),),
                        quote="Bea looks after it",
                    ),
                ),
            ),
        ),
    ),
    Talk(
        118,
        "Sourdough, in grams",
        (
            Turn(
                "I prefer short answers. Give me recipes in grams, never in cups.",
                "Short, and in grams. Noted.",
                (
                    Told("I prefer short answers.", "preference"),
                    Told("Give me recipes in grams, never in cups.", "instruction"),
                ),
            ),
            Turn(
                "My sourdough starter is called Bruno. I feed it at six every morning.",
                "Good morning to Bruno, then.\n\n| For one loaf | Grams |\n|---|---:|\n| Flour | 500 |\n"
                "| Water | 350 |\n| Bruno | 100 |\n| Salt | 10 |",
                (
                    Told(
                        "My sourdough starter is called Bruno.",
                        names=(("Bruno", "sourdough starter"),),
                        relations=(("me", "feeds", "Bruno"),),
                    ),
                ),
            ),
        ),
        pinned=True,
    ),
    Talk(
        83,
        "The broken oven",
        (
            Turn(
                "My old oven broke down on a Saturday morning. I want a second oven before Christmas.",
                "What a moment to choose. Shall we compare deck ovens next week?",
                (
                    Told("My old oven broke down on a Saturday morning.", "event", day=_day(-84)),
                    Told("I want a second oven before Christmas.", "goal"),
                ),
            ),
        ),
        archived=True,
    ),
    Talk(
        47,
        "Jokes in Portuguese",
        (
            Turn(
                "I want to learn Portuguese well enough to joke with my customers.",
                "Then let us begin with bread: *pão, pão, queijo, queijo.* It means calling things by their name.",
                (Told("I want to learn Portuguese well enough to joke with my customers.", "goal"),),
            ),
        ),
    ),
    Talk(
        26,
        "Walnuts on the counter",
        (
            Turn(
                "My sister Ana is vegetarian. Her son Tiago is allergic to walnuts.",
                "I will keep walnuts away from Tiago, and meat away from Ana.",
                (
                    Told(
                        "My sister Ana is vegetarian.",
                        names=(("Ana", "my sister"),),
                        relations=(("Ana", "is sister of", "me"),),
                    ),
                    Told(
                        "Ana's son Tiago is allergic to walnuts.",
                        names=(("Tiago",), ("Ana", "my sister"), ("walnuts",)),
                        relations=(("Tiago", "is son of", "Ana"), ("Tiago", "is allergic to", "walnuts")),
                        quote="Her son Tiago is allergic to walnuts",
                    ),
                ),
            ),
        ),
    ),
    Talk(
        5,
        "Ana's birthday cake",
        (
            Turn(
                "Ana turns forty soon, and I am baking a lemon cake for her. This is the sketch.",
                "A lovely shape: two layers and candles on top. Lemon curd between them would keep it fresh until the "
                "evening, and there is no walnut in it for Tiago to worry about.",
                (
                    Told(
                        "I am baking a lemon cake for Ana, who turns forty soon.",
                        "event",
                        names=(("Ana",), ("lemon cake",)),
                        relations=(("me", "is baking", "lemon cake"), ("lemon cake", "is for", "Ana")),
                        day=_day(16),
                        quote="Ana turns forty soon, and I am baking a lemon cake for her",
                    ),
                ),
                file="lemon-cake.png",
            ),
        ),
    ),
    Talk(
        1,
        "Flour from the mill",
        (
            Turn(
                "I buy my flour from Moinho Novo. The password is farinha-2026, in case I forget.",
                "I know where your flour is from now. A password is safer in a password manager than with me.",
                (
                    Told(
                        "I buy my flour from Moinho Novo.",
                        names=(("Moinho Novo",),),
                        relations=(("me", "buys flour from", "Moinho Novo"),),
                    ),
                    Told("The password is farinha-2026.", quote="The password is farinha-2026"),
                    Told("I bake only with spelt.", "preference"),
                ),
            ),
        ),
    ),
)
# A reply that is seen while it is written.
STORY = (
    "Sourdough is older than writing. Somebody left flour and water standing, and found it alive the next morning.",
    "In Egypt it rose beside the beer, which has the same yeast. Loaves went into graves, and some are there still.",
    "For the Romans it was a trade: the bakers had a guild, a feast in June, and one of them a tomb like an oven",
    ".",
)
NOW = "A cake for Sunday"  # today's chat, which is had at the browser
LAST = Turn(
    "Perfect. Tiago started school this week, so he gets the biggest slice.",
    "Then cut his first, and well done, Tiago! Put Bruno away before he gets ideas about lemons.",
    (
        Told(
            "Ana's son Tiago started school.",
            "event",
            names=(("Tiago",), ("school",)),
            relations=(("Tiago", "goes to", "school"),),
            day=_day(-2),
            quote="Tiago started school this week",
        ),
    ),
)
TODAYS = (
    Turn(
        "Ana and Tiago are coming on Sunday. What should I bake?",
        "A **lemon and olive oil cake**: vegetarian for Ana, and without walnuts, so Tiago can have seconds.\n\n"
        "| For one cake | Grams |\n|---|---:|\n| Flour | 250 |\n| Sugar | 180 |\n| Olive oil | 150 |\n"
        "| Yoghurt | 200 |\n\nWith three eggs and the zest of two lemons; bake for 40 minutes at 175 °C.",
    ),
    LAST,
)
KNOWN_FROM_ELSEWHERE = (
    ("I like green tea.", 160),
    ("I really like green tea.", 155),
    ("I play chess on Mondays.", 165),
)
CHECKS = (("What does my web shop run on?", "Redis"), ("Who is allergic to walnuts?", "Tiago"))
DOUBT = Turn(
    "We open at seven on Sundays.",
    "Seven it is. Are Sundays new?",
    (Told("We open at seven on Sundays.", action="ask"),),
)
BEFORE_DOUBT = Turn(
    "We open at eight on Sundays.",
    "At eight, so people can sleep in.",
    (Told("We open at eight on Sundays."),),
)
OLD_FRIEND = Turn(
    "I drink my coffee without sugar.",
    "Without sugar, then.",
    (Told("I drink my coffee without sugar.", "preference"),),
)
TURNS = (*(turn for talk in LIFE for turn in talk.turns), *TODAYS, BEFORE_DOUBT, DOUBT, OLD_FRIEND)


def told_of(asked: str) -> list[dict[str, Any]] | None:
    """What the model takes from a turn, when it is asked with these words; None for a turn of somebody else's."""
    found = next((each for each in TURNS if each.said in asked.rpartition("<turn>")[2]), None)
    return None if found is None else [each.operation() for each in found.told]


def page_of(asked: str) -> list[dict[str, Any]]:
    """What the model writes of numbered memories onto the page about Dave: a line for each that he told."""
    numbered = [(int(number), words) for number, words in re.findall(r"^\[(\d+)\] (?:\([^)]*\) )?(.*)$", asked, re.M)]
    kinds = {each.words: each.kind for turn in TURNS for each in turn.told}
    return [{"text": words, "kind": kinds[words], "memories": [number]} for number, words in numbered if words in kinds]


def reply_to(said: str) -> str | None:
    """What the model replies to this; None to what somebody else says."""
    return next((each.reply for each in TURNS if each.said in said), None)
