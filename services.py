"""Builds what the app runs on, once for each process: database, memory, chats, limits, model and worker.

Pages and routes take what they need from `services()`. Actions that need several services are here, too: erasing
everything about a user, forgetting a chat, deleting an account.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from auth.errors import AuthUnreachable
from auth.server_features import confirms_addresses
from auth.session import Sessions
from chat.chats import Chats, Retention
from chat.conversations import Conversations
from chat.export import Exports
from chat.forget_chat import clear_quotes, clear_receipts, messages_of, stop_learning
from chat.naming import Namer
from chat.preferences import PreferenceStore
from chat.queue import Refusals, Worker
from chat.reply import ENDING, Replies
from chat.turn import ChatServices
from limits import Limits
from memory import Memory, Receipt
from memory.database import Database, Reading
from memory.embed import Embedder, embedder_for
from memory.erase import ForgetReceipt, LearnedFromChat
from memory.errors import AppError, SettingsError
from memory.learn.extract import instructions_for
from memory.migrations import migrate
from memory.model import Model
from memory.model.catalog import ModelCatalog, prices_of
from memory.model.client import chat_model, memory_model
from memory.recall.rerank import reranker_named
from memory.takeover import Wanted
from settings import Settings, settings

__all__ = ["AccountDeletion", "Services", "build", "close_services", "end_services", "health", "services"]

log = logging.getLogger("keepsake.services")
_building = threading.Lock()
_built: list[Services] = []
_ending = threading.Event()


@dataclass(frozen=True)
class AccountDeletion:
    """What was erased with an account, and what a second look still found.

    `sign_in_held` says that something else in the database refers to the sign-in, which therefore stays.
    """

    memories: Receipt
    removed: dict[str, int]
    left: dict[str, int]
    sign_in_gone: bool
    sign_in_held: bool = False

    @property
    def proved(self) -> bool:
        """Whether nothing is left of the account."""
        return self.memories.proved and not self.left


@dataclass(frozen=True)
class Services:
    """Everything a process has opened, ready for any number of users at once."""

    settings: Settings
    database: Database
    sessions: Sessions
    memory: Memory
    conversations: Conversations
    chats: Chats
    exports: Exports
    chat: ChatServices
    replies: Replies
    worker: Worker
    limits: Limits
    preferences: PreferenceStore
    offers: ModelCatalog
    retention: Retention
    opened: ExitStack

    @property
    def refusals(self) -> Refusals:
        """The memories that were refused, by reason."""
        return Refusals(self.database)

    def read_together(self, user_id: str, *readings: Reading[Any]) -> list[Any]:
        """Carry out several readings for one user in one trip to the database."""
        return self.database.read_together(user_id, *readings)

    def erase_memories(self, user_id: str, *, messages_too: bool = False) -> Receipt:
        """Erase all memories of a user and empty their queue; the receipt proves that nothing is left."""
        erased, texts = self._erase(user_id, messages_too=messages_too)
        return self.memory.erasure.prove(user_id, erased, texts)

    def _erase(self, user_id: str, *, messages_too: bool) -> tuple[dict[str, int], list[str]]:
        self.replies.stop_all(user_id)  # the receipt of a reply saved afterwards would quote erased memories
        with self.database.as_user(user_id) as connection:
            self.conversations.queue.withdraw_all(connection)
            clear_receipts(connection)  # they quote memories
            chats = self.chats.erase_all(connection) if messages_too else 0
            erased, texts = self.memory.erasure.erase(connection, user_id)
        return erased | {"chats": chats}, texts

    def learned_from(self, user_id: str, conversation_id: str) -> LearnedFromChat:
        """Return the memories that were learned from a chat, and what forgetting the chat would do to each."""
        with self.database.as_user(user_id) as connection:
            messages = messages_of(connection, conversation_id)
        return self.memory.chats.learned(conversation_id, user_id=user_id, messages=messages)

    def forget_chat(self, user_id: str, conversation_id: str) -> ForgetReceipt:
        """Erase what was learned from a chat; its messages stay. The receipt proves that nothing is left."""
        self.replies.stop_all(user_id)
        with self.database.as_user(user_id) as connection:
            messages = stop_learning(self.conversations.queue, connection, conversation_id)
            learned, erased = self.memory.chats.erase(connection, conversation_id, user_id, messages)
            clear_quotes(connection, learned.erased_ids, learned.erased_texts)
        return self.memory.chats.prove(user_id, learned, erased)

    def delete_account(self, user_id: str, email: str = "") -> AccountDeletion:
        """Erase everything about a person, and their sign-in if it is in this database; then look for what is left."""
        erased, texts = self._erase(user_id, messages_too=True)
        removed = self.sessions.delete_account(user_id)
        if email:
            self.limits.forget_address(email)
        # A second run finds what the first has left.
        left = self.sessions.delete_account(user_id)
        held = bool(removed.pop("sign_in_held", 0) or left.pop("sign_in_held", 0))
        receipt = self.memory.erasure.prove(user_id, erased, texts)
        return AccountDeletion(receipt, removed, left, "sign_in" in removed, held)

    def close(self) -> None:
        """Save the replies as far as they are written, let the worker finish its turn, and close everything."""
        self.opened.close()


def services() -> Services:
    """Return the services of this process; build them if no call has succeeded yet, unless the process is ending."""
    if _ending.is_set():
        raise AppError(ENDING)
    with _building:
        if not _built:
            _built.append(build(settings()))
        return _built[0]


def close_services() -> None:
    """Close the services of this process; the next call of `services()` builds new ones."""
    with _building:
        while _built:
            _built.pop().close()


def end_services() -> None:
    """Close the services for good, because the process ends: first the replies, which are saved; last the database.

    Pages may still run for a moment. What they ask of `services()` is refused, so that nothing is opened again.
    """
    _ending.set()
    close_services()


def build(wanted: Settings) -> Services:
    """Connect, bring the tables up to date, and start the worker; raise an `AppError` if something is missing."""
    wanted.check_account()
    with ExitStack() as opened:
        database = opened.enter_context(closing(_database(wanted)))
        embedder = opened.enter_context(closing(embedder_for(wanted)))
        migrate(database, embedder.dimensions, embedder.name, wanted=Wanted(embed=embedder.embed))
        database.ping()  # the app's role may have been made after the tables, and not be the worker
        replier, thinker = chat_model(wanted), memory_model(wanted)
        for model in filter(None, (replier, thinker)):
            opened.callback(model.close)
        limits, conversations, chats = _limits(wanted, database), Conversations(database), Chats(database)
        memory = _memory(wanted, database, embedder, limits.metered(thinker) if thinker else None)
        retention = Retention(database)
        retention.on_time()  # asked now, so that no page waits for it
        worker = Worker(conversations.queue, memory, limits, retention)
        opened.callback(worker.stop)
        worker.start()
        offers, namer = ModelCatalog(replier, wanted.chat_models), _namer(chats, thinker, limits, opened)
        prices = prices_of(wanted.chat_model, wanted.price_in, wanted.price_out)
        chat = ChatServices(conversations, memory, replier, worker.wake, limits, offers, namer, prices)
        replies = opened.enter_context(closing(Replies(chat)))
        # If anything above fails, what was opened is closed here; from now on, closing is up to the services.
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
            preferences=PreferenceStore(database),
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


def _limits(wanted: Settings, database: Database) -> Limits:
    return Limits(database, wanted, partial(confirms_addresses, wanted.supabase_url or "", wanted.supabase_key or ""))


def _memory(wanted: Settings, database: Database, embedder: Embedder, model: Model | None) -> Memory:
    return Memory(database, embedder, model, instructions_for(wanted), reranker_named(wanted.reranker, model))


def _namer(chats: Chats, model: Model | None, limits: Limits, opened: ExitStack) -> Namer | None:
    """Return the service that names chats; None without a model."""
    if model is None:
        return None
    namer = Namer(chats, lambda user_id: limits.metered(model, user_id))
    opened.callback(namer.stop)
    return namer


def health() -> dict[str, str]:
    """Return whether everything the app needs answers. Anybody may ask, so only the log says what does not."""
    try:
        running = services()
        running.database.ping()
        _ask_auth_server(running.settings)
    except AppError as error:
        log.warning("unwell: %s", error)
        return {"status": "unwell"}
    return {"status": "well"}


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
