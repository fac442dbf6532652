"""The queue of turns that are not yet remembered, and what was refused: their SQL.

A worker claims a turn with a lease on its person, and writes the memories and the note that the turn is done in one
transaction, so each turn is remembered once. Turns wait without end for a model that is away; one that fails by itself
again and again is given up, until somebody asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from chat.tree import FIELDS, Message, valid_id
from memory.database import Database, Reading
from memory.language.intents import forgets_last
from memory.leases import Lease, Leases

__all__ = [
    "INITIAL_STATE",
    "REPLY_SECONDS",
    "STUCK_TURNS",
    "WAITING_TURNS",
    "ClaimedTurn",
    "Refusals",
    "RefusedWrite",
    "Stuck",
    "TurnQueue",
]

MOST_REASONS, MOST_EXAMPLES = 20, 3
REPLY_SECONDS = 20  # how long a turn waits for its reply; it is then remembered without it
# SQL for saving a message: whether it waits to be remembered. Switched off by the person, it is off in every chat.
INITIAL_STATE = (
    "case when :role = 'user' and (select writes_memory and not temporary from app.conversations"
    " where id = cast(:conversation as uuid))"
    " and coalesce((select writes_memory from app.preferences where user_id = app.asking()), true)"
    " then 'waiting' else 'none' end"
)


@dataclass(frozen=True)
class ClaimedTurn:
    """A person's message that a worker has claimed, with the reply to it if there is one."""

    message: Message
    reply: Message | None
    lease: Lease
    after: str | None = None  # the person's message before it in the chat


@dataclass(frozen=True)
class Stuck:
    """How many turns of a user wait after a failure, how many were given up, and the latest problem."""

    waiting: int = 0
    given_up: int = 0
    problem: str | None = None


class TurnQueue:
    """The turns that wait to be remembered. A turn is a person's message; its state is a column of `app.messages`.

    Methods that take a connection work inside the caller's transaction, which is bound to the user.
    """

    def __init__(self, database: Database, leases: Leases | None = None) -> None:
        self._database = database
        self.leases = leases or Leases(database)

    def claim(self) -> ClaimedTurn | None:
        """Claim the next waiting turn of anybody, with a lease on its person; return None if none waits.

        The attempt is counted, and both are committed, before anything is asked of a model.
        """
        with self._database.as_worker() as connection:
            claimed = connection.execute(_CLAIM).first()
            if claimed is None:
                return None
            self._database.become(connection, claimed.user_id)
            return _claimed_turn(connection, claimed.message_id, Lease(claimed.user_id, claimed.token))

    def writing(self, turn: ClaimedTurn) -> AbstractContextManager[Connection]:
        """Begin the transaction that ends a claim; raise `LeaseLost` if the turn is no longer this worker's.

        What was learned is written in it. Until it ends, nobody can withdraw the turn or erase its memories, so nothing
        in it may wait for a model.
        """
        values = {"id": turn.message.id}
        return self.leases.writing(turn.lease, lambda c: c.scalar(_STILL_WAITS, values) is not None)

    def finish(self, connection: Connection, message_id: str, record: Mapping[str, Any]) -> None:
        """Note that a turn is remembered, in the transaction that writes its memories."""
        connection.execute(_FINISH, {"id": message_id, "record": json.dumps({"remembered": record})})

    def postpone(self, turn: ClaimedTurn, problem: str, *, passing: bool, at_least: float = 0) -> None:
        """Let a turn that could not be remembered wait, longer each time, and note the problem in its receipt.

        With `passing` the cause is not the turn: its attempt does not count. Otherwise it is given up in the end.
        """
        values = {"id": turn.message.id, "at_least": at_least, "record": json.dumps({"not_remembered": problem})}
        self.leases.end_with(turn.lease, _WAIT if passing else _FAIL, values)

    def hand_back(self, turn: ClaimedTurn) -> None:
        """Let another worker claim the turn at once, because this one ends."""
        self.leases.end_with(turn.lease, _HAND_BACK, {"id": turn.message.id})

    def release(self, connection: Connection, message_id: str) -> None:
        """Let a turn be remembered from now on, because its reply is saved or will not come."""
        connection.execute(_RELEASE, {"id": message_id})

    def withdraw(self, connection: Connection, message_id: str, *, wait: bool = True) -> None:
        """Take a turn out of the queue; a worker that is remembering it will write nothing.

        Without `wait`, leave it alone if somebody else has locked it: they may be erasing its chat.
        """
        connection.execute(_WITHDRAW if wait else _WITHDRAW_UNLOCKED, {"id": message_id})

    def withdraw_chat(self, connection: Connection, conversation_id: str) -> None:
        """Take the turns of a chat out of the queue, for an erasing: this comes first in its transaction."""
        self.leases.note_erasing(connection)
        connection.execute(_WITHDRAW_CHAT, {"id": valid_id(conversation_id)})

    def withdraw_all(self, connection: Connection) -> None:
        """Take every turn of the user out of the queue, for an erasing: this comes first in its transaction."""
        self.leases.take_away(connection)
        connection.execute(_WITHDRAW_ALL)

    def waiting(self, user_id: str) -> int:
        """Return how many of the user's turns wait to be remembered."""
        return self._database.read(user_id, WAITING_TURNS)

    def stuck(self, user_id: str) -> Stuck:
        """Return what could not be remembered so far."""
        return self._database.read(user_id, STUCK_TURNS)

    def retry(self, user_id: str) -> int:
        """Let the user's turns that failed be tried again now; return how many there are."""
        with self._database.as_user(user_id) as connection:
            return connection.execute(_RETRY).rowcount

    def retry_all(self) -> int:
        """Let everybody's turns and imported messages that failed be tried again now; return how many there are."""
        [row] = self._database.read_as_worker("select app.retry_remembering() as again", {})
        return int(row["again"])

    def wake_resting(self) -> int:
        """Let everybody's turns and imported messages that wait for a model be tried now; return how many there are."""
        [row] = self._database.read_as_worker("select app.wake_resting() as woken", {})
        return int(row["woken"])

    def bring_back_times(self) -> int:
        """Bring back what ends too late, because the database's clock was set back; return how many times there are."""
        [row] = self._database.read_as_worker("select app.bring_back_times() as moved", {})
        return int(row["moved"])


def _claimed_turn(connection: Connection, message_id: str, lease: Lease) -> ClaimedTurn:
    rows = connection.execute(_TURN, {"id": message_id}).mappings()
    message, *replies = [Message(**row) for row in rows]
    return ClaimedTurn(message, replies[-1] if replies else None, lease, _before(connection, message))


def _before(connection: Connection, message: Message) -> str | None:
    """Return the person's message before this one; of several requests to forget each means what came before all."""
    before = connection.execute(_MESSAGE_BEFORE, {"id": message.id}).first()
    if forgets_last(message.content):
        while before is not None and forgets_last(before.content):
            before = connection.execute(_MESSAGE_BEFORE, {"id": before.id}).first()
    return before.id if before is not None else None


_CLAIM = text("select message_id::text, user_id, token::text from app.claim_turn()")
_TURN = text(
    f"select {FIELDS} from app.messages where id = cast(:id as uuid)"
    " or (parent_id = cast(:id as uuid) and role = 'assistant') order by seq"
)
_MESSAGE_BEFORE = text(
    "select said.id::text as id, said.content from app.messages m join app.messages before on before.id = m.parent_id"
    " join app.messages said on said.id = case before.role when 'user' then before.id else before.parent_id end"
    " where m.id = cast(:id as uuid)"
)
_STILL_WAITS = text(
    "select 1 from app.messages m join app.conversations c on c.id = m.conversation_id and c.deleted_at is null"
    " where m.id = cast(:id as uuid) and m.remembering = 'waiting' for no key update of m"
)
# If the reply took long, a worker may have claimed the turn, which counts as an attempt: leave the turn to that worker.
_RELEASE = text(
    "update app.messages set remember_after = now() where id = cast(:id as uuid)"
    " and remembering = 'waiting' and remember_attempts + remember_waits = 0"
)
_FINISH = text(
    "update app.messages set remembering = 'done',"
    " receipt = (receipt - 'not_remembered') || cast(:record as jsonb) where id = cast(:id as uuid)"
)
_WAIT = text(
    "update app.messages set remember_attempts = greatest(0, remember_attempts - 1),"
    " remember_waits = remember_waits + 1, receipt = receipt || cast(:record as jsonb), remember_after = now()"
    " + greatest(make_interval(secs => :at_least), app.rest_after(remember_waits + 1))"
    " where id = cast(:id as uuid) and remembering = 'waiting'"
)
_FAIL = text(
    "update app.messages set receipt = receipt || cast(:record as jsonb),"
    " remembering = case when remember_attempts < app.most_attempts() then 'waiting' else 'given up' end,"
    " remember_after = now() + greatest(make_interval(secs => :at_least), app.rest_after(remember_attempts))"
    " where id = cast(:id as uuid) and remembering = 'waiting'"
)
_HAND_BACK = text(
    "update app.messages set remember_attempts = greatest(0, remember_attempts - 1), remember_after = now()"
    " where id = cast(:id as uuid) and remembering = 'waiting'"
)
_WITHDRAW = text(
    "update app.messages set remembering = 'none', receipt = receipt - 'not_remembered'"
    " where id = cast(:id as uuid) and remembering in ('waiting', 'given up')"
)
_WITHDRAW_UNLOCKED = text(
    f"{_WITHDRAW.text} and id in (select id from app.messages where id = cast(:id as uuid)"
    " for no key update skip locked)"
)
_WITHDRAW_CHAT = text(
    "update app.messages set remembering = 'none' where conversation_id = cast(:id as uuid)"
    " and user_id = app.asking() and remembering in ('waiting', 'given up')"
)
_WITHDRAW_ALL = text(
    "update app.messages set remembering = 'none'"
    " where user_id = app.asking() and remembering in ('waiting', 'given up')"
)
_NOT_DELETED = (
    "not exists (select from app.conversations c where c.id = m.conversation_id and c.deleted_at is not null)"
)
_WAITING = f"select count(*) as waiting from app.messages m where remembering = 'waiting' and {_NOT_DELETED}"
WAITING_TURNS = Reading(_WAITING, lambda rows: int(rows[0]["waiting"]))
_STUCK = (
    "select count(*) filter (where remembering = 'waiting') as waiting,"
    " count(*) filter (where remembering = 'given up') as given_up,"
    " (array_agg(receipt ->> 'not_remembered' order by seq desc))[1] as problem from app.messages m"
    " where (remembering = 'given up' or (remembering = 'waiting' and receipt ? 'not_remembered'))"
    f" and user_id = app.asking() and {_NOT_DELETED}"
)
STUCK_TURNS = Reading(_STUCK, lambda rows: Stuck(**rows[0]))
_RETRY = text(
    "update app.messages set remembering = 'waiting', remember_attempts = 0, remember_waits = 0,"
    " remember_after = now() where user_id = app.asking()"
    " and (remembering = 'given up' or (remembering = 'waiting' and receipt ? 'not_remembered'))"
)


@dataclass(frozen=True)
class RefusedWrite:
    """Why memories were refused, how often, and the latest refused texts; for some reasons no text is kept."""

    reason: str
    times: int
    latest: Sequence[str] = ()


class Refusals:
    """Reads from the receipts of a user's messages which memories were proposed and refused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, user_id: str) -> list[RefusedWrite]:
        """Return the reasons for refusals, most frequent first."""
        values = {"user_id": user_id, "most": MOST_REASONS, "latest": MOST_EXAMPLES}
        return [RefusedWrite(**row) for row in self._database.read_as(user_id, _REFUSED, values)]


# Other entries, in receipts of older versions of the app, are skipped. Deleted and temporary chats are left out.
_REFUSED = """
select reason, count(*) as times,
  coalesce((array_agg(said order by seq desc) filter (where said <> ''))[1:%(latest)s], '{}') as latest
from (
  select message.seq, left(dropped.value ->> 'text', 300) as said, left(dropped.value ->> 'reason', 300) as reason
  from app.conversations chat join app.messages message on message.conversation_id = chat.id
  cross join lateral jsonb_path_query(message.receipt, 'lax $.remembered.dropped[*]') dropped (value)
  where chat.user_id = %(user_id)s and chat.deleted_at is null and not chat.temporary
    and message.role = 'user' and jsonb_typeof(dropped.value) = 'object'
) refused
where reason <> ''
group by reason order by times desc, reason limit %(most)s
"""
