"""Draws the forms for the account's password and address, and the list of devices that are signed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from auth import guard
from auth.errors import ConfirmItsYou
from auth.guard import User
from auth.session import Device
from memory.errors import AppError
from ui import dates
from ui.account.entry_fields import count_attempt, new_password_field
from ui.elements import as_code, escape
from ui.frame import show_error, show_errors

__all__ = ["draw_address_form", "draw_devices", "draw_password_form", "sign_out"]

CODE_SENT, RESULT, CHANGES = "password_code_sent", "credentials_said", "password_changes"
JUST_NOW = timedelta(minutes=10)


def draw_password_form(user: User) -> None:
    """Draw the form for a new password; it asks for a mailed code as well when the auth server wants one."""
    # Another key for each change empties the fields.
    changes = st.session_state.get(CHANGES, 0)
    with st.form("password_form", border=False):
        old = st.text_input(
            "Current password",
            type="password",
            key=f"password_old-{changes}",
            autocomplete="current-password",
        )
        new = new_password_field(f"password_new-{changes}")
        sent = st.session_state.get(CODE_SENT)
        code = st.text_input("Code from the mail", key="password_nonce") if sent else ""
        submitted = st.form_submit_button("Change password", type="primary")
    if submitted:
        try:
            _set_password(user, old, new, code)
        except ConfirmItsYou as error:
            st.session_state[CODE_SENT], st.session_state[RESULT] = True, error
            st.rerun()
        except AppError as error:
            show_error(error)
        else:
            st.session_state.pop(CODE_SENT, None)
            st.session_state[CHANGES], st.session_state[RESULT] = (
                changes + 1,
                "Your password is changed. Your other devices are signed out.",
            )
            st.rerun()
    result = st.session_state.pop(RESULT, None)
    if isinstance(result, AppError):
        show_error(result)
    elif result:
        st.success(escape(result), icon=":material/check:")
    st.caption("You have none, or forgot it? Sign out, and choose *Forgot your password?*")


def _set_password(user: User, old: str, new: str, code: str) -> None:
    client, session = guard.client(), guard.session()
    # Somebody at a device that was left signed in may try passwords and codes here.
    count_attempt(user.email)
    if not code:
        client.check_password(user.email, old)
    client.change_password(session, new, code)
    client.sign_out(session, "others")
    guard.sessions().revoke_all(user.id, but=guard.device().id)


def draw_address_form(user: User) -> None:
    """Draw the form for a new address, which counts once the links in the mails were followed."""
    with st.form("address_form", border=False):
        st.text(f"Your address is {user.email}")
        new = st.text_input("New e-mail address", key="address_new", autocomplete="email")
        submitted = st.form_submit_button("Change address", type="primary")
    if not submitted:
        return
    try:
        count_attempt(user.email)  # each attempt may send a mail to a stranger
        at_once = guard.client().change_email(guard.session(), new)
        if at_once:
            guard.refresh_session()
    except AppError as error:
        show_error(error)
        return
    if at_once:
        st.success("Your address is changed.", icon=":material/check:")
    else:
        st.success(
            f"Open the link in the mail to {as_code(new.strip())}; if one came to your present address too, in both.",
            icon=":material/mail:",
        )


def draw_devices(user: User) -> None:
    """Draw a line for each device, this one first. Each of the others can be signed out."""
    this_device = guard.device().id
    devices = guard.sessions().devices(user.id)
    for device in sorted(devices, key=lambda device: device.id != this_device):
        _draw_device(user, device, is_this=device.id == this_device)
    if len(devices) > 1 and st.button("Sign out everywhere", icon=":material/logout:", key="everywhere"):
        sign_out(everywhere=True)


def sign_out(*, everywhere: bool = False) -> None:
    """Sign out here or everywhere, and say so if the auth server could not be reached."""
    with show_errors():
        problem = guard.sign_out(everywhere=everywhere)
        if problem:
            st.toast(escape(problem))
        st.switch_page("pages/welcome.py")


def _draw_device(user: User, device: Device, *, is_this: bool) -> None:
    row = st.container(horizontal=True, wrap=False, vertical_alignment="center", key=f"device-{device.id}")
    with row.container(gap="xxsmall"):
        st.markdown(f"{_icon(device.name)} {escape(device.name)}" + (" :green-badge[This device]" if is_this else ""))
        st.caption(_last_used(device))
    if not is_this and row.button("Sign out", key=f"revoke-{device.id}", type="tertiary"):
        with show_errors():
            guard.sessions().revoke(user.id, device.id)
            st.rerun()


def _icon(name: str) -> str:
    small = any(word in name for word in ("iPhone", "Android"))
    return ":material/smartphone:" if small else ":material/computer:"


def _last_used(device: Device) -> str:
    zone = dates.timezone()
    opened = f"since {device.opened_at.astimezone(zone):%d %b %Y, %H:%M}"
    if datetime.now(UTC) - device.seen_at < JUST_NOW:
        seen = "in use now"
    else:
        seen = f"last used {device.seen_at.astimezone(zone):%d %b %Y, %H:%M}"
    return " · ".join([seen, opened] + ([] if device.kept else ["until its tab is closed"]))
