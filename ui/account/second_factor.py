"""The second factor: its code on the way in, setting it up, and taking it away. Draws and collects."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from auth import guard
from auth.client import Enrolment, Session
from memory.errors import AppError
from ui.account.entry_fields import count_attempt
from ui.frame import show_error

__all__ = ["RECOVERED", "draw_code_page", "draw_factor_settings", "enter_or_require_code", "is_pending", "require_code"]

WAITING, BEGUN = "second_factor", "factor_begun"
RECOVERED = "recovered"  # the session of a mail, until its person has chosen a new password


def is_pending() -> bool:
    """Whether somebody stands between the password and the second factor."""
    return WAITING in st.session_state


def enter_or_require_code(session: Session) -> NoReturn:
    """Go in, or on to the second factor."""
    if session.half_way:
        require_code(session)
    guard.enter(session)
    guard.go_on()


def require_code(session: Session) -> NoReturn:
    """Ask for the code before this session lets anybody in."""
    st.session_state[WAITING] = session
    st.rerun()


def draw_code_page() -> None:
    """The code, then in; or on to the new password, if that is what it was asked for."""
    waiting: Session = st.session_state[WAITING]
    st.title("Your second factor", anchor=False)
    st.markdown("Type the code that your authenticator app shows for Keepsake.")
    code, done = _code_form("Go on")
    if done:
        try:
            count_attempt(waiting.email)
            passed = guard.client().pass_factor(waiting, waiting.factor_id or "", code)
        except AppError as error:
            show_error(error)
        else:
            del st.session_state[WAITING]
            if RECOVERED in st.session_state:
                st.session_state[RECOVERED] = passed
                st.rerun()
            guard.enter(passed)
            guard.go_on()
    if st.button("Back to sign-in", key="back-to-sign-in", type="tertiary", icon=":material/arrow_back:"):
        for name in (WAITING, RECOVERED):
            st.session_state.pop(name, None)
        st.rerun()


def draw_factor_settings(session: Session) -> None:
    """Set a second factor up, or take it away."""
    if session.factor_id:
        st.markdown(":material/verified_user: A second factor is set up: signing in takes a code from your app.")
        if st.button("Remove the second factor", key="remove-factor"):
            try:
                guard.client().remove_factor(session)
                guard.learn_anew()
            except AppError as error:
                show_error(error)
            else:
                st.rerun()
        return
    begun: Enrolment | None = st.session_state.get(BEGUN)
    if begun is None:
        st.markdown("With an authenticator app, a password that leaked does not let anybody in.")
        st.button("Set up a second factor", key="begin-factor", on_click=_begin, args=(session,))
        if problem := st.session_state.pop("factor_problem", None):
            show_error(problem)
        return
    _finish(session, begun)


def _begin(session: Session) -> None:
    try:
        st.session_state[BEGUN] = guard.client().enrol(session)
    except AppError as error:
        st.session_state["factor_problem"] = error


def _finish(session: Session, begun: Enrolment) -> None:
    st.markdown("Scan this with your authenticator app, or type the key into it.")
    with st.container(key="factor-picture", horizontal_alignment="center"):
        st.image(begun.picture, width=200)
    st.code(begun.secret, language=None)
    code, done = _code_form("Turn it on")
    if done:
        try:
            guard.renew(guard.client().pass_factor(session, begun.factor_id, code))
            # Whoever came in without it has to come again.
            guard.sessions().revoke_all(session.user_id, but=guard.device().id)
        except AppError as error:
            show_error(error)
        else:
            del st.session_state[BEGUN]
            st.rerun()
    if st.button("Not now", type="tertiary"):
        del st.session_state[BEGUN]
        st.rerun()


def _code_form(label: str) -> tuple[str, bool]:
    with st.form("factor_form", border=True):
        code = st.text_input(
            "Code",
            key="factor_code",
            autocomplete="one-time-code",
            placeholder="123456",
        )
        done = st.form_submit_button(label, type="primary", width="stretch")
    return code, done
