"""The chat: the list of conversations, the one that is open, and one turn at a time. Draws and collects."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace

import streamlit as st

from auth.guard import give_back, require_user, stop_if_ended
from chat.conversations import Conversation, Message
from chat.turn import answer, say
from errors import AppError, InvalidInput, NotFound
from house import house
from ui import pieces
from ui.consent import require_consent
from ui.frame import MARK, trouble
from ui.greeting import greeting

user = require_user()
home = house()
require_consent(user)

# What this page keeps between two runs, and the conversation's name in the address.
OPEN, ASKED, REFUSED, PROBLEM = "open_chat", "asked", "refused", "chat_problem"
WRITTEN, AGAIN, AGAIN_FOR, ZONE, IN_ADDRESS = "written", "try-again", "again_for", "timezone", "chat"


def draw() -> None:
    """The list beside, the messages, the box to write in, and the reply to what was just said."""
    _note_timezone()
    messages = _messages()
    _conversation_list()
    give_back(user, WRITTEN)
    st.chat_input("Message Keepsake", key=WRITTEN, submit_mode="stop", on_submit=_say, args=(_open(),))
    for each in messages:
        pieces.message(each)
    if refused := st.session_state.pop(REFUSED, None):
        pieces.not_sent(*refused)
    if messages and st.session_state.pop(ASKED, None) == messages[-1].id:
        with st.chat_message("assistant", avatar=MARK):
            _stream_reply(messages[-1], messages)
    elif not messages:
        with st.container():  # one element, so that the first message takes its place at once
            greeting(_say)
    elif asked := _unanswered(messages):
        _offer_second_try(asked, messages)


def _say(drawn: str | None, words: str | None = None) -> None:
    """Save what was written before anything is drawn or noted, so that no click in between can lose it."""
    # As a dictionary: after a click, any other touch of the session's state ends this callback.
    said: str = words or st.session_state.to_dict()[WRITTEN]
    try:
        asked = _save(drawn, said)
    except AppError as error:
        st.session_state[REFUSED] = (str(error), said)
        return
    st.session_state[ASKED] = asked.id
    _set_open(asked.conversation_id)


def _note_timezone() -> None:
    """Keep the browser's timezone, so that "yesterday" is the person's yesterday."""
    zone = st.context.timezone
    if not zone or st.session_state.get(ZONE) == zone:
        return
    st.session_state[ZONE] = zone
    person = home.memory.people.get(user.id)
    if person.timezone != zone and not person.timezone_chosen:
        with suppress(InvalidInput):  # a zone this server does not know: the old one stands
            home.memory.people.set(user.id, replace(person, timezone=zone))


def _open() -> str | None:
    """The conversation the address names, or the one that was open before another page was."""
    return st.query_params.get(IN_ADDRESS) or st.session_state.get(OPEN)


def _set_open(conversation_id: str | None) -> None:
    """Open a conversation, and let the address say so: it can be gone back to, and kept."""
    st.session_state[OPEN] = conversation_id
    st.session_state.pop(PROBLEM, None)
    if conversation_id is None:
        st.query_params.clear()
    elif st.query_params.get(IN_ADDRESS) != conversation_id:
        st.query_params[IN_ADDRESS] = conversation_id


def _messages() -> list[Message]:
    """What was said in the open conversation; one that is gone, or somebody else's, is a new chat."""
    chosen = _open()
    if chosen is None:
        return []
    try:
        messages = home.conversations.messages(user.id, chosen)
    except NotFound:
        messages = []
    if not messages:
        _set_open(None)
    elif st.session_state.get(OPEN) != chosen:
        # The address is left alone: writing it again would put the back button a step behind.
        st.session_state[OPEN] = chosen
        st.session_state.pop(PROBLEM, None)
    return messages


def _unanswered(messages: Sequence[Message]) -> Message | None:
    """The person's message that has no reply, or one that broke off or was stopped."""
    *_, last = messages
    if last.role == "assistant" and last.status != "complete":
        return next((each for each in messages if each.id == last.parent_id), None)
    return last if last.role == "user" else None


def _stream_reply(asked: Message, said: Sequence[Message]) -> None:
    """Show the reply while it is written, then what stands behind it; or what went wrong, and the way to try again."""
    st.session_state.pop(PROBLEM, None)
    try:
        # Closed whatever happens, so that a stopped reply is saved as far as it came.
        with closing(answer(home.chat, asked, said)) as reply:
            st.write_stream(pieces.harmless_stream(reply))
    except AppError as error:
        st.session_state[PROBLEM] = str(error)
        st.warning(str(error), icon=":material/error:")
        st.button("Try again", key=AGAIN, icon=":material/refresh:", on_click=_ask_again, args=(asked.id,))
        return
    for each in home.conversations.messages(user.id, asked.conversation_id, limit=1):
        pieces.behind_reply(each.status, each.receipt)


def _save(drawn: str | None, words: str) -> Message:
    stop_if_ended(user, words)
    # Into the chat that was drawn: right after "New chat" the browser still sends the old address.
    try:
        return say(home.chat, user.id, drawn, words)
    except NotFound:  # the chat is gone: the words, which were counted, begin a new one
        return home.conversations.say(user.id, None, words)


def _ask_again(message_id: str) -> None:
    st.session_state[AGAIN_FOR] = message_id


def _offer_second_try(asked: Message, said: Sequence[Message]) -> None:
    """A message without a whole reply: say why, keep it, and let it be asked again."""
    with st.chat_message("assistant", avatar=MARK):
        if st.session_state.pop(AGAIN_FOR, None) == asked.id:
            _stream_reply(asked, said)
            return
        if problem := st.session_state.get(PROBLEM):
            st.warning(problem, icon=":material/error:")
        st.button("Try again", key=AGAIN, icon=":material/refresh:", on_click=_ask_again, args=(asked.id,))


def _conversation_list() -> None:
    with st.sidebar:
        st.button("New chat", icon=":material/add:", type="primary", width="stretch", on_click=_set_open, args=(None,))
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
    # Not a page link: Streamlit's do not write the address of another chat on the same page.
    row.button(label, key=f"open-{each.id}", type="tertiary", width="stretch", on_click=_set_open, args=(each.id,))
    if row.button("Delete chat", key=f"icon-delete-{each.id}", icon=":material/close:", type="tertiary"):
        _confirm_delete(each)


@st.dialog("Delete this chat?")
def _confirm_delete(each: Conversation) -> None:
    st.markdown(f"**{pieces.plain(each.title)}** and its messages go for good. What was learned from it stays.")
    if st.button("Delete chat", type="primary", key="really-delete"):
        with trouble():
            home.conversations.delete(require_user().id, each.id)
            if _open() == each.id:
                _set_open(None)
            st.rerun()


with trouble():
    draw()
