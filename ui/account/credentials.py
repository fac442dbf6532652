"""Draws the forms for the account's password and address, the devices that are signed in, and the keys for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from auth import guard
from auth.errors import ConfirmItsYou
from auth.guard import User
from auth.keys import ApiKey
from auth.session import Device
from memory.errors import AppError
from services import services
from ui import dates
from ui.account.entry_fields import count_attempt, new_password_field
from ui.elements import as_code, escape
from ui.frame import show_error, show_errors

__all__ = ["draw_address_form", "draw_devices", "draw_keys", "draw_password_form", "sign_out"]

CODE_SENT, RESULT, CHANGES = "password_code_sent", "credentials_said", "password_changes"
JUST_NOW = timedelta(minutes=10)
MADE, PROBLEM = "key_made", "key_problem"
READS, WRITES = "Read", "Read and write"
DAYS = {"30 days": 30, "90 days": 90, "1 year": 365}


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
        code = st.text_input("Code from the email", key="password_nonce") if sent else ""
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
                "Password changed. Your other devices have been signed out.",
            )
            st.rerun()
    result = st.session_state.pop(RESULT, None)
    if isinstance(result, AppError):
        show_error(result)
    elif result:
        st.success(escape(result), icon=":material/check:")
    st.caption("No password, or forgot it? Sign out and choose *Forgot your password?*")


def _set_password(user: User, old: str, new: str, code: str) -> None:
    client, session = guard.client(), guard.session()
    # Somebody at a device that was left signed in may try passwords and codes here.
    count_attempt(user.email)
    if not code:
        client.check_password(user.email, old)
    client.change_password(session, new, code, old=old)
    client.sign_out(session, "others")
    guard.sessions().revoke_all(user.id, but=guard.device().id)


def draw_address_form(user: User) -> None:
    """Draw the form for a new address, which counts once the links in the mails were followed."""
    with st.form("address_form", border=False):
        st.text(f"Current email address: {user.email}")
        new = st.text_input("New email address", key="address_new", autocomplete="email")
        submitted = st.form_submit_button("Change email", type="primary")
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
        st.success("Email address changed.", icon=":material/check:")
    else:
        st.success(
            f"Open the link we sent to {as_code(new.strip())}. If your current address got one too, open both.",
            icon=":material/mail:",
        )


def draw_devices(user: User, devices: Sequence[Device]) -> None:
    """Draw a line for each device, this one first. Each of the others can be signed out."""
    this_device = guard.device().id
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
    return " · ".join([seen, opened] + ([] if device.kept else ["this tab only"]))


def draw_keys(user: User, keys: Iterable[ApiKey]) -> None:
    """Draw the new key if one was just made, the list of keys, and the form for another one."""
    st.markdown("With a key, another program of yours reads your memories here, and adds to them if you allow it.")
    if services().settings.local and services().settings.api_port:
        st.caption(f"Its address: {as_code(f'http://localhost:{services().settings.api_port}')}")
    if MADE in st.session_state:
        _draw_new_key()
    for key in keys:
        _draw_key(user, key)
    with st.expander("New key", icon=":material/key:", key="new-key"):
        _draw_form(user)


def _draw_new_key() -> None:
    """Draw the key that was just made, until the person has copied it."""
    with st.container(border=True, key="key-made"):
        st.markdown("**Copy your key now.** It is not shown again.")
        st.code(st.session_state[MADE], language=None)
        st.button("I copied it", key="key-copied", on_click=lambda: st.session_state.pop(MADE, None))


def _draw_form(user: User) -> None:
    if problem := st.session_state.pop(PROBLEM, None):
        show_error(problem)
    with st.form("key_form", border=False):
        st.text_input("Name", key="key_name", placeholder="The program that will use it", max_chars=60)
        st.selectbox("Access", [READS, WRITES], key="key_scope")
        st.selectbox("Expires after", list(DAYS), index=1, key="key_days")
        st.form_submit_button("Create key", type="primary", on_click=_make, args=(user,))


def _make(user: User) -> None:
    state = st.session_state
    try:
        made = services().keys.make(
            user.id,
            state["key_name"],
            address=user.email,
            can_write=state["key_scope"] == WRITES,
            days=DAYS[state["key_days"]],
        )
    except AppError as error:
        state[PROBLEM] = error
    else:
        state[MADE], state["key_name"] = made.key, ""


def _draw_key(user: User, key: ApiKey) -> None:
    row = st.container(horizontal=True, wrap=False, vertical_alignment="center", key=f"key-{key.id}")
    with row.container(gap="xxsmall"):
        st.markdown(f":material/key: {escape(key.name)}" + (" :orange-badge[Expired]" if key.is_over else ""))
        st.caption(_about(key))
    if row.button("Remove" if key.is_over else "Revoke", key=f"end-{key.id}", type="tertiary"):
        with show_errors():
            services().keys.end(user.id, key.id)
            st.rerun()


def _about(key: ApiKey) -> str:
    zone = dates.timezone()
    used = f"last used {key.used_at.astimezone(zone):%d %b %Y, %H:%M}" if key.used_at else "not used yet"
    until = "expired" if key.is_over else "until"
    may = WRITES if key.can_write else READS
    return f"{may} · {used} · {until} {key.ends_at.astimezone(zone):%d %b %Y}"
