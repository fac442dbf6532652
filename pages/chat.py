"""The chat: the list of conversations, the one that is open, and one turn at a time. Draws and collects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace

import streamlit as st

from auth.guard import require_user
from chat.conversations import MAX_MESSAGE, Conversation, Message
from chat.turn import answer
from errors import AppError, InvalidInput, NotFound
from house import house
from ui import pieces
from ui.frame import MARK, trouble

user = require_user()
home = house()

OPEN, PROBLEM, SUGGESTED, IN_ADDRESS, ZONE = "open_chat", "chat_problem", "suggested", "chat", "timezone"
SUGGESTIONS = (
    "What do you remember about me?",
    "I'm planning my week. Ask me what matters.",
    "Remember that I prefer short answers.",
)


def draw() -> None:
    """The messages, the box to write in, one turn if something was written, and the list beside."""
    _note_timezone()
    messages = _messages()
    written = st.chat_input("Message Keepsake", max_chars=MAX_MESSAGE, submit_mode="stop")
    said = written or st.session_state.pop(SUGGESTED, None)
    for each in messages:
        pieces.message(each)
    if said:
        _take_turn(said)
    elif not messages:
        with st.container():  # one element, so that the first message takes its place at once
            _greeting()
    elif asked := _unanswered(messages):
        _offer_second_try(asked)
    # Last, so that a chat that begins with this turn is in it without another run.
    _conversation_list()


def _note_timezone() -> None:
    """Keep the browser's timezone, so that "yesterday" is the person's yesterday."""
    zone = st.context.timezone
    if not zone or st.session_state.get(ZONE) == zone:
        return
    st.session_state[ZONE] = zone
    person = home.memory.people.get(user.id)
    if person.timezone != zone:
        with suppress(InvalidInput):  # a zone this server does not know: the old one stands
            home.memory.people.set(user.id, replace(person, timezone=zone))


def _open() -> str | None:
    """The conversation the address names, or the one that was open before another page was."""
    chosen: str | None = st.query_params.get(IN_ADDRESS) or st.session_state.get(OPEN)
    return chosen


def _set_open(conversation_id: str | None) -> None:
    st.session_state[OPEN] = conversation_id
    st.session_state.pop(PROBLEM, None)
    if conversation_id:
        st.query_params[IN_ADDRESS] = conversation_id
    else:
        st.query_params.clear()


def _messages() -> list[Message]:
    """What was said in the open conversation; one that is gone, or somebody else's, is a new chat."""
    chosen = _open()
    if chosen is None:
        return []
    try:
        messages = home.conversations.messages(user.id, chosen)
    except NotFound:
        messages = []
    if st.session_state.get(OPEN) != chosen or not messages:
        _set_open(chosen if messages else None)
    return messages


def _unanswered(messages: Sequence[Message]) -> Message | None:
    """The person's message that has no reply, or one that broke off."""
    *_, last = messages
    if last.role == "assistant" and last.status == "failed":
        return next((each for each in messages if each.id == last.parent_id), None)
    return last if last.role == "user" else None


def _take_turn(said: str) -> None:
    """Save what was said, show it, and stream the reply."""
    try:
        asked = home.conversations.say(user.id, _open(), said)
    except InvalidInput as error:
        st.warning(str(error), icon=":material/error:")
        return
    _set_open(asked.conversation_id)
    pieces.message(asked)
    with st.chat_message("assistant", avatar=MARK):
        if _stream_reply(asked):
            st.button("Try again", key="try-again", icon=":material/refresh:")


def _stream_reply(asked: Message) -> str | None:
    """Show the reply while it is written, and what stands behind it; or the sentence for what went wrong."""
    st.session_state.pop(PROBLEM, None)
    try:
        # Closed whatever happens, so that a stopped reply is saved as far as it came.
        with closing(answer(home.chat, asked)) as reply:
            st.write_stream(pieces.harmless_stream(reply))
    except AppError as error:
        st.session_state[PROBLEM] = str(error)
        st.warning(str(error), icon=":material/error:")
        return str(error)
    latest = home.conversations.messages(user.id, asked.conversation_id, limit=1)
    for each in latest:
        pieces.behind_reply(each.status, each.receipt)
    return None


def _offer_second_try(asked: Message) -> None:
    """A message without a reply: say why, keep it, and let it be sent again."""
    with st.chat_message("assistant", avatar=MARK):
        spot = st.empty()
        with spot.container():
            st.warning(st.session_state.get(PROBLEM) or "This message has no reply yet.", icon=":material/error:")
            pressed = st.button("Try again", key="try-again", icon=":material/refresh:")
        if pressed:
            spot.empty()
            if _stream_reply(asked):
                st.button("Try again", key="try-once-more", icon=":material/refresh:")


def _greeting() -> None:
    st.title("What is on your mind?", anchor=False)
    st.caption("What you tell me stays with me, for you alone. You can read and delete it under Memories.")
    for number, suggestion in enumerate(SUGGESTIONS):
        if st.button(suggestion, key=f"suggestion-{number}"):
            st.session_state[SUGGESTED] = suggestion
            st.rerun()


def _conversation_list() -> None:
    with st.sidebar:
        if st.button("New chat", icon=":material/add:", type="primary", width="stretch"):
            _set_open(None)
            st.rerun()
        with trouble():
            heading = ""
            for each in home.conversations.recent(user.id):
                if (day := pieces.day(each.updated_at)) != heading:
                    heading = day
                    st.caption(day)
                _conversation_row(each)


def _conversation_row(each: Conversation) -> None:
    key = f"chat-row-{'open' if each.id == _open() else 'other'}-{each.id}"
    row = st.container(key=key, horizontal=True, wrap=False, gap="small", vertical_alignment="center")
    label = pieces.plain(each.title or "New chat")
    # A link, not a button: it can be opened in another tab, and on a phone the list closes behind it.
    row.page_link("pages/chat.py", label=label, query_params={IN_ADDRESS: each.id}, width="stretch")
    if row.button("Delete chat", key=f"icon-delete-{each.id}", icon=":material/close:", type="tertiary"):
        _confirm_delete(each)


@st.dialog("Delete this chat?")
def _confirm_delete(each: Conversation) -> None:
    st.markdown(f"**{pieces.plain(each.title)}** and its messages go for good. What was learned from it stays.")
    if st.button("Delete chat", type="primary", key="really-delete"):
        with trouble():
            home.conversations.delete(user.id, each.id)
            if _open() == each.id:
                _set_open(None)
            st.rerun()


with trouble():
    draw()
