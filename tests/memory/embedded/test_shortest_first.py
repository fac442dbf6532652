"""A question is embedded before what is left of an import, and the import is not held up for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy
import pytest

from memory.embed import RemoteEmbedder
from memory.embedded.embedder import BATCH, MOST_PASSED, SentenceEmbedder, ShortestFirst
from memory.embedded.embedder_server import EmbedderServer
from memory.model.client import Embeddings
from tests.model_answers import PATIENCE

IMPORT = [f"Message {number} of an import tells of {number} apples and one pear." for number in range(60)]
QUESTION = "Which pet do I have?"


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until something has happened in another thread."""
    tick = threading.Event()
    for _ in range(int(PATIENCE * 200)):
        if happened():
            return
        tick.wait(0.005)
    raise AssertionError("it did not happen")


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as pool:
        yield pool


def _taking_turns(turns: ShortestFirst, order: list[str], name: str, batches: int) -> None:
    number = turns.number()
    for left in range(batches, 0, -1):
        with turns.turn(number, left):
            order.append(name)


def test_who_has_the_least_left_is_next(threads: ThreadPoolExecutor) -> None:
    turns, order = ShortestFirst(), list[str]()
    with turns.turn(turns.number(), 1):
        for waiting, (name, batches) in enumerate((("import", 3), ("turn", 2), ("question", 1), ("another", 1)), 1):
            threads.submit(_taking_turns, turns, order, name, batches)
            wait_for(lambda: turns.waiting == waiting)  # noqa: B023
    threads.shutdown()
    assert order == ["question", "another", "turn", "turn", "import", "import", "import"]


def test_who_waits_longest_is_let_in_after_so_many_others(threads: ThreadPoolExecutor) -> None:
    turns, order = ShortestFirst(), list[str]()
    with turns.turn(turns.number(), 1):
        threads.submit(_taking_turns, turns, order, "import", 2)
        wait_for(lambda: turns.waiting == 1)
        for number in range(MOST_PASSED + 5):
            threads.submit(_taking_turns, turns, order, "question", 1)
            wait_for(lambda: turns.waiting == number + 2)  # noqa: B023
    threads.shutdown()
    assert order.index("import") == MOST_PASSED
    assert len(order) == MOST_PASSED + 5 + 2


def test_a_turn_that_fails_lets_the_next_one_in() -> None:
    turns = ShortestFirst()
    with pytest.raises(ValueError, match="bad"), turns.turn(turns.number(), 1):
        raise ValueError("bad")
    with turns.turn(turns.number(), 1):
        assert turns.waiting == 0


class HeldEmbedder(SentenceEmbedder):
    """Records each batch in place of embedding it; those of imports and turns wait until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[int]] = []
        self.began, self.go_on = threading.Event(), threading.Event()
        self.at_once, self.most_at_once = 0, 0
        self._counting = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many wait that ask for more than a batch."""
        return self._many.waiting

    def _run(self, batch: Any) -> Any:
        with self._counting:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.batches.append([len(ids) for ids in batch])
        self.began.set()
        assert len(batch) < BATCH or self.go_on.wait(PATIENCE)
        with self._counting:
            self.at_once -= 1
        return numpy.ones((len(batch), self.dimensions))


@pytest.fixture
def held() -> HeldEmbedder:
    return HeldEmbedder()


@pytest.fixture
def address(held: HeldEmbedder) -> Iterator[str]:
    """The address of a server with this embedder."""
    with EmbedderServer(0, held) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.base_url
        held.go_on.set()
        server.shutdown()
        thread.join(5)


def test_a_question_is_embedded_while_an_import_is(
    held: HeldEmbedder, address: str, threads: ThreadPoolExecutor
) -> None:
    client = RemoteEmbedder(Embeddings(held.name, "none", address), held.dimensions)
    imports = [threads.submit(client.embed, IMPORT) for _ in range(4)]
    assert held.began.wait(PATIENCE)
    wait_for(lambda: held.waiting == 3)
    assert all(len(client.embed([QUESTION])) == 1 for _ in range(3))  # the imports are held meanwhile
    assert sum(len(batch) == BATCH for batch in held.batches) == 1
    held.go_on.set()
    assert [len(each.result(PATIENCE)) for each in imports] == [len(IMPORT)] * 4
    assert held.most_at_once == 2
    client.close()


def test_what_a_turn_taught_is_embedded_before_what_is_left_of_an_import(
    held: HeldEmbedder, address: str, threads: ThreadPoolExecutor
) -> None:
    client = RemoteEmbedder(Embeddings(held.name, "none", address), held.dimensions)
    imported = threads.submit(client.embed, IMPORT)
    assert held.began.wait(PATIENCE)
    turn = threads.submit(client.embed, ["Pear."] * (2 * BATCH))
    wait_for(lambda: held.waiting == 1)
    held.go_on.set()
    assert len(turn.result(PATIENCE)) == 2 * BATCH
    assert len(imported.result(PATIENCE)) == len(IMPORT)
    pears = max(held.batches[1])
    assert [max(each) for each in held.batches[1:3]] == [pears, pears]
    assert min(min(each) for each in held.batches[3:]) > pears
    client.close()


def test_batches_hold_texts_of_similar_length(held: HeldEmbedder) -> None:
    held.go_on.set()
    short, long = [f"Apple {number}." for number in range(16)], ["The baker opens at six. " * 30] * 16
    assert len(held.embed([text for pair in zip(short, long, strict=True) for text in pair])) == 32
    assert [len(each) for each in held.batches] == [BATCH] * 4
    assert all(max(each) - min(each) <= 2 for each in held.batches)
