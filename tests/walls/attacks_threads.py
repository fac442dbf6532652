"""What Mallory tries on Alice's chats as they are read and chosen from; a part of tests/walls/attacks.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chat.answering.partial_reply import PartialReply, save
from chat.open_replies import OpenReplies, Renewal, Renewing, ReplyElsewhere, ReplyWatch
from chat.preferences import preferences_reading
from chat.reply import ReplyTask
from chat.tree import Message
from memory.errors import AppError
from tests.walls.world import ALICE, MALLORY, SECRET, World

ME = MALLORY
REPLIED = "00000000-0000-4000-8000-000000000001"  # a message that nobody has


def chat_of_mine(w: World) -> str:
    """A chat of Mallory's own."""
    return w.conversations.say(ME, None, "mine").conversation_id


def told_the_same(w: World) -> str:
    """Whose message it is that says once more what Alice has said; gone again, for the attempts that come after."""
    said = w.conversations.say(ME, None, f"Tell me about {SECRET}", once_within=10**6)
    if said.user_id == ME:
        w.chats.erase(ME, said.conversation_id)
    return said.user_id


def _hers(w: World) -> Message:
    message: Message = w.known["asked"]
    return replace(message, user_id=ME)


def _mine(w: World) -> Message:
    return w.conversations.say(ME, None, "mine")


def _saves(w: World, asked: Message, before: Message | None = None) -> Message:
    return w.conversations.reply(asked, "mine now", "complete", {}, before=before)


def _reply(w: World) -> Message:
    """The reply in Alice's chat."""
    return w.conversations.messages(ALICE, w.known["asked"].conversation_id)[-1]


def _replied(w: World) -> str:
    return _reply(w).id


def _answered(w: World) -> list[str]:
    """What Mallory is told who presents Alice's message, or her chat, as her own."""
    told = []
    for forged in (_hers(w), replace(w.conversations.say(ME, None, "mine"), id=REPLIED)):
        w.replies.begin(forged)
        task = w.replies.task_for(ME, forged.conversation_id)
        try:
            told += list(task.follow()) if task else []
        except AppError as refused:
            told.append(str(refused))
    return told


def _forged(w: World) -> ReplyTask:
    """A reply of Mallory's to Alice's message."""
    return ReplyTask(w.chat, _hers(w))


def _open(w: World) -> OpenReplies:
    return w.conversations.open_replies


def _watch(w: World) -> ReplyWatch:
    return ReplyWatch(_open(w), 0.01)


def _into_my_chat(w: World) -> bool:
    """Whether Mallory can claim the reply to Alice's message for a chat of her own."""
    return _open(w).claim(replace(_hers(w), conversation_id=chat_of_mine(w)))


def _renewing(w: World) -> list[tuple[str, Renewal | None]]:
    """What Mallory's process learns of Alice's reply when it renews it."""
    learned: list[tuple[str, Renewal | None]] = []
    Renewing(_open(w), lambda: [w.known["asked"].id], lambda *each: learned.append(each), 1.0).renew()
    assert [each for _, each in learned] == [None]
    return learned


def _watched(w: World) -> list[object]:
    """What a page of Mallory's is told that presents Alice's message as her own."""
    watch = _watch(w)
    with watch.following(_hers(w)) as followed:
        watch.look()
        watch.wait(followed, 0)
        assert watch.words(followed) is None
        return [followed.words, followed.saves]


def _followed_elsewhere(w: World) -> list[object]:
    elsewhere = ReplyElsewhere(_watch(w), _hers(w), [], stopping=False)
    pieces = elsewhere.follow(0.01)
    told: list[object] = [next(pieces), elsewhere.written, elsewhere.saved]
    pieces.close()  # type: ignore[attr-defined]
    return told


def _followed(task: ReplyTask) -> list[str]:
    task.end(None)
    return list(task.follow())


def _while_hers_is_written(w: World, act: Callable[[], Any]) -> Any:
    """What Mallory can do to a reply that Alice waits for."""
    hers = w.known["asked"]
    held = {(ALICE, hers.conversation_id): ReplyTask(w.chat, hers)}
    w.replies._tasks |= held
    try:
        taken = act()
        assert w.replies._tasks == held, "Mallory ended it"
        return taken
    finally:
        w.replies._tasks.clear()


THREADS: dict[str, tuple[Callable[[World], Any], ...]] = {
    "Threads.open": (
        lambda w: w.conversations.threads.open(ME, w.known["asked"].conversation_id),
        lambda w: w.conversations.threads.open(
            ME, chat_of_mine(w), show=w.known["asked"].id, first=w.known["asked"].id
        ),
    ),
    "Threads.history": (
        lambda w: w.conversations.threads.history(
            replace(w.known["asked"], user_id=ME, content="", receipt={}), preferences_reading()
        ),
    ),
    "Threads.stamp": (lambda w: w.conversations.threads.stamp(ME, w.known["asked"].conversation_id) and SECRET,),
    "Threads.choose": (
        lambda w: w.conversations.threads.choose(ME, w.known["asked"].conversation_id, w.known["asked"].id),
        lambda w: w.conversations.threads.choose(ME, chat_of_mine(w), w.known["asked"].id),
    ),
    "Replies.begin": (lambda w: _answered(w),),
    "Replies.task_for": (
        lambda w: _while_hers_is_written(w, lambda: w.replies.task_for(ME, w.known["asked"].conversation_id)),
    ),
    "Replies.stop": (
        lambda w: _while_hers_is_written(w, lambda: w.replies.stop(ME, w.known["asked"].conversation_id)),
    ),
    "Replies.stop_all": (lambda w: _while_hers_is_written(w, lambda: w.replies.stop_all(ME)),),
    "Replies.elsewhere": (
        lambda w: w.replies.elsewhere(w.conversations.threads.open(ME, w.known["asked"].conversation_id)),
    ),
    "OpenReplies.claim": (lambda w: _open(w).claim(_hers(w)), _into_my_chat),
    "OpenReplies.close": (lambda w: w.inside(lambda c: _open(w).close(c, _hers(w))),),
    "OpenReplies.renew": (lambda w: _open(w).renew([w.known["asked"].id]),),
    "OpenReplies.ask_to_stop": (
        lambda w: _open(w).ask_to_stop(ME, w.known["asked"].conversation_id),
        lambda w: _open(w).ask_to_stop(ME),
    ),
    "OpenReplies.look": (lambda w: _open(w).look([w.known["asked"].conversation_id]),),
    "OpenReplies.words": (lambda w: _open(w).words(_hers(w)),),
    "OpenReplies.replies": (lambda w: _open(w).replies(_hers(w)),),
    "Renewing.renew": (_renewing,),
    "ReplyWatch.following": (_watched,),
    "ReplyWatch.look": (_watched,),
    "ReplyWatch.words": (_watched,),
    "ReplyWatch.wait": (_watched,),
    "ReplyElsewhere.follow": (_followed_elsewhere,),
    "Replies.problem_with": (lambda w: w.replies.problem_with(ME, w.known["asked"].id),),
    "ReplyTask.write": (lambda w: _forged(w).write(),),
    "ReplyTask.follow": (lambda w: _followed(_forged(w)),),
    "ReplyTask.stop": (lambda w: _forged(w).stop(),),
    "ReplyTask.end": (lambda w: _forged(w).end(None),),
    "reply.save": (lambda w: save(w.chat, _hers(w), PartialReply(pieces=["mine now"])),),
    "Conversations.reply": (
        lambda w: _saves(w, _hers(w)),
        lambda w: _saves(w, replace(_mine(w), id=w.known["asked"].id)),
        lambda w: _saves(w, _hers(w), before=_reply(w)),
        lambda w: _saves(w, _mine(w), before=_reply(w)),
    ),
    "Threads.rate": (lambda w: w.conversations.threads.rate(ME, _replied(w), -1, "mine now"),),
}
