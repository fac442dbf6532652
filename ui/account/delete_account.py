"""Deleting an account, and what is said afterwards. Draws and collects; the house does it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from auth import guard
from auth.errors import AuthUnreachable
from auth.guard import User, require_user
from memory.errors import InvalidInput
from services import AccountDeletion, services
from texts import text
from ui.elements import as_typed, deletion_receipt
from ui.frame import trouble

__all__ = ["farewell", "offer"]

FAREWELL = "farewell"
GONE = ("sessions", "people", "messages", "conversations")


def offer() -> None:
    """The way out for good."""
    st.markdown(text("account.delete.what"))
    if st.button(text("account.delete.delete"), icon=":material/delete_forever:", key="delete-account"):
        _confirm()


@st.dialog(text("account.delete.title"))
def _confirm() -> None:
    with trouble():
        user = require_user()
        st.markdown(text("account.delete.type_address", address=as_typed(user.email)))
        typed = st.text_input(text("account.delete.address"), key="delete_typed", autocomplete="off")
        if st.button(text("account.delete.really"), type="primary", key="really-delete-account"):
            _delete(user, typed)
            st.switch_page("pages/welcome.py")


def _delete(user: User, typed: str) -> None:
    if typed.strip().lower() != user.email.lower():
        raise InvalidInput(text("account.delete.other_address"))
    leaving = guard.session()
    guard.client().confirm_alive(leaving)
    gone = services().delete_account(user.id)
    with suppress(AuthUnreachable):  # then it stays, and the page says so
        if not gone.sign_in_gone and guard.client().delete_sign_in(leaving):
            gone = replace(gone, sign_in_gone=True)
    guard.leave(everywhere=True)
    st.session_state[FAREWELL] = gone


def farewell() -> None:
    """The receipt, shown once to who has just left."""
    gone: AccountDeletion | None = st.session_state.pop(FAREWELL, None)
    if gone is None:
        return
    st.header(text("account.farewell.title"), anchor=False)
    if any(gone.memories.erased.values()):
        deletion_receipt(gone.memories)
    others = {name: count for name, count in gone.removed.items() if name != "sign_in"}
    if others:
        st.caption(", ".join(f"{_named(name)}: {count}" for name, count in others.items()))
    if not gone.proved:
        st.warning(text("account.farewell.found_again"), icon=":material/error:")
    if not gone.sign_in_gone:
        st.info(text("account.farewell.sign_in_kept"), icon=":material/info:")


def _named(table: str) -> str:
    return text(f"account.farewell.gone.{table}") if table in GONE else table
