"""What Mallory tries, by the name of the method it goes through; a new method is one more line here.

Each attempt is made as Mallory, who knows every id of Alice's. It may return what is Mallory's, or nothing, or be
refused; it may neither return a word of Alice's nor change a row of hers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from auth.person import Session
from auth.session import OpenDevice
from chat.answering import Lookup
from chat.chats import deleted_reading, list_reading, search_reading
from chat.reply import AnswerOptions, answer
from chat.tree import ChatHistory, Switches
from chat.turn import say
from memory import Person, Plan, Said
from memory.facts import Fact, Write
from memory.filters import Filter
from memory.learn.questions import open_questions
from memory.model.connection import Connection
from memory.recall.rank import WEIGHTS
from memory.recall.search import Query
from memory.rows.bulk import Row
from memory.rows.recall_query import RecallQuery
from memory.upkeep.grouping import MemoryWithUse
from memory.upkeep.profile import Line
from memory.upkeep.recheck import ANSWERS, Answer
from memory.upkeep.tidy import Survey
from tests.walls.attacks_chats import CHATS, chat_of
from tests.walls.attacks_frameworks import FRAMEWORKS
from tests.walls.attacks_index import INDEX
from tests.walls.attacks_keys import KEYS
from tests.walls.attacks_limits import LIMITS
from tests.walls.attacks_looks import ON_LOOKS
from tests.walls.attacks_queues import QUEUES, STRANGE
from tests.walls.attacks_talks import ON_TALKS
from tests.walls.attacks_threads import THREADS, chat_of_mine, told_the_same
from tests.walls.world import ALICE, MALLORY, SECRET, World, refused

Attack = Callable[[World], Any]
ME = MALLORY
TODAY = datetime.now(UTC)
LATER = TODAY + timedelta(days=1)


def alice(w: World) -> str:
    """The id of Alice's memory."""
    return str(w.known["fact"].id)


def own_memory(w: World) -> str:
    """The id of a new memory of Mallory's own."""
    [added] = w.memory.add(f"I own {time.time_ns()} things", user_id=ME, infer=False)["results"]
    return str(added["id"])


def asked_of(w: World, **changed: Any) -> Any:
    """Alice's message, as Mallory would present it."""
    return replace(w.known["asked"], user_id=ME, **changed)


def _lookup(w: World, without: Collection[str] = ()) -> Lookup:
    asked = asked_of(w)
    return Lookup(w.memory, asked, ChatHistory((asked,), (), Switches()), without)


def hers(action: str, w: World) -> Write:
    """A change of Alice's memory."""
    fact: Fact = w.known["fact"]
    said = Said("user", "I own it", TODAY, message_id=w.known["asked"].id, run_id=chat_of(w))
    return Write(action, "I own it", "fact", "I own it", fact.id, None, None, "mine", said, fact.text)  # type: ignore[arg-type]


def plan(action: str, w: World, user_id: str = ME) -> Plan:
    """A plan to make that change."""
    return Plan(user_id, (hers(action, w),), (w.vector("I own it"),), confirmed=(alice(w),))


def query(w: World, user_id: str) -> RecallQuery:
    """A question for all there is."""
    sources = ("memories", "episodes")
    return RecallQuery(
        user_id, SECRET, "", w.vector(SECRET), [SECRET.lower()], [], None, sources, WEIGHTS, 1000, standing=12
    )


def spoken(w: World) -> Said:
    """A message that passes for Alice's."""
    return Said("user", "I own it", TODAY, message_id=w.known["asked"].id, run_id=chat_of(w))


def _taken(w: World) -> OpenDevice:
    """Alice's device, as Mallory would present it without its cookie."""
    return OpenDevice(w.known["device"], ME, "guessed")


def _mine() -> Session:
    return Session(ME, "m@example.com", time.time() + 3600, "access", "refresh")


def _give_away(w: World) -> Any:
    """Mallory's own memory, made Alice's: a row in her memory that she never said."""
    [added] = w.memory.add("I own nothing", user_id=ME, infer=False)["results"]
    return w.inside(lambda c: w.store.replace(c, added["id"], {"data": "x", "user_id": ALICE}, w.vector("x")))


def _exported(w: World, *others: str) -> bytes:
    """A file that passes for an export of Alice's, and perhaps of others beside her."""
    entries = [{"id": alice(w), "memory": "x", "user_id": each} for each in (ALICE, *others)]
    return json.dumps({"results": entries}).encode()


def _writing(action: str, whose: str) -> Attack:
    return lambda w: w.inside(lambda c: w.memory.turns.write(c, plan(action, w, whose)))


def _confirming(answer: Answer) -> Attack:
    return lambda w: w.memory.recheck.answer(alice(w), answer, user_id=ME)


def _putting_back(action: str) -> Attack:
    return lambda w: w.inside(lambda c: w.store.put_back(c, w.known["event"], action, alice(w), None))


def _moves(w: World) -> list[tuple[str, str]]:
    """From Alice's memory to one of Mallory's, and the other way."""
    own = own_memory(w)
    return [(alice(w), own), (own, alice(w))]


ATTACKS: dict[str, tuple[Attack, ...]] = {
    **ON_TALKS,
    **ON_LOOKS,
    # -- the memory, as pages and the library call it
    "Memory.recall": (lambda w: w.memory.recall(SECRET, user_id=ME, limit=1000),),
    "Memory.search": (
        lambda w: w.memory.search(SECRET, user_id=ME),
        lambda w: w.memory.search(SECRET, user_id=ME, filters={"user_id": ALICE}),
        lambda w: w.memory.search(SECRET, user_id=ME, filters={"OR": [{"user_id": ALICE}]}),
        lambda w: w.memory.search(SECRET, user_id=ME, filters={"user_id": {"$ne": ME}}),
        lambda w: w.memory.search(SECRET, user_id=ME, filters={"$or": [{"user_id": {"$eq": ALICE}}]}),
        lambda w: w.memory.search(SECRET, filters={"run_id": chat_of(w)}),
        lambda w: [w.memory.search(SECRET, user_id=each) for each in STRANGE],
    ),
    "Memory.get": (
        lambda w: w.memory.get(alice(w), user_id=ME),
        lambda w: w.memory.get(f"{alice(w)}' or '1'='1", user_id=ME),
    ),
    "Memory.get_all": (
        lambda w: w.memory.get_all(user_id=ME, limit=1000),
        lambda w: w.memory.get_all(user_id=ME, as_of=LATER),
        lambda w: w.memory.get_all(user_id=ME, filters={"AND": [{"user_id": ALICE}]}),
        lambda w: [w.memory.get_all(user_id=each) for each in STRANGE],
    ),
    "HealthCheck.use": (lambda w: w.memory.health.use(user_id=ME),),
    "Memory.add": (
        lambda w: w.memory.add(f"My sister {SECRET.lower()[::-1]} is here", user_id=ME, metadata={"user_id": ALICE}),
        lambda w: w.memory.add("I like tea", user_id=ME, metadata={"id": alice(w)}, infer=False),
        lambda w: w.memory.add("I like tea", user_id=ME, run_id=chat_of(w)),
    ),
    "Turns.plan": (
        lambda w: w.memory.turns.plan([Said("user", f"What is {SECRET[:4]}?", TODAY)], user_id=ME),
        lambda w: w.turns.plan([Said("user", "My sister lives in Rome", TODAY)], user_id=ME),
        lambda w: w.turns.plan([Said("user", "I like tea", TODAY)], user_id=ME, learn=False),
    ),
    "Turns.write": (
        *(_writing(action, whose) for action in ("update", "delete", "ask") for whose in (ME, ALICE)),
        lambda w: w.inside(lambda c: w.turns.write(c, plan("delete", w), metadata={"user_id": ALICE})),
    ),
    "Reader.read": (
        lambda w: w.reader.read(alice(w), "My sister Ana rows", user_id=ME),
        lambda w: w.reader.read(own_memory(w), "My brother Ben rows", user_id=ME),
    ),
    "Turns.count_recalled": (lambda w: w.inside(lambda c: w.memory.turns.count_recalled(c, [alice(w)])),),
    "Memory.update": (lambda w: w.memory.update(alice(w), "I own it", user_id=ME),),
    "Turns.forget": (
        lambda w: w.inside(lambda c: w.turns.forget(c, Plan(ME, forgets=asked_of(w).id)) != ("words", [])),
    ),
    "Questions.withdraw": (lambda w: w.inside(lambda c: w.questions.withdraw(c, asked_of(w).id)),),
    "Questions.answer": (
        lambda w: w.memory.questions.answer(w.known["question"], "new", user_id=ME),
        lambda w: w.memory.questions.answer(w.known["question"], "neither", user_id=ME),
    ),
    "Memory.history": (
        lambda w: w.memory.history(alice(w), user_id=ME),
        lambda w: w.memory.history(w.known["gone"], user_id=ME),
    ),
    "Memory.changes": (lambda w: w.memory.changes(user_id=ME, limit=1000),),
    "Memory.undo": (
        lambda w: w.memory.undo(w.known["event"], user_id=ME),
        lambda w: [refused(partial(w.memory.undo, number, user_id=ME)) for number in range(1, 40)],
    ),
    "Memory.delete": (lambda w: w.memory.delete(alice(w), user_id=ME),),
    "Memory.delete_all": (lambda w: w.memory.delete_all(user_id=ME),),
    # -- its stores
    "Store.collection": (
        lambda w: w.inside(lambda c: w.store.collection(c).fetch([alice(w)])),
        lambda w: w.inside(lambda c: w.store.collection(c).delete([alice(w)])),
        lambda w: w.inside(lambda c: w.store.collection(c).delete(filters={"user_id": {"$eq": ALICE}})),
        lambda w: w.inside(lambda c: w.store.collection(c).upsert([(alice(w), w.vector("x"), {"user_id": ME})])),
        lambda w: w.inside(lambda c: w.store.collection(c).upsert([("new", w.vector("x"), {"user_id": ALICE})])),
    ),
    "Store.nearest": (lambda w: w.store.nearest(ME, w.vector(SECRET), 1000),),
    "Store.known_near": (lambda w: w.store.known_near(ME, w.vector(SECRET), 1000, spoken(w)),),
    "Store.recall": (
        lambda w: [w.store.recall(query(w, each)) for each in (ME, *STRANGE)],
        lambda w: w.store.recall(replace(query(w, ME), as_of=LATER)),
        lambda w: w.store.recall(replace(query(w, ME), conditions=Filter('$.user_id == "alice"'))),
    ),
    "Recall.find": (
        lambda w: w.recall.find(Query(SECRET, ME, 1000, standing=12)),
        lambda w: w.recall.find(Query(SECRET, ME, 1000, as_of=LATER)),
        lambda w: w.recall.find(Query(SECRET, ME, 1000, conditions=Filter("exists($.user_id)"))),
    ),
    "Episodes.keep": (
        lambda w: w.inside(lambda c: w.episodes.keep(c, ALICE, [spoken(w)], [w.vector("x")])),
        lambda w: w.inside(lambda c: w.episodes.keep(c, ME, [spoken(w)], [w.vector("x")])),
    ),
    "Always.include": (lambda w: w.memory.always.include([alice(w), "%"], user_id=ME).count or None,),
    "Always.exclude": (lambda w: w.memory.always.exclude([alice(w), "%"], user_id=ME).count or None,),
    "Always.without_room": (lambda w: [w.memory.always.without_room(user_id=each) for each in (ME, *STRANGE)],),
    "BulkEdit.page": (
        lambda w: [w.memory.bulk_edit.page(user_id=each) for each in (ME, *STRANGE)],
        lambda w: w.memory.bulk_edit.page(user_id=ME, filters={"$or": [{"run_id": chat_of(w)}, {"data": "*"}]}),
    ),
    "BulkEdit.along_time": (lambda w: [w.memory.bulk_edit.along_time(user_id=each) for each in (ME, *STRANGE)],),
    "Timeline.page": (lambda w: [w.timeline.page(each, 1, 1000) for each in (ME, *STRANGE)],),
    "BulkEdit.all": (lambda w: [w.memory.bulk_edit.all(user_id=each) for each in (ME, *STRANGE)],),
    "BulkEdit.delete": (lambda w: w.memory.bulk_edit.delete([alice(w), "%"], user_id=ME).count,),
    "BulkEdit.import_file": (
        lambda w: w.memory.bulk_edit.import_file(_exported(w), "hers.json", user_id=ME).count,
        lambda w: w.memory.bulk_edit.import_file(_exported(w, ME), "hers.json", user_id=ME).count,
    ),
    "Episodes.message": (lambda w: w.episodes.message(ME, f"{ALICE}-said"),),
    "Episodes.count": (lambda w: [w.episodes.count(each) for each in (ME, *STRANGE)],),
    "History.of_message": (lambda w: w.inside(lambda c: any(astuple(w.history.of_message(c, asked_of(w).id)))),),
    "Episodes.erase_turn": (lambda w: w.inside(lambda c: w.episodes.erase_turn(c, asked_of(w).id)),),
    "Episodes.erase_all": (lambda w: w.episodes.erase_all(ME), lambda w: w.episodes.erase_all(ME, chat_of(w))),
    "ImportQueue.add": (
        lambda w: w.memory.import_queue.add(ME, [replace(spoken(w), message_id=f"{ALICE}-import")], "learn"),
        lambda w: [refused(partial(w.memory.import_queue.add, each, [spoken(w)], "keep")) for each in STRANGE],
    ),
    "Bulk.keep": (lambda w: w.bulk.keep([Row({"data": "x", "user_id": ALICE, "hash": "x"})], ME, "person"),),
    "Store.all": (lambda w: [w.store.all(each, 1000) for each in (ME, *STRANGE)],),
    "Store.page": (lambda w: [w.store.page(each, 1, 1000) for each in (ME, *STRANGE)],),
    "Store.get": (lambda w: w.store.get(ME, alice(w)),),
    "Store.get_many": (lambda w: [w.store.get_many(each, [alice(w)]) for each in (ME, *STRANGE)],),
    "Store.all_with_use": (lambda w: [w.store.all_with_use(each, as_said=True) for each in (ME, *STRANGE)],),
    "Store.close_pairs": (lambda w: w.store.close_pairs(ME, {alice(w): "one", own_memory(w): "one"}, -1.0) or None,),
    "Store.close_others": (lambda w: w.store.close_others(ME, [(own_memory(w), alice(w))], -1.0) or None,),
    "Store.metadata_of": (
        lambda w: w.inside(lambda c: w.store.metadata_of(c, [alice(w)])) or None,
        lambda w: w.inside(lambda c: w.store.metadata_of(c, [alice(w)], lock=True)) or None,
    ),
    "Store.made_of": (lambda w: w.inside(lambda c: w.store.made_of(c, [alice(w)])) or None,),
    "Store.rewrite_many": (
        lambda w: w.inside(lambda c: w.store.rewrite_many(c, {alice(w): {"data": "x", "user_id": ME}})),
        lambda w: w.inside(lambda c: w.store.rewrite_many(c, {own_memory(w): {"data": "x", "user_id": ALICE}})),
    ),
    "Store.delete_many": (lambda w: w.inside(lambda c: w.store.delete_many(c, [alice(w)])),),
    "Store.confirm": (lambda w: w.inside(lambda c: w.store.confirm(c, [alice(w)], TODAY)) or None,),
    "Store.mark": (
        lambda w: w.inside(lambda c: w.store.mark(c, [alice(w)], True)) or None,
        lambda w: w.inside(lambda c: w.store.mark(c, [alice(w)], False)) or None,
    ),
    "Store.standing": (lambda w: [w.store.standing(each, 1000) for each in (ME, *STRANGE)],),
    "Store.put_back": tuple(_putting_back(action) for action in ("add", "update", "delete")),
    "Store.move_use": (lambda w: w.inside(lambda c: w.store.move_use(c, _moves(w))),),
    "Store.insert": (
        lambda w: w.inside(lambda c: w.store.insert(c, [({**w.known["fact"].metadata, "hash": "x"}, w.vector("x"))])),
        lambda w: w.inside(lambda c: w.store.insert(c, [({"data": "x", "user_id": [ALICE]}, w.vector("x"))])),
    ),
    "Store.replace": (
        lambda w: w.inside(lambda c: w.store.replace(c, alice(w), {"data": "x", "user_id": ME}, w.vector("x"))),
        lambda w: _give_away(w),
    ),
    "Store.lock": (lambda w: w.inside(lambda c: w.store.lock(c, alice(w))),),
    "Store.has_text": (lambda w: w.inside(lambda c: w.store.has_text(c, "none", w.known["fact"].metadata["hash"])),),
    "Store.delete": (lambda w: w.inside(lambda c: w.store.delete(c, alice(w)) or None),),
    "Store.delete_expired": (lambda w: w.inside(w.store.delete_expired),),
    "Store.count_use": (
        lambda w: w.inside(lambda c: w.store.count_use(c, [alice(w)])),
        lambda w: w.inside(lambda c: w.store.count_use(c, [alice(w)], confirmed_at=TODAY)),
    ),
    "Store.use": (lambda w: w.store.use(ME),),
    "Store.sign": (lambda w: w.inside(lambda c: w.store.sign(c, ALICE, "x", w.known["asked"].id)),),
    "Store.lock_writes": (lambda w: w.inside(lambda c: w.store.lock_writes(c, ALICE)),),
    "History.of": (lambda w: w.history.of(ME, alice(w)), lambda w: w.history.of(ME, w.known["gone"])),
    "History.latest": (lambda w: w.history.latest(ME, 1000),),
    "History.as_of": (lambda w: w.history.as_of(ME, LATER, 1000),),
    "History.events_of": (lambda w: w.inside(lambda c: w.history.events_of(c, w.known["event"])),),
    "History.lost_vectors": (
        lambda w: w.history.lost_vectors(ME, w.known["event"], w.embedder.embed) or None,
        lambda w: w.history.lost_vectors(ME, list(range(1, 40)), w.embedder.embed) or None,
    ),
    "History.undo": (
        lambda w: w.inside(lambda c: w.history.undo(c, w.known["event"], {})),
        lambda w: w.inside(lambda c: w.history.undo(c, "undo", {w.known["event"]: "[1]"})),
    ),
    "History.rewordings": (lambda w: w.inside(lambda c: w.history.rewordings(c, asked_of(w).id)),),
    "History.put_words_back": (
        lambda w: w.inside(
            lambda c: w.history.put_words_back(c, w.history.of(ALICE, alice(w))[-1], Fact(alice(w), {}))
        ),
    ),
    "History.take_back": (
        lambda w: w.inside(lambda c: w.history.take_back(c, w.history.of(ALICE, alice(w))[-1], {})),
        lambda w: w.inside(lambda c: w.history.take_back(c, w.history.of(ALICE, w.known["gone"])[-1], {})),
    ),
    "History.has_vector": (
        lambda w: w.inside(lambda c: w.history.has_vector(c, w.history.of(ALICE, w.known["gone"])[-1], {})) or None,
    ),
    "History.delete_instead": (
        lambda w: w.inside(lambda c: w.history.delete_instead(c, w.history.of(ALICE, w.known["gone"])[-1])),
    ),
    "History.erase": (
        lambda w: w.inside(lambda c: w.history.erase(c)),
        lambda w: w.inside(lambda c: w.history.erase(c, [alice(w)])),
    ),
    "Questions.open": (lambda w: w.questions.open(ME),),
    "Questions.ask": (lambda w: w.inside(lambda c: w.questions.ask(c, w.known["fact"], hers("ask", w))),),
    "Questions.move": (lambda w: w.inside(lambda c: w.questions.move(c, _moves(w))),),
    "People.get": (lambda w: w.people.get(ME).update_wishes,),
    "People.set": (lambda w: w.people.set(ME, Person("Europe/Rome")),),
    "Profiles.get": (lambda w: w.profiles.get(ME),),
    "Profiles.refresh": (lambda w: w.profiles.refresh(ME),),
    "Profiles.edit": (lambda w: w.profiles.edit(ME, w.known["line"], "mine"),),
    "Profiles.add": (lambda w: w.profiles.add(ME, "mine"),),
    "Profiles.put_back": (lambda w: w.profiles.put_back(ME, Line(w.known["line"], "mine", "fact")),),
    "Profiles.remove": (lambda w: w.profiles.remove(ME, w.known["line"]),),
    "Profiles.erase_lines": (lambda w: w.inside(lambda c: w.profiles.erase_lines(c, ALICE, [alice(w)]) or None),),
    "Graph.entities": (lambda w: w.graph.entities(ME),),
    "Graph.entity": (lambda w: w.graph.entity(ME, SECRET),),
    "Graph.relations": (lambda w: w.graph.relations(ME),),
    "Graph.whole": (lambda w: [w.graph.whole(each) for each in (ME, *STRANGE)],),
    "Graph.mentions": (lambda w: w.graph.mentions(ME, [alice(w)]), lambda w: w.graph.mentions(ALICE[:2], [alice(w)])),
    "Graph.around": (lambda w: w.graph.around(ME, SECRET, 2), lambda w: w.graph.around(ME, "me", 2)),
    "Erasure.erase": (lambda w: w.inside(lambda c: w.erasure.erase(c, ALICE)),),
    "Erasure.prove": (lambda w: w.erasure.prove(ME, {}, [SECRET[:4]]).found_again or None,),
    "Tidy.run": (lambda w: w.tidy.run(ME, LATER),),
    "Tidy.merge": (lambda w: w.tidy.merge(ME, {alice(w), w.known["gone"]}),),
    "Survey.memories": (lambda w: [Survey(w.store).memories(each, as_said=True) for each in (ME, *STRANGE)],),
    "Survey.duplicates": (
        lambda w: Survey(w.store).duplicates(
            ME, [MemoryWithUse(each, {"data": "x"}) for each in (alice(w), f"{alice(w)}'")]
        ),
    ),
    "HealthCheck.read": (lambda w: [w.memory.health.read(user_id=each) for each in (ME, *STRANGE)],),
    "Checks.all": (lambda w: [w.memory.checks.all(user_id=each) for each in (ME, *STRANGE)],),
    "Checks.pin": (lambda w: w.memory.checks.pin(alice(w), "Who is my sister?", user_id=ME),),
    "Checks.accept": (lambda w: w.memory.checks.accept(w.known["check"], user_id=ME),),
    "Checks.unpin": (lambda w: w.memory.checks.unpin(w.known["check"], user_id=ME),),
    "Checks.run": (lambda w: w.memory.checks.run(user_id=ME),),
    "Recheck.due": (lambda w: [w.memory.recheck.due(user_id=each, now=LATER) for each in (ME, *STRANGE)],),
    "Recheck.answer": tuple(_confirming(answer) for answer in ANSWERS),
    "Recheck.confirm": (lambda w: w.memory.recheck.confirm([alice(w), "%"], user_id=ME).count or None,),
    # -- chats
    "Conversations.messages": (
        lambda w: w.conversations.messages(ME, chat_of(w)),
        lambda w: w.conversations.messages(ME, f"{chat_of(w)}' or '1'='1"),
    ),
    "Conversations.message": (lambda w: w.conversations.message(ME, w.known["asked"].id),),
    "Conversations.start": (lambda w: w.conversations.start(ME, "mine"),),
    "Conversations.say": (
        lambda w: w.conversations.say(ME, chat_of(w), "mine now"),
        lambda w: w.conversations.say(ME, chat_of(w), "mine now", instead_of=w.known["asked"].id),
        lambda w: told_the_same(w) == ME or SECRET,
        lambda w: w.conversations.say(ME, chat_of_mine(w), "mine", seen=w.known["asked"].id),
        lambda w: w.conversations.say(ME, chat_of_mine(w), "mine", instead_of=w.known["asked"].id),
    ),
    **THREADS,
    **QUEUES,
    **INDEX,
    "Conversations.release": (lambda w: w.conversations.release(asked_of(w)),),
    "Conversations.end_without_reply": (lambda w: w.conversations.end_without_reply(asked_of(w)),),
    "Lookup.find": (lambda w: _lookup(w).find(SECRET, []), lambda w: _lookup(w, [alice(w)]).find(SECRET, [])),
    "Lookup.for_prompt": (lambda w: _lookup(w).for_prompt({}),),
    "Conversations.leave_out": (lambda w: w.conversations.leave_out(asked_of(w)),),
    "Refusals.of": (lambda w: [w.services.refusals.of(each) for each in (ME, *STRANGE)],),
    **CHATS,
    "ChatServices.model_for": (lambda w: w.chat.model_for(ME),),
    "turn.say": (
        lambda w: say(w.chat, ME, chat_of(w), "mine now"),
        lambda w: say(w.chat, ME, chat_of(w), "mine now", new_if_gone=True).content,
    ),
    "reply.answer": (
        lambda w: "".join(answer(w.chat, say(w.chat, ME, None, "Who is my sister?"))),
        lambda w: "".join(answer(w.chat, asked_of(w))),
        *(
            lambda w, words=words: "".join(answer(w.chat, say(w.chat, ME, None, words)))
            for words in ("What do you know about me?", "Forget my sister", "Where do I live?", "Where does she live?")
        ),
        lambda w: "".join(answer(w.chat, asked_of(w), AnswerOptions([alice(w)]))),
    ),
    **FRAMEWORKS,
    **KEYS,
    **LIMITS,
    # -- staying signed in
    "Sessions.open": (lambda w: w.sessions.open(_mine(), SECRET[:4]).id,),
    "Sessions.ticket": (lambda w: w.sessions.ticket(_taken(w)) and None,),
    "Sessions.redeem": (
        lambda w: w.sessions.redeem(w.known["device"]),
        lambda w: w.sessions.redeem(w.sessions.ticket(w.sessions.open(_mine(), "x")), replacing=w.known["device"]),
    ),
    "Sessions.opens": (lambda w: w.sessions.opens(w.known["device"]) or None,),
    "Sessions.find": (lambda w: w.sessions.find(w.known["device"]),),
    "Sessions.status": (lambda w: w.sessions.status(_taken(w)),),
    "Sessions.fresh": (lambda w: w.sessions.fresh(_taken(w), lambda session: session, always=True),),
    "Sessions.save": (lambda w: w.sessions.save(_taken(w), _mine()),),
    "Sessions.close": (lambda w: w.sessions.close(_taken(w)),),
    "Sessions.devices": (lambda w: w.sessions.devices(ME),),
    "Sessions.revoke": (lambda w: w.sessions.revoke(ME, w.known["device"]),),
    "Sessions.revoke_all": (lambda w: w.sessions.revoke_all(ME), lambda w: w.sessions.revoke_all("%")),
    "Sessions.delete_account": (lambda w: [w.sessions.delete_account(each) for each in (*STRANGE, ME)],),
    # -- the house
    "Services.delete_account": (lambda w: w.services.delete_account(ME),),
    "Services.may_connect": (lambda w: w.services.may_connect(ME) or None,),
    "Services.is_first_run": (lambda w: w.services.is_first_run() or None,),
    "Services.model_at": (lambda w: w.services.model_at(ME, Connection("x")),),
    "Services.connect": (lambda w: w.services.connect(ME, Connection("x")),),
    "Services.learned_from": (lambda w: w.services.learned_from(ME, chat_of(w)),),
    "Services.forget_chat": (lambda w: w.services.forget_chat(ME, chat_of(w)),),
    "Services.read_together": (
        lambda w: w.services.read_together(
            ME, list_reading(1000), deleted_reading(), search_reading(SECRET[:4]), open_questions()
        ),
    ),
    "Services.erase_memories": (
        lambda w: w.services.erase_memories(ME, messages_too=True),
        lambda w: [refused(partial(w.services.erase_memories, each)) for each in STRANGE],
    ),
}

# What neither reads nor writes anything of a person.
HARMLESS = {
    "Lookup.note",
    "Memory.close",
    "Namer.add",
    "Namer.stop",
    "ImportQueue.cost",
    "Worker.start",
    "Worker.wake",
    "Worker.stop",
    "Services.close",
    "Replies.close",
    "OpenReplies.note_claimed",
    "Renewing.start",
    "Renewing.end",
    "Feeder.start",
    "Feeder.stop",
    "Limits.address_of",
    "Metered.close",
    "Metered.listed",
}
