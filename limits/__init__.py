"""Limits and admission: how much each person may use, and everybody together; and who may come in at all.

    limits = Limits(database, settings)
    limits.may_try_sign_in(email, address)      before each attempt
    limits.may_come_in(email, invitation)       before an account is made

Each call either returns or raises a sentence for the person. It counts and refuses; it does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from database import Database
from errors import TooManyAttempts
from limits.address import address_of, counted_as, trusted_networks
from limits.admission import Admission
from limits.counts import Counted, Counts
from settings import Settings

__all__ = ["Limits"]

MINUTE, DAY = 60, 86_400
ATTEMPTS_SECONDS = 15 * MINUTE
# Several people may sit behind one network address.
PER_NETWORK = 10


class Limits:
    """What may be done how often, as the settings have it; a limit of 0 is none."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._settings = settings
        self._counts = Counts(database)
        self._admission = Admission(database, settings)
        self._trusted = trusted_networks(settings.trusted_proxies)

    def address_of(self, forwarded: Iterable[str], peer: str | None) -> str | None:
        """Where a request came from: every X-Forwarded-For line, and the other end of the connection."""
        return address_of(forwarded, peer, self._trusted)

    def may_try_sign_in(self, email: str, address: str | None) -> None:
        """Count an attempt to sign in, sign up or recover; raise `TooManyAttempts` when there were too many.

        `address` is where the request came from, or None where that cannot be believed (limits.address).
        """
        most = self._settings.sign_in_attempts
        if most == 0:
            return
        tried = [self._counts.across("sign-in", email.strip().lower(), 1, most, ATTEMPTS_SECONDS)]
        if address is not None:
            network = counted_as(address)
            tried.append(self._counts.across("sign-in from", network, 1, PER_NETWORK * most, ATTEMPTS_SECONDS))
        for each in tried:
            if each.amount is None:
                raise TooManyAttempts(f"That were too many attempts. Try again {in_words(each)}.")

    def may_come_in(self, email: str, invitation: str | None = None) -> None:
        """Raise `NotInvited` unless this address may make an account; the first to use an invitation keeps it."""
        self._admission.check_new(email, invitation)


def in_words(counted: Counted) -> str:
    """When to try again, no more exactly than a person cares to know."""
    minutes = -(-int(counted.wait) // MINUTE)
    if minutes <= 1:
        return "in a minute"
    return f"in {minutes} minutes" if minutes < 100 else f"in {-(-minutes // 60)} hours"
