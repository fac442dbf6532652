"""Limits and admission: who may make an account, and how much a person, and everybody together, may use.

    limits = Limits(database, settings)
    limits.may_try_sign_in(email, address)      before each attempt
    limits.may_sign_up(email, invitation)       before an account is made
    limits.may_say(user_id, words)              before a message is saved

Each of these returns, or raises an error with a sentence for the person. Attempts are also counted by network
address. Anybody can write anything into X-Forwarded-For: only what trusted proxies wrote counts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from auth.errors import NotAllowed, TooManyAttempts
from limits.admission import Admission
from limits.consent import Consents
from limits.spending import DAY, MINUTE, Counted, Counts, Metered, Spending, when_again
from memory.database import Database
from memory.errors import AppError, InvalidInput, LimitReached, SettingsError
from memory.model import Model
from memory.sandbox import noting_runs
from settings import Settings

__all__ = ["CallRate", "Limits", "address_of", "counted_as", "trusted_networks"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
THIS_MACHINE = "127.0.0.1"
IPV6_PREFIX = 64  # one subscriber has a whole /64 network of addresses
ATTEMPTS_SECONDS = 15 * MINUTE
PER_NETWORK = 10  # times as many attempts from one network address, since several people may share it


def trusted_networks(written: str | None) -> tuple[Network, ...]:
    """Parse the trusted proxies: addresses and networks, separated by commas."""
    names = [name.strip() for name in (written or "").split(",") if name.strip()]
    try:
        return tuple(ip_network(name, strict=False) for name in names)
    except ValueError as error:
        raise SettingsError(
            "TRUSTED_PROXIES is a list of addresses or networks, separated by commas, such as 10.0.0.0/8."
        ) from error


def address_of(forwarded: Iterable[str], peer: str | None, trusted: Iterable[Network]) -> str | None:
    """Return the network address that a request came from; None if no proxy is trusted.

    `forwarded` are the request's X-Forwarded-For lines, `peer` is the other end of the connection; Streamlit gives None
    for this machine. Without a trusted proxy, everybody may seem to come from the address of one proxy, and counting
    attempts by it would refuse everybody for what one person did.
    """
    networks = tuple(trusted)
    address = _address(peer or THIS_MACHINE)
    if not networks or address is None:
        return None
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    while hops and _is_one_of(address, networks):
        before = _address(hops.pop())
        if before is None:
            break
        address = before
    return str(address)


def counted_as(address: str) -> str:
    """Return the key that attempts are counted by: the address, or for IPv6 the network of one subscriber."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_PREFIX), strict=False))
    return str(found or address)


def _is_one_of(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _address(written: str) -> Address | None:
    """Parse an address: also with a port, in brackets, with a zone, or an IPv4 address inside IPv6."""
    text = written.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


MOST_PEOPLE = 10_000  # whose minutes are remembered; then those that are over are forgotten
SHARES = 20  # how often at most a process counts a person's calls in a minute


@dataclass
class _Share:
    """Calls that were counted in the database for one person, and were not made yet in this process."""

    left: int
    until: float
    refused: bool = False


class CallRate:
    """The calls that other programs make for each person, in the minute that began with the first of them.

    All processes share one count in the database. To write it for each call would cost more than many calls do, so a
    process counts a twentieth of the limit at once, and counts again when that is used up. While a minute is used up,
    it asks nothing. What a process has counted and not used is lost to the others until the minute is over.
    """

    def __init__(
        self, most: int, add: Callable[[str, int], Counted], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take the limit, 0 for none, what counts calls in the database, and a clock in seconds."""
        self._most, self._add, self._clock = most, add, clock
        self._shares: dict[str, _Share] = {}
        self._changing = threading.Lock()

    def count(self, user_id: str) -> None:
        """Count a call; raise `LimitReached` beyond the limit."""
        if not self._most or self._is_counted(user_id):
            return
        more = max(1, self._most // SHARES)
        counted = self._add(user_id, more)
        if counted.amount is None and more > 1:  # the last few calls of the minute
            more, counted = 1, self._add(user_id, 1)
        until = self._clock() + (counted.wait or MINUTE)
        if counted.amount is None:
            self._keep(user_id, _Share(0, until, refused=True))
            raise self._refusal(counted.wait)
        self._keep(user_id, _Share(more - 1, until))

    def _is_counted(self, user_id: str) -> bool:
        """Return whether a call was counted before it was made; raise `LimitReached` while the minute is used up."""
        with self._changing:
            share, now = self._shares.get(user_id), self._clock()
            if share is None or now >= share.until:
                return False
            if share.refused:
                raise self._refusal(share.until - now)
            share.left -= 1
            return share.left >= 0

    def _keep(self, user_id: str, share: _Share) -> None:
        with self._changing:
            now, known = self._clock(), self._shares.get(user_id)
            if known is not None and now < known.until and not share.refused:  # another thread counted at the same time
                share.left += max(0, known.left)
            if len(self._shares) >= MOST_PEOPLE:
                self._shares = {who: each for who, each in self._shares.items() if now < each.until}
            self._shares[user_id] = share

    def _refusal(self, wait: float) -> LimitReached:
        return LimitReached(f"The limit is {self._most:,} calls a minute. Try again in a minute.", wait)


class Limits:
    """The limits of the settings. A limit of 0 means no limit."""

    def __init__(
        self, database: Database, settings: Settings, confirms_addresses: Callable[[], bool] = lambda: True
    ) -> None:
        self._settings = settings
        self._counts = Counts(database)
        self._admission = Admission(database, settings, confirms_addresses)
        self._spending = Spending(self._counts, settings)
        self._calls = CallRate(settings.api_calls_per_minute, self._add_calls)
        self._application_calls = CallRate(settings.application_calls_per_minute, self._add_calls_of_application)
        self._trusted = trusted_networks(settings.trusted_proxies)
        self.consents = Consents(database)

    # -- signing in ------------------------------------------------------------------------------

    def address_of(self, forwarded: Iterable[str], peer: str | None) -> str | None:
        """Return the network address that a request came from, as the function `address_of` finds it."""
        return address_of(forwarded, peer, self._trusted)

    def may_try_sign_in(self, email: str, address: str | None) -> None:
        """Count an attempt to sign in, sign up or recover; raise `TooManyAttempts` if there were too many.

        `address` is the network address of the request, or None if it is not known for certain (see `address_of`).
        """
        most = self._settings.sign_in_attempts
        if most == 0:
            return
        counts = [self._counts.add_for_key("sign-in", email.strip().lower(), 1, most, ATTEMPTS_SECONDS)]
        if address is not None:
            network = counted_as(address)
            counts.append(self._counts.add_for_key("sign-in from", network, 1, PER_NETWORK * most, ATTEMPTS_SECONDS))
        for each in counts:
            if each.amount is None:
                raise TooManyAttempts(f"Too many attempts. Try again {when_again(each.wait)}.")

    def may_sign_up(self, email: str, invitation: str | None = None) -> None:
        """Raise `NotInvited` unless this address may make an account; an invitation is used up by the first address."""
        self._admission.check_new(email, invitation)

    def agreed(self, user_id: str, email: str) -> bool:
        """Return whether this person gave consent to the current text; raise `NotInvited` if they were never let in."""
        agreed = self.consents.has_agreed(user_id)
        known = agreed or self.consents.has_ever_agreed(user_id)
        self._admission.check_known(email, new=not known)
        if known:
            self._admission.forget(email)
        return agreed

    def agree(self, user_id: str, email: str) -> None:
        """Record a person's consent, which from now on is the proof that they were let in, whatever their address."""
        self.consents.record_consent(user_id)
        self.forget_address(email)

    def forget_address(self, email: str) -> None:
        """Keep no trace of who used an invitation."""
        self._admission.forget(email)

    # -- other programs --------------------------------------------------------------------------

    def count_wrong_key(self, address: str) -> None:
        """Count a wrong key that came from a network address; raise `TooManyAttempts` if there were too many.

        Right keys are not counted, and work whatever else comes from their address.
        """
        most = PER_NETWORK * self._settings.sign_in_attempts
        if most:
            counted = self._counts.add_for_key("wrong key from", counted_as(address), 1, most, ATTEMPTS_SECONDS)
            if counted.amount is None:
                raise TooManyAttempts(f"Too many wrong keys. Try again {when_again(counted.wait)}.")

    def check_key_holder(self, email: str, *, agreed: bool) -> None:
        """Raise `NotAllowed` or `NotInvited` unless the person of a key agreed, and may still use the app."""
        if not agreed:
            raise NotAllowed("Open the app first, and agree to what is stored about you.")
        self._admission.check_known(email, new=False)

    def may_call(self, user_id: str) -> None:
        """Count a call of another program; raise `LimitReached` beyond a minute's share."""
        self._calls.count(user_id)

    def _add_calls(self, user_id: str, more: int) -> Counted:
        most = self._settings.api_calls_per_minute
        return self._counts.add_for_user(user_id, "calls-minute", more, most, MINUTE)

    def _add_calls_of_application(self, application: str, more: int) -> Counted:
        most = self._settings.application_calls_per_minute
        return self._counts.add_for_key("calls of application", application, more, most, MINUTE)

    def may_call_for(self, application: str) -> None:
        """Count a call of an application, whichever of its users it is for."""
        self._application_calls.count(application)

    # -- using the app ---------------------------------------------------------------------------

    def may_say(self, user_id: str, words: str) -> None:
        """Count a message; raise `InvalidInput` if it is too long, `LimitReached` beyond a minute's or day's share."""
        longest = self._settings.message_characters
        if len(words) > longest:
            raise InvalidInput(f"Your message has {len(words):,} characters. The limit is {longest:,}.")
        self._count(user_id, "messages-minute", self._settings.messages_per_minute, MINUTE, "message", "a minute")
        self._count(user_id, "messages-day", self._settings.messages_per_day, DAY, "message", "a day")

    @contextmanager
    def uploading(self, user_id: str, files: int = 1) -> Iterator[None]:
        """Count files while they are taken; raise `LimitReached` beyond a day's share.

        A file that is refused does not count, unless it was opened in the sandbox, which costs a process and its time.
        """
        most = self._settings.uploads_per_day
        if files:
            self._count(user_id, "uploads-day", most, DAY, "file", "a day", files)
        with noting_runs() as opened:
            try:
                yield
            except AppError:
                if most and (unopened := files - len(opened)) > 0:
                    self._counts.add_for_user(user_id, "uploads-day", -unopened, None, DAY)
                raise

    def may_store(self, stored: int, more: int) -> None:
        """Raise `LimitReached` if a person whose files take this many bytes may not store as many more."""
        most = self._settings.megabytes_per_person
        if most and more and stored + more > most * 1_000_000:
            raise LimitReached(
                f"Your file storage is full: {stored / 1_000_000:.1f} of {most:,} MB are used. "
                "Permanently delete chats with files, then send it again."
            )

    def memories_left(self, user_id: str) -> int | None:
        """Return how many more memories a person may have; None if there is no limit."""
        most = self._settings.memories_per_person
        return max(0, most - self._counts.memories(user_id)) if most else None

    def may_remember(self, user_id: str, words: str, more: int = 1) -> None:
        """Count words that another program writes as a message; raise `LimitReached` also if no memory has room."""
        self.may_say(user_id, words)
        left = self.memories_left(user_id) if more else None
        if left is not None and left < more:
            raise LimitReached("There is no room for more memories. Delete some first.")

    def metered(self, model: Model, user_id: str | None = None) -> Model:
        """Return the model with its tokens counted, for everybody together and for the person that it serves."""
        return Metered(model, self._spending, user_id)

    def _count(self, user_id: str, name: str, most: int, seconds: int, noun: str, period: str, more: int = 1) -> None:
        if most == 0:
            return
        counted = self._counts.add_for_user(user_id, name, more, most, seconds)
        if counted.amount is None:
            limit = f"{most:,} {noun}{'' if most == 1 else 's'} {period}"
            again = when_again(counted.wait)
            raise LimitReached(f"You have reached the limit of {limit}. Try again {again}.", counted.wait)
