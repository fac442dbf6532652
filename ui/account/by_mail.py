"""Draws the steps of signing in by email: asking for a mail, its code, its link, and choosing a new password.

A link asks for a press of a button, because mail scanners open every link they see. Before it signs anybody in, it says
whose account it opens: somebody may have sent their own link. No answer tells whether an address has an account.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import streamlit as st

from auth import guard
from auth.errors import SignInError
from auth.person import Session, checked_password
from memory.errors import AppError
from services import services
from ui.account.entry_fields import back_to_sign_in, code_field, count_attempt, new_password_field
from ui.account.second_factor import RECOVERED, enter_or_require_code, require_code
from ui.elements import as_code, escape
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
OPENED_LINK = "opened_link"  # the session of a link, until the person says that its address is theirs


class Mail(NamedTuple):
    """A mail that the person asks for: what it is for, and its address once it was sent."""

    kind: str
    address: str = ""


# Title and words of the page that a link leads to, by the kind of the link.
LINKS = {
    "recovery": ("Choose a new password", "Continue to choose a new password."),
    "email_change": ("Your new address", "Confirm that you want to use this email address."),
    "magiclink": ("Welcome back", "Continue to sign in."),
    "any": ("One more step", "Confirm your email address to continue."),
}
# Title and words of the form that asks for an address.
REQUESTS = {
    "recovery": ("Choose a new password", "We'll email you a link and a code."),
    "magiclink": ("Sign in without a password", "We'll email you a link and a code. Use either one to sign in."),
}
# Shown once a mail was asked for. The words do not reveal whether the address has an account.
MAIL_SENT = (
    "If there is an account for {address}, an email is on its way. Open its link, or enter its code here. "
    "Nothing came? Check your spam folder, or try again in an hour."
)
CONFIRMATION_SENT = (
    "Almost there. We sent an email to {address}. Open its link, or enter its code here. "
    "Nothing came? You may already have an account: go back and sign in."
)


def is_under_way() -> bool:
    """Return whether this tab waits for an address, a code, a new password, or a yes to the address of a link."""
    return any(name in st.session_state for name in (MAIL, RECOVERED, OPENED_LINK))


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
    back_to_sign_in(MAIL, RECOVERED, OPENED_LINK, NOTE)


def draw_next_step() -> None:
    """Draw the form that comes next: for the address of a link, for an address, for a code, or for a new password."""
    mail: Mail = st.session_state.get(MAIL) or Mail("recovery")
    if OPENED_LINK in st.session_state:
        _draw_whose_link()
        return
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
    _draw_link_heading(kind if kind in LINKS else "any")
    label = "Continue" if kind in ("magiclink", "recovery") else "Confirm my address"
    if st.button(label, type="primary"):
        try:
            session = guard.client().use_link(st.query_params["token_hash"], kind)
        except AppError as error:
            show_error(error)
        else:
            st.query_params.clear()
            if session is None:
                st.success("Confirmed. Now open the link we sent to your other address.", icon=":material/mail:")
            else:
                _enter_by_link(session, kind)
    draw_back_button()


def _enter_by_link(session: Session, kind: str) -> None:
    """Go on with the session of a link. The next page says whose it is, unless that person is signed in already."""
    if kind == "recovery":
        st.session_state[RECOVERED] = session
    elif (user := guard.current_user()) is not None and user.id == session.user_id:
        enter_or_require_code(session)
    else:
        st.session_state[OPENED_LINK] = session
    st.rerun()


def _draw_whose_link() -> None:
    """Ask whether the address of a link is the person's own, before the link signs them in."""
    session: Session = st.session_state[OPENED_LINK]
    st.title("Is this your address?", anchor=False)
    st.markdown(f"This link signs you in as {as_code(session.email)}.")
    st.markdown("If this isn't your address, don't continue: someone else could read what you write.")
    with st.container(horizontal=True):
        yes = st.button("Yes, sign me in", type="primary")
        no = st.button("No, that's not me")
    if yes:
        del st.session_state[OPENED_LINK]
        enter_or_require_code(session)
    if no:
        del st.session_state[OPENED_LINK]
        with suppress(SignInError):  # nobody is signed in here, whether or not the server hears of it
            guard.client().sign_out(session)
        st.rerun()


def _draw_link_heading(kind: str) -> None:
    title, words = LINKS[kind]
    st.title(title, anchor=False)
    st.markdown(words)


def _draw_address_form(kind: str) -> None:
    title, words = REQUESTS[kind]
    st.title(title, anchor=False)
    st.markdown(words)
    _draw_where_mail_goes()
    with st.form("mail_form", border=True):
        address = st.text_input("Email", key="mail_address", autocomplete="email")
        submitted = st.form_submit_button("Send email", type="primary", width="stretch")
    if submitted and _send(Mail(kind, address)):
        wait_for_code(kind, address)
        st.rerun()
    _show_note()


def _draw_code_form(mail: Mail) -> None:
    st.title("Check your email", anchor=False)
    words = CONFIRMATION_SENT if mail.kind == "signup" else MAIL_SENT
    st.markdown(words.format(address=as_code(mail.address)))
    _draw_where_mail_goes()
    new = ""
    with st.form("code_form", border=True):
        code = code_field("mail_code")
        if mail.kind == "recovery":
            new = new_password_field("mail_password")
        submitted = st.form_submit_button("Continue", type="primary", width="stretch")
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
    if st.button("Resend email", type="tertiary", icon=":material/mail:") and _send(mail):
        st.session_state[NOTE] = "Use the newest email. A new one is sent at most once a minute."
    _show_note()


def _draw_where_mail_goes() -> None:
    """Say where the link and the code are on one's own machine, which sends no email."""
    app = services()
    if app.settings.local:
        log = app.settings.data_dir.expanduser() / "logs" / "auth.log"
        st.info(f"This machine sends no email. The link and the code are at the end of {as_code(str(log))}.")


def _draw_new_password() -> None:
    recovered: Session = st.session_state[RECOVERED]
    st.title("Choose a new password", anchor=False)
    st.markdown(
        f"This is the account of {as_code(recovered.email)}. Saving a new password signs you in here and signs out all "
        "other devices."
    )
    with st.form("new_password_form", border=True):
        new = new_password_field("recovery_password")
        submitted = st.form_submit_button("Save and sign in", type="primary", width="stretch")
    _show_note()
    if not submitted:
        return
    try:
        checked_password(new)
    except AppError as error:
        show_error(error)
    else:
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
        st.success(escape(note), icon=":material/mail:")
