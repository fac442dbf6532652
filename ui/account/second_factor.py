"""Draws the second factor: its code at sign-in, setting it up, and removing it."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from auth import guard
from auth.person import Enrolment, Session
from memory.errors import AppError
from ui.account.entry_fields import back_to_sign_in, code_field, count_attempt
from ui.frame import show_error

__all__ = ["RECOVERED", "draw_code_page", "draw_factor_settings", "enter_or_require_code", "is_pending", "require_code"]

PENDING, ENROLMENT, PROBLEM = "second_factor", "factor_begun", "factor_problem"
RECOVERED = "recovered"  # the session of a mailed link or code, until a new password is chosen


def is_pending() -> bool:
    """Return whether somebody has given their password and not yet the code of the second factor."""
    return PENDING in st.session_state


def enter_or_require_code(session: Session) -> NoReturn:
    """Enter with this session, or ask for the code of the second factor first."""
    if session.needs_second_factor:
        require_code(session)
    guard.sign_in(session)
    guard.open_wanted_page()


def require_code(session: Session) -> NoReturn:
    """Ask for the code of the second factor before this session counts."""
    st.session_state[PENDING] = session
    st.rerun()


def draw_code_page() -> None:
    """Draw the form for the code; after it the person is signed in, or chooses the new password they asked for."""
    pending: Session = st.session_state[PENDING]
    st.title("Two-step sign-in", anchor=False)
    st.markdown("Enter the code from your authenticator app.")
    code, submitted = _code_form("Continue")
    if submitted:
        try:
            count_attempt(pending.email)
            passed = guard.client().pass_factor(pending, pending.factor_id or "", code)
        except AppError as error:
            show_error(error)
        else:
            del st.session_state[PENDING]
            if RECOVERED in st.session_state:
                st.session_state[RECOVERED] = passed
                st.rerun()
            guard.sign_in(passed)
            guard.open_wanted_page()
    back_to_sign_in(PENDING, RECOVERED)


def draw_factor_settings(session: Session) -> None:
    """Draw the button that removes the second factor, or the steps that set one up."""
    if session.factor_id:
        st.markdown(
            ":material/verified_user: Two-step sign-in is on. You need a code from your authenticator app to sign in."
        )
        if st.button("Turn off two-step sign-in", key="remove-factor"):
            try:
                guard.client().remove_factor(session)
                guard.refresh_session()
            except AppError as error:
                show_error(error)
            else:
                st.rerun()
        return
    enrolment: Enrolment | None = st.session_state.get(ENROLMENT)
    if enrolment is None:
        st.markdown("Add an authenticator app, so that a leaked password is not enough to sign in.")
        st.button("Set up two-step sign-in", key="begin-factor", on_click=_start_enrolment, args=(session,))
        if problem := st.session_state.pop(PROBLEM, None):
            show_error(problem)
        return
    _draw_enrolment(session, enrolment)


def _start_enrolment(session: Session) -> None:
    try:
        st.session_state[ENROLMENT] = guard.client().enrol(session)
    except AppError as error:
        st.session_state[PROBLEM] = error


def _draw_enrolment(session: Session, enrolment: Enrolment) -> None:
    st.markdown("Scan this with your authenticator app, or enter the key.")
    with st.container(key="factor-picture", horizontal_alignment="center"):
        st.image(enrolment.picture, width=200)
    st.code(enrolment.secret, language=None)
    code, submitted = _code_form("Turn on")
    if submitted:
        try:
            guard.renew(guard.client().pass_factor(session, enrolment.factor_id, code))
            # Other devices signed in without it: they have to sign in again.
            guard.sessions().revoke_all(session.user_id, but=guard.device().id)
        except AppError as error:
            show_error(error)
        else:
            del st.session_state[ENROLMENT]
            st.rerun()
    if st.button("Not now", type="tertiary"):
        del st.session_state[ENROLMENT]
        st.rerun()


def _code_form(label: str) -> tuple[str, bool]:
    with st.form("factor_form", border=True):
        code = code_field("factor_code")
        submitted = st.form_submit_button(label, type="primary", width="stretch")
    return code, submitted
