"""The profile: written from memories; the person's own lines win."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from memory.database import Database
from memory.errors import BadAnswer, InvalidInput, NotFound
from memory.facts import content_hash
from memory.model import Model, PromptMessage
from memory.rows.store import Store
from memory.upkeep import profile as pages
from memory.upkeep.profile import Profile, Profiles, WrittenLine, WrittenProfile
from tests.model_answers import PATIENCE
from tests.scripted import ScriptedModel

VECTOR = [0.1] * 256


class Writer:
    """One person, their memories and their page."""

    def __init__(self, database: Database, user_id: str = "alice", model: Model | None = None) -> None:
        self.database, self.user_id, self.count = database, user_id, 0
        self.store = Store(database, 256)
        self.profiles = Profiles(database, self.store, model)

    def keep(self, words: str, kind: str = "fact", **more: Any) -> str:
        self.count += 1
        row = {"data": words, "user_id": self.user_id, "hash": content_hash(words), "kind": kind}
        row |= {"created_at": f"2026-01-01T00:00:{self.count % 60:02}+00:00", **more}
        with self.database.as_user(self.user_id) as connection:
            [new] = self.store.insert(connection, [(row, VECTOR)])
        return new

    def forget(self, memory_id: str) -> None:
        with self.database.as_user(self.user_id) as connection:
            assert self.store.delete(connection, memory_id)

    def reword(self, memory_id: str, words: str) -> None:
        row = {"data": words, "user_id": self.user_id, "hash": content_hash(words), "kind": "fact"}
        with self.database.as_user(self.user_id) as connection:
            assert self.store.replace(connection, memory_id, row, VECTOR)

    def refresh(self) -> list[str]:
        return _texts(self.profiles.refresh(self.user_id))

    def page(self) -> list[str]:
        return _texts(self.profiles.get(self.user_id))

    def line(self, words: str) -> str:
        return next(line.id for line in self.profiles.get(self.user_id).lines if line.text == words)

    def edit(self, old: str, new: str) -> None:
        self.profiles.edit(self.user_id, self.line(old), new)

    def remove(self, words: str) -> None:
        self.profiles.remove(self.user_id, self.line(words))


def _texts(profile: Profile) -> list[str]:
    return [line.text for line in profile.lines]


@pytest.fixture
def writer(database: Database) -> Writer:
    return Writer(database)


def _line(words: str, *numbers: int, kind: str = "fact") -> WrittenLine:
    return WrittenLine(text=words, kind=kind, memories=list(numbers))


def test_a_page_that_was_never_written_is_empty(writer: Writer) -> None:
    assert writer.profiles.get("alice") == Profile()


def test_without_a_model_the_page_lists_memories_by_kind_the_newest_first(writer: Writer) -> None:
    writer.keep("I like tea", "preference")
    writer.keep("I live in\nLisbon")
    writer.keep("I work at Acme")
    writer.keep("Kept as said", role="user")
    assert writer.refresh() == ["I work at Acme", "I live in Lisbon", "I like tea"]
    assert writer.page() == writer.refresh()
    assert writer.profiles.get("alice").text.splitlines()[0] == "- I work at Acme"


def test_the_page_has_a_limited_length(writer: Writer) -> None:
    for number in range(12):
        writer.keep(f"{number} " + "x" * 2_000, "goal" if number % 2 else "no such kind")
    lines = writer.profiles.refresh("alice").lines
    assert len(lines) == 12
    for number in range(12):
        writer.keep(f"fact {number}")
    lines = writer.profiles.refresh("alice").lines
    assert sum(line.kind == "fact" for line in lines) == pages.MAX_PER_KIND
    assert max(len(line.text) for line in lines) == pages.MAX_LINE


def test_lines_follow_their_memories_at_the_next_refresh(writer: Writer) -> None:
    tea, home = writer.keep("I like tea"), writer.keep("I live in Lisbon")
    writer.refresh()
    writer.forget(tea)
    writer.reword(home, "I live in Porto")
    assert writer.page() == ["I live in Lisbon", "I like tea"]
    assert writer.refresh() == ["I live in Porto"]


def test_the_model_is_asked_only_when_the_memories_have_changed(
    database: Database, scripted_model: ScriptedModel
) -> None:
    writer = Writer(database, model=scripted_model)
    writer.keep("I like tea")
    scripted_model.enqueue(
        WrittenProfile(lines=[_line("Likes tea", 1)]), WrittenProfile(lines=[_line("Likes tea and cake", 1, 2)])
    )
    assert writer.refresh() == writer.refresh() == ["Likes tea"]
    assert len(scripted_model.calls) == 1
    writer.keep("I like cake")
    assert writer.refresh() == ["Likes tea and cake"]
    assert "[1] (2026-01-01) I like cake" in scripted_model.calls[-1][1].content


BAD_LINES = [
    _line("Likes tea"),
    _line("Likes tea", 0),
    _line("Likes tea", 2),
    _line("Likes tea", 1, 2),
    _line("Likes tea with Bea", 1),
    _line("Likes tea 7 times a day", 1),
    _line("  ", 1),
    _line("tea " * 200, 1),
]


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: f"{line.text[:20]} {line.memories}")
def test_a_line_without_a_memory_or_with_something_added_is_dropped(
    database: Database, scripted_model: ScriptedModel, line: WrittenLine
) -> None:
    writer = Writer(database, model=scripted_model)
    writer.keep("I like tea")
    good = _line("Likes tea a lot", 1, kind="nonsense")
    scripted_model.enqueue(WrittenProfile(lines=[line, good, good]))
    assert writer.refresh() == ["Likes tea a lot"]
    assert writer.profiles.get("alice").lines[0].kind == "fact"


def test_too_many_lines_of_a_model_are_cut(database: Database, scripted_model: ScriptedModel) -> None:
    writer = Writer(database, model=scripted_model)
    writer.keep("I like tea " + "x" * 100)
    scripted_model.enqueue(WrittenProfile(lines=[_line("I like " + "x" * n, 1) for n in range(1, 60)]))
    assert len(writer.refresh()) == pages.MAX_GENERATED


def test_a_bad_answer_leaves_the_page_as_it_was_and_is_raised(
    database: Database, scripted_model: ScriptedModel
) -> None:
    writer = Writer(database, model=scripted_model)
    writer.keep("I like tea")
    scripted_model.enqueue(
        WrittenProfile(lines=[_line("Likes tea", 1)]), BadAnswer("no"), WrittenProfile(lines=[_line("Cake", 1)])
    )
    writer.refresh()
    writer.keep("I like cake")
    with pytest.raises(BadAnswer):
        writer.refresh()
    assert writer.page() == ["Likes tea"]
    assert writer.refresh() == ["Cake"]


def test_an_edited_line_stays_and_its_memories_make_no_other_line(writer: Writer) -> None:
    tea = writer.keep("I like tea")
    writer.refresh()
    writer.edit("I like tea", "I like  green tea")
    writer.reword(tea, "I like black tea")
    writer.keep("I live in Lisbon")
    assert writer.refresh() == ["I like green tea", "I live in Lisbon"]
    writer.forget(tea)
    assert writer.refresh() == ["I like green tea", "I live in Lisbon"]
    [own, generated] = writer.profiles.get("alice").lines
    assert (own.own, own.memory_ids, generated.own) == (True, (tea,), False)


def test_a_removed_line_does_not_come_back_and_its_text_is_not_kept(writer: Writer) -> None:
    tea = writer.keep("I like tea")
    writer.keep("I live in Lisbon")
    writer.refresh()
    writer.remove("I like tea")
    assert writer.page() == ["I live in Lisbon"]
    assert "tea" not in str(writer.database.read_as("alice", "select lines from app.profiles"))
    writer.reword(tea, "I like black tea")
    assert writer.refresh() == ["I live in Lisbon"]


def test_the_model_does_not_get_memories_under_the_persons_own_lines(
    database: Database, scripted_model: ScriptedModel
) -> None:
    writer = Writer(database, model=scripted_model)
    writer.keep("I like tea")
    writer.keep("I like cake")
    scripted_model.enqueue(WrittenProfile(lines=[_line("Likes tea", 2), _line("Likes cake", 1)]))
    writer.refresh()
    writer.remove("Likes tea")
    writer.edit("Likes cake", "Loves cake")
    writer.keep("I live in Lisbon")
    scripted_model.enqueue(WrittenProfile(lines=[_line("Lives in Lisbon", 1)]))
    assert writer.refresh() == ["Loves cake", "Lives in Lisbon"]
    told = scripted_model.calls[-1][1].content
    assert "Lisbon" in told
    assert "tea" not in told
    assert "cake" not in told


def test_added_lines_stay_until_they_are_removed(writer: Writer) -> None:
    writer.profiles.add("alice", "Call me Al", kind="instruction")
    writer.keep("I like tea")
    assert writer.refresh() == ["I like tea", "Call me Al"]
    writer.edit("Call me Al", "Call me Ali")
    writer.keep("I like cake")
    assert writer.refresh() == ["I like cake", "I like tea", "Call me Ali"]
    writer.remove("Call me Ali")
    assert writer.page() == ["I like cake", "I like tea"]


def test_erasing_memories_erases_even_edited_lines_made_from_them(writer: Writer) -> None:
    tea = writer.keep("I like tea")
    cake = writer.keep("I like cake")
    writer.refresh()
    writer.edit("I like tea", "I like green tea")
    with writer.database.as_user("alice") as connection:
        assert writer.profiles.erase_lines(connection, "alice", [tea]) == 1
        assert writer.profiles.erase_lines(connection, "alice", ["nothing"]) == 0
    assert writer.page() == ["I like cake"]
    writer.remove("I like cake")
    with writer.database.as_user("alice") as connection:
        assert writer.profiles.erase_lines(connection, "alice", [cake]) == 1


@pytest.mark.parametrize("words", ["", " \n", None, 5, "x" * 501])
def test_an_invalid_line_is_refused(writer: Writer, words: Any) -> None:
    writer.keep("I like tea")
    [line] = writer.profiles.refresh("alice").lines
    with pytest.raises(InvalidInput, match="line"):
        writer.profiles.add("alice", words)
    with pytest.raises(InvalidInput, match="line"):
        writer.profiles.edit("alice", line.id, words)
    assert writer.page() == ["I like tea"]


def test_an_unknown_kind_and_too_many_lines_are_refused(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="kind"):
        writer.profiles.add("alice", "Hello there", kind="secret")
    monkeypatch.setattr(pages, "MAX_OWN", 2)
    writer.profiles.add("alice", "One")
    writer.profiles.add("alice", "Two")
    with pytest.raises(InvalidInput, match="at most 2"):
        writer.profiles.add("alice", "Three")
    writer.edit("Two", "Second")
    writer.keep("I like tea")
    writer.refresh()
    with pytest.raises(InvalidInput, match="at most 2"):
        writer.edit("I like tea", "I like green tea")


def test_only_the_latest_removals_are_remembered(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_OWN", 2)
    for words in ("one", "two", "three"):
        writer.keep(words)
        writer.refresh()
        writer.remove(words)
    writer.keep("four")
    assert writer.refresh() == ["four", "one"]


def test_another_persons_page_cannot_be_read_or_changed(writer: Writer) -> None:
    writer.keep("I like tea")
    [line] = writer.profiles.refresh("alice").lines
    others = Writer(writer.database, "bob")
    assert others.page() == others.refresh() == []
    with pytest.raises(NotFound):
        others.profiles.edit("bob", line.id, "Mine now")
    with pytest.raises(NotFound):
        others.profiles.remove("bob", line.id)
    others.profiles.add("bob", "I am Bob")
    with others.database.as_user("bob") as connection:
        assert others.profiles.erase_lines(connection, "bob", line.memory_ids) == 0
    assert writer.page() == ["I like tea"]
    assert others.page() == ["I am Bob"]


def test_a_removed_line_cannot_be_changed(writer: Writer) -> None:
    writer.keep("I like tea")
    [line] = writer.profiles.refresh("alice").lines
    writer.profiles.remove("alice", line.id)
    with pytest.raises(NotFound, match="no longer on the page"):
        writer.profiles.edit("alice", line.id, "Again")
    with pytest.raises(NotFound, match="no longer on the page"):
        writer.profiles.remove("alice", line.id)


class Meanwhile(ScriptedModel):
    """While it writes, something else happens."""

    happens: Callable[[], Any]

    def answer(self, messages: Sequence[PromptMessage], schema: Any, usage: Any = None) -> Any:
        self.happens()
        return super().answer(messages, schema, usage)


def _meanwhile(writer: Writer, happens: Callable[[], Any]) -> list[str]:
    """A refresh whose lines rest on "I like tea" (2) and "I like cake" (1), during which something happens."""
    model = Meanwhile()
    object.__setattr__(model, "happens", happens)
    model.enqueue(WrittenProfile(lines=[_line("Likes tea", 2), _line("Likes cake", 1)]))
    return _texts(Profiles(writer.database, writer.store, model).refresh("alice"))


def test_changes_made_while_the_page_is_written_are_not_lost(writer: Writer) -> None:
    tea = writer.keep("I like tea")
    cake = writer.keep("I like cake")
    writer.refresh()
    assert _meanwhile(writer, lambda: writer.edit("I like tea", "I like green tea")) == [
        "I like green tea",
        "Likes cake",
    ]
    assert _meanwhile(writer, lambda: writer.profiles.refresh("alice")) == ["I like green tea", "Likes cake"]
    writer.refresh()
    assert _meanwhile(writer, lambda: writer.reword(cake, "I like pie")) == ["I like green tea"]
    assert writer.refresh() == ["I like green tea", "I like pie"]
    writer.forget(tea)
    assert writer.refresh() == ["I like green tea", "I like pie"]


def test_edits_and_refreshes_from_many_tabs_at_once_lose_nothing(writer: Writer) -> None:
    together = threading.Barrier(4)

    def work(number: int) -> None:
        own = Writer(writer.database)
        together.wait(PATIENCE)
        for turn in range(5):
            own.profiles.add("alice", f"line {number} {turn}")
            own.keep(f"fact {number} {turn}")
            own.refresh()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    lines = writer.profiles.refresh("alice").lines
    assert {line.text for line in lines if line.own} == {f"line {n} {t}" for n in range(4) for t in range(5)}
    assert sum(not line.own for line in lines) == pages.MAX_PER_KIND
