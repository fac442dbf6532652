"""The ways in: address and password, a new account, another site's sign-in. Draws and collects.

What comes after them, by mail or by a second factor, is drawn in `by_mail` and `second_factor`.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import streamlit as st

from auth import guard
from auth.errors import SignInError, UnconfirmedEmail
from auth.server_features import PROVIDERS, Offers
from memory.errors import AppError
from ui.account import by_mail
from ui.account.entry_fields import check_admission, count_attempt, invitation_field, new_password_field
from ui.account.second_factor import enter_or_require_code
from ui.browser.cookie_bridge import app_address, kept_verifier, send_browser_to
from ui.frame import MARK, show_error

__all__ = ["draw_example", "draw_ways_in", "finish_provider_sign_in"]

PROVIDER_ICONS = {"google": ":material/account_circle:", "github": ":material/code:"}


def draw_ways_in(offers: Offers) -> None:
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


def finish_provider_sign_in() -> None:
    """The browser is back from another site, with a code or with what went wrong."""
    code, verifier = st.query_params.get("code"), kept_verifier()
    try:
        if not code or verifier is None:
            raise SignInError(_not_signed_in())
        session = guard.client().come_back(code, verifier)
    except AppError as error:
        st.title("That did not work", anchor=False)
        show_error(error)
        by_mail.draw_back_button()
        return
    st.query_params.clear()
    enter_or_require_code(session)


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
        show_error(error)


def _sign_in_form() -> None:
    with st.form("sign_in", border=True):
        email = st.text_input("E-mail", key="sign_in_email", autocomplete="email")
        password = st.text_input("Password", type="password", key="sign_in_password", autocomplete="current-password")
        asked = st.form_submit_button("Sign in", type="primary", width="stretch")
    if asked:
        try:
            count_attempt(email)
            session = guard.client().sign_in(email, password)
        except UnconfirmedEmail as error:
            show_error(error)
            st.button("Mail it again", icon=":material/mail:", on_click=by_mail.resend, args=(email,))
        except AppError as error:
            show_error(error)
        else:
            enter_or_require_code(session)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button("Forgot your password?", type="tertiary", on_click=by_mail.ask_for_address, args=("recovery",))
        st.button("Mail me a link instead", type="tertiary", on_click=by_mail.ask_for_address, args=("magiclink",))


def _sign_up_form() -> None:
    with st.form("sign_up", border=True):
        email = st.text_input("E-mail", key="sign_up_email", autocomplete="email")
        password = new_password_field("sign_up_password", "Password")
        invited = invitation_field()
        asked = st.form_submit_button("Create account", type="primary", width="stretch")
    if asked:
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


MARKUP = """
<figure class="keepsake-example">
  <figcaption>Told once, known later</figcaption>
  <p class="when">Monday</p><p class="mine">My sister Ana does not eat meat.</p>
  <p class="when">Friday, in another chat</p><p class="mine">Ana comes for dinner on Sunday. What shall I cook?</p>
  <p class="theirs">A mushroom risotto: there is no meat in it, so Ana can have it too.<span \
class="why"><img src="{mark}" alt="">1 memory: “My sister Ana does not eat meat”, Monday</span></p>
</figure>
"""
# A picture of its own, since a page's text may load nothing.
PICTURE = f"data:image/svg+xml;base64,{b64encode(Path(MARK).read_bytes()).decode()}"


def draw_example() -> None:
    """Said once, known later, and why."""
    st.html(MARKUP.format(mark=PICTURE))
