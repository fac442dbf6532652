"""Recall: a question finds what is remembered about it, and nothing of another user."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from memory import RECIPES, Memory, Person, Recipe
from memory.database import Database
from memory.embedded.embedder import BundledEmbedder
from memory.errors import InvalidInput
from memory.facts import content_hash
from memory.rows.store import Store
from tests.memory.test_migrations import administrator

pytestmark = pytest.mark.every_version

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
ALL = Recipe("all of it", ("memories", "episodes"), threshold=0.0, share=0.0)
LIFE = (
    "My sister Ana lives in Lisbon.",
    "I drink green tea every morning.",
    "My bicycle is locked behind the library.",
    "The boiler was repaired by Mr Novak.",
    "I am afraid of spiders and of heights.",
    "Our cat Pixel sleeps in the laundry basket.",
)


class StoredMemories:
    """Memories of a few people, written as a test wants them."""

    def __init__(self, database: Database, embedder: BundledEmbedder) -> None:
        self.database, self.embedder = database, embedder
        self.memory, self.store = Memory(database, embedder, None), Store(database, embedder.dimensions)

    def fact(self, words: str, user_id: str = "alice", **more: Any) -> str:
        """Add a memory as if it had been learned, not kept as an episode."""
        row = {"data": words, "user_id": user_id, "hash": content_hash(words), "kind": "fact"}
        row |= {"created_at": AT.isoformat(), "updated_at": AT.isoformat(), **more}
        with self.database.as_user(user_id) as connection:
            [new] = self.store.insert(connection, [(row, self.embedder.embed([words])[0])])
        return new

    def said(self, *words: str, user_id: str = "alice", at: datetime = AT, run_id: str | None = "talk") -> list[str]:
        messages = [{"role": "user", "content": each} for each in words]
        kept = self.memory.add(messages, user_id=user_id, infer=False, at=at, run_id=run_id)
        return [each["id"] for each in kept["results"]]

    def found(self, question: str, user_id: str = "alice", **more: Any) -> list[str]:
        return [each.text for each in self.memory.recall(question, user_id=user_id, **more)]

    def part(self, name: str, question: str, fact_id: str, **more: Any) -> float:
        """Return one part of a memory's score, if it is found."""
        found = self.memory.recall(question, user_id="alice", recipe=ALL, **more)
        return next(((each.parts or {}).get(name, 0.0) for each in found if each.id == fact_id), 0.0)


@pytest.fixture
def memories(database: Database, embedder: BundledEmbedder) -> StoredMemories:
    return StoredMemories(database, embedder)


@pytest.fixture
def life(memories: StoredMemories) -> StoredMemories:
    for each in LIFE:
        memories.fact(each)
    return memories


# -- what is found -------------------------------------------------------------------------------


def test_exact_words_win_over_vague_similarity(life: StoredMemories) -> None:
    life.fact("The router is a Fritzwave 7590.")
    life.fact("The internet box in the hall blinks at night.")
    assert life.found("Fritzwave 7590")[0] == "The router is a Fritzwave 7590."
    assert life.found("Where is my bicycle?")[0] == LIFE[2]
    assert life.found("who REPAIRED the Boiler??")[0] == LIFE[3]


@pytest.mark.parametrize("question", ["Who won the 1998 chess olympiad?", "How do vaccines work?", "sqrt(2) * 17"])
def test_an_unrelated_question_finds_nothing(life: StoredMemories, question: str) -> None:
    assert life.found(question) == []


def test_a_question_about_an_unknown_person_finds_nothing(life: StoredMemories) -> None:
    assert life.found("Where does Ana live?")[0] == LIFE[0]
    assert life.found("Where does Ottokar live?") == []


WORLD = [
    "我住在东京的一个小公寓里",
    "Я люблю зелёный чай",
    "Meine Großmutter wohnt in Köln",
    "Une crème brûlée à Orléans",
]
FOREIGN = (
    "东京=0 公寓=0 чай=1 ЗЕЛЕНЫЙ=1 Köln=2 koln=2 Großmutter=2 GROSSMUTTER=2 creme=3 crème=3 cre\u0300me=3 orleans=3"
)


@pytest.mark.parametrize("pair", FOREIGN.split())
def test_words_of_any_script_are_found_with_and_without_accents(memories: StoredMemories, pair: str) -> None:
    ids, (question, place) = memories.said(*WORLD, run_id=None), pair.split("=")
    assert memories.found(question)[0] == WORLD[int(place)]
    assert question.casefold() == "grossmutter" or memories.part("words", question, ids[int(place)]) > 0


def test_a_question_that_names_a_day_is_answered_from_that_day(life: StoredMemories) -> None:
    life.said("Painted the fence, then lunch with Marta.", at=datetime(2025, 5, 17, 15, tzinfo=UTC))
    life.fact("Visited the maritime museum", happened_at="2025-07-02")
    for asked in ("What did I do on 17 May 2025?", "Was habe ich am 17. Mai 2025 gemacht?"):
        assert life.found(asked)[0].startswith("Painted the fence")
    assert life.found("What happened on 2025-07-02?")[0] == "Visited the maritime museum"
    assert life.found("What did I do on 3 January 2019?") == []


def test_yesterday_depends_on_the_persons_timezone(life: StoredMemories) -> None:
    zone = ZoneInfo("Pacific/Kiritimati")  # 14 hours ahead: an early morning there is the day before in UTC
    early = (datetime.now(zone) - timedelta(days=1)).replace(hour=1)
    life.said("Painted the fence, then lunch with Marta.", at=early)
    life.memory.people.set("alice", Person(timezone=zone.key))
    assert life.found("What did I do yesterday?")[0].startswith("Painted the fence")


@pytest.mark.parametrize(("run_id", "days", "helped"), [("talk", 0, True), ("other", 0, False), ("talk", 2, False)])
def test_words_of_neighbouring_messages_help_within_one_sitting(
    life: StoredMemories, run_id: str, days: int, helped: bool
) -> None:
    life.said("Which harbour did the ferry leave from?")
    [answer] = life.said("From the northern one, at dawn.", run_id=run_id, at=AT + timedelta(days))
    assert (life.part("words", "harbour of the ferry", answer) > 0) == helped


def test_facts_have_no_neighbours(life: StoredMemories) -> None:
    life.fact("Took the ferry from the harbour", run_id="talk")
    assert life.part("words", "harbour of the ferry", life.fact("Prefers the northern one", run_id="talk")) == 0


def test_an_entity_is_found_by_another_name_and_through_its_relations(life: StoredMemories) -> None:
    life.fact("Ana is the oldest of us", entities=[["Ana", "my sister"]])
    own = life.fact("Ana collects lighthouses", entities=[["Ana"]])
    works = life.fact("Joined Nordwind as a pilot", relations=[["Ana", "works at", "Nordwind"]])
    seat = life.fact("The head office moved to Bergen", relations=[["Nordwind", "is based in", "Bergen"]])
    other = life.fact("Tom repairs clocks", entities=[["Tom"]])
    one, same, hop, two, none = [life.part("linked", "my sister", each) for each in (own, own, works, seat, other)]
    assert one == same == hop > two > none == 0


def test_a_name_that_only_the_graph_has_is_known(life: StoredMemories) -> None:
    life.fact("My brother moved to Vienna", entities=[["my brother", "Ottokar"]])
    assert life.found("Where does Ottokar live?")[:1] == ["My brother moved to Vienna"]


def test_standing_memories_come_last_and_without_a_score(life: StoredMemories) -> None:
    life.fact("Answer in short sentences", kind="instruction")
    found = life.memory.recall("Where does Ana live?", user_id="alice", standing=2)
    assert "Answer in short sentences" in [each.text for each in found if each.score is None]
    assert [each.score is None for each in found] == sorted(each.score is None for each in found)
    assert len({each.id for each in found}) == len(found)


ABOUT_SELF = """What do you know about me?|What do you know about my stack?|what else do you remember about me
Who am I?|Please tell me about myself.
What have I told you?|What did you learn about me?|Was weißt du über mich?|Wer bin ich?|Was hast du über mich gemerkt?
Que sais-tu de moi ?|Qu'est-ce que tu sais sur moi ?|¿Qué sabes de mí?|¿Quién soy?"""
ABOUT_OTHERS = """What do you know about Porto?|Who am I meeting tomorrow?|What have I told you about Ana?
Tell me about Porto|Was weißt du über Ana?|What did you learn about Rust?|Hello!|How do vaccines work?"""


def test_facts_are_given_without_being_asked_for_only_to_a_question_about_the_person_as_a_whole(
    life: StoredMemories,
) -> None:
    life.fact("Answer in short sentences", kind="instruction")
    for question in re.split(r"[|\n]", ABOUT_SELF):
        assert set(LIFE) <= set(life.found(question, standing=9)), question
    for question in re.split(r"[|\n]", ABOUT_OTHERS):
        found = life.memory.recall(question, user_id="alice", standing=9)
        assert "Answer in short sentences" in [each.text for each in found], question
        assert not {each.text for each in found if each.score is None} & set(LIFE), question


def test_a_wider_filter_never_gives_less_than_a_narrower_one(memories: StoredMemories) -> None:
    for number in range(150):
        memories.fact(f"Note {number}: the {number}th parcel of screws went to the warehouse.", shop="far")
    memories.fact("I drink green tea every morning.", shop="corner")
    memories.fact("The rye bread is sold out by eight.", shop="corner")
    for question in ("What tea do I drink?", "Which bread?", "morning drink", "parcel", "warehouse of tea", "chess"):
        narrow = memories.found(question, filters={"shop": "corner"}, limit=200)
        wide = memories.found(question, limit=200, recipe=replace(RECIPES["everything"], budget=100_000))
        assert not narrow or wide, question


def test_the_parts_add_up_to_the_score(life: StoredMemories) -> None:
    for question in ("Where does Ana live?", "green tea", "What is behind the library?", "Is the cat called Pixel?"):
        for each in life.memory.search(question, user_id="alice", explain=True)["results"]:
            parts = {name: part for name, part in each["parts"].items() if name != "cosine"}
            assert each["score"] == pytest.approx(min(1.0, sum(parts.values())), abs=1e-3)
    assert "parts" not in life.memory.search("green tea", user_id="alice")["results"][0]


# -- what is left out ----------------------------------------------------------------------------


def test_filters_and_without_leave_results_out(life: StoredMemories) -> None:
    tea = life.fact("I drink mint tea in summer.", shop="corner")
    assert life.found("tea", filters={"shop": "corner"}) == ["I drink mint tea in summer."]
    assert life.found("tea", filters={"shop": "none"}) == []
    assert "I drink mint tea in summer." not in life.found("mint tea in summer", without=[tea])


@pytest.mark.parametrize("filters", [{"user_id": "bob"}, {"$or": [{"user_id": "bob"}, {"kind": "fact"}]}])
def test_no_filter_reaches_another_person(life: StoredMemories, filters: dict[str, Any]) -> None:
    life.fact("I drink black tea.", "bob")
    with pytest.raises(InvalidInput):
        life.found("black tea", filters=filters)
    assert "I drink black tea." not in life.found("black tea", filters={"user_id": "alice"})


def test_two_people_who_say_the_same_find_their_own(memories: StoredMemories) -> None:
    own = {
        each: {*memories.said(*LIFE[:3], user_id=each), memories.fact(LIFE[3], each)}
        for each in ("alice", "bob", "Bob")
    }
    for user_id, ids in own.items():
        for question in (*LIFE[:4], "tea", "library"):
            found = memories.memory.recall(question, user_id=user_id, recipe=ALL, standing=9)
            assert {each.id for each in found} <= ids
            assert found


def test_recipes_say_where_to_look_and_how_much_to_give(life: StoredMemories) -> None:
    life.memory.add("I live in Faro. My bicycle has a green bell.", user_id="alice")
    given = {
        name: life.memory.recall("Where does Ana live?", user_id="alice", recipe=name)
        for name in ("facts", "everything", "strict")
    }
    assert {each.source for each in given["facts"]} == {"memories"}
    assert {each.source for each in given["everything"]} == {"memories", "episodes"}
    assert len(given["strict"]) < len(given["everything"])
    with pytest.raises(InvalidInput, match=r"There is no recipe 'best'; .*strict\."):
        life.found("my bicycle", recipe="best")


def test_what_has_expired_is_not_recalled(life: StoredMemories) -> None:
    today = datetime.now(UTC).date()
    life.fact("The parcel waits at the kiosk", expiration_date=str(today - timedelta(1)))
    life.fact("The voucher for the kiosk", expiration_date=str(today + timedelta(1)))
    assert life.found("kiosk") == ["The voucher for the kiosk"]


# -- through time --------------------------------------------------------------------------------


def test_recall_as_of_a_moment_finds_what_was_known_then(life: StoredMemories) -> None:
    kept, gone = life.fact("My plumber is Marek."), life.fact("The plumber's van is blue.")
    then = datetime.now(UTC)
    life.memory.update(kept, "My plumber is Oskar.", user_id="alice")
    life.memory.delete(gone, user_id="alice")
    life.fact("The plumber charges by the hour.")
    before = life.found("plumber", as_of=then)
    assert sorted(before) == ["My plumber is Marek.", "The plumber's van is blue."]
    assert sorted(life.found("plumber")) == ["My plumber is Oskar.", "The plumber charges by the hour."]
    assert life.found("plumber", as_of="2020-01-01") == []
    assert life.found("plumber", as_of=then, user_id="bob") == []


def test_words_are_found_only_while_a_memory_has_them(life: StoredMemories) -> None:
    kept = life.fact("I keep bees in Utrecht.")
    life.memory.update(kept, "I repair clocks.", user_id="alice")
    assert life.part("words", "bees in Utrecht", kept) == 0 < life.part("words", "clocks", kept)
    for _ in range(2):  # the update, and then the undo
        life.memory.undo(life.memory.changes(user_id="alice", limit=1)[0]["id"], user_id="alice")
    assert life.found("repair clocks")[0] == "I repair clocks."
    life.memory.delete(kept, user_id="alice")
    assert life.part("words", "clocks", kept) == 0
    life.memory.undo(life.memory.changes(user_id="alice", limit=1)[0]["id"], user_id="alice")
    assert life.part("words", "clocks", kept) > 0


# -- any characters ----------------------------------------------------------------------

ODD = [
    "nul \x00 and half \ud800 a pair",
    "🦜🦜🦜 lorikeet",
    "\u202etfel ot thgir quokka",
    "Z\u0351\u036b\u0343a\u034c\u0352lgo \u0301\u0301\u0301 wombat",
    "quote ' \" \\ %s %(text)s :text $1 -- narwhal",
    "axolotl & ! | <-> :* ( ) okapi",
    "e\u0301clair ﬁnch ＦＵＬＬ tapir",
    "tab\tline\r\nbreak \u2028 pangolin",
]


@pytest.mark.parametrize("words", ODD, ids=lambda each: each.split()[-1])
def test_texts_and_questions_of_any_characters_are_found(memories: StoredMemories, words: str) -> None:
    [kept] = memories.said(words)
    for question in (words.split()[-1], words):
        assert [each.id for each in memories.memory.recall(question, user_id="alice")] == [kept]


@pytest.mark.parametrize("question", ["", "  \n", "?!…", "''", "()", "%", "\x00", "the of and", "\u200b", "- & | !"])
def test_a_question_without_words_does_not_fail(life: StoredMemories, question: str) -> None:
    assert len(life.found(question)) <= len(LIFE)


def test_only_the_beginning_of_huge_texts_and_questions_is_used(life: StoredMemories) -> None:
    [huge] = life.said("The anvil stands in the yard. " + "lorem ipsum dolor " * 5_000)
    assert huge in [each.id for each in life.memory.recall("Where is the anvil?", user_id="alice")]
    assert len(life.found("bicycle library " + "word " * 4_000)) <= 10
    assert life.found("bicycle " * 2_500)[0] == LIFE[2]
    assert life.found("x" * 20_000, limit=1000) == []


def test_a_callers_metadata_cannot_break_the_search(life: StoredMemories) -> None:
    odd = {"confirmed_at": 5, "used": 7, "turn": ["x"], "message_id": {"a": 1}, "expiration_date": "never"}
    life.memory.add("I like walnut ice cream.", user_id="alice", metadata=odd)
    life.memory.add("I like mango ice cream.", user_id="alice", infer=False, metadata=odd)
    assert len(life.found("walnut or mango ice cream")) >= 2


FOREIGN_ROW = """
insert into vecs.memories (id, vec, metadata) values ('theirs', array_fill(0.0625, array[256])::vector,
  cast('{"data": "Allergic to hazelnuts", "user_id": "alice", "hash": "x"}' as jsonb) || cast(:more as jsonb))"""


@pytest.mark.parametrize("more", ['{"created_at": "2026-01-01T00:00:00Z"}', "{}", '{"created_at": null}'])
def test_rows_of_other_programs_are_found_by_their_words(life: StoredMemories, more: str) -> None:
    with administrator(life.database) as connection:
        connection.execute(text("set local search_path = public, extensions"))
        connection.execute(text(FOREIGN_ROW), {"more": more})
    assert life.found("hazelnuts")[0] == "Allergic to hazelnuts"
    assert life.found("hazelnuts", user_id="bob") == []
