"""Welcome: what Keepsake is, and the way in. Draws and collects; signing in is auth's work."""

from __future__ import annotations

import streamlit as st

from auth import guard
from errors import AppError
from ui.frame import show_trouble

PROMISES = (
    (":material/format_quote:", "Everything it remembers comes from your own words, and you can read all of it."),
    (":material/lock:", "Your memories are walled off in the database itself: nobody else's question can reach them."),
    (":material/delete:", "Forget one thing or everything, whenever you like."),
)


def draw() -> None:
    """The promise on top, the form below it."""
    st.title("An assistant that remembers you", anchor=False)
    st.markdown("Tell Keepsake something once. It will still know next week, in another chat, in your own words.")
    for icon, promise in PROMISES:
        st.markdown(f"{icon} {promise}")
    st.space("small")
    sign_in, sign_up = st.tabs(["Sign in", "Create account"])
    with sign_in:
        _sign_in_form()
    with sign_up:
        _sign_up_form()


def confirm() -> None:
    """The way in from a mail. It takes a press, because mail scanners open every link they see."""
    st.title("One more step", anchor=False)
    st.markdown("Press the button to confirm your e-mail address and come in.")
    if st.button("Confirm my address", type="primary"):
        try:
            session = guard.client().follow(st.query_params["token_hash"], st.query_params.get("type", "signup"))
        except AppError as error:
            show_trouble(error)
        else:
            if session is not None:
                guard.enter(session)
            guard.go_on()
    if st.button("Back to sign-in", type="tertiary"):
        st.query_params.clear()
        st.rerun()


def _sign_in_form() -> None:
    with st.form("sign_in", border=True):
        email = st.text_input("E-mail", key="sign_in_email", autocomplete="email")
        password = st.text_input("Password", type="password", key="sign_in_password", autocomplete="current-password")
        asked = st.form_submit_button("Sign in", type="primary", width="stretch")
    if asked:
        try:
            guard.enter(guard.client().sign_in(email, password))
        except AppError as error:
            show_trouble(error)
        else:
            guard.go_on()


def _sign_up_form() -> None:
    with st.form("sign_up", border=True):
        email = st.text_input("E-mail", key="sign_up_email", autocomplete="email")
        password = st.text_input(
            "Password",
            type="password",
            key="sign_up_password",
            autocomplete="new-password",
            help="At least 8 characters.",
        )
        asked = st.form_submit_button("Create account", type="primary", width="stretch")
    if asked:
        try:
            session = guard.client().sign_up(email, password)
        except AppError as error:
            show_trouble(error)
            return
        if session is None:
            st.success("Almost there: open the link in the mail we sent you, then sign in.", icon=":material/mail:")
            return
        guard.enter(session)
        guard.go_on()


if guard.current_user() is not None:
    guard.go_on()
elif "token_hash" in st.query_params:
    confirm()
else:
    draw()
