"""A worker in a process of its own, to be killed: `python -m tests.chat.lone_worker DATABASE_URL MODEL_URL`."""

from __future__ import annotations

import sys

from chat.remembering.queue import TurnQueue
from chat.remembering.worker import Worker
from memory import Memory
from memory.database import Database
from memory.embed import RemoteEmbedder
from memory.model.client import Embeddings, OpenAIModel


def main() -> None:
    """Remember one turn."""
    database_url, model_url = sys.argv[1:]
    database = Database(database_url)
    embedder = RemoteEmbedder(Embeddings("e", None, model_url), 256)
    memory = Memory(database, embedder, OpenAIModel("m", None, model_url, retries=0))
    Worker(TurnQueue(database), memory).remember_next()


if __name__ == "__main__":
    main()
