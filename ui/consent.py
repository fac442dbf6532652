"""Draws the consent page, after signing in: what is stored, who sees it, and the person's agreement.

If the words come to say more than before, raise VERSION in limits/consent.py: then everybody is asked again.
"""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from auth import guard
from auth.errors import NotInvited
from limits.consent import Providers, providers
from memory.errors import AppError
from services import services
from ui.elements import escape
from ui.frame import show_error, show_errors

__all__ = ["has_agreed", "require_consent"]

AGREED, PROBLEM = "agreed", "consent-problem"


def require_consent(user: guard.User) -> None:
    """Return if the person has agreed. Otherwise draw the consent page, and end the calling page."""
    if st.session_state.get(AGREED) == user.id:
        return
    with show_errors():
        try:
            agreed = services().limits.agreed(user.id, user.email)
        except NotInvited as error:
            show_error(error)
            _draw_sign_out("Sign out")
        else:
            if agreed:
                st.session_state[AGREED] = user.id
                return
            _draw_consent(user)
    st.stop()


def has_agreed(user: guard.User) -> bool:
    """Return whether the person has agreed; the session remembers a yes."""
    if st.session_state.get(AGREED) != user.id:
        with suppress(NotInvited):
            if services().limits.agreed(user.id, user.email):
                st.session_state[AGREED] = user.id
    return bool(st.session_state.get(AGREED) == user.id)


def _draw_consent(user: guard.User) -> None:
    st.title("Before you start", anchor=False)
    st.markdown("Keepsake remembers what you tell it. Here is what that means.")
    with st.container(border=True):
        for icon, heading, words in _paragraphs(providers(services().settings)):
            st.markdown(f":material/{icon}: **{heading}**  \n{words}")
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        # A callback: what else the browser tells meanwhile, such as of its cookie, may end the run before its words.
        st.button("I agree", type="primary", icon=":material/check:", on_click=_agree, args=(user,))
        _draw_sign_out("Sign out")
    if problem := st.session_state.pop(PROBLEM, None):
        show_error(problem)


def _agree(user: guard.User) -> None:
    try:
        services().limits.agree(user.id, user.email)
    except AppError as error:
        st.session_state[PROBLEM] = error
    else:
        st.session_state[AGREED] = user.id


def _paragraphs(provider: Providers) -> list[tuple[str, str, str]]:
    erasing = [
        "Under Memories you can read everything, and delete one memory or all of them, with your chats if you like."
    ]
    if provider.replies or provider.vectors:
        erasing.append("What was sent to other companies cannot be deleted from here.")
    return [
        (
            "inventory_2",
            "What is stored",
            (
                "Your messages and files, and the replies; short memories taken from your own words, with "
                "their history; the people and things you mention; your time zone; how much you use the app."
            ),
        ),
        (
            "lock",
            "Who can read it",
            ("No other user: the database itself keeps your data apart. Whoever runs this app can read its database."),
        ),
        ("smart_toy", "What the AI model sees", " ".join(_models_that_see(provider))),
        ("delete", "How to delete it", " ".join(erasing)),
    ]


def _models_that_see(provider: Providers) -> list[str]:
    replies = "No language model is connected. Replies only quote your memories."
    if provider.has_model:
        where = f"**{escape(provider.replies)}**" if provider.replies else "A model on this server"
        replies = (
            f"{where} gets each message with its files, the latest messages of the chat and the few "
            "memories that fit: once to reply, and once to decide what to remember."
        )
    if provider.vectors is None:
        return [replies, "Searching your memories sends nothing elsewhere."]
    return [replies, f"**{escape(provider.vectors)}** also gets your messages and memories, to make them searchable."]


def _draw_sign_out(label: str) -> None:
    if st.button(label, type="tertiary", icon=":material/logout:"):
        if problem := guard.sign_out():
            st.toast(escape(problem))
        st.switch_page("pages/welcome.py")
