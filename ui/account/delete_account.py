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
from ui.elements import as_code, draw_erase_receipt, escape, in_words, plural
from ui.frame import show_errors

__all__ = ["draw_delete_account", "draw_farewell"]

FAREWELL = "farewell"
# What people know of the rows that are erased, for one and for several.
REMOVED = {
    "conversations": ("1 chat", "{number} chats"),
    "messages": ("1 message", "{number} messages"),
    "sessions": ("1 device", "{number} devices"),
    "api_keys": ("1 key", "{number} keys"),
}
SIGN_IN_HELD = (
    "Your email address and password are still on the sign-in server, because other data there depends on them. "
    "Whoever runs this app can delete them; the database's log says what depends on them."
)
SIGN_IN_OUT_OF_REACH = (
    "Your email address and password are still on the sign-in server, where this app may not delete them. Whoever runs "
    "this app can: in Supabase, under Authentication → Users."
)


def draw_delete_account() -> None:
    """Draw the button that deletes the account, after a confirmation."""
    st.markdown("This permanently deletes your memories, chats, settings and account.")
    if st.button("Delete my account", icon=":material/delete_forever:", key="delete-account"):
        _draw_delete_dialog()


@st.dialog("Delete your account?")
def _draw_delete_dialog() -> None:
    with show_errors():
        user = require_user()
        st.markdown(f"This cannot be undone. Type {as_code(user.email)} to continue.")
        typed = st.text_input("Your email address", key="delete_typed", autocomplete="off")
        if st.button("Delete everything", type="primary", key="really-delete-account"):
            _delete_account(user, typed)
            st.switch_page("pages/welcome.py")


def _delete_account(user: User, typed: str) -> None:
    if typed.strip().lower() != user.email.lower():
        raise InvalidInput("That is not the email address of this account. Nothing was deleted.")
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
    st.header("Your account has been deleted.", anchor=False)
    if any(gone.memories.erased.values()):
        draw_erase_receipt(gone.memories)
    if others := [plural(gone.removed[name], *REMOVED[name]) for name in REMOVED if gone.removed.get(name)]:
        st.caption(f"{in_words(others)} deleted.")
    if not gone.proved:
        st.warning("Some of it is still there. Sign in again and delete it once more.", icon=":material/error:")
    if not gone.sign_in_gone:
        why = SIGN_IN_HELD if gone.sign_in_held else SIGN_IN_OUT_OF_REACH
        st.info(escape(f"{why} {_coming_back()}"), icon=":material/info:")


def _coming_back() -> str:
    if services().settings.admission == "invitation":
        return "To come back, you need a new invitation. You would start from scratch."
    return "If you sign in again, you start from scratch."
