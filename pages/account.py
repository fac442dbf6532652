"""The account page: who is signed in and on which devices, password, address, second factor, keys, deleting all."""

from __future__ import annotations

import streamlit as st

from auth import guard
from auth.cookie_tasks import stays_signed_in
from auth.server_features import has_second_factors, server_features
from ui.account import credentials, delete_account, second_factor
from ui.frame import show_errors
from ui.sidebar import draw_sidebar

user = guard.require_user()


def draw_page() -> None:
    """Draw the page; what is used most often comes first."""
    devices, keys = draw_sidebar(user, "account")
    st.title("Account", anchor=False)
    with st.container(border=True):
        st.text(f"Signed in as {user.email}")
        st.caption(_sign_in_lasts())
        if st.button("Sign out", icon=":material/logout:", key="sign-out"):
            credentials.sign_out()
    st.header("Devices", anchor=False)
    with st.container(border=True):
        credentials.draw_devices(user, devices)
    st.header("Signing in", anchor=False)
    if server_features().by_mail:
        with st.expander("Change your password", icon=":material/password:"):
            credentials.draw_password_form(user)
        with st.expander("Change your email address", icon=":material/alternate_email:"):
            credentials.draw_address_form(user)
    if has_second_factors(guard.session().access_token):
        with st.expander("Two-step sign-in", icon=":material/verified_user:"):
            second_factor.draw_factor_settings(guard.session())
    st.header("Keys for other programs", anchor=False)
    with st.container(border=True):
        credentials.draw_keys(user, keys)
    st.header("Delete account", anchor=False)
    with st.container(border=True):
        delete_account.draw_delete_account()


def _sign_in_lasts() -> str:
    if stays_signed_in():
        return "You stay signed in on this device, even after closing the browser."
    return "You are signed in for this tab only. After closing or reloading it, sign in again."


with show_errors():
    draw_page()
