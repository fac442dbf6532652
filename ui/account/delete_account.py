"""Draws the button that deletes the account, and the receipt that is shown afterwards."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from auth import guard
from auth.errors import AuthUnreachable
from auth.guard import User, require_user
from memory.errors import InvalidInput
from services import AccountDeletion, services
from ui.elements import as_code, draw_erase_receipt
from ui.frame import show_errors

__all__ = ["draw_delete_account", "draw_farewell"]

FAREWELL = "farewell"
# The names of the tables whose rows are erased.
TABLE_NAMES = {
    "sessions": "devices",
    "people": "settings",
    "messages": "messages",
    "conversations": "chats",
}


def draw_delete_account() -> None:
    """Draw the button that deletes the account, after a confirmation."""
    st.markdown("Everything goes for good: memories, chats, settings, and every device you are signed in on.")
    if st.button("Delete my account", icon=":material/delete_forever:", key="delete-account"):
        _draw_delete_dialog()


@st.dialog("Delete your account?")
def _draw_delete_dialog() -> None:
    with show_errors():
        user = require_user()
        st.markdown(f"Nothing of it can be brought back. Type {as_code(user.email)} to go on.")
        typed = st.text_input("Your e-mail address", key="delete_typed", autocomplete="off")
        if st.button("Delete everything", type="primary", key="really-delete-account"):
            _delete_account(user, typed)
            st.switch_page("pages/welcome.py")


def _delete_account(user: User, typed: str) -> None:
    if typed.strip().lower() != user.email.lower():
        raise InvalidInput("This is not the address of this account: nothing was deleted.")
    session = guard.session()
    guard.client().confirm_alive(session)
    gone = services().delete_account(user.id, user.email)
    with suppress(AuthUnreachable):  # the sign-in stays, and the page says so
        if not gone.sign_in_gone and guard.client().delete_sign_in(session):
            gone = replace(gone, sign_in_gone=True)
    guard.sign_out(everywhere=True)
    st.session_state[FAREWELL] = gone


def draw_farewell() -> None:
    """Draw the receipt of an account that was just deleted, once."""
    gone: AccountDeletion | None = st.session_state.pop(FAREWELL, None)
    if gone is None:
        return
    st.header("Your account is deleted.", anchor=False)
    if any(gone.memories.erased.values()):
        draw_erase_receipt(gone.memories)
    others = {name: count for name, count in gone.removed.items() if name != "sign_in"}
    if others:
        st.caption(", ".join(f"{TABLE_NAMES.get(name, name)}: {count}" for name, count in others.items()))
    if not gone.proved:
        st.warning("Something of it was found again. Sign in once more, and delete it again.", icon=":material/error:")
    if gone.sign_in_held and not gone.sign_in_gone:
        st.info(
            (
                "Your address and password are kept by the sign-in server, because something else in its database "
                "refers to them. Whoever runs it can delete them; the database's log says what it is. "
                "Signing in again would begin with nothing."
            ),
            icon=":material/info:",
        )
    elif not gone.sign_in_gone:
        st.info(
            (
                "Your address and password are kept by the sign-in server, where this app may not "
                "delete. Whoever runs it can, in Supabase under Authentication → Users. Signing in again "
                "would begin with nothing."
            ),
            icon=":material/info:",
        )
