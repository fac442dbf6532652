"""Builds what the app runs on, once for each process: database, memory, chats, limits, model and worker.

Pages and routes take what they need from `services()`. Actions that need several services are here, too: erasing
everything about a user, forgetting a chat, deleting an account.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import httpx

from auth.applications import Applications, ApplicationUser, Asked, application_user, is_of_application
from auth.client import certificates
from auth.errors import AuthUnreachable, WrongKey
from auth.keys import PersonalKeys
from auth.server_features import confirms_addresses
from auth.session import Sessions
from chat.chats import Chats, Retention
from chat.conversations import Conversations, clear_quotes, clear_receipts, messages_of, stop_learning
from chat.export import Exports
from chat.naming import Namer
from chat.preferences import PreferenceStore
from chat.remembering.queue import Refusals
from chat.remembering.worker import TURNS_AT_ONCE, Worker
from chat.reply import ENDING, Replies
from chat.turn import ChatServices
from limits import Limits
from memory import Memory, Receipt
from memory.database import Database, Reading
from memory.embed import Embedder, embedder_for
from memory.erase import ForgetReceipt, LearnedFromChat
from memory.errors import AppError, InvalidInput, NotFound, SettingsError
from memory.index import configured_index
from memory.learn.extract import instructions_for
from memory.migrations import migrate
from memory.model import Model, chat_model, memory_model
from memory.model.catalog import ModelCatalog, Prices, prices_of
from memory.model.connection import Connection, read_connection, remove_connection, save_connection
from memory.recall.rerank import reranker_named
from memory.rows.acting import acting_through
from memory.takeover import Wanted
from settings import Settings, settings

__all__ = [
    "AccountDeletion",
    "OpenKey",
    "Reading",
    "Services",
    "build",
    "close_services",
    "end_services",
    "health",
    "services",
]

log = logging.getLogger("keepsake.services")
# To the database, and as many to its replica. They stay open: a busy page would wait for a new one.
CONNECTIONS = 5
TRY_SECONDS = 30.0  # how long a model that is tried may say nothing
ON_PAGE = ("the key", "the model", "the address")  # what sentences about a model that is tried call its settings
WRONG_KEY = "This key is wrong, was ended, or has expired. You can make a new one on the account page."
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
class OpenKey:
    """Whom a key lets another program act as, what it is called, and whether it may write.

    An application's key acts as nobody, and no call accepts an empty user id, until `acting_for` says as which of its
    users.
    """

    user_id: str
    name: str
    can_write: bool
    application: str = ""  # the id of the application whose key it is; empty for a person's
    user: ApplicationUser | None = None

    @property
    def known_as(self) -> str | None:
        """What a call may name the user by: the person's id, or the application's own name for its user."""
        if not self.application:
            return self.user_id
        return self.user.name if self.user and self.user.kind == "user" else None

    def acting(self) -> AbstractContextManager[None]:
        """Return the block inside which the history names the key, and nobody outside its space exists."""
        return acting_through(self.name, self.application)

    def acting_for(self, user: ApplicationUser) -> OpenKey:
        """Return the key of an application as one of its users."""
        return replace(self, user_id=user.user_id, user=user)

    def named(self, kind: str, name: object) -> OpenKey:
        """Return the key of an application as the user whom it names so."""
        return self.acting_for(application_user(self.application, kind, name))


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
    def keys(self) -> PersonalKeys:
        """The keys with which people's other programs act for them."""
        return PersonalKeys(self.database)

    @property
    def applications(self) -> Applications:
        """The programs whose users never sign in."""
        return Applications(self.database)

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
            self.conversations.queue.leases.take_away(connection)
            if messages_too:
                self.chats.lock_all(connection)
            self.conversations.queue.withdraw_all(connection)
            if not messages_too:
                clear_receipts(connection)  # they quote memories
            erased, texts = self.memory.erasure.erase(connection, user_id)
            # After the memory, which erases the words of all messages in one go.
            chats = self.chats.erase_all(connection) if messages_too else 0
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
            messages = messages_of(connection, conversation_id)
        vectors = self.memory.chats.lost_vectors(conversation_id, user_id=user_id, messages=messages)
        with self.database.as_user(user_id) as connection:
            messages = stop_learning(self.conversations.queue, connection, conversation_id)
            learned, erased = self.memory.chats.erase(connection, conversation_id, user_id, messages, vectors)
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

    def open_key(self, key: str) -> OpenKey:
        """Return whom a key lets another program act as; raise `WrongKey`, or say why its person may not use it."""
        if is_of_application(key):
            return self._open_application(key)
        owner = self.keys.owner(key, self.limits.consents.version)
        if owner is None:
            raise WrongKey(WRONG_KEY)
        self.limits.check_key_holder(owner.address, agreed=owner.agreed)
        if not owner.is_noted:
            self.keys.note_use(owner.user_id, owner.key_id)
        return OpenKey(owner.user_id, owner.name, owner.can_write)

    def _open_application(self, key: str) -> OpenKey:
        opened = self.applications.open(key)
        if opened is None:
            raise WrongKey(WRONG_KEY)
        return OpenKey("", opened.name, opened.can_write, opened.application)

    def note_user(self, key: OpenKey) -> None:
        """Put the user of an application's key on its list; call it before anything is written for them."""
        if key.user is not None:
            self.applications.note(key.user)

    def acting_for_owner(self, key: OpenKey, asked: Asked, given: Sequence[str]) -> OpenKey:
        """Return an application's key as the user to whom these memories, changes or questions belong.

        Raise `NotFound` if none of its users has one of them, `InvalidInput` if they belong to several.
        """
        owners = self.applications.owner(key.application, asked, given)
        if not owners:
            raise NotFound(f"There is no such {'memory' if asked == 'memory' else 'change or question'}.")
        if len(owners) > 1:
            raise InvalidInput("These belong to several users. A call is about one.")
        return key.acting_for(owners[0])

    def is_first_run(self) -> bool:
        """Return whether nobody has an account yet; on a hosted app it does not say."""
        return self.settings.local and not self.limits.consents.has_people()

    def may_connect(self, user_id: str) -> bool:
        """Return whether this person may connect a model: the first one on a machine of their own, never on a host."""
        return self.settings.local and self.limits.consents.came_first(user_id)

    @property
    def connectable(self) -> bool:
        """Whether a model that is connected in the app would count: settings that name one come first."""
        named = settings()
        return named.local and (named.model_was_found or not named.has_model)

    def model_at(self, user_id: str, connection: Connection) -> Model:
        """Return the model of a connection, to list its neighbours and to try it; for whoever may connect one."""
        from memory.model.client import OpenAIModel  # loads openai

        self._check_may_connect(user_id)
        return OpenAIModel(
            connection.model, connection.api_key, connection.base_url, retries=0, patience=TRY_SECONDS, called=ON_PAGE
        )

    def connect(self, user_id: str, connection: Connection | None) -> None:
        """Keep a connection in the data folder, or remove it, and let the app use it from now on."""
        self._check_may_connect(user_id)
        if connection is None:
            remove_connection(self.settings.data_dir)
        else:
            save_connection(self.settings.data_dir, connection)
        rebuild()

    def _check_may_connect(self, user_id: str) -> None:
        if not self.may_connect(user_id):
            raise InvalidInput("Only whoever made the first account on this machine can connect a model.")

    def close(self) -> None:
        """Save the replies as far as they are written, let the worker finish its turn, and close everything."""
        self.opened.close()


def services() -> Services:
    """Return the services of this process; build them if no call has succeeded yet, unless the process is ending."""
    if _ending.is_set():
        raise AppError(ENDING)
    with _building:
        if not _built:
            _built.append(build(_with_connected_model(settings())))
            if not _built[0].settings.has_model:
                log.warning("No language model is connected: set OPENAI_API_KEY, or OPENAI_BASE_URL and CHAT_MODEL.")
        return _built[0]


def rebuild() -> None:
    """Build the services again, because another model is connected; the old ones save their replies and close."""
    with _building:
        old, _built[:] = list(_built), [build(_with_connected_model(settings()))]
    for each in old:
        each.close()


def close_services() -> None:
    """Close the services of this process; the next call of `services()` builds new ones."""
    with _building:
        while _built:
            _built.pop().close()


def end_services() -> None:
    """Close the services because the process ends: first the replies, which are saved; last the database.

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
        memory = _memory(wanted, opened, database, embedder, limits.metered(thinker) if thinker else None)
        retention = Retention(database)
        retention.on_time()  # asked now, so that no page waits for it
        worker = Worker(conversations.queue, memory, limits, retention, turns_at_once=TURNS_AT_ONCE if thinker else 1)
        opened.callback(worker.stop)
        worker.start()
        offers, namer = ModelCatalog(replier, wanted.chat_models), _namer(chats, thinker, limits, opened)
        answering = (offers, namer, _prices(wanted), wanted.second_looks)
        chat = ChatServices(conversations, memory, replier, worker.wake, limits, *answering)
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


def _with_connected_model(wanted: Settings) -> Settings:
    """Return the settings with the model that was connected in the app: on this machine, if no setting names one."""
    if not wanted.local or (wanted.has_model and not wanted.model_was_found):
        return wanted
    kept = read_connection(wanted.data_dir)
    if kept is None:
        return wanted
    return replace(
        wanted,
        chat_model=kept.model,
        openai_base_url=kept.base_url,
        openai_api_key=kept.api_key or "none",
        # What the settings say of another model.
        memory_model=None,
        chat_models=None,
        price_in=None,
        price_out=None,
    )


def _database(wanted: Settings) -> Database:
    if wanted.database_url is None:
        raise SettingsError(
            "Nothing is configured: set SUPABASE_URL, SUPABASE_KEY, DATABASE_URL and OPENAI_API_KEY, "
            "or start everything on this machine with make run."
        )
    return Database(
        wanted.database_url,
        wanted.database_admin_url,
        pool_size=CONNECTIONS,
        overflow=0,
        read_url=wanted.database_read_url,
    )


def _limits(wanted: Settings, database: Database) -> Limits:
    return Limits(database, wanted, partial(confirms_addresses, wanted.supabase_url or "", wanted.supabase_key or ""))


def _memory(wanted: Settings, opened: ExitStack, database: Database, embedder: Embedder, model: Model | None) -> Memory:
    """Open the memory and, if the settings name an index of vectors, the thread that feeds it."""
    reranker, index = reranker_named(wanted.reranker, model), configured_index(wanted)
    if index is not None:
        opened.callback(index.close)
    memory = opened.enter_context(closing(Memory(database, embedder, model, instructions_for(wanted), reranker, index)))
    if memory.index is not None:
        memory.index.start()
    return memory


def _prices(wanted: Settings) -> Prices | None:
    return prices_of(wanted.chat_model, wanted.price_in, wanted.price_out)


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
        log.warning("unwell: %s", error.for_deployer())
        return {"status": "unwell"}
    return {"status": "well"}


def _ask_auth_server(wanted: Settings) -> None:
    try:
        asked, key = f"{wanted.supabase_url}/auth/v1/health", wanted.supabase_key or ""
        answer = httpx.get(asked, headers={"apikey": key}, timeout=5, verify=certificates())
    except httpx.HTTPError as error:
        raise AuthUnreachable(
            "The auth server does not answer: check SUPABASE_URL, and whether it is paused."
        ) from error
    if answer.status_code != 200:
        raise AuthUnreachable(f"The auth server answers {answer.status_code}: check SUPABASE_URL and SUPABASE_KEY.")
