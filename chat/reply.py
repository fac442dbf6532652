"""The second half of a turn: write the reply, each in a thread of its own, whether anybody watches or not.

    replies.begin(message)                      start to answer the message
    task = replies.task_for(user_id, chat_id)   from any tab, as often as wanted
    for piece in task.follow(): ...             the text so far, then the rest as it comes
    replies.stop(user_id, chat_id)              save the text so far, even while the model says nothing
    replies.begin(message, earlier=reply)       go on with a reply that broke off, in its place
    replies.elsewhere(thread)                   the reply that another process writes: followed and stopped likewise

A long reply is saved every few seconds while it is written, as stopped: if the process is killed, it can go on.
open_replies.py tells processes of each other's replies. A reply never waits for remembering (queue.py).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo

from chat import prompt
from chat.answering import Lookup, for_receipt
from chat.answering.partial_reply import PartialReply, as_it_is_now, joined, save, save_in_time, save_meanwhile
from chat.answering.second_look import LookingReply, SecondLook
from chat.answering.without_model import Surroundings, plain_reply
from chat.attachments import Attachment
from chat.open_replies import LOOKS, REPLIES_AT_ONCE, TOO_MANY, Renewal, Renewing, ReplyElsewhere, ReplyWatch
from chat.preferences import Preferences, memory_off, preferences_reading
from chat.prompt import PromptParts
from chat.tree import ChatHistory, Message, Thread, replies_to
from chat.turn import ChatServices
from memory import Fact
from memory.errors import AppError, BadAnswer, LimitReached, ModelError, ModelRefused, PicturesRefused
from memory.model import Model, PromptMessage
from memory.model.pieces import deltas
from memory.model.serving import while_wanted
from memory.telemetry.figures import REPLIES
from memory.telemetry.tracing import current, go_on

__all__ = ["AS_SET", "ENDING", "REPLIES_AT_ONCE", "AnswerOptions", "FollowedReply", "Replies", "ReplyTask", "answer"]

log = logging.getLogger("keepsake.replies")
MESSAGES_WITH_FILES = 10  # messages whose files the prompt may show
PACE = 0.1  # seconds between two pieces that a page gets: each one sends the whole reply to the browser again
MAX_PROBLEMS = 1_000  # failed replies whose error this process keeps
UNEXPECTED = "Something unexpected went wrong; the log has the details."
ENDING = "Keepsake is just being restarted. Try again in a moment."


# -- answering a message -------------------------------------------------------------------------


@dataclass(frozen=True)
class AnswerOptions:
    """How a message is to be answered, beside what the person has set.

    The memories with the ids in `without` are left out. With `as_of`, the reply knows what was known at the end of that
    day. The prompt says which day it is in `zone`. With `model`, that one replies instead of the person's.
    """

    without: Collection[str] = ()
    as_of: date | None = None
    zone: tzinfo = UTC
    model: str | None = None


AS_SET = AnswerOptions()


def answer(
    chat: ChatServices, asked: Message, options: AnswerOptions = AS_SET, partial: PartialReply | None = None
) -> Generator[str, None, None]:
    """Write a reply to a saved message piece by piece; it is saved however it ends. Earlier replies stay as versions.

    Other threads can watch and save the `partial` reply.
    """
    partial = partial or PartialReply(chat.prices)
    try:
        history, preferences = chat.conversations.threads.history(asked, preferences_reading())
        partial.erasures = history.erasures
        if options.model is not None:
            partial.receipt["chosen_model"], preferences = options.model, replace(preferences, model=options.model)
        if partial.earlier is not None:
            partial.earlier = as_it_is_now(chat, partial.earlier)
        lookup = Lookup(chat.memory, asked, history, options.without, options.as_of)
        reply = _without_model if chat.model is None else _with_model
        for piece in reply(chat, lookup, preferences, partial, options.zone):
            partial.add(piece)
            yield piece
            save_meanwhile(chat, asked, partial)
            if partial.cut_off_at(chat.longest_reply):
                break
        partial.status = "complete"
        _name_chat(chat, history, partial.text)
    except (ModelError, LimitReached):
        partial.status = "failed"
        raise
    finally:
        save_in_time(chat, asked, partial)


def _with_model(
    chat: ChatServices, lookup: Lookup, preferences: Preferences, partial: PartialReply, zone: tzinfo
) -> Iterator[str]:
    """Yield the reply of a model, which is given the memories that fit the message."""
    history, off = lookup.history, memory_off(preferences, lookup.history.switches)
    memories: list[Fact] = []
    if off:
        partial.receipt["memory_off"] = True
    else:
        lookup.note(partial.receipt)
        memories = lookup.for_prompt(partial.receipt)
        partial.receipt["recall_ms"] = partial.milliseconds
    begun = partial.text
    parts = PromptParts(history.messages, memories, preferences, _files(chat, history), lookup.as_of, off, zone, begun)
    look = (
        None if off or not chat.second_looks else SecondLook(lookup, zone, partial.receipt, memories, chat.second_looks)
    )
    pieces = _stream(chat, lookup.asked, partial, parts, look)
    yield from joined(begun, pieces) if begun else pieces


def _without_model(
    chat: ChatServices, lookup: Lookup, preferences: Preferences, partial: PartialReply, zone: tzinfo
) -> Iterator[str]:
    """Yield the reply that rules make, and note in the receipt which memories it tells or offers to forget."""
    asked, elsewhere = lookup.asked, lookup.history.elsewhere
    around = Surroundings(
        recall=lambda question: lookup.find(question, [asked.id, *elsewhere]),
        zone=zone,
        language=preferences.language,
        memory_off=memory_off(preferences, lookup.history.switches),
        as_of=lookup.moment,
        without=lookup.without,
        with_files=bool(asked.receipt.get("attached")),
    )
    reply = plain_reply(chat, asked, around)
    if around.memory_off:
        partial.receipt["memory_off"] = True
    else:
        lookup.note(partial.receipt)
        partial.receipt["memories"] = [for_receipt(fact) for fact in reply.used]
    if reply.forget:
        partial.receipt["forget"] = list(reply.forget)
    yield reply.text


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
    chat: ChatServices, asked: Message, partial: PartialReply, parts: PromptParts, look: SecondLook | None
) -> Iterator[str]:
    """Stream the reply of the model the person chose; of the deployment's, if the chosen one is gone or refuses."""
    default = chat.model_for(asked.user_id)
    if default is None:
        return
    chosen = parts.preferences.model or default.name
    if model := chat.model_for(asked.user_id, chosen):
        try:
            yield from _ask(chat, model, partial, parts, look)
        except PicturesRefused:  # the default model might take them, but the person chose this one
            raise
        except ModelRefused:
            if partial.has_words or chosen == default.name:
                raise
        else:
            return
    partial.receipt["not_offered"] = chosen
    yield from _ask(chat, default, partial, parts, look)


def _ask(
    chat: ChatServices, model: Model, partial: PartialReply, parts: PromptParts, look: SecondLook | None
) -> Iterator[str]:
    """Stream a model's reply, and note whether it takes the pictures that are in the prompt."""
    partial.usage.model = partial.receipt["asked_model"] = model.name  # a server may answer under another name
    shown = prompt.build(parts, datetime.now(parts.zone))
    untold = chat.offers if any(each.pictures for each in shown) else None
    try:
        for piece in _pieces(chat, model, partial, parts, look):
            if untold:
                untold.note_pictures(model.name, taken=True)
                untold = None
            yield piece
    except PicturesRefused:
        if untold:
            untold.note_pictures(model.name, taken=False)
        if partial.has_words or any(each.picture for each in parts.files.get(parts.history[-1].id, ())):
            raise
        # The pictures came with earlier messages, to another model: this model goes on without them.
        yield from _pieces(chat, model, partial, parts.without_pictures(), look)


def _pieces(
    chat: ChatServices, model: Model, partial: PartialReply, parts: PromptParts, look: SecondLook | None
) -> Iterator[str]:
    """Stream a model's reply; if it knows tools, it may search the memories meanwhile."""
    now, usage = datetime.now(parts.zone), partial.usage
    if look is None or (chat.offers and not chat.offers.takes_tools(model.name)):
        yield from model.stream(prompt.build(parts, now), usage)
        return

    def written(found: Sequence[Fact], may_search: bool) -> list[PromptMessage]:
        return prompt.build(replace(parts, memories=[*parts.memories, *found], may_search=may_search), now)

    spoke = False
    for piece in LookingReply(model, written, look, usage, catalog=chat.offers).pieces():
        usage.cut_off = usage.cut_off or any(each.get("finish_reason") == "length" for each in piece["choices"])
        for delta in deltas(piece):
            # A refusal comes in the model's own words, which are its reply.
            if words := delta.get("content") or delta.get("refusal"):
                spoke = True
                yield words
    if not spoke:
        raise BadAnswer(f"{model.name} sent an empty reply. Try again in a minute.")


def _name_chat(chat: ChatServices, history: ChatHistory, reply: str) -> None:
    """Have the chat named, if this is its first complete reply."""
    *before, asked = history.messages
    first = not any(each.role == "assistant" and each.status == "complete" for each in before)
    if chat.namer is not None and first and reply.strip():
        chat.namer.add(asked.user_id, asked.conversation_id, asked.content, reply)


# -- replies in threads --------------------------------------------------------------------------


class ReplyTask:
    """One reply that is being written in a thread; any number of other threads can follow it."""

    stopping = False  # a stop ends it at once

    def __init__(
        self,
        chat: ChatServices,
        asked: Message,
        options: AnswerOptions = AS_SET,
        earlier: Message | None = None,
    ) -> None:
        self.asked = asked
        self.claimed = False  # whether other processes know that this one writes it
        self._chat = chat
        self.partial = PartialReply(chat.prices, earlier)
        self._options = options
        self._request = current()  # of the page that asked
        self._changed = threading.Condition()
        self._problem: AppError | None = None
        self._over = False

    @property
    def has_words(self) -> bool:
        """Whether anything is written yet, beside the words of a reply that goes on."""
        return self.partial.has_words

    @property
    def saved(self) -> Message | None:
        """The reply as it was saved last; None if nothing of it was."""
        return self.partial.saved

    @property
    def written(self) -> str:
        """The text so far."""
        return "".join(self.partial.pieces)

    def follow(self, patience: float = 0.25) -> Iterator[str]:
        """Yield the text so far, then what is new, every `PACE` seconds; at the end, raise the error of a failed reply.

        While nothing new comes, yield an empty piece every `patience` seconds, so that the caller can do something else
        in between.
        """
        passed_on, over, next_at = 0, False, 0.0
        while not over:
            with self._changed:
                self._changed.wait_for(lambda: self._over, next_at - time.monotonic())
                if passed_on == len(self.partial.pieces) and not self._over:
                    self._changed.wait(patience)
                over = self._over
                fresh = self.partial.pieces[passed_on:]
            passed_on, next_at = passed_on + len(fresh), time.monotonic() + PACE
            yield "".join(fresh)
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """Save the reply as far as it is written and end it now, without waiting for the model."""
        try:
            save(self._chat, self.asked, self.partial)
        finally:
            self.end(None)

    def write(self) -> AppError | None:
        """Write the reply until it is complete and saved, or stopped; return the error if it failed."""
        go_on(self._request)
        pieces = answer(self._chat, self.asked, self._options, self.partial)
        try:
            with while_wanted(lambda: not self._over), closing(pieces):
                for _ in pieces:
                    with self._changed:
                        self._changed.notify_all()
                    if self._over:
                        break
        except AppError as error:
            return error
        finally:
            REPLIES.add(time.monotonic() - self.partial.started, status=self.partial.status)
        return None

    def end(self, problem: AppError | None) -> None:
        """End the reply for all who follow it. An error after a stop is not reported."""
        with self._changed:
            if not self._over:
                self._problem, self._over = problem, True
            self._changed.notify_all()


FollowedReply = ReplyTask | ReplyElsewhere


class Replies:
    """The replies that are being written in this process; at most one in each chat, whichever process writes it."""

    def __init__(self, chat: ChatServices) -> None:
        self.chat = chat
        self._lock = threading.Lock()
        self._tasks: dict[tuple[str, str], ReplyTask] = {}  # by user and chat
        self._problems: OrderedDict[tuple[str, str], str] = OrderedDict()  # by user and message
        self._threads: set[threading.Thread] = set()
        self._closed = False
        self._open_replies = chat.conversations.open_replies
        self._renewing = Renewing(self._open_replies, self._writing, self._renewed, chat.renewing_seconds)
        self._watch = ReplyWatch(self._open_replies, chat.renewing_seconds / LOOKS)

    def begin(self, asked: Message, options: AnswerOptions = AS_SET, earlier: Message | None = None) -> None:
        """Start to answer a message, unless its reply is being written already, by whichever process.

        With `earlier`, a reply to the message that broke off, go on with that reply. Another reply that is being
        written in the same chat is stopped.
        """
        place = (asked.user_id, asked.conversation_id)
        task = ReplyTask(self.chat, asked, options, earlier)
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
        if not self._claim(task):
            return
        thread = threading.Thread(target=self._write, args=(task,), name="keepsake-reply", daemon=True)
        with self._lock:
            self._threads.add(thread)
            thread.start()

    def _claim(self, task: ReplyTask) -> bool:
        """Let other processes know that this one writes a reply; return False if it may not."""
        problem: AppError | None = None
        try:
            earlier = task.partial.earlier
            task.claimed = self._open_replies.claim(task.asked, earlier.id if earlier else None)
        except AppError as error:
            problem = error
        if task.claimed:
            self._renewing.start()
        else:
            self._remove(task, problem)
            task.end(problem)
        return task.claimed

    def elsewhere(self, thread: Thread) -> FollowedReply | None:
        """Return the reply that another process writes in a chat, if the message that it answers is drawn."""
        writing = thread.open_reply
        asked = thread.find(writing.message_id) if writing else None
        if writing is None or asked is None:
            return None
        if task := self.task_for(asked.user_id, asked.conversation_id):  # it was begun since the page looked
            return task
        earlier = [each.id for each in replies_to(asked, (*thread.messages, *thread.others))]
        return ReplyElsewhere(self._watch, asked, earlier, stopping=writing.stopping)

    def task_for(self, user_id: str, conversation_id: str | None) -> ReplyTask | None:
        """Return the reply that is being written in a chat."""
        with self._lock:
            return self._tasks.get((user_id, conversation_id or ""))

    def problem_with(self, user_id: str, message_id: str) -> str | None:
        """Return the error sentence if this process failed to answer the message when it last tried."""
        with self._lock:
            return self._problems.get((user_id, message_id))

    def stop(self, user_id: str, conversation_id: str) -> None:
        """Stop the reply that is being written in a chat, and save it; another process does so within seconds."""
        if self.task_for(user_id, conversation_id):
            self._stop((user_id, conversation_id))
        else:
            self._open_replies.ask_to_stop(user_id, conversation_id)

    def stop_all(self, user_id: str) -> None:
        """Stop every reply of a user; when this returns, this process saves none of theirs any more.

        Other processes are asked to stop theirs. What they save is without what was erased meanwhile.
        """
        self._stop(*[each for each in self._places() if each[0] == user_id])
        self._open_replies.ask_to_stop(user_id)

    def close(self, patience: float = 2.0) -> None:
        """Stop every reply, save each as far as it is written, and wait a moment for the threads; begin no other."""
        with self._lock:
            self._closed = True
        self._stop(*self._places())
        self._renewing.end()
        until = time.monotonic() + patience
        for each in list(self._threads):
            each.join(max(0.0, until - time.monotonic()))

    def _writing(self) -> list[str]:
        """Return the messages whose replies are being written here, as far as other processes know of them."""
        with self._lock:
            return [task.asked.id for task in self._tasks.values() if task.claimed and not task.partial.closed]

    def _renewed(self, message_id: str, learned: Renewal | None) -> None:
        """Stop a reply if somebody wants that, or another process answers now; otherwise save what is new of it."""
        with self._lock:
            task = next((each for each in self._tasks.values() if each.asked.id == message_id), None)
        if task is None or task.partial.closed:
            return
        if learned is None or learned.stop_wanted:
            self._stop((task.asked.user_id, task.asked.conversation_id))
        else:
            task.partial.watched = learned.watched
            save_meanwhile(self.chat, task.asked, task.partial)

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
        self._problems[asked.user_id, asked.id] = problem.for_person()
        while len(self._problems) > MAX_PROBLEMS:
            self._problems.popitem(last=False)
