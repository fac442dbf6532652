"""Puts the rooms together, once for each process: settings, database, memory, conversations, model, worker.

Pages, routes and the terminal take what they need from `services()`. No room imports it.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import httpx

from auth.errors import AuthUnreachable
from auth.session import Sessions
from chat.chats import Chats, Retention
from chat.conversations import Conversations
from chat.export import Exports
from chat.forget_chat import clear_quotes, leave_queue, messages_of
from chat.naming import Namer
from chat.preferences import PreferenceStore
from chat.queue import Refusals, Worker
from chat.reply import Replies
from chat.turn import Chat
from limits import Limits
from memory import Memory, Receipt
from memory.database import Database, Reading
from memory.embed import embedder_for
from memory.erase.one_chat import ForgetReceipt, LearnedFromChat
from memory.errors import AppError, SettingsError
from memory.learn.extract import instructions_for
from memory.migrations import migrate
from memory.model import Model, chat_model, memory_model
from memory.model.catalog import ModelCatalog, prices_of
from memory.recall.rerank import reranker_named
from settings import Settings, settings

__all__ = ["AccountDeletion", "Services", "build", "close_services", "health", "services"]

log = logging.getLogger("keepsake.services")
_building = threading.Lock()
_built: list[Services] = []


@dataclass(frozen=True)
class AccountDeletion:
    """What went when an account was deleted, and what was found when it was looked for again."""

    memories: Receipt
    removed: dict[str, int]
    left: dict[str, int]
    sign_in_gone: bool

    @property
    def proved(self) -> bool:
        """Whether nothing is left of it."""
        return self.memories.proved and not self.left


@dataclass(frozen=True)
class Services:
    """Every room, ready to be used by any number of users at once."""

    settings: Settings
    database: Database
    sessions: Sessions
    memory: Memory
    conversations: Conversations
    chats: Chats
    exports: Exports
    chat: Chat
    replies: Replies
    worker: Worker
    limits: Limits
    preferences: PreferenceStore
    offers: ModelCatalog
    retention: Retention
    opened: ExitStack

    @property
    def refusals(self) -> Refusals:
        """What was not remembered, and why."""
        return Refusals(self.database)

    def read_together(self, user_id: str, *readings: Reading[Any]) -> list[Any]:
        """What several rooms have to say to one user, in one trip to the database."""
        return self.database.read_together(user_id, *readings)

    def erase_memories(self, user_id: str, *, messages_too: bool = False) -> Receipt:
        """Erase what is remembered about a user, and what still waits to be remembered; the receipt proves it."""
        self.replies.stop_all(user_id)  # a reply saved afterwards would hold in its receipt what is to go
        with self.database.as_user(user_id) as connection:
            self.conversations.unqueue(connection)
            # Receipts of old turns quote memories; what is erased must not live on in them.
            self.conversations.clear_receipts(connection)
            chats = self.chats.delete_all(connection) if messages_too else 0
            erased, texts = self.memory.erasure.erase(connection, user_id)
        return self.memory.erasure.prove(user_id, erased | {"chats": chats}, texts)

    def learned_from(self, user_id: str, conversation_id: str) -> LearnedFromChat:
        """What was learned from a chat, and what forgetting the chat would do."""
        with self.database.as_user(user_id) as connection:
            messages = messages_of(connection, conversation_id)
        return self.memory.chats.learned(conversation_id, user_id=user_id, messages=messages)

    def forget_chat(self, user_id: str, conversation_id: str) -> ForgetReceipt:
        """Erase what was learned from a chat, permanently; its messages stay. The receipt proves it."""
        self.replies.stop_all(user_id)
        with self.database.as_user(user_id) as connection:
            messages = leave_queue(connection, conversation_id)
            learned, erased = self.memory.chats.erase(connection, conversation_id, user_id, messages)
            clear_quotes(connection, learned.erased_ids, learned.erased_texts)
        return self.memory.chats.prove(user_id, learned, erased)

    def delete_account(self, user_id: str) -> AccountDeletion:
        """Erase all that is held on a person, whoever holds it, and their sign-in where this database has it."""
        receipt = self.erase_memories(user_id, messages_too=True)
        removed = self.sessions.delete_account(user_id)
        # Asked a second time, it finds what the first left.
        return AccountDeletion(receipt, removed, self.sessions.delete_account(user_id), "sign_in" in removed)

    def close(self) -> None:
        """Let the worker finish its turn, and hang up."""
        self.opened.close()


def services() -> Services:
    """The services of this process; built at the first call, and again after a failure."""
    with _building:
        if not _built:
            _built.append(build(settings()))
        return _built[0]


def close_services() -> None:
    """Close the services of this process; the next call of `services()` builds it anew."""
    with _building:
        while _built:
            _built.pop().close()


def build(wanted: Settings) -> Services:
    """Connect, bring the tables up to date, and start the worker; raises an `AppError` that says what is missing."""
    wanted.check_account()
    with ExitStack() as opened:
        database = opened.enter_context(closing(_database(wanted)))
        embedder = opened.enter_context(closing(embedder_for(wanted)))
        migrate(database, embedder.dimensions, embedder.name)
        models = chat_model(wanted), memory_model(wanted)
        for model in filter(None, models):
            opened.callback(model.close)
        limits = Limits(database, wanted)
        thinker = limits.metered(models[1]) if models[1] else None
        memory = Memory(database, embedder, thinker, instructions_for(wanted), reranker_named(wanted.reranker, thinker))
        conversations, retention = Conversations(database), Retention(database)
        worker = _started(Worker(conversations, memory, limits, retention), opened)
        preferences, offers = PreferenceStore(database), ModelCatalog(models[0], wanted.chat_models)
        chats = Chats(database)
        namer = _namer(chats, models[1], limits, opened)
        chat = Chat(
            conversations,
            memory,
            models[0],
            worker.tell,
            limits,
            preferences,
            offers,
            namer,
            prices_of(wanted.chat_model, wanted.price_in, wanted.price_out),
        )
        replies = opened.enter_context(closing(Replies(chat)))
        # Whatever failed above is closed again; from here on the services closes it.
        return Services(
            settings=wanted,
            database=database,
            sessions=Sessions(database),
            memory=memory,
            conversations=conversations,
            chats=chats,
            exports=Exports(database),
            chat=chat,
            replies=replies,
            worker=worker,
            limits=limits,
            preferences=preferences,
            offers=offers,
            retention=retention,
            opened=opened.pop_all(),
        )


def _database(wanted: Settings) -> Database:
    if wanted.database_url is None:
        raise SettingsError(
            "Nothing is configured: set SUPABASE_URL, SUPABASE_KEY, DATABASE_URL and OPENAI_API_KEY, "
            "or start everything on this machine with make run."
        )
    return Database(wanted.database_url, wanted.database_admin_url)


def _started(worker: Worker, opened: ExitStack) -> Worker:
    opened.callback(worker.stop)
    worker.start()
    return worker


def _namer(chats: Chats, model: Model | None, limits: Limits, opened: ExitStack) -> Namer | None:
    """Who names chats; nobody without a model."""
    if model is None:
        return None
    namer = Namer(chats, lambda user_id: limits.metered(model, user_id))
    opened.callback(namer.stop)
    return namer


def health() -> dict[str, Any]:
    """Whether each part answers, with a sentence for what does not; no address, key or user in it."""
    try:
        home = services()
        home.database.ping()
        _ask_auth_server(home.settings)
    except AppError as error:
        # Anybody may ask: the sentence with hosts and roles in it is for the log, the kind of trouble for all.
        log.warning("unwell: %s", error)
        return {"status": "unwell", "problem": type(error).__doc__}
    return {
        "status": "well",
        "database": "answers",
        "auth": "answers",
        "worker": "runs" if home.worker.alive else "rests",
        "model": "configured" if home.settings.has_model else "none",
    }


def _ask_auth_server(wanted: Settings) -> None:
    try:
        answer = httpx.get(
            f"{wanted.supabase_url}/auth/v1/health", headers={"apikey": wanted.supabase_key or ""}, timeout=5
        )
    except httpx.HTTPError as error:
        raise AuthUnreachable(
            "The auth server does not answer: check SUPABASE_URL, and whether it is paused."
        ) from error
    if answer.status_code != 200:
        raise AuthUnreachable(f"The auth server answers {answer.status_code}: check SUPABASE_URL and SUPABASE_KEY.")
