"""Dave, a baker in Porto: half a year of his chats, and what the model makes of them. For pictures, and for axe.

All of it goes through the app's own rooms, which remember it as they remember everybody's; only the days on which it
was said are set afterwards, by the administrator. It draws nothing, and knows no page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import create_engine, text

from chat.attachments import Attachment
from chat.chats import Chats
from chat.conversations import Conversations
from chat.files import File, opened
from chat.worker import Worker
from database import Database
from local.embedder import BundledEmbedder
from local.postgres import Postgres
from memory import Memory
from model import Model
from tests.e2e.keepsake import Keepsake

__all__ = ["LAST", "MODEL", "NOW", "TODAYS", "doubt", "fill", "grow_old", "page_of", "reply_to", "told_of"]

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
                    Told("My name is Dave."),
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
NOW = "The shop moves to Lisbon"  # today's chat, which is had at the browser
LAST = Turn(
    "We moved it to a server in Lisbon last night.",
    "A short move, then: Lisbon is close enough to bring it bread. Did Bruno get fed at six all the same?",
    (
        Told(
            "We moved the web shop to a server in Lisbon.",
            "event",
            names=(("web shop",), ("Lisbon",)),
            relations=(("web shop", "runs in", "Lisbon"),),
            day=_day(-1),
            quote="We moved it to a server in Lisbon last night",
        ),
    ),
)
TODAYS = (
    Turn("What does my web shop run on?", "On **Redis** and **Supabase**, and Bea looks after it."),
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


def fill(keepsake: Keepsake, model: str) -> None:
    """Let Dave have lived with Keepsake for half a year; `model` is where the scripted one answers."""
    with _rooms(keepsake, model) as rooms:
        for talk in LIFE:
            rooms.talk(talk)
        rooms.bring(KNOWN_FROM_ELSEWHERE)
        rooms.check(CHECKS)
        rooms.settle()


def doubt(keepsake: Keepsake, model: str) -> None:
    """Somebody who contradicted herself, and is asked which is right."""
    with _rooms(keepsake, model) as rooms:
        rooms.talk(Talk(20, "Opening hours", (BEFORE_DOUBT,)))
        rooms.talk(Talk(0, "Sundays", (DOUBT,)))
        rooms.settle()


def grow_old(keepsake: Keepsake, model: str) -> None:
    """Somebody of whom one old memory is used again and again, so that it is asked about."""
    with _rooms(keepsake, model) as rooms:
        rooms.talk(Talk(400, "Coffee", (OLD_FRIEND,)))
        rooms.settle(used=True)


class _Rooms:
    """The app's rooms on the database of a running stack, for one person."""

    def __init__(self, database: Database, memory: Memory, user_id: str) -> None:
        self._database, self._memory, self._user = database, memory, user_id
        self._conversations, self._chats = Conversations(database), Chats(database)
        self._worker = Worker(self._conversations, memory)

    def talk(self, talk: Talk) -> None:
        """One chat, remembered at once."""
        chat: str | None = None
        for minute, turn in enumerate(talk.turns):
            at = TODAY - timedelta(days=talk.days, minutes=30 - 3 * minute)
            said = self._conversations.say(self._user, chat, turn.said, files=_files(turn.file))
            chat = said.conversation_id
            self._as_administrator(
                "update app.messages set created_at = :at where id = cast(:id as uuid)", id=said.id, at=at
            )
            reply = self._conversations.reply(said, turn.reply, "complete", _receipt(turn))
            while self._worker.remember_next() or self._conversations.waiting(self._user):
                pass
            later = at + timedelta(seconds=4)
            self._as_administrator(
                "update app.messages set created_at = :at where id = cast(:id as uuid)", id=reply.id, at=later
            )
        if chat is None:
            return
        self._chats.rename(self._user, chat, talk.name)
        self._chats.pin(self._user, chat, pinned=talk.pinned)
        self._chats.archive(self._user, chat, archived=talk.archived)
        day = TODAY - timedelta(days=talk.days)
        told = "update app.conversations set created_at = :at, updated_at = :at where id = cast(:id as uuid)"
        self._as_administrator(told, id=chat, at=day)

    def bring(self, known: Sequence[tuple[str, int]]) -> None:
        """What was known elsewhere, out of a file."""
        held = [{"memory": words, "created_at": (TODAY - timedelta(days=days)).isoformat()} for words, days in known]
        self._memory.shelf.take_in(json.dumps(held).encode(), "elsewhere.json", user_id=self._user)

    def check(self, checks: Sequence[tuple[str, str]]) -> None:
        """Questions that must find a memory, asked once."""
        known = self._memory.shelf.all(user_id=self._user)
        for question, word in checks:
            fact = next(each for each in known if word in each["memory"])
            self._memory.checks.pin(fact["id"], question, user_id=self._user)
        self._memory.checks.run(user_id=self._user)

    def settle(self, *, used: bool = False) -> None:
        """What happened on a day says that day; and most of what is known was used in answers."""
        known = self._memory.shelf.all(user_id=self._user)
        given = [each["id"] for place, each in enumerate(known) if used or (place % 3 and "tea" not in each["memory"])]
        with self._database.as_user(self._user) as connection:
            self._memory.count_recalled(connection, given)
        self._as_administrator(
            "update app.memory_history set at = cast(new_metadata ->> 'created_at' as timestamptz)"
            " where user_id = :user and new_metadata ? 'created_at'",
            user=self._user,
        )

    def _as_administrator(self, sql: str, **values: Any) -> None:
        engine = create_engine(self._database.admin_url)
        with engine.begin() as connection:
            connection.execute(text(sql), values)
        engine.dispose()


@contextmanager
def _rooms(keepsake: Keepsake, model: str) -> Iterator[_Rooms]:
    """For whoever agreed last."""
    server = Postgres(keepsake.data)
    with closing(Database(server.app_url, server.admin_url)) as database:
        engine = create_engine(server.admin_url)
        with engine.connect() as connection:
            found = connection.scalar(text("select user_id from app.consents order by agreed_at desc limit 1"))
        engine.dispose()
        talker = Model(MODEL, "not-a-real-key", model)
        with closing(Memory(database, BundledEmbedder(), talker)) as memory:
            yield _Rooms(database, memory, str(found))
        talker.close()


def _receipt(turn: Turn) -> dict[str, Any]:
    read, written = 180 + len(turn.said), len(turn.reply.split())
    spent = {"prompt_tokens": read, "reply_tokens": written, "first_ms": 310, "recall_ms": 14, "ms": 900 + 7 * written}
    return {"memories": [], "model": MODEL, **spent}


def _files(name: str | None) -> list[Attachment]:
    return opened([File(name, _sketch())]) if name else []


def _sketch() -> bytes:
    """A cake of two layers with candles, as somebody draws it on a bakery's counter."""
    picture = Image.new("RGB", (640, 420), "#fbf3e4")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((90, 330, 550, 395), fill="#e2d3b8")
    for left, top, right, bottom, crumb in ((130, 235, 510, 365, "#e8c87a"), (190, 140, 450, 250, "#f0d68c")):
        pen.rounded_rectangle((left, top, right, bottom), 18, fill=crumb)
        pen.rounded_rectangle((left, top, right, top + 34), 17, fill="#fff9e8")
        for drop in range(left + 12, right - 30, 52):
            pen.ellipse((drop, top + 12, drop + 30, top + 58), fill="#fff9e8")
    for candle in range(228, 430, 46):
        pen.rectangle((candle, 92, candle + 9, 142), fill="#c8553b")
        pen.ellipse((candle - 2, 66, candle + 11, 94), fill="#f2b53f")
    held = BytesIO()
    picture.save(held, "PNG")
    return held.getvalue()
