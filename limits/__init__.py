"""Limits and admission: how much each person may use, and everybody together; and who may come in at all.

    limits = Limits(database, settings)
    limits.may_try_sign_in(email, address)      before each attempt
    limits.may_come_in(email, invitation)       before an account is made
    limits.may_say(user_id, words)              before a message is saved

Each of these either returns or raises a sentence for the person. It counts and refuses; it does nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from auth.errors import TooManyAttempts
from limits.address import address_of, counted_as, trusted_networks
from limits.admission import Admission
from limits.consent import Consents
from limits.spending import DAY, MINUTE, Counts, Metered, Spending, in_words
from memory.database import Database
from memory.errors import AppError, InvalidInput, LimitReached
from memory.model import Model
from settings import Settings

__all__ = ["Limits"]

ATTEMPTS_SECONDS = 15 * MINUTE
# Several people may sit behind one network address.
PER_NETWORK = 10


class Limits:
    """What may be done how often, as the settings have it; a limit of 0 is none."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._settings = settings
        self._counts = Counts(database)
        self._admission = Admission(database, settings)
        self._spending = Spending(self._counts, settings)
        self._trusted = trusted_networks(settings.trusted_proxies)
        self.consents = Consents(database)

    # -- coming in -------------------------------------------------------------------------------

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
        tried = [self._counts.add_for_key("sign-in", email.strip().lower(), 1, most, ATTEMPTS_SECONDS)]
        if address is not None:
            network = counted_as(address)
            tried.append(self._counts.add_for_key("sign-in from", network, 1, PER_NETWORK * most, ATTEMPTS_SECONDS))
        for each in tried:
            if each.amount is None:
                raise TooManyAttempts(f"Those were too many attempts. Try again {in_words(each.wait)}.")

    def may_come_in(self, email: str, invitation: str | None = None) -> None:
        """Raise `NotInvited` unless this address may make an account; the first to use an invitation keeps it."""
        self._admission.check_new(email, invitation)

    def agreed(self, user_id: str, email: str) -> bool:
        """Whether this person agreed to what is kept; `NotInvited` if the account should not be here at all."""
        agreed = self.consents.has_agreed(user_id)
        self._admission.check_known(email, new=not agreed)
        return agreed

    # -- using it --------------------------------------------------------------------------------

    def may_say(self, user_id: str, words: str) -> None:
        """Count a message; raise where it is too long, or one too many for this minute or day."""
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
        """Count what it takes to learn from brought messages into a person's share of the model; raise beyond it."""
        self._spending.charge_user(more, user_id)

    def memories_left(self, user_id: str) -> int | None:
        """How many more memories may be kept about a person; None where there is no limit."""
        most = self._settings.memories_per_person
        return max(0, most - self._counts.memories(user_id)) if most else None

    def metered(self, model: Model, user_id: str | None = None) -> Model:
        """The same model, whose tokens are counted: for all, and for a person where one is named."""
        return Metered(model, self._spending, user_id)

    def _count(self, user_id: str, what: str, most: int, seconds: int, each: str, period: str, more: int = 1) -> None:
        if most == 0:
            return
        counted = self._counts.add_for_user(user_id, what, more, most, seconds)
        if counted.amount is None:
            several = "" if most == 1 else "s"
            raise LimitReached(
                f"That is all for now: at most {most:,} {each}{several} {period}. Try again {in_words(counted.wait)}.",
                counted.wait,
            )
