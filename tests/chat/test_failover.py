"""A replica that takes the primary's place in the middle of a reply, with both servers in the address of the app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import make_url

from chat.conversations import Conversations
from chat.reply import Replies
from chat.turn import ChatServices, say
from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.embedded.postgres import Postgres
from memory.embedded.postgres_files import postmaster
from memory.model.client import OpenAIModel
from tests.chat.conftest import until
from tests.model_answers import Gate, Reply, Slow
from tests.model_server import ModelServer
from tests.replicas import StreamingReplica


@pytest.fixture
def replies(
    primary: Postgres, replica: StreamingReplica, embedder: BundledEmbedder, model: OpenAIModel
) -> Iterator[Replies]:
    """Replies of an app that finds whichever of two servers can be written to."""
    folders = [str(make_url(url).query["host"]) for url in (primary.app_url, replica.url)]
    both = f"postgresql://keepsake_app@/postgres?host={','.join(folders)}&target_session_attrs=read-write"
    with closing(Database(both, read_url=replica.url)) as database:
        memory = Memory(database, embedder, None)
        chat = replace(ChatServices(Conversations(database), memory, model, lambda: None), saving_seconds=0.0)
        with closing(Replies(chat)) as started:
            yield started


def test_a_reply_is_complete_although_the_replica_took_over_while_it_was_written(
    replies: Replies, primary: Postgres, replica: StreamingReplica, model_server: ModelServer
) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One ", "two ", "three"], gate), Reply("And four."))
    asked = say(replies.chat, "ann", None, "Count, please", answered=True)
    replies.begin(asked)
    writing = replies.task_for("ann", asked.conversation_id)
    assert writing is not None
    gate.let(1)
    until(lambda: writing.written)
    replica.catches_up()
    server = postmaster(primary.cluster)
    assert server is not None
    server.kill_at_once()
    assert server.gone_within(30)
    replica.is_promoted()
    gate.open()
    until(lambda: replies.task_for("ann", asked.conversation_id) is None)
    said = replies.chat.conversations.messages("ann", asked.conversation_id)
    assert [(each.content, each.status) for each in said if each.role == "assistant"] == [("One two three", "complete")]
    asked = say(replies.chat, "ann", asked.conversation_id, "And then?", answered=True)
    replies.begin(asked)
    until(lambda: replies.task_for("ann", asked.conversation_id) is None)
    assert replies.chat.conversations.messages("ann", asked.conversation_id)[-1].content == "And four."
