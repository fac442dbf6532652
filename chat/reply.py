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
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

from chat import prompt
from chat.attachments import Attachment
from chat.preferences import Preferences, may_read, preferences_reading
from chat.tree import Message, Thread
from chat.turn import Chat, say
from memory import Fact, Memory, Result, Said, episode_id
from memory.errors import AppError, LimitReached, ModelError, ModelRefused, PicturesRefused
from memory.language.words import content_words
from memory.model import Model, PromptMessage, Usage, while_wanted
from memory.model.catalog import Prices

__all__ = ["AT_ONCE", "PartialReply", "Replies", "ReplyTask", "answer", "do_without", "keep", "run_turn"]

RECALLED = 8
STANDING = 5  # of what holds whatever is asked


@dataclass
class PartialReply:
    """The reply as it grows; a stop or a failure leaves it as far as it came."""

    prices: Prices | None = None
    status: str = "stopped"
    pieces: list[str] = field(default_factory=list)
    receipt: dict[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    began: float = field(default_factory=time.monotonic)
    _left: threading.Lock = field(default_factory=threading.Lock)

    def recall(
        self,
        memory: Memory,
        asked: Message,
        history: Sequence[Message],
        present: Sequence[str],
        without: Collection[str],
        as_of: date | None = None,
    ) -> Sequence[Fact]:
        """The memories for a message. A reply without memory beats no reply, but its receipt says so."""
        if without:
            self.receipt["without"] = sorted(without)
        if as_of:
            self.receipt["as_of"] = as_of.isoformat()
        try:
            before = [Said(each.role, each.content, each.created_at) for each in history[:-1]]
            memories = memory.recall(
                asked.content,
                user_id=asked.user_id,
                limit=RECALLED,
                before=before,
                without={*present, *without},
                # What holds whatever is asked is known as it stands today only.
                standing=0 if as_of else STANDING,
                as_of=_end_of(as_of, memory.people.get(asked.user_id).zone) if as_of else None,
            )
        except ModelError as error:
            self.receipt["not_recalled"] = str(error)
            return []
        if without:
            left_out = [known for each in without if (known := memory.get(each, user_id=asked.user_id))]
            memories = do_without(memories, without, left_out)
        self.receipt["memories"] = [_used(fact) for fact in memories]
        self.receipt["recall_ms"] = self._ms
        return memories

    def tell_nothing(self) -> Sequence[Fact]:
        """Memory is off: nothing is looked for, and the receipt says so."""
        self.receipt["memory_off"] = True
        return []

    def add(self, piece: str) -> None:
        """A piece of the reply more."""
        if not self.pieces:
            self.receipt["first_ms"] = self._ms
        self.pieces.append(piece)

    def leave(self) -> bool:
        """Done with it; true for the first who says so, and only they save it: a reply may be stopped as it ends."""
        return self._left.acquire(blocking=False)

    def finished_receipt(self) -> dict[str, Any]:
        """What the turn used: memories, tokens, money where its price is known, time."""
        if self.usage.cut_off:
            self.receipt["cut_off"] = True
        spent: dict[str, Any] = {"prompt_tokens": self.usage.prompt_tokens, "reply_tokens": self.usage.reply_tokens}
        if self.prices and (cost := self.prices.cost(self.usage)) is not None:
            spent["cost"] = cost
        return self.receipt | spent | {"model": self.usage.model, "ms": self._ms}

    @property
    def _ms(self) -> int:
        return round(1000 * (time.monotonic() - self.began))


def _used(fact: Fact) -> dict[str, Any]:
    """A memory as the receipt keeps it: what, from when, by whom, from which message, and why it was found."""
    told = {"id": fact.id, "text": fact.text, "score": fact.score, "source": fact.source, "parts": fact.parts}
    by = fact.metadata.get("actor_id") or fact.metadata.get("role")
    origin = {name: fact.metadata[name] for name in ("run_id", "message_id") if fact.metadata.get(name)}
    return told | origin | {"at": fact.metadata.get("happened_at") or fact.created_at, "by": by}


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    """The last moment of a day, where the person lives."""
    return datetime.combine(day, clock.max, zone)


def do_without(found: Sequence[Fact], ids: Collection[str], left_out: Sequence[Result]) -> list[Fact]:
    """What was recalled, without these memories and what was said of them: the turn they are from, replies that were
    told them, and whatever says the same."""
    turns = {each["metadata"].get("message_id") for each in left_out} - {None}
    texts = [content_words(each["memory"]) for each in left_out]

    def brings_back(fact: Fact) -> bool:
        if fact.source != "episodes":
            return False
        known = fact.metadata
        if {known.get("turn"), known.get("message_id")} & turns or set(known.get("used", ())) & set(ids):
            return True
        says = content_words(fact.text)
        return any(text and text <= says for text in texts)

    return [fact for fact in found if fact.id not in ids and not brings_back(fact)]


log = logging.getLogger("keepsake.underway")
AT_ONCE = 4  # replies of one person; several tabs have room, and nobody takes all the threads
PROBLEMS = 1_000  # replies that failed, whose reason is known until they are asked for again
UNEXPECTED = "Something unexpected went wrong; the log has the rest."
TOO_MANY = f"{AT_ONCE} replies are being written for you already: wait for one, or stop it, and try again."


PRESENT = 40  # messages of this conversation that its prompt most likely shows
MESSAGES_WITH_FILES = 10  # of which the prompt shows files at most


def run_turn(chat: Chat, *, user_id: str, conversation_id: str | None, text: str) -> Generator[str, None, None]:
    """Save what was said, then yield the reply piece by piece; saved too, however it ends."""
    yield from answer(chat, say(chat, user_id, conversation_id, text))


def answer(
    chat: Chat,
    asked: Message,
    thread: Thread | None = None,
    without: Collection[str] = (),
    as_of: date | None = None,
    *,
    zone: tzinfo = UTC,
    draft: PartialReply | None = None,
) -> Generator[str, None, None]:
    """Reply to a message that is saved already (the second half of a turn, and all of a second try).

    `thread` is the shown line of its conversation, where the caller has read it anyway; `without` are the ids of
    memories that this reply is not to be told; with `as_of` it is told what was known at the end of that day.
    Earlier replies to the message stay beside this one. Today is today in `zone`. What there is of the reply can be
    seen, and kept, in the `draft`.
    """
    draft = draft or PartialReply(chat.prices)
    try:
        if thread is None or not thread.reaches(asked):
            thread, preferences = _read(chat, asked)
        else:
            preferences = chat.preferences_of(asked.user_id)
        history = thread.up_to(asked)
        present = _at_hand(asked, history, thread)
        here = thread.switches.reads
        reads = may_read(preferences, in_this_chat=here)
        memories = draft.recall(chat.memory, asked, history, present, without, as_of) if reads else draft.tell_nothing()
        beside = prompt.Beside(_files(chat, asked, history), as_of if reads else None, off_here=not here)
        for piece in _speak(chat, asked, draft, _Wanted(history, memories, preferences, beside, told=reads, zone=zone)):
            draft.add(piece)
            yield piece
        draft.status = "complete"
        _name(chat, draft, history)
    except (ModelError, LimitReached):
        draft.status = "failed"
        raise
    finally:
        keep(chat, asked, draft)


def _read(chat: Chat, asked: Message) -> tuple[Thread, Preferences]:
    """The line up to a message, and in the same trip what the person set."""
    threads = chat.conversations.threads
    if chat.preferences is None:
        return threads.up_to(asked), Preferences()
    return threads.up_to_and(asked, preferences_reading())


def _at_hand(asked: Message, history: Sequence[Message], thread: Thread) -> list[str]:
    """The episodes that need not be recalled: what stands in the prompt as the conversation, and what stands on other
    branches of it, which was taken back by asking otherwise, or is what this reply replaces."""
    left = [*(each.id for each in history[-PRESENT:]), *thread.aside(asked)]
    return [episode_id(asked.user_id, each) for each in left]


def _files(chat: Chat, asked: Message, history: Sequence[Message]) -> dict[str, list[Attachment]]:
    """What came with the messages of a prompt: texts, and the pictures that no model has refused before."""
    having = [each.id for each in history if each.receipt.get("attached")][-MESSAGES_WITH_FILES:]
    if not having:
        return {}
    known = chat.conversations.attachments
    found = known.written(asked.user_id, having)
    answered = {each.parent_id for each in history if each.role == "assistant" and each.status == "complete"}
    seen = known.pictures(asked.user_id, [each for each in having if each == asked.id or each in answered])
    whole = {each.id: each for several in seen.values() for each in several}
    return {message: [whole.get(each.id, each) for each in several] for message, several in found.items()}


@dataclass(frozen=True)
class _Wanted:
    """What a reply is made from."""

    history: Sequence[Message]
    memories: Sequence[Fact]
    preferences: Preferences
    beside: prompt.Beside
    told: bool
    zone: tzinfo

    def words(self, beside: prompt.Beside) -> list[PromptMessage]:
        """The prompt, with these files."""
        now = datetime.now(self.zone)
        return prompt.build(
            self.history, self.memories, now, preferences=self.preferences, told=self.told, beside=beside
        )


def _speak(chat: Chat, asked: Message, draft: PartialReply, wanted: _Wanted) -> Iterator[str]:
    """The reply, by the model the person chose; by the deployment's, where that one is gone or refuses."""
    own = chat.model_for(asked.user_id)
    if own is None:
        yield prompt.without_model(wanted.memories, told=wanted.told, beside=wanted.beside)
        return
    chosen = wanted.preferences.model or own.name
    if model := chat.model_for(asked.user_id, chosen):
        try:
            yield from _stream(model, asked, draft, wanted)
        except PicturesRefused:  # another model might take them, but it was not asked for
            raise
        except ModelRefused:
            if draft.pieces or chosen == own.name:
                raise
        else:
            return
    draft.receipt["not_offered"] = chosen
    yield from _stream(own, asked, draft, wanted)


def _stream(model: Model, asked: Message, draft: PartialReply, wanted: _Wanted) -> Iterator[str]:
    draft.usage.model = model.name
    try:
        yield from model.stream(wanted.words(wanted.beside), draft.usage)
    except PicturesRefused:
        if draft.pieces or any(each.picture for each in wanted.beside.files.get(asked.id, ())):
            raise
        # Pictures further up, sent to another model, must not keep this one from going on.
        yield from model.stream(wanted.words(wanted.beside.in_words()), draft.usage)


def _name(chat: Chat, draft: PartialReply, history: Sequence[Message]) -> None:
    """After the first whole reply of a chat, let it be named."""
    asked, text = history[-1], "".join(draft.pieces)
    if chat.namer is None or not text.strip():
        return
    if not any(each.role == "assistant" and each.status == "complete" for each in history):
        chat.namer.tell(asked.user_id, asked.conversation_id, asked.content, text)


def keep(chat: Chat, asked: Message, draft: PartialReply) -> None:
    """Save what there is of a reply, once. With nothing said in reply, the person's words still count."""
    if not draft.leave():
        return
    text = "".join(draft.pieces)
    if text.strip():
        chat.conversations.reply(asked, text, draft.status, draft.finished_receipt())
    else:
        chat.conversations.queue(asked)
    chat.tell_worker()


class ReplyTask:
    """One reply while it is written."""

    def __init__(self, chat: Chat, asked: Message) -> None:
        self.asked = asked
        self._chat = chat
        self._draft = PartialReply(chat.prices)
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


class Replies:
    """The replies that are being written in this process; one in each chat."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._turn = threading.Lock()
        self._writings: dict[tuple[str, str], ReplyTask] = {}  # by person and chat
        self._problems: OrderedDict[tuple[str, str], str] = OrderedDict()  # by person and message
        self._threads: set[threading.Thread] = set()

    def begin(
        self, asked: Message, without: Collection[str] = (), as_of: date | None = None, *, zone: tzinfo = UTC
    ) -> None:
        """Have a message answered, unless it is being answered already; for the rest see turn.answer.

        Whoever says more, or wants another reply, has no wish to hear the end of what is being written in the chat.
        """
        place, writing = (asked.user_id, asked.conversation_id), ReplyTask(self._chat, asked)
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

    def task_for(self, user_id: str, conversation_id: str | None) -> ReplyTask | None:
        """The reply that is being written in a chat."""
        with self._turn:
            return self._writings.get((user_id, conversation_id or ""))

    def problem_with(self, user_id: str, message_id: str) -> str | None:
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

    def _end(self, writing: ReplyTask) -> None:
        try:
            writing.stop()
        except AppError as problem:  # what there was could not be kept
            with self._turn:
                self._note(writing.asked, problem)

    def _write(self, writing: ReplyTask, without: Collection[str], as_of: date | None, zone: tzinfo) -> None:
        problem: AppError | None = AppError(UNEXPECTED)  # a bug; its trace goes where those of threads go
        try:
            problem = writing.write(without, as_of, zone)
        finally:
            self._leave(writing, problem)
            writing.end(problem)
            with self._turn:
                self._threads.discard(threading.current_thread())

    def _leave(self, writing: ReplyTask, problem: AppError | None) -> None:
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
