"""The first half of a turn: check a person's message, open its files, count it against the limits, and save it.

The second half, writing the reply, is in reply.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from chat.attachments import Attachment, File, open_files
from chat.conversations import Conversations
from chat.naming import Namer
from chat.tree import Message, Switches
from limits import Limits
from memory import Memory
from memory.errors import InvalidInput, NotFound
from memory.model import Model
from memory.model.catalog import ModelCatalog, Prices
from memory.plain_text import storable

__all__ = ["LONGEST_MESSAGE", "ChatServices", "say"]

LONGEST_MESSAGE = 32_000  # characters, the most that MESSAGE_CHARACTERS may allow
PRESSED_TWICE = 2.0  # seconds in which the same words, without a reply yet, are the same message


@dataclass(frozen=True)
class ChatServices:
    """The services that a turn needs.

    Without a model, rules reply (answering/without_model/), and wait up to `noting_seconds` to tell what was learned.
    `wake_worker` is called when a turn waits to be remembered. `offers` are the models that people may choose, `namer`
    names a chat after its first reply, `prices` are those of the model. A reply that is being written is saved every
    `saving_seconds`, and other processes are told that it is every `renewing_seconds`. A model may search the memories
    again up to `second_looks` times for one reply. A reply is cut off after `longest_reply` characters.
    """

    conversations: Conversations
    memory: Memory
    model: Model | None
    wake_worker: Callable[[], None]
    limits: Limits | None = None
    offers: ModelCatalog | None = None
    namer: Namer | None = None
    prices: Prices | None = None
    second_looks: int = 0
    noting_seconds: float = 4.0
    saving_seconds: float = 3.0
    renewing_seconds: float = 3.0
    longest_reply: int = 4_000_000

    def model_for(self, user_id: str, chosen: str | None = None) -> Model | None:
        """Return the chosen model, or the deployment's if none is chosen, metered for this person.

        None if the chosen one is not offered, or no model is connected.
        """
        model = self.model
        if model is not None and chosen not in (None, model.name):
            model = model.named(str(chosen)) if self.offers and self.offers.has(str(chosen)) else None
        return self.limits.metered(model, user_id) if self.limits and model else model


def say(
    chat: ChatServices,
    user_id: str,
    conversation_id: str | None,
    text: str,
    *,
    seen: str | None = None,
    instead_of: str | None = None,
    files: Sequence[File] = (),
    switches: Switches | None = None,
    new_if_gone: bool = False,
    answered: bool = False,
) -> Message:
    """Save a person's message; without a conversation, start one. If the text or a file is refused, save nothing.

    `seen` is the last message that the person saw, `instead_of` the message that this is another version of. `switches`
    are those of a new conversation. With `new_if_gone`, start a new conversation if this one is deleted. With
    `answered`, the message claims its reply for this process. Files count against the limit if the message is saved, or
    if they were opened in the sandbox.
    """
    words = checked_words(text, with_files=bool(files))
    with chat.limits.uploading(user_id, len(files)) if chat.limits else nullcontext():
        attachments = open_files(files)
        if chat.limits is not None:
            _check_room(chat, chat.limits, user_id, attachments, instead_of)
            chat.limits.may_say(user_id, words)
        save = partial(chat.conversations.say, once_within=PRESSED_TWICE, files=attachments, answered=answered)
        try:
            return save(user_id, conversation_id, words, seen=seen, instead_of=instead_of, switches=switches)
        except NotFound:
            if not new_if_gone:
                raise
            return save(user_id, None, words)


def _check_room(
    chat: ChatServices, limits: Limits, user_id: str, files: Sequence[Attachment], instead_of: str | None
) -> None:
    """Raise `LimitReached` if there is no room for these files, and those of the message that is said anew."""
    if files or instead_of:
        stored, copied = chat.conversations.attachments.stored_bytes(user_id, instead_of)
        limits.may_store(stored, copied + sum(each.stored_bytes for each in files))


def checked_words(text: str, *, with_files: bool = False) -> str:
    """Return a message as it is saved; raise `InvalidInput` if it is too long, or empty and without files."""
    words = storable(text).strip()
    if not words and not with_files:
        raise InvalidInput("The message is empty.")
    if len(words) > LONGEST_MESSAGE:
        raise InvalidInput(
            f"Your message has {len(words):,} characters. The limit is {LONGEST_MESSAGE:,}: send it in parts."
        )
    return words
