"""Fills accounts of a running app with the chats of sample_chats.py, for screenshots and for axe.

The chats go through the app's own classes, so that they are remembered as everybody's are. Only their dates are set by
the administrator. This module opens no page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import create_engine, text

from chat.attachments import Attachment, File, open_files
from chat.chats import Chats
from chat.conversations import Conversations
from chat.remembering.worker import Worker
from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from memory.model.client import OpenAIModel
from tests.e2e.keepsake import Keepsake
from tests.e2e.sample_chats import (
    BEFORE_DOUBT,
    CHECKS,
    DOUBT,
    KNOWN_FROM_ELSEWHERE,
    LIFE,
    MODEL,
    OLD_FRIEND,
    TODAY,
    Talk,
    Turn,
)

__all__ = ["doubt", "fill", "grow_old"]


def fill(keepsake: Keepsake, model: str) -> None:
    """Fill Dave's account with half a year of chats; `model` is the address of the scripted model."""
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
        self._worker = Worker(self._conversations.queue, memory)

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
            while self._worker.remember_next() or self._conversations.queue.waiting(self._user):
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
        self._memory.bulk_edit.import_file(json.dumps(held).encode(), "elsewhere.json", user_id=self._user)

    def check(self, checks: Sequence[tuple[str, str]]) -> None:
        """Questions that must find a memory, asked once."""
        known = self._memory.bulk_edit.all(user_id=self._user)
        for question, word in checks:
            fact = next(each for each in known if word in each["memory"])
            self._memory.checks.pin(fact["id"], question, user_id=self._user)
        self._memory.checks.run(user_id=self._user)

    def settle(self, *, used: bool = False) -> None:
        """What happened on a day says that day; and most of what is known was used in replies."""
        known = self._memory.bulk_edit.all(user_id=self._user)
        given = [each["id"] for place, each in enumerate(known) if used or (place % 3 and "tea" not in each["memory"])]
        with self._database.as_user(self._user) as connection:
            self._memory.turns.count_recalled(connection, given)
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
        talker = OpenAIModel(MODEL, "not-a-real-key", model)
        with closing(Memory(database, BundledEmbedder(), talker)) as memory:
            yield _Rooms(database, memory, str(found))
        talker.close()


def _receipt(turn: Turn) -> dict[str, Any]:
    read, written = 180 + len(turn.said), len(turn.reply.split())
    spent = {"prompt_tokens": read, "reply_tokens": written, "first_ms": 310, "recall_ms": 14, "ms": 900 + 7 * written}
    return {"memories": [], "model": MODEL, **spent}


def _files(name: str | None) -> list[Attachment]:
    return open_files([File(name, _sketch())]) if name else []


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
