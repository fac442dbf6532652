"""The ways in: address and password, a new account, another site's sign-in. Draws and collects.

What comes after them, by mail or by a second factor, is drawn in `by_mail` and `second_factor`.
"""

from __future__ import annotations

from base64 import b64encode
from html import escape
from pathlib import Path

import streamlit as st

from auth import guard
from auth.errors import SignInError, UnconfirmedEmail
from auth.server_features import PROVIDERS, Offers
from memory.errors import AppError
from texts import text
from ui.account import by_mail
from ui.account.entry_fields import invitation, may_come_in, may_try, new_password
from ui.account.second_factor import arrive
from ui.browser.cookie_bridge import app_address, kept_verifier, send_browser_to
from ui.frame import MARK, show_trouble

__all__ = ["come_back", "example", "ways_in"]

PROVIDER_ICONS = {"google": ":material/account_circle:", "github": ":material/code:"}


def ways_in(offers: Offers) -> None:
    """Every way that the server offers, and no other."""
    for provider in offers.providers:
        label = text("signing_in.elsewhere.go", site=PROVIDERS[provider])
        if st.button(label, key=f"go-{provider}", icon=PROVIDER_ICONS[provider], width="stretch"):
            _set_out(provider)
    if not offers.by_mail:
        return
    if offers.providers:
        st.caption(text("signing_in.elsewhere.or_by_mail"), text_alignment="center")
    if not offers.sign_up:
        _sign_in_form()
        return
    sign_in, sign_up = st.tabs([text("signing_in.sign_in.title"), text("signing_in.sign_up.title")])
    with sign_in:
        _sign_in_form()
    with sign_up:
        _sign_up_form()


def come_back() -> None:
    """The browser is back from another site, with a code or with what went wrong."""
    code, verifier = st.query_params.get("code"), kept_verifier()
    try:
        if not code or verifier is None:
            raise SignInError(_not_signed_in())
        session = guard.client().come_back(code, verifier)
    except AppError as error:
        st.title(text("signing_in.elsewhere.failed"), anchor=False)
        show_trouble(error)
        by_mail.back_button()
        return
    st.query_params.clear()
    arrive(session)


def _not_signed_in() -> str:
    if "code" in st.query_params:
        return text("signing_in.elsewhere.other_browser")
    if st.query_params.get("error_code") == "otp_expired":
        return text("signing_in.elsewhere.too_old")
    return text("signing_in.elsewhere.not_signed_in")


def _set_out(provider: str) -> None:
    try:
        send_browser_to(*guard.client().oauth_address(provider, app_address()))
    except AppError as error:
        show_trouble(error)


def _sign_in_form() -> None:
    with st.form("sign_in", border=True):
        email = st.text_input(text("signing_in.email"), key="sign_in_email", autocomplete="email")
        password = st.text_input(
            text("signing_in.password"), type="password", key="sign_in_password", autocomplete="current-password"
        )
        asked = st.form_submit_button(text("signing_in.sign_in.title"), type="primary", width="stretch")
    if asked:
        try:
            may_try(email)
            session = guard.client().sign_in(email, password)
        except UnconfirmedEmail as error:
            show_trouble(error)
            st.button(text("signing_in.mail_again"), icon=":material/mail:", on_click=by_mail.resend, args=(email,))
        except AppError as error:
            show_trouble(error)
        else:
            arrive(session)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        st.button(text("signing_in.sign_in.forgot"), type="tertiary", on_click=by_mail.begin, args=("recovery",))
        st.button(text("signing_in.sign_in.link_instead"), type="tertiary", on_click=by_mail.begin, args=("magiclink",))


def _sign_up_form() -> None:
    with st.form("sign_up", border=True):
        email = st.text_input(text("signing_in.email"), key="sign_up_email", autocomplete="email")
        password = new_password("sign_up_password", text("signing_in.password"))
        invited = invitation()
        asked = st.form_submit_button(text("signing_in.sign_up.title"), type="primary", width="stretch")
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


MARKUP = """
<figure class="keepsake-example">
  <figcaption>{caption}</figcaption>
  <p class="when">{first_day}</p><p class="mine">{told}</p>
  <p class="when">{later}</p><p class="mine">{asked}</p>
  <p class="theirs">{answered}<span class="why"><img src="{mark}" alt="">{why}</span></p>
</figure>
"""
PARTS = ("caption", "first_day", "told", "later", "asked", "answered", "why")
# A picture of its own, since a page's text may load nothing.
PICTURE = f"data:image/svg+xml;base64,{b64encode(Path(MARK).read_bytes()).decode()}"


def example() -> None:
    """Said once, known later, and why."""
    words = {each: escape(text(f"welcome.example.{each}")) for each in PARTS}
    st.html(MARKUP.format(mark=PICTURE, **words))
