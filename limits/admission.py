"""Decides who may make an account: anybody, people on a list, or people with an invitation. auth/ makes the accounts.

`python -m limits` makes invitations.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Connection, text

from auth.errors import NotInvited
from limits.spending import hashed
from memory.database import Database
from settings import Settings

__all__ = ["Admission", "invite", "on_list"]

CODE_BYTES = 16
_USE = "select app.use_invitation(%(code)s, %(address)s) as admitted"
_FORGET = "select app.forget_invited(%(address)s)"
_UNCONFIRMED = (
    "New accounts are closed for now: the sign-in server does not confirm email addresses. Whoever runs this app has "
    "to switch that on first."
)
_KNOWN = "select app.was_invited(%(address)s) as admitted"


class Admission:
    """Decides who may have an account, according to the settings."""

    def __init__(
        self, database: Database, settings: Settings, confirms_addresses: Callable[[], bool] = lambda: True
    ) -> None:
        """Take the settings, and whether the auth server has people confirm their addresses."""
        self._database = database
        self._settings = settings
        self._confirms_addresses = confirms_addresses

    def check_new(self, email: str, invitation: str | None) -> None:
        """Raise `NotInvited` unless this address may make an account; this uses up the invitation."""
        if self._settings.admission == "list":
            self._check_list(email)
            self._check_confirmation()
        elif self._settings.admission == "invitation" and not self._use(email, invitation or ""):
            raise NotInvited(
                "You need a valid invitation. This one is unknown, expired, or already used. "
                "Ask whoever runs this app for a new one."
            )

    def check_known(self, email: str, *, new: bool) -> None:
        """Raise `NotInvited` unless this address, which has an account, was admitted.

        Accounts can also be made at the auth server without this app, so a new account is checked here, too. People who
        had an account before invitations were required keep it. `new` are those who never agreed to the consent page.
        """
        if self._settings.admission == "list":
            self._check_list(email)
            if new:
                self._check_confirmation()
        elif self._settings.admission == "invitation" and new and not self._was_invited(email):
            raise NotInvited(
                "This account has no invitation, or was deleted. Ask whoever runs this app for an invitation, enter it "
                "under Create account with this email address, and then sign in."
            )

    def forget(self, email: str) -> None:
        """Forget which address used an invitation; the invitation stays used."""
        if self._settings.admission == "invitation":
            self._database.read_as_worker(_FORGET, {"address": hashed(_normalized(email))})

    def _check_confirmation(self) -> None:
        if not self._confirms_addresses():
            raise NotInvited(_UNCONFIRMED)

    def _check_list(self, email: str) -> None:
        if not on_list(email, self._settings.admitted or ""):
            raise NotInvited("This email address is not on the list of people who may join. Ask whoever runs this app.")

    def _use(self, email: str, invitation: str) -> bool:
        values = {"code": hashed(invitation.strip()), "address": hashed(_normalized(email))}
        return bool(self._database.read_as_worker(_USE, values)[0]["admitted"])

    def _was_invited(self, email: str) -> bool:
        return bool(self._database.read_as_worker(_KNOWN, {"address": hashed(_normalized(email))})[0]["admitted"])


def on_list(email: str, admitted: str) -> bool:
    """Return whether an address is on a list of addresses and @domains, separated by commas.

    A domain does not include its subdomains. Characters that only look alike count as different.
    """
    address = _normalized(email)
    name, _, domain = address.partition("@")
    if not name or not domain or "@" in domain or "," in address or len(address.split()) != 1:
        return False
    wanted = {_normalized(each) for each in admitted.split(",") if each.strip()}
    return address in wanted or f"@{domain}" in wanted


def invite(connection: Connection, days: int) -> str:
    """Make an invitation, as the administrator; only its hash is stored."""
    code = secrets.token_urlsafe(CODE_BYTES)
    connection.execute(
        text("insert into app_shared.invitations (code, ends_at) values (:code, now() + :life)"),
        {"code": hashed(code), "life": timedelta(days=days)},
    )
    return code


def _normalized(email: str) -> str:
    return email.strip().lower()
