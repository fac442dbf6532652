"""Draws the steps of signing in by email: asking for a mail, its code, its link, and choosing a new password.

A link asks for a press of a button, because mail scanners open every link they see. No answer tells whether an address
has an account.
"""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from auth import guard
from auth.person import Session, checked_password
from memory.errors import AppError
from ui.account.entry_fields import back_to_sign_in, code_field, count_attempt, new_password_field
from ui.account.second_factor import RECOVERED, enter_or_require_code, require_code
from ui.elements import as_code
from ui.frame import show_error

__all__ = [
    "ask_for_address",
    "draw_back_button",
    "draw_link_page",
    "draw_next_step",
    "is_under_way",
    "resend",
    "wait_for_code",
]

MAIL, NOTE = "mail", "mail_note"


class Mail(NamedTuple):
    """A mail that the person asks for: what it is for, and its address once it was sent."""

    kind: str
    address: str = ""


# Title and words of the page that a link leads to, by the kind of the link.
LINKS = {
    "recovery": ("Choose a new password", "Your other devices are signed out when you save it."),
    "email_change": ("Your new address", "Press the button to confirm the change of your e-mail address."),
    "magiclink": ("Welcome back", "Press the button to come in."),
    "any": ("One more step", "Press the button to confirm your e-mail address and come in."),
}
# Title and words of the form that asks for an address.
REQUESTS = {
    "recovery": ("Choose a new password", "We mail you a link and a code. They prove that the address is yours."),
    "magiclink": ("Come in without a password", "We mail you a link and a code. Either lets you in, once."),
}
# Shown once a mail was asked for. The words do not reveal whether the address has an account.
MAIL_SENT = "If there is an account for {address}, a mail is on its way: open its link, or type its code here."
CONFIRMATION_SENT = "Almost there. We sent a mail to {address}: open the link in it, or type its code here."


def is_under_way() -> bool:
    """Return whether this tab waits for an address, a code or a new password."""
    return MAIL in st.session_state or RECOVERED in st.session_state


def ask_for_address(kind: str) -> None:
    """Show the form that asks for an address, from the next run on."""
    st.session_state[MAIL] = Mail(kind)


def wait_for_code(kind: str, address: str) -> None:
    """Show the form for the code of a mail that was sent, from the next run on."""
    st.session_state[MAIL] = Mail(kind, address.strip())


def resend(address: str) -> None:
    """Mail the confirmation of a new account again, and show the form for its code."""
    wait_for_code("signup", address)
    _send(Mail("signup", address))


def draw_back_button() -> None:
    """Draw the button that leaves signing in by mail."""
    back_to_sign_in(MAIL, RECOVERED, NOTE)


def draw_next_step() -> None:
    """Draw the form that comes next: for an address, for a code, or for a new password."""
    mail: Mail = st.session_state.get(MAIL) or Mail("recovery")
    if RECOVERED in st.session_state:
        _draw_new_password()
    elif mail.address:
        _draw_code_form(mail)
    else:
        _draw_address_form(mail.kind)
    draw_back_button()


def draw_link_page() -> None:
    """Draw the page that the link in a mail leads to."""
    kind = st.query_params.get("type", "signup")
    if kind == "recovery":
        _draw_new_password()
        draw_back_button()
        return
    _draw_link_heading(kind if kind in LINKS else "any")
    label = "Come in" if kind == "magiclink" else "Confirm my address"
    if st.button(label, type="primary"):
        try:
            session = guard.client().use_link(st.query_params["token_hash"], kind)
        except AppError as error:
            show_error(error)
        else:
            st.query_params.clear()
            if session is None:
                st.success("Confirmed. Now open the link in the mail to your other address.", icon=":material/mail:")
            else:
                enter_or_require_code(session)
    draw_back_button()


def _draw_link_heading(kind: str) -> None:
    title, words = LINKS[kind]
    st.title(title, anchor=False)
    st.markdown(words)


def _draw_address_form(kind: str) -> None:
    title, words = REQUESTS[kind]
    st.title(title, anchor=False)
    st.markdown(words)
    with st.form("mail_form", border=True):
        address = st.text_input("E-mail", key="mail_address", autocomplete="email")
        submitted = st.form_submit_button("Mail it to me", type="primary", width="stretch")
    if submitted and _send(Mail(kind, address)):
        wait_for_code(kind, address)
        st.rerun()
    _show_note()


def _draw_code_form(mail: Mail) -> None:
    st.title("Look at your mail", anchor=False)
    words = CONFIRMATION_SENT if mail.kind == "signup" else MAIL_SENT
    st.markdown(words.format(address=as_code(mail.address)))
    new = ""
    with st.form("code_form", border=True):
        code = code_field("mail_code")
        if mail.kind == "recovery":
            new = new_password_field("mail_password")
        submitted = st.form_submit_button("Go on", type="primary", width="stretch")
    if submitted:
        try:
            if mail.kind == "recovery":
                checked_password(new)  # before the code is used up
            count_attempt(mail.address)
            session = guard.client().use_code(mail.address, code, mail.kind)
        except AppError as error:
            show_error(error)
        else:
            if mail.kind == "recovery":
                _set_password_and_enter(session, new)
            else:
                enter_or_require_code(session)
    if st.button("Mail it again", type="tertiary", icon=":material/mail:") and _send(mail):
        st.session_state[NOTE] = "Sent again. Only the latest mail counts."
    _show_note()


def _draw_new_password() -> None:
    _draw_link_heading("recovery")
    with st.form("new_password_form", border=True):
        new = new_password_field("recovery_password")
        submitted = st.form_submit_button("Save and come in", type="primary", width="stretch")
    _show_note()
    if not submitted:
        return
    try:
        checked_password(new)  # before the link is used up
        recovered: Session | None = st.session_state.get(RECOVERED)
        if recovered is None:
            recovered = guard.client().use_link(st.query_params.get("token_hash", ""), "recovery")
    except AppError as error:
        show_error(error)
        return
    if recovered is not None:
        _set_password_and_enter(recovered, new)


def _set_password_and_enter(recovered: Session, new: str) -> None:
    """Set the new password, sign out all other devices, and enter. The mail cannot be used again."""
    st.session_state[RECOVERED] = recovered
    st.session_state.pop(MAIL, None)
    st.query_params.clear()
    if recovered.needs_second_factor:
        require_code(recovered)
    try:
        guard.client().change_password(recovered, new)
        guard.client().sign_out(recovered, "others")
        guard.sessions().revoke_all(recovered.user_id)
    except AppError as error:
        st.session_state[NOTE] = error
        st.rerun()
    guard.sign_in(recovered)
    guard.open_wanted_page()


def _send(mail: Mail) -> bool:
    client = guard.client()
    post = {"signup": client.resend, "recovery": client.send_recovery, "magiclink": client.send_link}[mail.kind]
    try:
        count_attempt(mail.address)
        post(mail.address)
    except AppError as error:
        st.session_state[NOTE] = error
        return False
    return True


def _show_note() -> None:
    note = st.session_state.pop(NOTE, None)
    if isinstance(note, AppError):
        show_error(note)
    elif note:
        st.success(note, icon=":material/mail:")
