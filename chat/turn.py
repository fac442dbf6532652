"""One turn, start to finish: save what was said, recall, ask the model, save the reply, leave the rest to the worker.

The reply never waits for remembering. It draws nothing: whoever iterates shows the pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chat.attachments import File, check, opened
from chat.conversations import Conversations, Message, sayable
from chat.naming import Namer
from chat.preferences import Preferences, PreferenceStore
from chat.tree import Switches
from limits import Limits
from memory import Memory
from memory.model import Model
from memory.model.catalog import ModelCatalog, Prices

__all__ = ["Chat", "say"]

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
    offers: ModelCatalog | None = None
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
