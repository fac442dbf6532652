"""A process that talks, answers and remembers, and kills itself at any step.

    python -m tests.chat.lone_process DATABASE_URL MODEL_URL SEED DEADLY USER:CHAT...

It says `said ID` once a message is saved. With DEADLY 0 it lives to the end of its turns.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from chat.conversations import Conversations
from chat.remembering.worker import Worker
from chat.reply import Replies
from chat.turn import ChatServices, say
from memory import Memory
from memory.database import Database
from memory.embed import RemoteEmbedder
from memory.model import PromptMessage, Schema, Usage
from memory.model.client import Embeddings, OpenAIModel

TURNS = 3
DEATH = 0.08  # at each step
PATIENCE = 200.0  # seconds; a reply that takes longer is stuck
STUCK = 3  # how the process ends then
SYLLABLES = ("ba", "do", "ki", "lu", "me", "no", "ra", "su", "ti", "ve")


class Fate:
    """Kills the process at a step, or not."""

    dice = random.Random()
    deadly = False

    @classmethod
    def step(cls) -> None:
        """Die here, perhaps."""
        if cls.deadly and cls.dice.random() < DEATH:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalModel(OpenAIModel):
    """A model in the middle of whose words the process may be killed."""

    def stream(self, messages: Sequence[PromptMessage], usage: Usage | None = None) -> Iterator[str]:
        """Stream a reply."""
        for piece in super().stream(messages, usage):
            Fate.step()
            yield piece

    def answer(self, messages: Sequence[PromptMessage], schema: type[Schema], usage: Usage | None = None) -> Schema:
        """Answer what is to be remembered."""
        Fate.step()
        answered = super().answer(messages, schema, usage)
        Fate.step()
        return answered


def main() -> None:
    """Say a few things in these chats, and answer and remember meanwhile."""
    database_url, model_url, seed, deadly, *chats = sys.argv[1:]
    Fate.dice, Fate.deadly = random.Random(seed), deadly == "1"
    database = Database(database_url)
    model = MortalModel("m", None, model_url, retries=0)
    memory = Memory(database, RemoteEmbedder(Embeddings("e", None, model_url), 256), model)
    conversations = Conversations(database)
    worker = Worker(conversations.queue, memory, look_seconds=0.05)
    chat = replace(ChatServices(conversations, memory, model, worker.wake), saving_seconds=0.0, renewing_seconds=0.1)
    worker.start()
    with closing(Replies(chat)) as replies:
        for turn in range(TURNS):
            user_id, _, chat_id = Fate.dice.choice(chats).partition(":")
            _talk(replies, user_id, chat_id, _place(int(seed) * TURNS + turn))
        for each in chats:
            _wait(replies, *each.split(":"))
    worker.stop()


def _talk(replies: Replies, user_id: str, chat_id: str, place: str) -> None:
    """Say something, have it answered, and perhaps stop that or not wait for it."""
    asked = say(replies.chat, user_id, chat_id, f"I keep bees in {place}.", answered=True)
    print(f"said {asked.id}", flush=True)
    Fate.step()
    replies.begin(asked)
    mood = Fate.dice.random()
    if mood < 0.2:
        replies.stop(user_id, chat_id)
    elif mood < 0.7:
        _wait(replies, user_id, chat_id)


def _wait(replies: Replies, user_id: str, chat_id: str) -> None:
    """Wait until no reply is written in a chat by this process."""
    deadline = time.monotonic() + PATIENCE
    while replies.task_for(user_id, chat_id):
        if time.monotonic() > deadline:
            sys.exit(STUCK)
        threading.Event().wait(0.01)


def _place(number: int) -> str:
    """A name that no other turn has."""
    digits = [(number // 10**place) % 10 for place in range(4)]
    return "".join(SYLLABLES[each] for each in digits).capitalize()


if __name__ == "__main__":
    main()
