"""An index of vectors that lies: whatever it answers, nobody gets another's words, and every search is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text

from memory import Memory
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import AppError, IndexFailed
from tests.databases import Databases
from tests.memory.index.conftest import InMemory, attached, feeder_of
from tests.memory.test_migrations import administrator

ALICE, MALLORY, SECRET = "alice", "mallory", "Zanzibarium"
QUESTIONS = ("Where does my sister live?", "Zanzibarium", "What do you know about me?", "coffee in the morning")
NAN, INFINITE = float("nan"), float("inf")


class Liar(InMemory):
    """An index that knows everything of everybody, and answers what a test says."""

    answer: Callable[[list[str], list[str]], Any] = staticmethod(lambda hers, own: [])
    hers: list[str]
    own: list[str]

    def nearest(self, user: str, vector: Any, k: int) -> Any:
        self.asked.append(k)
        return self.answer(self.hers, self.own)


@pytest.fixture(scope="module")
def liar() -> Liar:
    return Liar()


@pytest.fixture(scope="module")
def settled(databases: Databases, embedder: BundledEmbedder, liar: Liar) -> Iterator[Database]:
    """Alice with a secret and Mallory without one, in a database whose index lies."""
    with databases.migrated() as fresh, attached(fresh, embedder, liar) as made:
        told = {
            ALICE: (f"My sister {SECRET} lives in Porto", f"I drink {SECRET} in the morning"),
            MALLORY: ("My sister Eve lives in Rome", "I drink coffee in the morning", "I work on Mondays"),
        }
        for user_id, statements in told.items():
            for each in statements:
                made.add(each, user_id=user_id, infer=False)
        liar.hers, liar.own = (
            [each["id"] for each in made.get_all(user_id=user_id)["results"]] for user_id in (ALICE, MALLORY)
        )
        feeder_of(made).feed()
        # Nothing is looked at besides what the index says.
        with administrator(fresh) as connection:
            connection.execute(text("delete from app.index_outbox"))
        yield fresh


@pytest.fixture
def memory(settled: Database, embedder: BundledEmbedder, liar: Liar) -> Memory:
    """A memory of its own for each test: after an error it leaves its index alone for a while."""
    liar.asked.clear()
    return Memory(settled, embedder, None, index=liar)


def _raise(error: BaseException) -> Any:
    raise error


def _unending() -> Iterator[tuple[str, float]]:
    return ((f"made up {number}", 1.0) for number in count())


ANSWERS: dict[str, Callable[[list[str], list[str]], Any]] = {
    "somebody else's ids": lambda hers, own: [(each, 1.0) for each in hers],
    "somebody else's before one's own": lambda hers, own: [(each, 1.0) for each in (*hers, *own)],
    "ids that nobody has": lambda hers, own: [("made up", 1.0), ("", 1.0), ("00000000-0000-0000-0000-000000000000", 1)],
    "ids that are SQL": lambda hers, own: [("' or user_id = 'alice", 1.0), (f"{hers[0]}' --", 1.0), ("%", 1.0)],
    "ids that are arrays": lambda hers, own: [(f"{{{','.join(hers)}}}", 1.0), ("{}", 1.0), ('a","b', 1.0)],
    "ids that are no text": lambda hers, own: [(7, 1.0), (None, 1.0), (b"bytes", 1.0), (("a",), 1.0)],
    "ids that Postgres cannot read": lambda hers, own: [("\x00", 1.0), ("\ud800", 1.0), ("x" * 100_000, 1.0)],
    "the same one often": lambda hers, own: [(own[-1], 1.0)] * 10_000,
    "scores that are no numbers": lambda hers, own: [(each, NAN) for each in own],
    "scores without end": lambda hers, own: [(own[0], -INFINITE), (own[1], INFINITE), (own[2], 1e308)],
    "scores that are no numbers at all": lambda hers, own: [(each, "best") for each in own] + [(own[0], None)],
    "no scores": lambda hers, own: [(each,) for each in own],
    "the worst first": lambda hers, own: [(each, 0.1) for each in reversed(own)],
    "far too many": lambda hers, own: [(f"{number}", 1.0) for number in range(100_000)],
    "more and more": lambda hers, own: _unending(),
    "texts instead of pairs": lambda hers, own: [*hers, *own],
    "nothing in a pair": lambda hers, own: [()],
    "a dictionary": lambda hers, own: dict.fromkeys(hers, 1.0),
    "a number": lambda hers, own: 7,
    "None": lambda hers, own: None,
    "an error of ours": lambda hers, own: _raise(IndexFailed("It is away.")),
    "any other error": lambda hers, own: _raise(ZeroDivisionError(SECRET)),
    "an end of the process": lambda hers, own: _raise(SystemExit(SECRET)),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_an_index_answers_nobody_gets_anothers_words(
    memory: Memory, liar: Liar, embedder: BundledEmbedder, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    liar.answer = ANSWERS[name]
    for question in QUESTIONS:
        found = memory.recall(question, user_id=MALLORY, standing=3)
        assert SECRET not in repr(found)
        assert {each.id for each in found} <= {*liar.own, *(each.id for each in found if each.source == "episodes")}
        assert len({each.id for each in found}) == len(found)
        scores = [each.score for each in found if each.score is not None]
        assert all(score == score and abs(score) < 100 for score in scores), "a score of the index came through"
    best = memory.recall("Which coffee do I drink in the morning?", user_id=MALLORY, recipe="facts")
    assert best[0].text == "I drink coffee in the morning"
    assert SECRET not in caplog.text
    assert liar.asked


def test_the_order_does_not_depend_on_the_order_and_the_scores_of_the_index(memory: Memory, liar: Liar) -> None:
    orders = []
    for name in ("scores without end", "the worst first", "scores that are no numbers", "no scores"):
        liar.answer = ANSWERS[name]
        orders.append([each.id for each in memory.recall("my sister in Rome", user_id=MALLORY, recipe="facts")])
    assert orders[0]
    assert orders.count(orders[0]) == len(orders) == len(liar.asked)


def test_the_index_is_told_no_user_id_and_no_words(memory: Memory, liar: Liar) -> None:
    told = repr(liar.kept)
    assert not [each for each in (ALICE, MALLORY, SECRET, "coffee") if each in told]


def test_nobody_sees_or_changes_what_waits_of_another(database: Database, embedder: BundledEmbedder) -> None:
    memory = attached(database, embedder, InMemory())
    for user_id in (ALICE, MALLORY):
        memory.add(f"I am {user_id}", user_id=user_id, infer=False)
    rows = database.read_as(MALLORY, "select owner from app.index_outbox")
    assert [each["owner"] for each in rows] == [MALLORY]
    with pytest.raises(AppError):
        database.read_as(MALLORY, "insert into app.index_outbox (owner, id) values ('alice', 'x') returning id")
    with database.as_user(MALLORY) as connection:
        assert connection.execute(text("delete from app.index_outbox where owner = 'alice'")).rowcount == 0
        assert connection.execute(text("update app.index_outbox set owner = 'mallory'")).rowcount == 1
    for forbidden in (
        "select owner from app.claim_index('dictionary', 9)",
        "select app.note_index('dictionary', 'emptied', null)",
        "select app.attach_index('mine')",
        "select app.detach_index()",
        "update app.index_attached set name = 'mine' returning name",
        "select problem from app.index_attached",
    ):
        with pytest.raises(AppError):
            database.read_as(MALLORY, forbidden)
