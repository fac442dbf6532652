"""The box for a new password, wherever one is chosen. What a good one is, auth.person says."""

from __future__ import annotations

import streamlit as st

from texts import text

__all__ = ["new_password"]


def new_password(key: str, label: str | None = None) -> str:
    """What was typed into it; browsers offer to make one up, and to keep it."""
    return st.text_input(
        label or text("signing_in.new_password"),
        type="password",
        key=key,
        autocomplete="new-password",
        placeholder=text("signing_in.password_hint"),
    )
