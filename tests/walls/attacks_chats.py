"""What Mallory tries on Alice's list of chats, on their search and on their names; a part of attacks.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chat.naming import ChatName, Namer, Unnamed
from tests.walls.attacks_queues import STRANGE
from tests.walls.world import ALICE, SECRET, World
from tests.walls.world import MALLORY as ME


def chat_of(w: World) -> str:
    """The id of Alice's chat."""
    return str(w.known["asked"].conversation_id)


def _straight(w: World, sql: str) -> Any:
    """What a statement of Mallory's own tells."""
    return w.database.read_as(ME, sql)


def _named(w: World) -> bool:
    """Alice's chat, named for Mallory."""
    namer = Namer(w.chats, lambda _: w.model)
    w.model.enqueue(ChatName(name="Mine now"))
    namer._waiting.append(Unnamed(ME, chat_of(w), "x", "y"))
    waited = namer.name_next()
    w.model.replies.clear()  # the model is not even asked
    return waited


CHATS: dict[str, tuple[Callable[[World], Any], ...]] = {
    "Chats.recent": (lambda w: [w.chats.recent(each, 1000) for each in (ME, *STRANGE)],),
    "Chats.archived": (lambda w: [w.chats.archived(each) for each in (ME, *STRANGE)],),
    "Chats.deleted": (lambda w: [w.chats.deleted(each) for each in (ME, *STRANGE)],),
    "Chats.search": (
        lambda w: [w.chats.search(each, word) for each in (ME, *STRANGE) for word in (SECRET, SECRET[:4], "i")],
        lambda w: w.chats.search(ME, f"{SECRET[:4]}' | '"),
        lambda w: _straight(w, "select * from app.find_messages(array['i', 'my'], '{}', 1000)"),
        lambda w: _straight(w, f"select content from app.messages, app.asked_words('{ALICE}', array['my'], true)"),
        lambda w: _straight(w, "select * from app.message_words"),
    ),
    "Chats.rename": (lambda w: w.chats.rename(ME, chat_of(w), "mine"),),
    "Chats.claim_naming": (lambda w: w.chats.claim_naming(ME, chat_of(w)),),
    "Chats.name": (lambda w: w.chats.name(ME, chat_of(w), "mine"),),
    "Chats.pin": (lambda w: w.chats.pin(ME, chat_of(w)),),
    "Chats.archive": (lambda w: w.chats.archive(ME, chat_of(w)),),
    "Chats.delete": (lambda w: w.chats.delete(ME, chat_of(w)),),
    "Chats.restore": (lambda w: w.chats.restore(ME, chat_of(w)),),
    "Chats.erase": (lambda w: w.chats.erase(ME, chat_of(w)),),
    "Chats.erase_all": (lambda w: w.inside(w.chats.erase_all),),
    "Chats.lock_all": (lambda w: w.inside(w.chats.lock_all),),
    "Namer.name_next": (lambda w: _named(w),),
}
