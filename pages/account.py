"""The account: who is signed in, which model answers, signing out. Draws and collects."""

from __future__ import annotations

import streamlit as st

from auth import guard
from house import house
from ui.pieces import plain

user = guard.require_user()


def draw() -> None:
    """Who, what answers, and the way out."""
    st.title("Account", anchor=False)
    with st.container(border=True):
        st.text(f"Signed in as {user.email}")
        if st.button("Sign out", icon=":material/logout:"):
            problem = guard.leave()
            if problem:
                st.toast(problem)
            st.switch_page("pages/welcome.py")
    with st.container(border=True):
        _model()
    st.caption("Sign-in lasts for this tab: after closing or reloading it you sign in again.")


def _model() -> None:
    settings = house().settings
    if not settings.has_model:
        st.markdown("**No language model is connected.** Replies quote what is remembered, and nothing more.")
        st.markdown("Set `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for any compatible address, and start again.")
        return
    st.markdown(f"Replies come from **{plain(settings.chat_model)}**.")
    st.caption("It sees your messages, and the few memories that fit each of them.")


draw()
