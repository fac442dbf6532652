"""What Mallory tries on Alice's files, on the switches of her chat, and on what it taught; a part of attacks.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

from chat.attachments import Attachment
from chat.preferences import Preferences
from chat.tree import Switches
from memory import AsyncMemory, episode_id
from memory.erase import LearnedFromChat, LearnedMemory
from tests.walls.world import ALICE, MALLORY, SECRET, World, refused

ME = MALLORY
STRANGE = ("mallory' or user_id = 'alice", '{"sub": "alice"}', "%", "alice ", "ALICE")


def alice(w: World) -> str:
    """The id of Alice's memory."""
    return str(w.known["fact"].id)


def chat_of(w: World) -> str:
    """The id of Alice's chat."""
    return str(w.known["asked"].conversation_id)


def _file(w: World) -> Attachment:
    """Alice's file."""
    file: Attachment = w.known["file"]
    return file


def _carried(w: World) -> Any:
    """Alice's files, taken over to a message of Mallory's."""
    mine = w.conversations.say(ME, None, "mine")
    w.inside(lambda c: w.attachments.copy(c, w.known["asked"].id, mine.id))
    return w.attachments.written(ME, [mine.id])


def _learned(w: World) -> LearnedFromChat:
    """What was learned from Alice's chat, as Mallory would guess it; her own words are not hers to be told."""
    memory = LearnedMemory(alice(w), "?", "erased", texts=(SECRET[:4],))
    return LearnedFromChat(chat_of(w), (memory,), messages=(w.known["asked"].id,))


ON_TALKS: dict[str, tuple[Callable[[World], Any], ...]] = {
    "History.of_chat": (
        lambda w: w.inside(lambda c: w.history.of_chat(c, chat_of(w), [w.known["asked"].id])),
        lambda w: w.inside(lambda c: w.history.of_chat(c, "%", ["%"])),
    ),
    "History.erase_since": (lambda w: w.inside(lambda c: w.history.erase_since(c, alice(w), 0) or None),),
    "Episodes.get": (
        lambda w: w.episodes.get(ME, episode_id(ALICE, w.known["asked"].id)),
        lambda w: w.episodes.get(ME, "%"),
    ),
    "Memory.for_user": (
        lambda w: w.memory.for_user(ME).get_all(limit=1000),
        lambda w: refused(partial(w.memory.for_user(ME).get_all, user_id=ALICE)),
        lambda w: refused(partial(w.memory.for_user(ME).search, SECRET, filters={"user_id": ALICE})),
    ),
    "AsyncMemory.for_user": (
        lambda w: AsyncMemory(w.database, w.embedder, None).for_user(ME).sync.get_all(limit=1000),
    ),
    "Memory.reset": (lambda w: refused(w.memory.reset),),
    "Episodes.of_chat": (lambda w: w.inside(lambda c: w.episodes.of_chat(c, chat_of(w), [w.known["asked"].id])),),
    "Episodes.erase": (
        lambda w: w.inside(lambda c: w.episodes.erase(c, [episode_id(ALICE, w.known["asked"].id)]) or None),
    ),
    "Questions.erase": (lambda w: w.inside(lambda c: w.questions.erase(c, [w.known["asked"].id], [alice(w)]) or None),),
    "ChatMemories.learned": (
        lambda w: [w.learned.learned(chat_of(w), user_id=each, messages=[w.known["asked"].id]) for each in STRANGE],
        lambda w: w.learned.learned(chat_of(w), user_id=ME, messages=[w.known["asked"].id]),
    ),
    "ChatMemories.forget": (
        lambda w: w.learned.forget(chat_of(w), user_id=ME, messages=[w.known["asked"].id]).learned.memories,
    ),
    "ChatMemories.lost_vectors": (
        lambda w: w.learned.lost_vectors(chat_of(w), user_id=ME, messages=[w.known["asked"].id]) or None,
    ),
    "ChatMemories.erase": (lambda w: w.inside(lambda c: w.learned.erase(c, chat_of(w), ALICE, [w.known["asked"].id])),),
    "ChatMemories.prove": (lambda w: w.learned.prove(ME, _learned(w), {}).found_again or None,),
    # -- chats
    "SwitchStore.of": (lambda w: w.switches.of(ME, chat_of(w)),),
    "SwitchStore.set": (lambda w: w.switches.set(ME, chat_of(w), Switches(temporary=True)),),
    "SwitchStore.put": (lambda w: w.inside(lambda c: w.switches.put(c, chat_of(w), Switches(temporary=True))),),
    "Attachments.add": (
        lambda w: w.inside(
            lambda c: w.attachments.add(c, w.known["asked"].id, chat_of(w), [replace(_file(w), id=str(uuid4()))])
        ),
        lambda w: w.inside(lambda c: w.attachments.add(c, w.known["asked"].id, chat_of(w), [_file(w)])),
    ),
    "Attachments.copy": (lambda w: _carried(w),),
    "Attachments.stored_bytes": (lambda w: w.attachments.stored_bytes(ME, w.known["asked"].id)[1] or None,),
    "Attachments.written": (lambda w: w.attachments.written(ME, [w.known["asked"].id]),),
    "Attachments.previews": (lambda w: w.attachments.previews(ME, [w.known["asked"].id]),),
    "Attachments.pictures": (lambda w: w.attachments.pictures(ME, [w.known["asked"].id]),),
    "Attachments.one": (lambda w: [w.attachments.one(each, _file(w).id) for each in (ME, *STRANGE)],),
    "Exports.one": (lambda w: w.exports.one(ME, chat_of(w)),),
    "Exports.receipts": (lambda w: [w.exports.receipts(each, 100) for each in (ME, *STRANGE)],),
    "Exports.all": (lambda w: [list(w.exports.all(each)) for each in (ME, *STRANGE)],),
    "PreferenceStore.get": (lambda w: [w.preferences.get(each).instructions for each in (ME, *STRANGE)],),
    "PreferenceStore.close_model_notice": (lambda w: w.preferences.close_model_notice(ME),),
    "PreferenceStore.set": (lambda w: w.preferences.set(ME, Preferences(keep_days=7)),),
    "Retention.count_older": (lambda w: [w.retention.count_older(each, 1) for each in (ME, *STRANGE)],),
    "Retention.on_time": (lambda w: w.retention.on_time(),),
    "Retention.sweep": (lambda w: w.retention.sweep(1000),),
}
