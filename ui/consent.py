"""Draws the consent page, after signing in: what is stored, who sees it, and the person's agreement.

If the words come to say more than before, raise VERSION in limits/consent.py: then everybody is asked again.
"""

from __future__ import annotations

import streamlit as st

from auth import guard
from auth.errors import NotInvited
from limits.consent import Providers, providers
from services import services
from ui.elements import escape
from ui.frame import show_error, show_errors

__all__ = ["require_consent"]

AGREED = "agreed"


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


def _draw_consent(user: guard.User) -> None:
    st.title("Before you begin", anchor=False)
    st.markdown("Keepsake remembers what you tell it. Please read what that means; it is short.")
    with st.container(border=True):
        for icon, heading, words in _paragraphs(providers(services().settings)):
            st.markdown(f":material/{icon}: **{heading}**  \n{words}")
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        agreed = st.button("I agree", type="primary", icon=":material/check:")
        _draw_sign_out("Not now, sign out")
    if agreed:
        with show_errors():
            services().limits.agree(user.id, user.email)
            st.session_state[AGREED] = user.id
            st.rerun()


def _paragraphs(provider: Providers) -> list[tuple[str, str, str]]:
    erasing = ["Under Memories you can read everything, forget one thing or all of it, and delete your chats with it."]
    if provider.replies or provider.vectors:
        erasing.append("What was sent elsewhere is in other hands.")
    return [
        (
            "inventory_2",
            "What is kept",
            (
                "Your messages, the files you send with them, and the replies; short memories taken from "
                "your own words, with their earlier versions; the people and things you name in them; "
                "your time zone; how much you use it."
            ),
        ),
        (
            "lock",
            "Who can read it",
            (
                "Nobody else who uses this Keepsake: the database itself keeps you apart. Whoever runs "
                "it can read its database."
            ),
        ),
        ("smart_toy", "Which model sees what", " ".join(_models_that_see(provider))),
        ("delete", "How it goes away", " ".join(erasing)),
    ]


def _models_that_see(provider: Providers) -> list[str]:
    replies = "No language model is connected: replies only quote what is remembered."
    if provider.has_model:
        where = f"**{escape(provider.replies)}**" if provider.replies else "A model on this server"
        replies = (
            f"{where} gets each message with its files, the latest ones of the chat and the few memories "
            "that fit, to reply, and once more to decide what to remember."
        )
    if provider.vectors is None:
        return [replies, "Nothing is sent elsewhere to find memories again."]
    return [replies, f"**{escape(provider.vectors)}** gets your messages and memories as well, to find them again."]


def _draw_sign_out(label: str) -> None:
    if st.button(label, type="tertiary", icon=":material/logout:"):
        if problem := guard.sign_out():
            st.toast(escape(problem))
        st.switch_page("pages/welcome.py")
