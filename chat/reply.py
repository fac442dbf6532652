"""Replies while they are written, each in a thread of its own: one goes on whether anybody watches it or not.

    underway.begin(asked)                       from now on the message is answered
    writing = underway.of(user_id, chat_id)     from any tab, as often as one likes
    for piece in writing.follow(): ...          all there is so far, then the rest as it comes
    underway.stop(user_id, chat_id)             kept as far as it came, also while the model says nothing

Known to this process, and to it alone. It draws nothing; what a reply is made of is turn.py's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import UTC, date, tzinfo

from chat.draft import Draft
from chat.message import Message
from chat.turn import Chat, answer, keep
from memory.errors import AppError, LimitReached
from memory.model import while_wanted

__all__ = ["AT_ONCE", "Underway", "Writing"]

log = logging.getLogger("keepsake.underway")
AT_ONCE = 4  # replies of one person; several tabs have room, and nobody takes all the threads
PROBLEMS = 1_000  # replies that failed, whose reason is known until they are asked for again
UNEXPECTED = "Something unexpected went wrong; the log has the rest."
TOO_MANY = f"{AT_ONCE} replies are being written for you already: wait for one, or stop it, and try again."


class Writing:
    """One reply while it is written."""

    def __init__(self, chat: Chat, asked: Message) -> None:
        self.asked = asked
        self._chat = chat
        self._draft = Draft(chat.prices)
        self._news = threading.Condition()
        self._problem: AppError | None = None
        self._over = False

    @property
    def begun(self) -> bool:
        """Whether there is a word of it."""
        return bool(self._draft.pieces)

    def follow(self, patience: float = 0.25) -> Iterator[str]:
        """All there is so far, and each piece as it comes; raises at the end what went wrong.

        Nothing for a moment is an empty piece: whoever follows can be called away.
        """
        told, over = 0, False
        while not over:
            with self._news:
                if told == len(self._draft.pieces) and not self._over:
                    self._news.wait(patience)
                over = self._over
                fresh = self._draft.pieces[told:]
            told += len(fresh)
            yield "".join(fresh)
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """Keep what there is and end, now: the model may say nothing for a while."""
        try:
            keep(self._chat, self.asked, self._draft)
        finally:
            self.end(None)

    def write(self, without: Collection[str], as_of: date | None, zone: tzinfo) -> AppError | None:
        """Have it written until it is whole and saved, or stopped; what went wrong, if something did."""
        reply = answer(self._chat, self.asked, None, without, as_of, zone=zone, draft=self._draft)
        try:
            with while_wanted(lambda: not self._over), closing(reply) as pieces:
                for _ in pieces:
                    with self._news:
                        self._news.notify_all()
                    if self._over:
                        break
        except AppError as error:
            return error
        return None

    def end(self, problem: AppError | None) -> None:
        """Tell all who follow; what goes wrong after a stop is nobody's matter any more."""
        with self._news:
            if not self._over:
                self._problem, self._over = problem, True
            self._news.notify_all()


class Underway:
    """The replies that are being written in this process; one in each chat."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._turn = threading.Lock()
        self._writings: dict[tuple[str, str], Writing] = {}  # by person and chat
        self._problems: OrderedDict[tuple[str, str], str] = OrderedDict()  # by person and message
        self._threads: set[threading.Thread] = set()

    def begin(
        self, asked: Message, without: Collection[str] = (), as_of: date | None = None, *, zone: tzinfo = UTC
    ) -> None:
        """Have a message answered, unless it is being answered already; for the rest see turn.answer.

        Whoever says more, or wants another reply, has no wish to hear the end of what is being written in the chat.
        """
        place, writing = (asked.user_id, asked.conversation_id), Writing(self._chat, asked)
        with self._turn:
            before = self._writings.get(place)
            if before and before.asked.id == asked.id:
                return
            self._problems.pop((asked.user_id, asked.id), None)
            if sum(user == asked.user_id for user, _ in self._writings) >= AT_ONCE + bool(before):
                self._note(asked, LimitReached(TOO_MANY))
                return
            self._writings[place] = writing
        if before:
            self._end(before)
        thread = threading.Thread(
            target=self._write, args=(writing, without, as_of, zone), name="keepsake-reply", daemon=True
        )
        with self._turn:
            self._threads.add(thread)
            thread.start()

    def of(self, user_id: str, conversation_id: str | None) -> Writing | None:
        """The reply that is being written in a chat."""
        with self._turn:
            return self._writings.get((user_id, conversation_id or ""))

    def why_not(self, user_id: str, message_id: str) -> str | None:
        """What went wrong when a message was last answered, in this process."""
        with self._turn:
            return self._problems.get((user_id, message_id))

    def stop(self, user_id: str, conversation_id: str) -> None:
        """End what is being written in a chat, if something is."""
        self._stop((user_id, conversation_id))

    def stop_all(self, user_id: str) -> None:
        """End all that is being written for somebody: afterwards nothing of theirs is saved any more."""
        self._stop(*[each for each in self._places() if each[0] == user_id])

    def close(self, patience: float = 2.0) -> None:
        """End everything, kept as far as it came."""
        self._stop(*self._places())
        until = time.monotonic() + patience
        for each in list(self._threads):
            each.join(max(0.0, until - time.monotonic()))

    def _places(self) -> list[tuple[str, str]]:
        with self._turn:
            return list(self._writings)

    def _stop(self, *places: tuple[str, str]) -> None:
        for each in places:
            with self._turn:
                writing = self._writings.pop(each, None)
            if writing is not None:
                self._end(writing)

    def _end(self, writing: Writing) -> None:
        try:
            writing.stop()
        except AppError as problem:  # what there was could not be kept
            with self._turn:
                self._note(writing.asked, problem)

    def _write(self, writing: Writing, without: Collection[str], as_of: date | None, zone: tzinfo) -> None:
        problem: AppError | None = AppError(UNEXPECTED)  # a bug; its trace goes where those of threads go
        try:
            problem = writing.write(without, as_of, zone)
        finally:
            self._leave(writing, problem)
            writing.end(problem)
            with self._turn:
                self._threads.discard(threading.current_thread())

    def _leave(self, writing: Writing, problem: AppError | None) -> None:
        """Nobody finds it any more, who is not following it; why it failed is known unless it was stopped before."""
        place = (writing.asked.user_id, writing.asked.conversation_id)
        with self._turn:
            if self._writings.get(place) is not writing:
                return
            del self._writings[place]
            if problem is not None:
                self._note(writing.asked, problem)

    def _note(self, asked: Message, problem: AppError) -> None:
        log.warning("the reply to %s: %s", asked.id, problem)
        self._problems[asked.user_id, asked.id] = str(problem)
        while len(self._problems) > PROBLEMS:
            self._problems.popitem(last=False)
