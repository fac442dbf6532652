"""The step between signing in and the first page: what is kept, who sees it, and the person's yes.

Whoever changes these words, in texts/en/consent.toml, so that they say more than before raises VERSION in
limits/consent.py, and everybody is asked again.
"""

from __future__ import annotations

import streamlit as st

from auth import guard
from auth.errors import NotInvited
from limits.consent import Provider, providers
from services import services
from texts import text
from ui.elements import plain
from ui.frame import show_trouble, trouble

__all__ = ["require_consent"]

AGREED = "agreed"


def require_consent(user: guard.User) -> None:
    """Let pass who agreed; anybody else is asked first, and the calling page ends here."""
    if st.session_state.get(AGREED) == user.id:
        return
    with trouble():
        try:
            agreed = services().limits.agreed(user.id, user.email)
        except NotInvited as error:
            show_trouble(error)
            _way_out(text("consent.sign_out"))
        else:
            if agreed:
                st.session_state[AGREED] = user.id
                return
            _ask(user)
    st.stop()


def _ask(user: guard.User) -> None:
    st.title(text("consent.title"), anchor=False)
    st.markdown(text("consent.intro"))
    with st.container(border=True):
        for icon, heading, words in _paragraphs(providers(services().settings)):
            st.markdown(f":material/{icon}: **{heading}**  \n{words}")
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        agreed = st.button(text("consent.agree"), type="primary", icon=":material/check:")
        _way_out(text("consent.not_now"))
    if agreed:
        with trouble():
            services().limits.consents.record_consent(user.id)
            st.session_state[AGREED] = user.id
            st.rerun()


def _paragraphs(seen_by: Provider) -> list[tuple[str, str, str]]:
    leaving = [text("consent.leaving.words")]
    if seen_by.replies or seen_by.vectors:
        leaving.append(text("consent.leaving.elsewhere"))
    return [
        ("inventory_2", text("consent.kept.heading"), text("consent.kept.words")),
        ("lock", text("consent.readers.heading"), text("consent.readers.words")),
        ("smart_toy", text("consent.models.heading"), " ".join(_seen(seen_by))),
        ("delete", text("consent.leaving.heading"), " ".join(leaving)),
    ]


def _seen(seen_by: Provider) -> list[str]:
    replies = text("consent.models.none")
    if seen_by.has_model:
        where = f"**{plain(seen_by.replies)}**" if seen_by.replies else text("consent.models.here")
        replies = text("consent.models.replies", model=where)
    if seen_by.vectors is None:
        return [replies, text("consent.models.no_vectors")]
    return [replies, text("consent.models.vectors", model=f"**{plain(seen_by.vectors)}**")]


def _way_out(label: str) -> None:
    if st.button(label, type="tertiary", icon=":material/logout:"):
        if problem := guard.leave():
            st.toast(problem)
        st.switch_page("pages/welcome.py")
