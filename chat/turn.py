"""One turn, start to finish: save what was said, recall, ask the model, save the reply, leave the rest to the worker.

The reply never waits for remembering. It draws nothing: whoever iterates shows the pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from chat import prompt
from chat.attachments import Attachment
from chat.conversations import Conversations, Message
from chat.draft import Draft
from chat.files import File, check, opened
from chat.naming import Namer
from chat.preferences import Preferences, PreferenceStore, own_preferences
from chat.switches import Switches, may_read
from chat.threads import Thread
from chat.wording import sayable
from limits import Limits
from memory import Fact, Memory, episode_id
from memory.errors import LimitReached, ModelError, ModelRefused, PicturesRefused
from memory.model import Message as Words
from memory.model import Model
from memory.model.offers import Offers
from memory.model.prices import Prices

__all__ = ["Chat", "answer", "keep", "run_turn", "say"]

PRESENT = 40  # messages of this conversation that its prompt most likely shows
MESSAGES_WITH_FILES = 10  # of which the prompt shows files at most
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
    prices: Prices | None = None

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
    files: Sequence[File] = (),
    switches: Switches | None = None,
) -> Message:
    """Save what a person said, the first half of a turn; refused with nothing saved where a limit is reached.

    `seen` is the last message they saw, `instead_of` the one whose other version this is. `files` are opened first,
    all or none; `switches` say how a new conversation stands to memory.
    """
    words = sayable(text, besides=files)
    check(files)
    if chat.limits is not None:
        for _ in files:
            chat.limits.may_upload(user_id)
    attached = opened(files)
    if chat.limits is not None:
        chat.limits.may_say(user_id, words)
    return chat.conversations.say(
        user_id,
        conversation_id,
        words,
        seen=seen,
        instead_of=instead_of,
        once_within=PRESSED_TWICE,
        files=attached,
        switches=switches,
    )


def answer(
    chat: Chat,
    asked: Message,
    thread: Thread | None = None,
    without: Collection[str] = (),
    as_of: date | None = None,
    *,
    zone: tzinfo = UTC,
    draft: Draft | None = None,
) -> Generator[str, None, None]:
    """Reply to a message that is saved already (the second half of a turn, and all of a second try).

    `thread` is the shown line of its conversation, where the caller has read it anyway; `without` are the ids of
    memories that this reply is not to be told; with `as_of` it is told what was known at the end of that day.
    Earlier replies to the message stay beside this one. Today is today in `zone`. What there is of the reply can be
    seen, and kept, in the `draft`.
    """
    draft = draft or Draft(chat.prices)
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
    return threads.up_to_and(asked, own_preferences())


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

    def words(self, beside: prompt.Beside) -> list[Words]:
        """The prompt, with these files."""
        now = datetime.now(self.zone)
        return prompt.build(
            self.history, self.memories, now, preferences=self.preferences, told=self.told, beside=beside
        )


def _speak(chat: Chat, asked: Message, draft: Draft, wanted: _Wanted) -> Iterator[str]:
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


def _stream(model: Model, asked: Message, draft: Draft, wanted: _Wanted) -> Iterator[str]:
    draft.usage.model = model.name
    try:
        yield from model.stream(wanted.words(wanted.beside), draft.usage)
    except PicturesRefused:
        if draft.pieces or any(each.picture for each in wanted.beside.files.get(asked.id, ())):
            raise
        # Pictures further up, sent to another model, must not keep this one from going on.
        yield from model.stream(wanted.words(wanted.beside.in_words()), draft.usage)


def _name(chat: Chat, draft: Draft, history: Sequence[Message]) -> None:
    """After the first whole reply of a chat, let it be named."""
    asked, text = history[-1], "".join(draft.pieces)
    if chat.namer is None or not text.strip():
        return
    if not any(each.role == "assistant" and each.status == "complete" for each in history):
        chat.namer.tell(asked.user_id, asked.conversation_id, asked.content, text)


def keep(chat: Chat, asked: Message, draft: Draft) -> None:
    """Save what there is of a reply, once. With nothing said in reply, the person's words still count."""
    if not draft.leave():
        return
    text = "".join(draft.pieces)
    if text.strip():
        chat.conversations.reply(asked, text, draft.status, draft.finished_receipt())
    else:
        chat.conversations.queue(asked)
    chat.tell_worker()
