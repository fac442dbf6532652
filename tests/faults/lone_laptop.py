"""A process that answers two messages and remembers, to be put to sleep: `python -m tests.faults.lone_laptop DB MODEL`.

It prints a line when the first reply is ended, however it ended, and when everything is done.
"""

from __future__ import annotations

import sys
from contextlib import closing

from chat.conversations import Conversations
from chat.remembering.worker import Worker
from chat.reply import Replies
from chat.turn import ChatServices, say
from memory import Memory
from memory.database import Database
from memory.embed import RemoteEmbedder
from memory.model.client import Embeddings, OpenAIModel
from tests.chat.conftest import until

SEA, BEES = "Tell me of the sea", "I keep bees in Utrecht."


def main() -> None:
    """Say two things one after the other."""
    database_url, model_url = sys.argv[1:]
    database = Database(database_url)
    model = OpenAIModel("scripted", None, model_url, retries=0)
    memory = Memory(database, RemoteEmbedder(Embeddings("e", None, model_url), 256), model)
    conversations = Conversations(database)
    worker = Worker(conversations.queue, memory, look_seconds=0.05)
    worker.start()
    with closing(Replies(ChatServices(conversations, memory, model, worker.wake))) as replies:
        chat_id = _talk(replies, None, SEA)
        _talk(replies, chat_id, BEES)
    until(lambda: conversations.queue.waiting("ann") == 0)
    worker.stop()


def _talk(replies: Replies, chat_id: str | None, words: str) -> str:
    """Say something, and print what was wrong with the reply once it is ended; return the chat."""
    asked = say(replies.chat, "ann", chat_id, words, answered=True)
    replies.begin(asked)
    until(lambda: replies.task_for("ann", asked.conversation_id) is None)
    print(replies.problem_with("ann", asked.id) or "answered", flush=True)
    return asked.conversation_id


if __name__ == "__main__":
    main()
