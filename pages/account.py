"""The account: who is signed in and where, password, address, second factor, and leaving."""

from __future__ import annotations

import streamlit as st

from auth import guard
from auth.cookie_tasks import staying
from auth.server_features import offers, second_factors
from texts import text
from ui.account import credentials, delete_account, second_factor
from ui.frame import trouble

user = guard.require_user()


def draw() -> None:
    """From what is looked at often to what is done once."""
    st.title(text("account.title"), anchor=False)
    with st.container(border=True):
        st.text(text("account.signed_in_as", address=user.email))
        st.caption(_how_long())
        if st.button(text("account.sign_out"), icon=":material/logout:", key="sign-out"):
            credentials.sign_out_here()
    st.header(text("account.parts.devices"), anchor=False)
    with st.container(border=True):
        credentials.signed_in_on(user)
    st.header(text("account.parts.signing_in"), anchor=False)
    if offers().by_mail:
        with st.expander(text("account.parts.password"), icon=":material/password:"):
            credentials.change_password(user)
        with st.expander(text("account.parts.address"), icon=":material/alternate_email:"):
            credentials.change_address(user)
    if second_factors(guard.session().access_token):
        with st.expander(text("account.parts.second_factor"), icon=":material/verified_user:"):
            second_factor.settings_of(guard.session())
    st.header(text("account.parts.leaving"), anchor=False)
    with st.container(border=True):
        delete_account.offer()


def _how_long() -> str:
    return text("account.stays") if staying() else text("account.for_this_tab")


with trouble():
    draw()
