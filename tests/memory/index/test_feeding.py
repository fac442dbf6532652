"""Feeding an index: nothing is lost when it is away, and nothing that is erased comes back in it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from sqlalchemy import text

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import IndexFailed, IndexRefused, MigrationNeeded
from memory.imports.reembed import reembed
from memory.index import outbox
from memory.index.feeder import Feeder
from memory.index.outbox import Sending
from memory.index.protocol import user_key
from memory.rows.store import Store
from tests.chat.conftest import until
from tests.memory.imports.test_reembed import Letters
from tests.memory.index.conftest import InMemory, attached, feeder_of
from tests.memory.test_migrations import administrator

ANN = user_key("ann")


def _say(memory: Memory, words: str, user_id: str = "ann") -> str:
    [added] = memory.add(words, user_id=user_id, infer=False)["results"]
    return str(added["id"])


def _waiting(database: Database) -> int:
    state = outbox.attached(database)
    assert state is not None
    return state.waiting


def test_what_is_added_changed_and_deleted_reaches_the_index(indexed: Memory, index: InMemory) -> None:
    tea, bees = _say(indexed, "I like tea"), _say(indexed, "I keep bees")
    assert feeder_of(indexed).feed() == 2
    assert set(index.kept) == {(ANN, tea), (ANN, bees)}
    before = index.kept[ANN, tea]
    indexed.update(tea, "I like coffee", user_id="ann")
    indexed.delete(bees, user_id="ann")
    feeder_of(indexed).feed()
    assert set(index.kept) == {(ANN, tea)}
    assert index.kept[ANN, tea] != before


def test_a_change_that_leaves_the_vector_as_it_is_is_not_sent(indexed: Memory, database: Database) -> None:
    tea = _say(indexed, "I like tea")
    feeder_of(indexed).feed()
    indexed.always.include([tea], user_id="ann")
    indexed.update(tea, metadata={"place": "kitchen"}, user_id="ann")
    assert _waiting(database) == 0


def test_without_an_index_nothing_is_noted_and_no_trigger_runs(memory: Memory, database: Database) -> None:
    _say(memory, "I like tea")
    with administrator(database) as connection:
        assert connection.scalar(text("select count(*) from app.index_outbox")) == 0
        assert connection.scalar(text("select count(*) from pg_trigger where tgname like '%for_index'")) == 0


def test_what_was_rolled_back_is_not_sent(indexed: Memory, database: Database) -> None:
    tea = _say(indexed, "I like tea")
    feeder_of(indexed).feed()
    with database.as_user("ann") as connection:
        connection.execute(text("delete from vecs.memories where id = :id"), {"id": tea})
        connection.rollback()
    assert _waiting(database) == 0


def test_attaching_sends_everything_that_is_there_already(
    memory: Memory, database: Database, embedder: BundledEmbedder, index: InMemory
) -> None:
    ids = {(user_key(user), _say(memory, "I like tea", user)) for user in ("ann", "bob", "application:x:cleo")}
    index.kept[ANN, "of another time"] = [1.0]
    attached(database, embedder, index)
    assert set(index.kept) == ids


def test_an_index_that_is_away_gets_everything_later(
    indexed: Memory, database: Database, index: InMemory, caplog: pytest.LogCaptureFixture
) -> None:
    index.before = _raising(IndexFailed("It is away."))
    tea = _say(indexed, "I like tea")
    assert feeder_of(indexed).feed() == 0
    state = outbox.attached(database)
    assert state is not None
    assert (state.waiting, state.waits, state.problem) == (1, 1, "It is away.")
    assert "It is away." in caplog.text
    index.before = lambda call: None
    assert feeder_of(indexed).feed() == 0, "it is left alone for a while"
    _let_it_be_tried(database)
    assert feeder_of(indexed).feed() == 1
    assert set(index.kept) == {(ANN, tea)}
    state = outbox.attached(database)
    assert state is not None
    assert (state.waits, state.problem) == (0, None)


def _raising(error: Exception) -> Callable[[str], None]:
    def before(call: str) -> None:
        raise error

    return before


def _let_it_be_tried(database: Database) -> None:
    with administrator(database) as connection:
        connection.execute(text("update app.index_attached set after = now()"))
        connection.execute(text("update app.index_outbox set after = now(), claimed_until = null"))


def test_each_failure_in_a_row_lets_it_rest_longer(indexed: Memory, database: Database, index: InMemory) -> None:
    index.before = _raising(IndexFailed("It is away."))
    _say(indexed, "I like tea")
    rests = []
    for _ in range(3):
        _let_it_be_tried(database)
        feeder_of(indexed).feed()
        with administrator(database) as connection:
            rests.append(connection.scalar(text("select after - now() from app.index_attached")))
    assert rests == sorted(rests)
    assert rests[2] > 2 * rests[1] > 2 * rests[0]


def test_a_memory_that_the_index_refuses_holds_up_no_other(
    indexed: Memory, database: Database, embedder: BundledEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = _say(indexed, "I like tea"), _say(indexed, "I keep bees")

    class Choosy(InMemory):
        def put(self, user: str, vectors: object) -> None:
            if bad in vectors:  # type: ignore[operator]
                raise IndexRefused("It does not take this.")
            super().put(user, vectors)  # type: ignore[arg-type]

    choosy = Choosy()
    memory = Memory(database, embedder, None, index=choosy)
    for _ in range(4):
        feeder_of(memory).feed()
        _let_it_be_tried(database)
    assert set(choosy.kept) == {(ANN, good)}
    assert _waiting(database) == 1
    assert "are not in the index yet: It does not take this." in caplog.text


def test_what_changes_while_it_is_sent_is_sent_again(
    indexed: Memory, database: Database, embedder: BundledEmbedder, index: InMemory
) -> None:
    tea = _say(indexed, "I like tea")

    def change_once(call: str) -> None:
        index.before = lambda call: None
        indexed.update(tea, "I like coffee", user_id="ann")

    index.before = change_once
    assert feeder_of(indexed).feed() == 2
    assert _waiting(database) == 0
    with database.as_user("ann") as connection:
        assert index.kept[ANN, tea] == Store(database, embedder.dimensions).vectors_of(connection, [tea])[tea]


def test_what_is_deleted_while_it_is_sent_does_not_stay_in_the_index(indexed: Memory, index: InMemory) -> None:
    tea = _say(indexed, "I like tea")

    def delete_once(call: str) -> None:
        index.before = lambda call: None
        indexed.delete(tea, user_id="ann")

    index.before = delete_once
    feeder_of(indexed).feed()
    assert index.kept == {}


def test_who_sends_after_its_claim_ended_lets_it_be_sent_again(
    indexed: Memory, database: Database, embedder: BundledEmbedder, index: InMemory
) -> None:
    """A slow process could otherwise put back what another one has removed meanwhile."""
    tea = _say(indexed, "I like tea")
    slow, quick = (Sending(database, Store(database, embedder.dimensions)) for _ in range(2))
    claimed = slow.claim(index.name)
    assert claimed is not None
    assert quick.claim(index.name) is None
    indexed.delete(tea, user_id="ann")
    _let_it_be_tried(database)
    again = quick.claim(index.name)
    assert again is not None
    assert again.gone == [tea]
    quick.finish(again)
    index.put(ANN, claimed.vectors)
    slow.finish(claimed)
    feeder_of(indexed).feed()
    assert index.kept == {}


def test_erasing_reaches_the_index_and_the_receipt_tells_what_waits(
    indexed: Memory, database: Database, index: InMemory
) -> None:
    for words in ("I like tea", "I keep bees"):
        _say(indexed, words)
    hers = _say(indexed, "I like tea", "bob")
    feeder_of(indexed).feed()
    receipt = indexed.delete_all(user_id="ann")
    assert receipt.proved
    assert receipt.index_waits == 2
    feeder_of(indexed).feed()
    assert set(index.kept) == {(user_key("bob"), hers)}
    assert indexed.delete_all(user_id="ann").index_waits == 0
    with administrator(database) as connection:
        assert connection.scalar(text("select count(*) from app.index_outbox where owner = 'ann'")) == 0


def test_forgetting_a_chat_reaches_the_index_and_the_receipt_tells_what_waits(indexed: Memory, index: InMemory) -> None:
    indexed.add("My name is Ann", user_id="ann", run_id="chat-1")
    feeder_of(indexed).feed()
    assert index.kept
    receipt = indexed.chats.forget("chat-1", user_id="ann")
    assert receipt.index_waits == receipt.erased["memories"] == 1
    feeder_of(indexed).feed()
    assert index.kept == {}


def test_moving_to_another_embedding_model_fills_the_index_anew(
    indexed: Memory, database: Database, index: InMemory
) -> None:
    tea = _say(indexed, "I like tea")
    feeder_of(indexed).feed()
    letters = Letters()
    reembed(database, letters)
    feeder_of(Memory(database, letters, None, index=index)).feed()
    assert list(index.kept) == [(ANN, tea)]
    assert len(index.kept[ANN, tea]) == letters.dimensions


def test_a_memory_that_gets_another_owner_leaves_the_index_of_the_first(
    indexed: Memory, database: Database, index: InMemory
) -> None:
    tea = _say(indexed, "I like tea")
    feeder_of(indexed).feed()
    with administrator(database) as connection:
        connection.execute(text('update vecs.memories set metadata = metadata || \'{"user_id": "bob"}\''))
    feeder_of(indexed).feed()
    assert set(index.kept) == {(user_key("bob"), tea)}


def test_a_thread_sends_by_itself_until_it_is_stopped(indexed: Memory, index: InMemory) -> None:
    feeder = feeder_of(indexed)
    feeder.start()
    _say(indexed, "I like tea")
    until(lambda: len(index.kept) == 1)
    feeder.stop()
    _say(indexed, "I keep bees")
    assert len(index.kept) == 1


def test_a_detached_index_gets_nothing_more(indexed: Memory, database: Database, index: InMemory) -> None:
    _say(indexed, "I like tea")
    outbox.detach(database)
    _say(indexed, "I keep bees")
    assert feeder_of(indexed).feed() == 0
    assert outbox.attached(database) is None


def test_only_the_administrator_may_attach_an_index(database: Database) -> None:
    with closing(Database(database.url)) as app, pytest.raises(MigrationNeeded, match="index --rebuild"):
        outbox.attach(app, "dictionary")


def test_an_index_that_is_not_the_attached_one_gets_nothing(
    indexed: Memory, database: Database, embedder: BundledEmbedder
) -> None:
    other = InMemory()
    other.name = "another"
    _say(indexed, "I like tea")
    assert feeder_of(Memory(database, embedder, None, index=other)).feed() == 0
    assert other.kept == {}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_of_an_index_does_not_end_the_feeding(
    indexed: Memory, database: Database, embedder: BundledEmbedder, index: InMemory
) -> None:
    raised: list[str] = []

    def fail_once(call: str) -> None:
        if not raised:
            raised.append(call)
            raise ZeroDivisionError

    index.before = fail_once
    _say(indexed, "I like tea")
    feeder = Feeder(database, Store(database, embedder.dimensions), index, look_seconds=0.05)
    feeder.start()
    until(lambda: bool(raised))
    _let_it_be_tried(database)
    until(lambda: len(index.kept) == 1)
    feeder.stop()
