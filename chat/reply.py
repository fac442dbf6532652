"""The second half of a turn: write the reply, each in a thread of its own, whether anybody watches or not.

    replies.begin(message)                      start to answer the message
    task = replies.task_for(user_id, chat_id)   from any tab, as often as wanted
    for piece in task.follow(): ...             the text so far, then the rest as it comes
    replies.stop(user_id, chat_id)              save the text so far, even while the model says nothing

Other processes do not know the replies of this one. A reply never waits for remembering: the worker (queue.py) does it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

from chat import prompt
from chat.attachments import Attachment
from chat.preferences import memory_off, preferences_reading
from chat.prompt import PromptParts
from chat.tree import ChatHistory, Message
from chat.turn import ChatServices
from memory import Fact, Memory, Result, Said, episode_id
from memory.errors import AppError, LimitReached, ModelError, ModelRefused, PicturesRefused
from memory.language.words import content_words
from memory.model import Model, Usage
from memory.model.catalog import Prices
from memory.model.serving import while_wanted

__all__ = ["ENDING", "REPLIES_AT_ONCE", "PartialReply", "Replies", "ReplyTask", "answer", "save", "without_memories"]

log = logging.getLogger("keepsake.replies")
RECALLED = 8  # memories that are recalled for a message
STANDING = 5  # standing memories that are given to every reply
NOT_RECALLED = 40  # latest messages of the chat, left out of recall because the prompt most likely shows them
MESSAGES_WITH_FILES = 10  # messages whose files the prompt may show
REPLIES_AT_ONCE = 4  # replies of one person at a time, so that nobody takes all the threads
MAX_PROBLEMS = 1_000  # failed replies whose error this process keeps
UNEXPECTED = "Something unexpected went wrong; the log has the details."
ENDING = "Keepsake is just being restarted. Try again in a moment."
TOO_MANY = f"{REPLIES_AT_ONCE} replies are being written for you already: wait for one, or stop it, and try again."


# -- a reply as it grows -------------------------------------------------------------------------


@dataclass
class PartialReply:
    """A reply as far as it is written, with its receipt. Several threads may try to save it; the first one does."""

    prices: Prices | None = None
    status: str = "stopped"
    pieces: list[str] = field(default_factory=list)
    receipt: dict[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    started: float = field(default_factory=time.monotonic)
    erasures: int | None = None  # how often something of the person had been erased when the reply was begun
    _saving: threading.Lock = field(default_factory=threading.Lock)

    @property
    def text(self) -> str:
        """The text that is written so far."""
        return "".join(self.pieces)

    @property
    def milliseconds(self) -> int:
        """How long the reply has taken so far."""
        return round(1000 * (time.monotonic() - self.started))

    def add(self, piece: str) -> None:
        """Add a piece."""
        if not self.pieces:
            self.receipt["first_ms"] = self.milliseconds
        self.pieces.append(piece)

    def claim_saving(self) -> bool:
        """Return True to the first caller only: a reply may be stopped just as it ends, and is saved once."""
        return self._saving.acquire(blocking=False)

    def finished_receipt(self) -> dict[str, Any]:
        """Return what the reply used: memories, model, tokens, time, and money if the price is known."""
        if self.usage.cut_off:
            self.receipt["cut_off"] = True
        spent: dict[str, Any] = {"prompt_tokens": self.usage.prompt_tokens, "reply_tokens": self.usage.reply_tokens}
        if self.prices and (cost := self.prices.cost(self.usage)) is not None:
            spent["cost"] = cost
        return self.receipt | spent | {"model": self.usage.model, "ms": self.milliseconds}


def save(chat: ChatServices, asked: Message, partial: PartialReply) -> None:
    """Save a reply as far as it is written, once. If it is empty, the person's message is remembered without it."""
    if not partial.claim_saving():
        return
    if partial.text.strip():
        receipt = partial.finished_receipt()
        chat.conversations.reply(asked, partial.text, partial.status, receipt, partial.erasures)
    else:
        chat.conversations.end_without_reply(asked)
    chat.wake_worker()


# -- answering a message -------------------------------------------------------------------------


def answer(
    chat: ChatServices,
    asked: Message,
    without: Collection[str] = (),
    as_of: date | None = None,
    *,
    zone: tzinfo = UTC,
    partial: PartialReply | None = None,
) -> Generator[str, None, None]:
    """Write a reply to a saved message piece by piece; it is saved however it ends. Earlier replies stay as versions.

    The memories with the ids in `without` are left out. With `as_of`, the reply knows what was known at the end of that
    day. The prompt says which day it is in `zone`. Other threads can watch and save the `partial` reply.
    """
    partial = partial or PartialReply(chat.prices)
    try:
        history, preferences = chat.conversations.threads.history(asked, preferences_reading())
        partial.erasures = history.erasures
        off = memory_off(preferences, history.switches)
        memories: Sequence[Fact] = ()
        if off:
            partial.receipt["memory_off"] = True
        else:
            memories = _recall(chat.memory, asked, history, partial, without, as_of)
        parts = PromptParts(history.messages, memories, preferences, _files(chat, history), as_of, off)
        for piece in _stream(chat, asked, partial, parts, zone):
            partial.add(piece)
            yield piece
        partial.status = "complete"
        _name_chat(chat, history, partial.text)
    except (ModelError, LimitReached):
        partial.status = "failed"
        raise
    finally:
        save(chat, asked, partial)


def _recall(
    memory: Memory,
    asked: Message,
    history: ChatHistory,
    partial: PartialReply,
    without: Collection[str],
    as_of: date | None,
) -> list[Fact]:
    """Return the memories for a reply. If recall fails there are none, and the receipt says why."""
    if without:
        partial.receipt["without"] = sorted(without)
    if as_of:
        partial.receipt["as_of"] = as_of.isoformat()
    in_prompt = [*(each.id for each in history.messages[-NOT_RECALLED:]), *history.elsewhere]
    try:
        memories = memory.recall(
            asked.content,
            user_id=asked.user_id,
            limit=RECALLED,
            before=[Said(each.role, each.content, each.created_at) for each in history.messages[:-1]],
            without={*(episode_id(asked.user_id, each) for each in in_prompt), *without},
            # Standing memories are known only as they are today.
            standing=0 if as_of else STANDING,
            as_of=_end_of(as_of, memory.people.get(asked.user_id).zone) if as_of else None,
        )
    except ModelError as error:
        partial.receipt["not_recalled"] = str(error)
        return []
    if without:
        left_out = [known for each in without if (known := memory.get(each, user_id=asked.user_id))]
        memories = without_memories(memories, without, left_out)
    partial.receipt["memories"] = [_for_receipt(fact) for fact in memories]
    partial.receipt["recall_ms"] = partial.milliseconds
    return memories


def without_memories(recalled: Sequence[Fact], ids: Collection[str], left_out: Sequence[Result]) -> list[Fact]:
    """Return the recalled memories without those in `ids` and without episodes that would give them away.

    Such episodes are the turns they were learned from, replies that used them, and whatever says the same.
    """
    turns = {each["metadata"].get("message_id") for each in left_out} - {None}
    texts = [content_words(each["memory"]) for each in left_out]

    def gives_away(fact: Fact) -> bool:
        if fact.source != "episodes":
            return False
        origin = fact.metadata
        if {origin.get("turn"), origin.get("message_id")} & turns or set(origin.get("used", ())) & set(ids):
            return True
        words = content_words(fact.text)
        return any(text and text <= words for text in texts)

    return [fact for fact in recalled if fact.id not in ids and not gives_away(fact)]


def _for_receipt(fact: Fact) -> dict[str, Any]:
    """Return a memory as the receipt keeps it: its text, date and author, where it comes from, and how it scored."""
    entry = {"id": fact.id, "text": fact.text, "score": fact.score, "source": fact.source, "parts": fact.parts}
    by = fact.metadata.get("actor_id") or fact.metadata.get("role")
    origin = {name: fact.metadata[name] for name in ("run_id", "message_id") if fact.metadata.get(name)}
    return entry | origin | {"at": fact.metadata.get("happened_at") or fact.created_at, "by": by}


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    """Return the last moment of a day in the person's timezone."""
    return datetime.combine(day, clock.max, zone)


def _files(chat: ChatServices, history: ChatHistory) -> dict[str, list[Attachment]]:
    """Return the files of the history by message: texts, and the pictures that no model has refused before."""
    with_files = [each.id for each in history.messages if each.receipt.get("attached")][-MESSAGES_WITH_FILES:]
    if not with_files:
        return {}
    asked, stored = history.messages[-1], chat.conversations.attachments
    texts = stored.written(asked.user_id, with_files)
    answered = {each.parent_id for each in history.messages if each.role == "assistant" and each.status == "complete"}
    accepted = [each for each in with_files if each == asked.id or each in answered]
    pictures = stored.pictures(asked.user_id, accepted)
    by_id = {each.id: each for several in pictures.values() for each in several}
    return {message: [by_id.get(each.id, each) for each in several] for message, several in texts.items()}


def _stream(
    chat: ChatServices, asked: Message, partial: PartialReply, parts: PromptParts, zone: tzinfo
) -> Iterator[str]:
    """Stream the reply of the model the person chose; of the deployment's, if the chosen one is gone or refuses."""
    default = chat.model_for(asked.user_id)
    if default is None:
        yield prompt.without_model(parts)
        return
    chosen = parts.preferences.model or default.name
    if model := chat.model_for(asked.user_id, chosen):
        try:
            yield from _ask(model, asked, partial, parts, zone)
        except PicturesRefused:  # the default model might take them, but the person chose this one
            raise
        except ModelRefused:
            if partial.pieces or chosen == default.name:
                raise
        else:
            return
    partial.receipt["not_offered"] = chosen
    yield from _ask(default, asked, partial, parts, zone)


def _ask(model: Model, asked: Message, partial: PartialReply, parts: PromptParts, zone: tzinfo) -> Iterator[str]:
    partial.usage.model = model.name
    try:
        yield from model.stream(prompt.build(parts, datetime.now(zone)), partial.usage)
    except PicturesRefused:
        if partial.pieces or any(each.picture for each in parts.files.get(asked.id, ())):
            raise
        # The pictures came with earlier messages, to another model: this model goes on without them.
        yield from model.stream(prompt.build(parts.without_pictures(), datetime.now(zone)), partial.usage)


def _name_chat(chat: ChatServices, history: ChatHistory, reply: str) -> None:
    """Have the chat named, if this is its first complete reply."""
    *before, asked = history.messages
    first = not any(each.role == "assistant" and each.status == "complete" for each in before)
    if chat.namer is not None and first and reply.strip():
        chat.namer.add(asked.user_id, asked.conversation_id, asked.content, reply)


# -- replies in threads --------------------------------------------------------------------------


class ReplyTask:
    """One reply that is being written in a thread; any number of other threads can follow it."""

    def __init__(
        self,
        chat: ChatServices,
        asked: Message,
        without: Collection[str] = (),
        as_of: date | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        self.asked = asked
        self._chat = chat
        self._partial = PartialReply(chat.prices)
        self._options = without, as_of, zone
        self._changed = threading.Condition()
        self._problem: AppError | None = None
        self._over = False

    @property
    def has_words(self) -> bool:
        """Whether anything is written yet."""
        return bool(self._partial.pieces)

    @property
    def written(self) -> str:
        """The text so far."""
        return "".join(self._partial.pieces)

    def follow(self, patience: float = 0.25) -> Iterator[str]:
        """Yield the text so far, then each new piece; at the end, raise the error if the reply failed.

        While no new piece comes, yield an empty one every `patience` seconds, so that the caller can do something else
        in between.
        """
        passed_on, over = 0, False
        while not over:
            with self._changed:
                if passed_on == len(self._partial.pieces) and not self._over:
                    self._changed.wait(patience)
                over = self._over
                fresh = self._partial.pieces[passed_on:]
            passed_on += len(fresh)
            yield "".join(fresh)
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """Save the reply as far as it is written and end it now, without waiting for the model."""
        try:
            save(self._chat, self.asked, self._partial)
        finally:
            self.end(None)

    def write(self) -> AppError | None:
        """Write the reply until it is complete and saved, or stopped; return the error if it failed."""
        without, as_of, zone = self._options
        pieces = answer(self._chat, self.asked, without, as_of, zone=zone, partial=self._partial)
        try:
            with while_wanted(lambda: not self._over), closing(pieces):
                for _ in pieces:
                    with self._changed:
                        self._changed.notify_all()
                    if self._over:
                        break
        except AppError as error:
            return error
        return None

    def end(self, problem: AppError | None) -> None:
        """End the reply for all who follow it. An error after a stop is not reported."""
        with self._changed:
            if not self._over:
                self._problem, self._over = problem, True
            self._changed.notify_all()


class Replies:
    """The replies that are being written in this process; at most one in each chat."""

    def __init__(self, chat: ChatServices) -> None:
        self._chat = chat
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str], ReplyTask] = {}  # by user and chat
        self._problems: OrderedDict[tuple[str, str], str] = OrderedDict()  # by user and message
        self._threads: set[threading.Thread] = set()
        self._closed = False

    def begin(
        self, asked: Message, without: Collection[str] = (), as_of: date | None = None, *, zone: tzinfo = UTC
    ) -> None:
        """Start to answer a message, unless its reply is being written already. The arguments are those of `answer`.

        Another reply that is being written in the same chat is stopped.
        """
        place, task = (asked.user_id, asked.conversation_id), ReplyTask(self._chat, asked, without, as_of, zone)
        with self._lock:
            before = self._tasks.get(place)
            if before and before.asked.id == asked.id:
                return
            self._problems.pop((asked.user_id, asked.id), None)
            if self._closed:
                self._note_problem(asked, AppError(ENDING))
                return
            if sum(user == asked.user_id for user, _ in self._tasks) >= REPLIES_AT_ONCE + bool(before):
                self._note_problem(asked, LimitReached(TOO_MANY))
                return
            self._tasks[place] = task
        if before:
            self._stop_task(before)
        thread = threading.Thread(target=self._write, args=(task,), name="keepsake-reply", daemon=True)
        with self._lock:
            self._threads.add(thread)
            thread.start()

    def task_for(self, user_id: str, conversation_id: str | None) -> ReplyTask | None:
        """Return the reply that is being written in a chat."""
        with self._lock:
            return self._tasks.get((user_id, conversation_id or ""))

    def problem_with(self, user_id: str, message_id: str) -> str | None:
        """Return the error sentence if this process failed to answer the message when it last tried."""
        with self._lock:
            return self._problems.get((user_id, message_id))

    def stop(self, user_id: str, conversation_id: str) -> None:
        """Stop the reply that is being written in a chat, and save it as far as it is written."""
        self._stop((user_id, conversation_id))

    def stop_all(self, user_id: str) -> None:
        """Stop every reply of a user; when this returns, no reply of theirs is saved any more."""
        self._stop(*[each for each in self._places() if each[0] == user_id])

    def close(self, patience: float = 2.0) -> None:
        """Stop every reply, save each as far as it is written, and wait a moment for the threads; begin no other."""
        with self._lock:
            self._closed = True
        self._stop(*self._places())
        until = time.monotonic() + patience
        for each in list(self._threads):
            each.join(max(0.0, until - time.monotonic()))

    def _places(self) -> list[tuple[str, str]]:
        with self._lock:
            return list(self._tasks)

    def _stop(self, *places: tuple[str, str]) -> None:
        for each in places:
            with self._lock:
                task = self._tasks.pop(each, None)
            if task is not None:
                self._stop_task(task)

    def _stop_task(self, task: ReplyTask) -> None:
        try:
            task.stop()
        except AppError as problem:  # the reply could not be saved
            with self._lock:
                self._note_problem(task.asked, problem)

    def _write(self, task: ReplyTask) -> None:
        problem: AppError | None = AppError(UNEXPECTED)  # stays if a bug ends the thread; threading reports its trace
        try:
            problem = task.write()
        finally:
            self._remove(task, problem)
            task.end(problem)
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _remove(self, task: ReplyTask, problem: AppError | None) -> None:
        """Take a finished reply off the list, with its problem; a stopped one is off the list already."""
        place = (task.asked.user_id, task.asked.conversation_id)
        with self._lock:
            if self._tasks.get(place) is not task:
                return
            del self._tasks[place]
            if problem is not None:
                self._note_problem(task.asked, problem)

    def _note_problem(self, asked: Message, problem: AppError) -> None:
        log.warning("the reply to %s: %s", asked.id, problem)
        self._problems[asked.user_id, asked.id] = str(problem)
        while len(self._problems) > MAX_PROBLEMS:
            self._problems.popitem(last=False)
