"""The ways in: address and password, a new account, another site's sign-in. Draws and collects.

What comes after them, by mail or by a second factor, is drawn in `by_mail` and `second_factor`.
"""

from __future__ import annotations

import streamlit as st

from auth import guard
from auth.offers import PROVIDERS, Offers
from errors import AppError, SignInError, UnconfirmedEmail
from ui import by_mail
from ui.door import invitation, may_come_in, may_try
from ui.frame import show_trouble
from ui.second_factor import arrive
from ui.stay import app_address, brought_back, send_browser_to

__all__ = ["come_back", "ways_in"]

PROVIDER_ICONS = {"google": ":material/account_circle:", "github": ":material/code:"}


def ways_in(offers: Offers) -> None:
    """Every way that the server offers, and no other."""
    for provider in offers.providers:
        label = f"Continue with {PROVIDERS[provider]}"
        if st.button(label, key=f"go-{provider}", icon=PROVIDER_ICONS[provider], width="stretch"):
            _set_out(provider)
    if not offers.by_mail:
        return
    if offers.providers:
        st.caption("or with your e-mail address", text_alignment="center")
    if not offers.sign_up:
        _sign_in_form()
        return
    sign_in, sign_up = st.tabs(["Sign in", "Create account"])
    with sign_in:
        _sign_in_form()
    with sign_up:
        _sign_up_form()


def come_back() -> None:
    """The browser is back from another site, with a code or with what went wrong."""
    code, verifier = st.query_params.get("code"), brought_back()
    try:
        if not code or verifier is None:
            raise SignInError(_not_signed_in())
        session = guard.client().come_back(code, verifier)
    except AppError as error:
        st.title("That did not work", anchor=False)
        show_trouble(error)
        by_mail.back_button()
        return
    st.query_params.clear()
    arrive(session)


def _not_signed_in() -> str:
    if "code" in st.query_params:
        return "This link was opened in another browser than it was asked for in: sign in here, or ask for a new mail."
    if st.query_params.get("error_code") == "otp_expired":
        return "This link does not work any more: it was used already, or it is too old."
    return "You were not signed in. Try again, or choose another way."


def _set_out(provider: str) -> None:
    try:
        send_browser_to(*guard.client().oauth_address(provider, app_address()))
    except AppError as error:
        show_trouble(error)


def _sign_in_form() -> None:
    with st.form("sign_in", border=True):
        email = st.text_input("E-mail", key="sign_in_email", autocomplete="email")
        password = st.text_input("Password", type="password", key="sign_in_password", autocomplete="current-password")
        asked = st.form_submit_button("Sign in", type="primary", width="stretch")
    if asked:
        try:
            may_try(email)
            session = guard.client().sign_in(email, password)
        except UnconfirmedEmail as error:
            show_trouble(error)
            st.button("Mail it again", icon=":material/mail:", on_click=by_mail.resend, args=(email,))
        except AppError as error:
            show_trouble(error)
        else:
            arrive(session)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button("Forgot your password?", type="tertiary", on_click=by_mail.begin, args=("recovery",))
        st.button("Mail me a link instead", type="tertiary", on_click=by_mail.begin, args=("magiclink",))


def _sign_up_form() -> None:
    with st.form("sign_up", border=True):
        email = st.text_input("E-mail", key="sign_up_email", autocomplete="email")
        password = st.text_input(
            "Password",
            type="password",
            key="sign_up_password",
            autocomplete="new-password",
            placeholder="At least 8 characters",
        )
        invited = invitation()
        asked = st.form_submit_button("Create account", type="primary", width="stretch")
    if asked:
        try:
            may_try(email)
            may_come_in(email, invited)
            session = guard.client().sign_up(email, password)
        except AppError as error:
            show_trouble(error)
            return
        if session is None:
            by_mail.sent("signup", email)
            st.rerun()
        arrive(session)
