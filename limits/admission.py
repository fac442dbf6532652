"""Who may make an account here: anybody, who is on a list, or who has an invitation. It signs nobody up.

`python -m limits` makes invitations.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import Connection, text

from auth.errors import NotInvited
from limits.spending import hashed
from memory.database import Database
from settings import Settings

__all__ = ["Admission", "invite", "on_list"]

CODE_BYTES = 16
_USE = "select app.use_invitation(%(code)s, %(address)s) as let_in"
_KNOWN = "select app.was_invited(%(address)s) as let_in"


class Admission:
    """The door as the settings have it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings

    def check_new(self, email: str, invitation: str | None) -> None:
        """Raise `NotInvited` unless this address may make an account; an invitation is used up by it."""
        if self._settings.admission == "list":
            self._check_list(email)
        elif self._settings.admission == "invitation" and not self._use(email, invitation or ""):
            raise NotInvited(
                "An invitation is needed here, and this one is unknown, too old, or used by somebody else. "
                "Ask whoever runs this Keepsake for one."
            )

    def check_known(self, email: str, *, new: bool) -> None:
        """Raise `NotInvited` unless this address, which has an account, would have been let in.

        An account can also be made at the auth server, past this app: so a new one needs its invitation here,
        too. Who was here before invitations were asked for stays.
        """
        if self._settings.admission == "list":
            self._check_list(email)
        elif self._settings.admission == "invitation" and new and not self._was_invited(email):
            raise NotInvited("This account was made without an invitation. Ask whoever runs this Keepsake for one.")

    def _check_list(self, email: str) -> None:
        if not on_list(email, self._settings.admitted or ""):
            raise NotInvited("This address is not on the list of this Keepsake. Ask whoever runs it.")

    def _use(self, email: str, invitation: str) -> bool:
        values = {"code": hashed(invitation.strip()), "address": hashed(_same(email))}
        return bool(self._database.read_as_worker(_USE, values)[0]["let_in"])

    def _was_invited(self, email: str) -> bool:
        return bool(self._database.read_as_worker(_KNOWN, {"address": hashed(_same(email))})[0]["let_in"])


def on_list(email: str, admitted: str) -> bool:
    """Whether an address is among addresses and @domains with commas between; a domain does not stand for those below.

    Signs that only look alike are different: the auth server takes them for different addresses, too.
    """
    address = _same(email)
    name, _, domain = address.partition("@")
    if not name or not domain or "@" in domain or "," in address or len(address.split()) != 1:
        return False
    wanted = {_same(each) for each in admitted.split(",") if each.strip()}
    return address in wanted or f"@{domain}" in wanted


def invite(connection: Connection, days: int) -> str:
    """Make an invitation, as the administrator; only its hash is kept."""
    code = secrets.token_urlsafe(CODE_BYTES)
    connection.execute(
        text("insert into app_shared.invitations (code, ends_at) values (:code, now() + :life)"),
        {"code": hashed(code), "life": timedelta(days=days)},
    )
    return code


def _same(email: str) -> str:
    return email.strip().lower()
