"""One turn, start to finish: save what was said, recall, ask the model, save the reply, leave the rest to the worker.

The reply never waits for remembering. It draws nothing: whoever iterates shows the pieces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chat import prompt
from chat.conversations import Conversations, Message
from chat.left_out import do_without
from chat.naming import Namer
from chat.preferences import Preferences, PreferenceStore
from chat.switches import may_read
from chat.threads import Thread
from chat.wording import sayable
from errors import LimitReached, ModelError, ModelRefused
from limits import Limits
from memory import Fact, Memory, Said, episode_id
from model import Message as Words
from model import Model, Usage
from model.offers import Offers

__all__ = ["Chat", "answer", "run_turn", "say"]

RECALLED = 8
PRESENT = 40  # messages of this conversation that its prompt most likely shows
STANDING = 5  # of what holds whatever is asked
PRESSED_TWICE = 2.0  # seconds in which the same words, not answered yet, are the same message


@dataclass(frozen=True)
class Chat:
    """What a turn needs: where messages live, the memory, a model or None, whom to tell of a new turn, and limits.

    `preferences` is where people's are kept, and `offers` which models they may choose; without, nobody has any.
    `namer` names a chat after its first reply.
    """

    conversations: Conversations
    memory: Memory
    model: Model | None
    tell_worker: Callable[[], None]
    limits: Limits | None = None
    preferences: PreferenceStore | None = None
    offers: Offers | None = None
    namer: Namer | None = None

    def preferences_of(self, user_id: str) -> Preferences:
        """What this person set."""
        return self.preferences.get(user_id) if self.preferences else Preferences()

    def model_for(self, user_id: str, chosen: str | None = None) -> Model | None:
        """The deployment's model, or the one that was chosen, as this person may use it; None if there is no such."""
        model = self.model
        if model is not None and chosen not in (None, model.name):
            model = model.named(str(chosen)) if self.offers and self.offers.has(str(chosen)) else None
        return self.limits.metered(model, user_id) if self.limits and model else model


def run_turn(chat: Chat, *, user_id: str, conversation_id: str | None, text: str) -> Generator[str, None, None]:
    """Save what was said, then yield the reply piece by piece; saved too, however it ends."""
    yield from answer(chat, say(chat, user_id, conversation_id, text))


def say(
    chat: Chat,
    user_id: str,
    conversation_id: str | None,
    text: str,
    *,
    seen: str | None = None,
    instead_of: str | None = None,
) -> Message:
    """Save what a person said, the first half of a turn; refused with nothing saved where a limit is reached.

    `seen` is the last message they saw, `instead_of` the one whose other version this is.
    """
    words = sayable(text)
    if chat.limits is not None:
        chat.limits.may_say(user_id, words)
    return chat.conversations.say(
        user_id, conversation_id, words, seen=seen, instead_of=instead_of, once_within=PRESSED_TWICE
    )


def answer(
    chat: Chat, asked: Message, thread: Thread | None = None, without: Collection[str] = ()
) -> Generator[str, None, None]:
    """Reply to a message that is saved already (the second half of a turn, and all of a second try).

    `thread` is the shown line of its conversation, where the caller has read it anyway; `without` are the ids of
    memories that this reply is not to be told. Earlier replies to the message stay beside this one.
    """
    draft = _Draft()
    try:
        if thread is None or not thread.reaches(asked):
            thread = chat.conversations.threads.up_to(asked)
        history = thread.up_to(asked)
        preferences = chat.preferences_of(asked.user_id)
        # What stands in the prompt as the conversation need not be recalled as well. What stands on other branches
        # of it was taken back by asking otherwise, or is what this reply replaces.
        left = [*(each.id for each in history[-PRESENT:]), *thread.aside(asked)]
        present = [episode_id(asked.user_id, each) for each in left]
        reads = may_read(preferences)
        memories = draft.recall(chat.memory, asked, history, present, without) if reads else draft.tell_nothing()
        for piece in _speak(chat, asked, draft, history, memories, preferences):
            draft.pieces.append(piece)
            yield piece
        draft.status = "complete"
        _name(chat, draft, history)
    except (ModelError, LimitReached):
        draft.status = "failed"
        raise
    finally:
        _save(chat, asked, draft)


@dataclass
class _Draft:
    """The reply as it grows; a stop or a failure leaves it as far as it came."""

    status: str = "stopped"
    pieces: list[str] = field(default_factory=list)
    receipt: dict[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    began: float = field(default_factory=time.monotonic)

    def recall(
        self,
        memory: Memory,
        asked: Message,
        history: Sequence[Message],
        present: Sequence[str],
        without: Collection[str],
    ) -> Sequence[Fact]:
        """The memories for a message. A reply without memory beats no reply, but its receipt says so."""
        if without:
            self.receipt["without"] = sorted(without)
        try:
            before = [Said(each.role, each.content, each.created_at) for each in history[:-1]]
            memories = memory.recall(
                asked.content,
                user_id=asked.user_id,
                limit=RECALLED,
                before=before,
                without={*present, *without},
                standing=STANDING,
            )
        except ModelError as error:
            self.receipt["not_recalled"] = str(error)
            return []
        if without:
            left_out = [known for each in without if (known := memory.get(each, user_id=asked.user_id))]
            memories = do_without(memories, without, left_out)
        self.receipt["memories"] = [_used(fact) for fact in memories]
        return memories

    def tell_nothing(self) -> Sequence[Fact]:
        """Memory is off: nothing is looked for, and the receipt says so."""
        self.receipt["memory_off"] = True
        return []

    def finished_receipt(self) -> dict[str, Any]:
        """What the turn used: memories, tokens, time."""
        if self.usage.cut_off:
            self.receipt["cut_off"] = True
        spent = {"prompt_tokens": self.usage.prompt_tokens, "reply_tokens": self.usage.reply_tokens}
        return self.receipt | spent | {"model": self.usage.model, "ms": round(1000 * (time.monotonic() - self.began))}


def _used(fact: Fact) -> dict[str, Any]:
    """A memory as the receipt keeps it: what, from when, by whom, and why it was found."""
    told = {"id": fact.id, "text": fact.text, "score": fact.score, "source": fact.source, "parts": fact.parts}
    by = fact.metadata.get("actor_id") or fact.metadata.get("role")
    return told | {"at": fact.metadata.get("happened_at") or fact.created_at, "by": by}


def _speak(
    chat: Chat,
    asked: Message,
    draft: _Draft,
    history: Sequence[Message],
    memories: Sequence[Fact],
    preferences: Preferences,
) -> Iterator[str]:
    """The reply, by the model the person chose; by the deployment's, where that one is gone or refuses."""
    own, told = chat.model_for(asked.user_id), "memory_off" not in draft.receipt
    if own is None:
        yield prompt.without_model(memories, told=told)
        return
    words = prompt.build(history, memories, datetime.now(UTC), preferences=preferences, told=told)
    chosen = preferences.model or own.name
    if model := chat.model_for(asked.user_id, chosen):
        try:
            yield from _stream(model, words, draft)
        except ModelRefused:
            if draft.pieces or chosen == own.name:
                raise
        else:
            return
    draft.receipt["not_offered"] = chosen
    yield from _stream(own, words, draft)


def _stream(model: Model, words: Sequence[Words], draft: _Draft) -> Iterator[str]:
    draft.usage.model = model.name
    return model.stream(words, draft.usage)


def _name(chat: Chat, draft: _Draft, history: Sequence[Message]) -> None:
    """After the first whole reply of a chat, let it be named."""
    asked, text = history[-1], "".join(draft.pieces)
    if chat.namer is None or not text.strip():
        return
    if not any(each.role == "assistant" and each.status == "complete" for each in history):
        chat.namer.tell(asked.user_id, asked.conversation_id, asked.content, text)


def _save(chat: Chat, asked: Message, draft: _Draft) -> None:
    """Keep what there is of a reply. With nothing said in reply, the person's words are still to be remembered."""
    text = "".join(draft.pieces)
    if text.strip():
        chat.conversations.reply(asked, text, draft.status, draft.finished_receipt())
    else:
        chat.conversations.queue(asked)
    chat.tell_worker()
