"""Draws the fields and the back button that the ways to sign in share, and applies the limits on signing in."""

from __future__ import annotations

import streamlit as st

from services import services

__all__ = [
    "back_to_sign_in",
    "check_admission",
    "code_field",
    "count_attempt",
    "invitation_field",
    "new_password_field",
]


def count_attempt(email: str) -> None:
    """Count an attempt to sign in with this address; raise `TooManyAttempts` when there were too many."""
    limits = services().limits
    network_address = limits.address_of(st.context.headers.get_all("X-Forwarded-For"), st.context.ip_address)
    limits.may_try_sign_in(email, network_address)


def invitation_field() -> str | None:
    """Draw the field for an invitation, if one is needed; a link may fill it in. Returns what was typed."""
    if services().settings.admission != "invitation":
        return None
    from_link = st.query_params.get("invitation", "")
    label, help_text = "Invitation", "You get one from whoever runs this app."
    return st.text_input(label, value=from_link, key="sign_up_invitation", help=help_text)


def check_admission(email: str, invited: str | None) -> None:
    """Raise `NotInvited` unless this address may make an account."""
    services().limits.may_sign_up(email, invited)


def new_password_field(key: str, label: str | None = None) -> str:
    """Draw the field for a new password, for which browsers offer to make one up. Returns what was typed."""
    return st.text_input(
        label or "New password",
        type="password",
        key=key,
        autocomplete="new-password",
        placeholder="At least 8 characters",
    )


def code_field(key: str) -> str:
    """Draw the field for a code that was mailed or that an app shows. Returns what was typed."""
    return st.text_input("Code", key=key, autocomplete="one-time-code", placeholder="123456")


def back_to_sign_in(*steps: str) -> None:
    """Draw the button that leads back to the welcome page; it removes these entries from the session."""
    if st.button("Back to sign-in", key="back-to-sign-in", type="tertiary", icon=":material/arrow_back:"):
        for name in steps:
            st.session_state.pop(name, None)
        st.query_params.clear()
        st.rerun()
