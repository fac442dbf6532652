"""Limits and admission: who may make an account, and how much a person, and everybody together, may use.

    limits = Limits(database, settings)
    limits.may_try_sign_in(email, address)      before each attempt
    limits.may_come_in(email, invitation)       before an account is made
    limits.may_say(user_id, words)              before a message is saved

Each of these returns, or raises an error with a sentence for the person. Nothing else happens here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from auth.errors import TooManyAttempts
from limits.address import address_of, counted_as, trusted_networks
from limits.admission import Admission
from limits.consent import Consents
from limits.spending import DAY, MINUTE, Counts, Metered, Spending, when_again
from memory.database import Database
from memory.errors import AppError, InvalidInput, LimitReached
from memory.model import Model
from settings import Settings

__all__ = ["Limits"]

ATTEMPTS_SECONDS = 15 * MINUTE
# Several people may sit behind one network address.
PER_NETWORK = 10


class Limits:
    """What may be done how often, according to the settings. A limit of 0 means no limit."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._settings = settings
        self._counts = Counts(database)
        self._admission = Admission(database, settings)
        self._spending = Spending(self._counts, settings)
        self._trusted = trusted_networks(settings.trusted_proxies)
        self.consents = Consents(database)

    # -- signing in ------------------------------------------------------------------------------

    def address_of(self, forwarded: Iterable[str], peer: str | None) -> str | None:
        """Return where a request came from, by its X-Forwarded-For lines and the other end of the connection."""
        return address_of(forwarded, peer, self._trusted)

    def may_try_sign_in(self, email: str, address: str | None) -> None:
        """Count an attempt to sign in, sign up or recover; raise `TooManyAttempts` if there were too many.

        `address` is where the request came from, or None if that is not known for certain (limits/address.py).
        """
        most = self._settings.sign_in_attempts
        if most == 0:
            return
        tried = [self._counts.add_for_key("sign-in", email.strip().lower(), 1, most, ATTEMPTS_SECONDS)]
        if address is not None:
            network = counted_as(address)
            tried.append(self._counts.add_for_key("sign-in from", network, 1, PER_NETWORK * most, ATTEMPTS_SECONDS))
        for each in tried:
            if each.amount is None:
                raise TooManyAttempts(f"Those were too many attempts. Try again {when_again(each.wait)}.")

    def may_come_in(self, email: str, invitation: str | None = None) -> None:
        """Raise `NotInvited` unless this address may make an account; its first user keeps an invitation."""
        self._admission.check_new(email, invitation)

    def agreed(self, user_id: str, email: str) -> bool:
        """Return whether this person gave consent; raise `NotInvited` if the account was made without admission."""
        agreed = self.consents.has_agreed(user_id)
        self._admission.check_known(email, new=not agreed)
        return agreed

    # -- using the app ---------------------------------------------------------------------------

    def may_say(self, user_id: str, words: str) -> None:
        """Count a message; raise `InvalidInput` if it is too long, `LimitReached` beyond a minute's or day's share."""
        longest = self._settings.message_characters
        if len(words) > longest:
            raise InvalidInput(f"The message has {len(words):,} characters; at most {longest:,} fit into one.")
        self._count(user_id, "messages-minute", self._settings.messages_per_minute, MINUTE, "message", "a minute")
        self._count(user_id, "messages-day", self._settings.messages_per_day, DAY, "message", "a day")

    @contextmanager
    def uploading(self, user_id: str, files: int = 1) -> Iterator[None]:
        """Count files while they are taken, and not if they are refused; raise `LimitReached` beyond a day's share."""
        most = self._settings.uploads_per_day
        if files:
            self._count(user_id, "uploads-day", most, DAY, "file", "a day", files)
        try:
            yield
        except AppError:
            if files and most:
                self._counts.add_for_user(user_id, "uploads-day", -files, None, DAY)
            raise

    def may_learn(self, user_id: str, more: int) -> None:
        """Count the tokens that learning from an import takes; raise `LimitReached` beyond the person's share."""
        self._spending.charge_user(more, user_id)

    def memories_left(self, user_id: str) -> int | None:
        """Return how many more memories a person may have; None if there is no limit."""
        most = self._settings.memories_per_person
        return max(0, most - self._counts.memories(user_id)) if most else None

    def metered(self, model: Model, user_id: str | None = None) -> Model:
        """Return the model with its tokens counted, for everybody together and for a person if one is given."""
        return Metered(model, self._spending, user_id)

    def _count(self, user_id: str, what: str, most: int, seconds: int, each: str, period: str, more: int = 1) -> None:
        if most == 0:
            return
        counted = self._counts.add_for_user(user_id, what, more, most, seconds)
        if counted.amount is None:
            limit = f"{most:,} {each}{'' if most == 1 else 's'} {period}"
            again = when_again(counted.wait)
            raise LimitReached(f"That is all for now: at most {limit}. Try again {again}.", counted.wait)
