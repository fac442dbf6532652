"""Draws signing in and signing up, with address and password or at another site; and the example beside them.

The steps that may follow are drawn by `by_mail` and `second_factor`.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import streamlit as st

from auth import guard
from auth.errors import BLOCKED, NO_NEW_ACCOUNTS, SignInError, UnconfirmedEmail
from auth.server_features import PROVIDERS, ServerFeatures
from memory.errors import AppError
from ui.account import by_mail
from ui.account.entry_fields import check_admission, count_attempt, invitation_field, new_password_field
from ui.account.second_factor import enter_or_require_code
from ui.browser.cookie_bridge import app_address, kept_verifier, send_browser_to
from ui.frame import MARK, show_error

__all__ = ["draw_example", "draw_ways_in", "finish_provider_sign_in"]

PROVIDER_ICONS = {"google": ":material/account_circle:", "github": ":material/code:"}
# What a site that signs people in sends back with the browser, if it is no code.
PROVIDER_PROBLEMS = {
    "otp_expired": "This link has expired or was already used.",
    "signup_disabled": NO_NEW_ACCOUNTS,
    "user_banned": BLOCKED,
    "provider_email_needs_verification": "Your email address is not confirmed yet. Open the link we just emailed you.",
}
MARKUP = """
<figure class="keepsake-example">
  <figcaption>How it works</figcaption>
  <p class="when">Monday</p><p class="mine">My sister Ana does not eat meat.</p>
  <p class="when">Friday, in another chat</p><p class="mine">Ana comes for dinner on Sunday. What shall I cook?</p>
  <p class="theirs">A mushroom risotto: there is no meat in it, so Ana can have it too.<span \
class="why"><img src="{mark}" alt="">Used 1 memory: “My sister Ana does not eat meat”, Monday</span></p>
</figure>
"""
# Part of the markup, because markup on a page may load nothing.
PICTURE = f"data:image/svg+xml;base64,{b64encode(Path(MARK).read_bytes()).decode()}"


def draw_ways_in(features: ServerFeatures, *, first_run: bool = False) -> None:
    """Draw every way to sign in that the auth server offers; on a first run nobody has an account yet."""
    for provider in features.providers:
        label = f"Continue with {PROVIDERS[provider]}"
        if st.button(label, key=f"go-{provider}", icon=PROVIDER_ICONS[provider], width="stretch"):
            _go_to_provider(provider)
    if not features.by_mail:
        return
    if features.providers:
        st.caption("or with your email", text_alignment="center")
    if not features.sign_up:
        _draw_sign_in_form()
        return
    sign_in, sign_up = st.tabs(["Sign in", "Create account"], default="Create account" if first_run else None)
    with sign_in:
        _draw_sign_in_form()
    with sign_up:
        _draw_sign_up_form()


def finish_provider_sign_in() -> None:
    """Sign in the person whom another site has sent back, with a code or with an error."""
    code, verifier = st.query_params.get("code"), kept_verifier()
    try:
        if not code or verifier is None:
            raise SignInError(_provider_problem())
        session = guard.client().finish_oauth(code, verifier)
    except AppError as error:
        st.title("That didn't work", anchor=False)
        show_error(error)
        by_mail.draw_back_button()
        return
    st.query_params.clear()
    enter_or_require_code(session)


def _provider_problem() -> str:
    if "code" in st.query_params:
        return "This link belongs to another browser. Sign in here, or ask for a new email."
    return PROVIDER_PROBLEMS.get(
        st.query_params.get("error_code", ""), "You were not signed in. Try again, or sign in another way."
    )


def _go_to_provider(provider: str) -> None:
    try:
        send_browser_to(*guard.client().begin_oauth(provider, app_address()))
    except AppError as error:
        show_error(error)


def _draw_sign_in_form() -> None:
    with st.form("sign_in", border=True):
        email = st.text_input("Email", key="sign_in_email", autocomplete="email")
        password = st.text_input("Password", type="password", key="sign_in_password", autocomplete="current-password")
        submitted = st.form_submit_button("Sign in", type="primary", width="stretch")
    if submitted:
        try:
            count_attempt(email)
            session = guard.client().sign_in(email, password)
        except UnconfirmedEmail as error:
            show_error(error)
            st.button("Resend email", icon=":material/mail:", on_click=by_mail.resend, args=(email,))
        except AppError as error:
            show_error(error)
        else:
            enter_or_require_code(session)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button("Forgot your password?", type="tertiary", on_click=by_mail.ask_for_address, args=("recovery",))
        st.button("Email me a sign-in link", type="tertiary", on_click=by_mail.ask_for_address, args=("magiclink",))


def _draw_sign_up_form() -> None:
    with st.form("sign_up", border=True):
        email = st.text_input("Email", key="sign_up_email", autocomplete="email")
        password = new_password_field("sign_up_password", "Password")
        invited = invitation_field()
        submitted = st.form_submit_button("Create account", type="primary", width="stretch")
    if submitted:
        try:
            count_attempt(email)
            check_admission(email, invited)
            session = guard.client().sign_up(email, password)
        except AppError as error:
            show_error(error)
            return
        if session is None:
            by_mail.wait_for_code("signup", email)
            st.rerun()
        enter_or_require_code(session)


def draw_example() -> None:
    """Draw an example of what Keepsake does: told once, known later."""
    st.html(MARKUP.format(mark=PICTURE))
