"""The replies that are being written at the moment, in whichever process: `app.open_replies`, one row for each chat.

    open_replies.claim(message)             before a reply is begun; a saved message can claim it in its own statement
    Renewing(open_replies, ...)             renews what this process writes, and learns who wants it to stop
    open_replies.ask_to_stop(user_id, id)   from any process
    ReplyElsewhere(...).follow()            in a process that does not write the reply

A row says who writes which reply, and until when the writer counts as alive. The words are in `app.messages`, where
the writer saves them every few seconds. Whoever follows a reply of another process looks there: one short statement a
second tells all pages of a process together whether there is anything new, and each reply that grew is then read once,
as its person. This module asks no model and writes no words.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import Connection, text
from sqlalchemy import exc as sqlalchemy_errors

from chat.tree import FIELDS, Message, valid_id
from memory.database import Database
from memory.errors import AppError, LimitReached, NotFound

__all__ = [
    "CLOSED",
    "LOOKS",
    "OPENED",
    "REPLIES_AT_ONCE",
    "SAVED",
    "TOO_MANY",
    "OpenReplies",
    "Renewal",
    "Renewing",
    "ReplyElsewhere",
    "ReplyWatch",
    "broke_off",
]

log = logging.getLogger("keepsake.replies")
REPLIES_AT_ONCE = 4  # replies of one person at a time, so that nobody takes all the threads
TOO_MANY = f"{REPLIES_AT_ONCE} replies are being written for you already: wait for one, or stop it, and try again."
LOOKS = 3  # times as often as it renews does a process look at the replies of others, and renew what others look at
WATCHED_SECONDS = 10  # how long a writer is told that somebody elsewhere looks

# Parts of the statements that save a message. They cost no trip of their own. `:answered` is the person's message.
_MINE = (
    "conversation_id = cast(:conversation as uuid)"
    " and message_id = cast(:answered as uuid) and writer = cast(:writer as uuid)"
)
OPENED = (
    "with opened as (insert into app.open_replies as known (conversation_id, message_id, reply_id, writer, open_until)"
    " select cast(:conversation as uuid), cast(:answered as uuid), cast(:reply as uuid), cast(:writer as uuid),"
    "  clock_timestamp() + app.open_reply_length()"
    " where (select count(*) from app.open_replies where user_id = app.asking() and open_until > clock_timestamp()"
    f"  and conversation_id <> cast(:conversation as uuid)) < {REPLIES_AT_ONCE}"
    # What is being written in the chat ends, unless it is the reply to the same message, by a process that lives.
    " on conflict (conversation_id) do update set message_id = excluded.message_id, reply_id = excluded.reply_id,"
    "  writer = excluded.writer, open_until = excluded.open_until, saves = known.saves + 1, stop_wanted = false,"
    "  watched_until = null"
    " where known.message_id <> excluded.message_id or known.writer = excluded.writer"
    "  or known.open_until <= clock_timestamp() returning 1) "
)
SAVED = (
    "with saved as (update app.open_replies set saves = saves + 1, reply_id = cast(:reply as uuid),"
    f" open_until = clock_timestamp() + app.open_reply_length() where user_id = app.asking() and {_MINE}) "
)
CLOSED = f"with closed as (delete from app.open_replies where user_id = app.asking() and {_MINE}) "
_CLAIM = text(
    f"{OPENED} select (select count(*) from opened) as claimed, (select count(*) from app.open_replies"
    " where user_id = app.asking() and open_until > clock_timestamp()"
    " and conversation_id <> cast(:conversation as uuid)) as others"
)
_CLOSE = text(f"delete from app.open_replies where user_id = app.asking() and {_MINE}")
_WANT_STOP = (
    "update app.open_replies set stop_wanted = true where user_id = app.asking() and not stop_wanted"
    " and (%(conversation)s::uuid is null or conversation_id = %(conversation)s::uuid) returning message_id"
)
_RENEW = "select message_id::text, stop_wanted, watched from app.renew_open_replies(%(writer)s::uuid, %(ids)s::uuid[])"
_LOOK = "select conversation_id::text, message_id::text, saves from app.look_at_open_replies(%(ids)s::uuid[])"
# Reading also tells the writer that somebody looks, who then saves more often.
_WORDS = (
    f"with watched as (update app.open_replies set watched_until = clock_timestamp() + interval '{WATCHED_SECONDS} s'"
    " where conversation_id = %(conversation)s::uuid and user_id = app.asking()"
    "  and coalesce(watched_until, '-infinity') < clock_timestamp() + interval '5 s')"
    f" select {FIELDS} from app.messages where id = (select reply_id from app.open_replies"
    "  where conversation_id = %(conversation)s::uuid and message_id = %(answered)s::uuid)"
)
_REPLIES = (
    f"select {FIELDS} from app.messages where parent_id = %(answered)s::uuid and role = 'assistant' order by seq desc"
)


@dataclass(frozen=True)
class Renewal:
    """What a writer learns when it renews a reply."""

    message_id: str
    stop_wanted: bool
    watched: bool  # whether a page of another process shows it


class OpenReplies:
    """Reads and writes which replies are being written. `writer` stands for this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.writer = str(uuid4())
        self._claimed: set[str] = set()  # messages that claimed their reply when they were saved

    def note_claimed(self, message_id: str) -> None:
        """Note that a message claimed its reply when it was saved, so that `claim` need not ask the database."""
        self._claimed.add(message_id)

    def claim(self, asked: Message, reply_id: str | None = None) -> bool:
        """Claim the reply to a message; return False if another process is writing it.

        `reply_id` is the reply that goes on. Raise `LimitReached` if too many replies of the person are being written.
        """
        if asked.id in self._claimed:
            self._claimed.discard(asked.id)
            return True
        with self._database.as_user(asked.user_id) as connection:
            try:
                found = connection.execute(_CLAIM, self._values(asked) | {"reply": reply_id}).one()
            except sqlalchemy_errors.IntegrityError as error:
                raise NotFound("There is no such message in this chat.") from error
        if not found.claimed and found.others >= REPLIES_AT_ONCE:
            raise LimitReached(TOO_MANY)
        return bool(found.claimed)

    def close(self, connection: Connection, asked: Message) -> None:
        """Note that the reply to a message is not being written any more."""
        connection.execute(_CLOSE, self._values(asked))

    def renew(self, message_ids: Collection[str]) -> dict[str, Renewal]:
        """Renew the replies to these messages, in one statement; those that are lost are not in the result."""
        rows = self._database.read_as_worker(_RENEW, {"writer": self.writer, "ids": list(message_ids)})
        return {row["message_id"]: Renewal(**row) for row in rows}

    def ask_to_stop(self, user_id: str, conversation_id: str | None = None) -> None:
        """Ask whichever process writes a reply in this chat, or in any chat of the user, to stop and save it."""
        chat = None if conversation_id is None else valid_id(conversation_id)
        self._database.read_as(user_id, _WANT_STOP, {"conversation": chat})

    def look(self, conversation_ids: Collection[str]) -> dict[str, tuple[str, int]]:
        """Return, for the chats in which a reply is being written, the message and how often words were saved."""
        rows = self._database.read_as_worker(_LOOK, {"ids": list(conversation_ids)})
        return {row["conversation_id"]: (row["message_id"], row["saves"]) for row in rows}

    def words(self, asked: Message) -> Message | None:
        """Return an open reply to a message as it was saved last, and tell its writer that somebody looks."""
        values = {"conversation": valid_id(asked.conversation_id), "answered": valid_id(asked.id)}
        rows = self._database.read_as(asked.user_id, _WORDS, values)
        return Message(**rows[0]) if rows else None

    def replies(self, asked: Message) -> list[Message]:
        """Return every reply to a message, the newest first."""
        rows = self._database.read_as(asked.user_id, _REPLIES, {"answered": valid_id(asked.id)})
        return [Message(**row) for row in rows]

    def _values(self, asked: Message) -> dict[str, str]:
        return {"conversation": asked.conversation_id, "answered": asked.id, "writer": self.writer}


# -- the process that writes -------------------------------------------------------------------


class Renewing:
    """Renews what this process writes, in a thread that ends when nothing is being written.

    `writing` returns the ids of the messages whose replies are being written, and `renewed` is given what was learned
    of each; None if another process answers the message now, or the chat is gone.
    """

    def __init__(
        self,
        open_replies: OpenReplies,
        writing: Callable[[], Collection[str]],
        renewed: Callable[[str, Renewal | None], None],
        seconds: float,
    ) -> None:
        """Renew every so many seconds: much more often than a writer that is silent counts as dead."""
        self._open_replies = open_replies
        self._writing, self._renewed = writing, renewed
        self._seconds = self._pace = seconds
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the thread, unless it runs: something is being written."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="keepsake-renewing", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """End the thread, because the process ends."""
        self._ended.set()

    def renew(self) -> None:
        """Renew everything that is being written now, and report what was learned."""
        if not (ids := list(self._writing())):
            return
        try:
            found = self._open_replies.renew(ids)
        except AppError as error:
            log.warning("%d replies could not be renewed: %s", len(ids), error)
            return
        self._pace = self._seconds / LOOKS if any(each.watched for each in found.values()) else self._seconds
        for each in ids:
            self._renewed(each, found.get(each))

    def _run(self) -> None:
        while not self._ended.wait(self._pace):
            with self._lock:
                if not self._writing():
                    self._thread = None
                    return
            self.renew()


# -- a process that follows --------------------------------------------------------------------

LONGEST_WORD = 40  # characters at the end that may be half a word; a longer run without a space is no word


def broke_off(written: str) -> str:
    """Return a text without its last word, which may be half a word; who writes on writes that word again."""
    whole = written.rstrip()
    end = max(whole.rfind(" "), whole.rfind("\n")) + 1
    return whole[:end] if len(whole) - end <= LONGEST_WORD else written


@dataclass
class _Followed:
    """A reply of another process that pages of this one show."""

    asked: Message
    saves: int = -1
    open: bool = True
    pages: int = 0
    words: Message | None = None
    read: tuple[int, float] | None = None  # at which count of saves the words were read, and when
    reading: threading.Lock = field(default_factory=threading.Lock)


class ReplyWatch:
    """Looks at the replies that other processes write and pages of this one show: one statement for all of them."""

    def __init__(self, open_replies: OpenReplies, seconds: float) -> None:
        """Look every so many seconds, while a page shows such a reply."""
        self.open_replies = open_replies
        self._seconds = seconds
        self._followed: dict[str, _Followed] = {}  # by the message that is answered
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def following(self, asked: Message) -> Iterator[_Followed]:
        """Look at the reply to a message inside the block, together with the other pages that show it."""
        with self._news:
            followed = self._followed.setdefault(asked.id, _Followed(asked))
            followed.pages += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="keepsake-watching", daemon=True)
                self._thread.start()
        try:
            yield followed
        finally:
            with self._news:
                followed.pages -= 1
                if not followed.pages and self._followed.get(asked.id) is followed:
                    del self._followed[asked.id]

    def words(self, followed: _Followed) -> Message | None:
        """Return the reply as it was saved last; it is read if it grew, or the writer has to be told that one looks."""
        with followed.reading:
            saves, now = followed.saves, time.monotonic()
            if followed.read is None or followed.read[0] != saves or now - followed.read[1] > WATCHED_SECONDS / 2:
                followed.words, followed.read = self.open_replies.words(followed.asked), (saves, now)
            return followed.words

    def wait(self, followed: _Followed, patience: float) -> None:
        """Wait until there is something new of a reply, but not longer than this."""
        with self._news:
            saves = followed.saves
            self._news.wait_for(lambda: followed.saves != saves or not followed.open, patience)

    def look(self) -> None:
        """Look once, and tell the pages what is new."""
        with self._news:
            watched = list(self._followed.values())
        found = self.open_replies.look({each.asked.conversation_id for each in watched})
        with self._news:
            for each in watched:
                message_id, saves = found.get(each.asked.conversation_id, ("", -1))
                each.open = message_id == each.asked.id
                each.saves = saves if each.open else each.saves
            self._news.notify_all()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: not self._followed, self._seconds)
                if not self._followed:
                    self._thread = None
                    return
            try:
                self.look()
            except AppError as error:
                log.warning("the replies of other processes could not be looked at: %s", error)


class ReplyElsewhere:
    """A reply that another process writes. It is followed like one of this process, a second or two behind."""

    def __init__(self, watch: ReplyWatch, asked: Message, earlier: Collection[str], *, stopping: bool) -> None:
        """`earlier` are the ids of the replies that were there when the page was drawn."""
        self.asked = asked
        self.stopping = stopping
        self.saved: Message | None = None
        self._watch = watch
        self._earlier = frozenset(earlier)
        self._shown = ""

    @property
    def has_words(self) -> bool:
        """Whether anything of it was saved yet."""
        return self.saved is not None

    @property
    def written(self) -> str:
        """The text as it was saved last."""
        return self.saved.content if self.saved else ""

    def follow(self, patience: float = 0.25) -> Iterator[str]:
        """Yield the text so far, then what is added to it; while nothing is, an empty text every `patience` seconds.

        It ends when the reply is complete, stopped, or its writer counts as dead.
        """
        with self._watch.following(self.asked) as followed:
            while followed.open:
                words = self._watch.words(followed)
                self.saved = words or self.saved
                yield self._fresh(broke_off(words.content) if words else "")
                self._watch.wait(followed, patience)
        self.saved = self._last()

    def _fresh(self, whole: str) -> str:
        """Return what was added; nothing where words were replaced, which are drawn at the end."""
        if not whole.startswith(self._shown):
            return ""
        fresh, self._shown = whole[len(self._shown) :], whole
        return fresh

    def _last(self) -> Message | None:
        """Return the reply as it stands at the end; None if none came."""
        replies = self._watch.open_replies.replies(self.asked)
        if self.saved is not None:
            return next((each for each in replies if self.saved and each.id == self.saved.id), None)
        return next((each for each in replies if each.id not in self._earlier), None)
