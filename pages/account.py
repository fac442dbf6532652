"""The account: who is signed in and where, password, address, second factor, and leaving."""

from __future__ import annotations

import streamlit as st

from auth import guard
from auth.errands import staying
from auth.offers import offers, second_factors
from ui import credentials, devices, leaving, second_factor
from ui.frame import trouble

user = guard.require_user()


def draw() -> None:
    """From what is looked at often to what is done once."""
    st.title("Account", anchor=False)
    with st.container(border=True):
        st.text(f"Signed in as {user.email}")
        st.caption(_how_long())
        if st.button("Sign out", icon=":material/logout:", key="sign-out"):
            devices.sign_out_here()
    st.subheader("Your devices", anchor=False)
    with st.container(border=True):
        devices.signed_in_on(user)
    st.subheader("Signing in", anchor=False)
    if offers().by_mail:
        with st.expander("Change your password", icon=":material/password:"):
            credentials.change_password(user)
        with st.expander("Change your e-mail address", icon=":material/alternate_email:"):
            credentials.change_address(user)
    if second_factors(guard.session().access_token):
        with st.expander("Second factor", icon=":material/verified_user:"):
            second_factor.settings_of(guard.session())
    st.subheader("Leaving", anchor=False)
    with st.container(border=True):
        leaving.offer()


def _how_long() -> str:
    if staying():
        return "You stay signed in on this device, also after closing the browser."
    return "Sign-in lasts for this tab: this host cannot keep it, so after closing or reloading you sign in again."


with trouble():
    draw()
