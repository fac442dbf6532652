"""The messages of a chat, one under the other, with what stands behind each. It asks nobody for anything."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from chat.branches import earlier, replies_to, shown
from chat.conversations import Message
from ui import pieces
from ui.attached import attached
from ui.learned import learned
from ui.receipt import behind_reply
from ui.reply import ask_again

__all__ = ["thread"]


def thread(said: Sequence[Message], asked: Message | None) -> None:
    """All of them but the reply that `asked` waits for."""
    for each in shown(said):
        if asked is None or each.parent_id != asked.id or each.role == "user":
            _message(each, said, answered_now=asked is not None and each.id == asked.id)


def _message(each: Message, said: Sequence[Message], *, answered_now: bool) -> None:
    """One message; under the last one of its turn, what was learned of the turn."""
    last = next((other for other in reversed(said) if other.role == "user"), None)
    with st.chat_message(each.role, avatar=pieces.avatar(each.role)):
        pieces.spoken(each)
        attached(each)
        if each.role == "assistant":
            to_last = last is not None and each.parent_id == last.id
            may_again = to_last and each.status == "complete"
            asked_of = next((other for other in said if other.id == each.parent_id), None)
            behind_reply(each, earlier(each, said), ask_again if may_again else None, asked_of)
            for asked in (other for other in said if other.id == each.parent_id):
                learned(asked, newest=to_last)
        elif not answered_now and not replies_to(each, said):
            learned(each, newest=each is last)
