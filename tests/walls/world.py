"""Two people in one house: Alice, with a secret in every table, and Mallory, who wants it and knows all her ids."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, text

from auth.keys import PersonalKeys
from auth.person import Session
from auth.session import Sessions
from chat.attachments import Attachment, Attachments
from chat.chats import Chats, Retention
from chat.conversations import Conversations
from chat.export import Exports
from chat.open_replies import OpenReplies
from chat.preferences import Preferences, PreferenceStore, SwitchStore
from chat.remembering.worker import Worker
from chat.reply import Replies
from chat.turn import ChatServices
from limits import Limits
from limits.admission import Admission
from limits.consent import Consents
from limits.spending import Counts, Spending
from memory import Memory, Person, Said
from memory.database import Database
from memory.embed import Embedder
from memory.erase import ChatMemories, Erasure
from memory.errors import AppError
from memory.facts import Fact, Write, content_hash
from memory.index.feeder import Feeder
from memory.index.outbox import Sending
from memory.learn.episodes import Episodes
from memory.learn.extract import Instructions
from memory.learn.questions import Questions
from memory.learn.transcripts import TranscriptItem
from memory.learn.turns import Reader, Turns
from memory.leases import Leases
from memory.model.catalog import ModelCatalog
from memory.recall.search import Recall
from memory.rows.bulk import Bulk
from memory.rows.graph import Graph
from memory.rows.history import History, Timeline
from memory.rows.people import People
from memory.rows.store import Store
from memory.upkeep.profile import Profiles
from memory.upkeep.tidy import Tidy
from services import Services
from settings import Settings
from tests.memory.index.conftest import InMemory
from tests.scripted import ScriptedModel

ALICE, MALLORY = "alice", "mallory"
SECRET = "Zanzibarium"
CHAT = "chat-1"  # the id of a chat of another program; both have one with it
# Whatever of a user there is, and where it says whose it is. The list of applications' users holds no person:
# test_applications.py attacks it.
TABLES = """
select n.nspname || '.' || c.relname as name,
  coalesce((select a.attname from pg_attribute a
    where a.attrelid = c.oid and a.attname in ('user_id', 'owner') and not attisdropped),
    'metadata ->> ''user_id''') as owner
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('app', 'vecs') and c.relkind = 'r'
  and c.relname not in ('collections', 'reembedding', 'application_users', 'index_attached')
order by 1
"""


@dataclass
class World:
    """Every store over one database, and what is known of Alice."""

    database: Database
    embedder: Embedder
    settings: Settings = field(default_factory=lambda: Settings(tokens_per_day=10**9))
    known: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def memory(self) -> Memory:
        return Memory(self.database, self.embedder, None)

    @cached_property
    def store(self) -> Store:
        return Store(self.database, self.embedder.dimensions)

    @cached_property
    def history(self) -> History:
        return History(self.database, self.store)

    @cached_property
    def questions(self) -> Questions:
        return Questions(self.database, self.store, self.embedder)

    @cached_property
    def people(self) -> People:
        return People(self.database)

    @cached_property
    def profiles(self) -> Profiles:
        return Profiles(self.database, self.store)

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.database, self.store)

    @cached_property
    def timeline(self) -> Timeline:
        return Timeline(self.database)

    @cached_property
    def turns(self) -> Turns:
        return Turns(self.database, self.store, self.embedder, None, Instructions())

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.database, self.store, None, Instructions())

    @cached_property
    def recall(self) -> Recall:
        return Recall(self.database, self.store, self.embedder, None, None)

    @cached_property
    def episodes(self) -> Episodes:
        return Episodes(self.database)

    @cached_property
    def bulk(self) -> Bulk:
        return Bulk(self.database, self.store, self.embedder)

    @cached_property
    def erasure(self) -> Erasure:
        return Erasure(self.database, self.store, self.embedder)

    @cached_property
    def sending(self) -> Sending:
        return Sending(self.database, self.store)

    @cached_property
    def feeder(self) -> Feeder:
        return Feeder(self.database, self.store, InMemory())

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.database)

    @cached_property
    def tidy(self) -> Tidy:
        return Tidy(self.database, self.store, self.embedder)

    @cached_property
    def learned(self) -> ChatMemories:
        return ChatMemories(self.database, self.store, self.embedder)

    @cached_property
    def switches(self) -> SwitchStore:
        return SwitchStore(self.database)

    @cached_property
    def attachments(self) -> Attachments:
        return Attachments(self.database)

    @cached_property
    def conversations(self) -> Conversations:
        return Conversations(self.database)

    @cached_property
    def chats(self) -> Chats:
        return Chats(self.database)

    @cached_property
    def exports(self) -> Exports:
        return Exports(self.database)

    @cached_property
    def preferences(self) -> PreferenceStore:
        return PreferenceStore(self.database)

    @cached_property
    def retention(self) -> Retention:
        return Retention(self.database)

    @cached_property
    def limits(self) -> Limits:
        return Limits(self.database, self.settings)

    @cached_property
    def counts(self) -> Counts:
        return Counts(self.database)

    @cached_property
    def consents(self) -> Consents:
        return Consents(self.database)

    @cached_property
    def admission(self) -> Admission:
        return Admission(self.database, Settings(admission="invitation"))

    @cached_property
    def spending(self) -> Spending:
        return Spending(self.counts, self.settings)

    @cached_property
    def model(self) -> ScriptedModel:
        return ScriptedModel()

    @cached_property
    def worker(self) -> Worker:
        return Worker(self.conversations.queue, self.memory, self.limits, self.retention)

    @cached_property
    def chat(self) -> ChatServices:
        return ChatServices(self.conversations, self.memory, None, lambda: None, self.limits, ModelCatalog(None))

    @cached_property
    def replies(self) -> Replies:
        return Replies(self.chat)

    @cached_property
    def services(self) -> Services:
        return Services(
            settings=self.settings,
            database=self.database,
            sessions=self.sessions,
            memory=self.memory,
            conversations=self.conversations,
            chats=self.chats,
            exports=self.exports,
            chat=self.chat,
            replies=self.replies,
            worker=self.worker,
            limits=self.limits,
            preferences=self.preferences,
            offers=ModelCatalog(None),
            retention=self.retention,
            opened=ExitStack(),
        )

    @cached_property
    def keys(self) -> PersonalKeys:
        return PersonalKeys(self.database)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.database)

    def vector(self, words: str) -> list[float]:
        return self.embedder.embed([words])[0]

    def inside(self, act: Callable[[Connection], Any]) -> Any:
        """Do something in a transaction of Mallory's own."""
        with self.database.as_user(MALLORY) as connection:
            return act(connection)

    def settle_in(self, user_id: str, word: str) -> None:
        """Let somebody leave a trace in every table."""
        said = Said("user", f"My sister {word} lives in Porto.", datetime.now(UTC))
        fact = self._remember(user_id, word)
        write = Write("ask", f"{word} lives in Rome", "fact", word, fact.id, None, None, "unsure", said, fact.text)
        with self.database.as_user(user_id) as connection:
            self.questions.ask(connection, fact, write)
            self.store.count_use(connection, [fact.id])
            connection.execute(text("insert into app.confirmations (memory_id) values (:id)"), {"id": fact.id})
            kept = replace(said, message_id=f"{user_id}-said")
            self.episodes.keep(connection, user_id, [kept], [self.vector(said.content)])
        self.memory.always.include([fact.id], user_id=user_id)
        profile = self.profiles.add(user_id, f"{word} is a secret")
        check = self.memory.checks.pin(fact.id, f"Who is {word}?", user_id=user_id)
        self.people.set(user_id, Person("Europe/Lisbon", extract_wishes=f"Mind {word}"))
        self.preferences.set(user_id, Preferences(instructions=f"Mind {word}"))
        file = Attachment(f"{word}.txt", "text/plain", 10, written=word)
        asked = self.conversations.say(user_id, None, f"Tell me about {word}", files=[file])
        receipt = {"memories": [{"id": fact.id, "text": word}]}
        self.conversations.reply(asked, f"{word} it is", "complete", receipt)
        with self.database.as_user(user_id) as connection:
            self.conversations.queue.finish(
                connection, asked.id, {"events": [{"memory": word}], "dropped": [{"text": word, "reason": word}]}
            )
        self._bring(user_id, word)
        self._lease(user_id)
        OpenReplies(self.database).claim(asked)  # another process writes a second reply
        self.consents.record_consent(user_id)
        self.counts.add_for_user(user_id, f"{word}-count", 1, None, 60)
        made = self.keys.make(user_id, f"{word} key", address=f"{word}@example.com", can_write=True, days=7)
        device = self.sessions.open(Session(user_id, f"{word}@example.com", time.time() + 3600, word, word), word)
        self.sessions.ticket(device)
        if user_id == ALICE:
            self.known["device"] = device.id
            self.known["key"] = made.id
            self.known["file"] = file
            self.known |= {"fact": fact, "line": profile.lines[-1].id, "asked": asked, "check": check.id}
            self.known["question"] = self.questions.open(user_id)[0].id
            self.known["event"] = self.memory.changes(user_id=user_id, limit=1)[0]["id"]
            self.known["gone"] = self._forgotten(user_id, word)

    def _remember(self, user_id: str, word: str) -> Fact:
        """A memory with a graph, changed once so that it has a history."""
        words = f"My sister {word} lives in Porto"
        metadata = {"data": words, "user_id": user_id, "hash": content_hash(words), "quote": words, "kind": "fact"}
        metadata |= {"created_at": "2026-01-01T00:00:00+00:00", "updated_at": "2026-01-01T00:00:00+00:00"}
        metadata |= {"entities": [[word, "my sister"]], "relations": [["me", "sister", word]]}  # type: ignore[dict-item]
        with self.database.as_user(user_id) as connection:
            [new] = self.store.insert(connection, [(metadata, self.vector(words))])
            self.store.replace(connection, new, metadata | {"happened_at": "2026-01-01"}, self.vector(words))
        return Fact(new, metadata)

    def _bring(self, user_id: str, word: str) -> None:
        """What another program sent: a chat, and a message that rests, so that it stays what it is."""
        self.memory.transcripts.add(CHAT, [TranscriptItem({"text": word}, "user", word)], user_id=user_id, learn=False)
        self.memory.import_queue.add(user_id, [Said("user", f"I grow {word}", message_id=f"{user_id}-import")], "learn")
        with self.database.as_user(user_id) as connection:
            connection.exec_driver_sql("update app.lessons set after = now() + interval '1 day', attempts = 1")
            waits = (
                "insert into app.index_outbox (owner, id, attempts, after) values (%s, %s, 1, now() + interval '1 day')"
            )
            connection.exec_driver_sql(waits, (user_id, word))

    def _lease(self, user_id: str) -> None:
        """Let a worker remember for Alice at this moment, and for the other not any more."""
        with self.database.as_user(user_id) as connection:
            lease = self.leases.take(connection, user_id)
            assert lease is not None
            if user_id == ALICE:
                self.known["lease"] = lease.token
            else:
                self.leases.end(connection, lease)

    def _forgotten(self, user_id: str, word: str) -> str:
        [added] = self.memory.add(f"I once owned {word}", user_id=user_id, infer=False)["results"]
        self.memory.delete(added["id"], user_id=user_id)
        return str(added["id"])


@contextmanager
def administrator(database: Database) -> Iterator[Connection]:
    """Somebody who sees everything, to look at it from outside."""
    with closing(Database(database.admin_url)) as admin, admin.engine.begin() as connection:
        yield connection


def rows_of(connection: Connection, user_id: str) -> dict[str, list[str]]:
    """Everything there is of a person, table by table."""
    tables = connection.execute(text(TABLES)).all()
    asked = " union all ".join(
        f"select '{name}', to_jsonb(t)::text from {name} t where {owner} = :who" for name, owner in tables
    )
    found: dict[str, list[str]] = {name: [] for name, _ in tables}
    for name, row in connection.execute(text(asked), {"who": user_id}):
        found[name].append(row)
    return {name: sorted(rows) for name, rows in found.items()}


def refused(act: Callable[[], Any]) -> Any:
    """Do something that an error of ours may refuse; its sentence is the answer then, and must tell nothing either."""
    try:
        return act()
    except AppError as error:
        return str(error)
