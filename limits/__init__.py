"""Limits and admission: who may make an account, and how much a person, and everybody together, may use.

    limits = Limits(database, settings)
    limits.may_try_sign_in(email, address)      before each attempt
    limits.may_sign_up(email, invitation)       before an account is made
    limits.may_say(user_id, words)              before a message is saved

Each of these returns, or raises an error with a sentence for the person. Attempts are also counted by network
address. Anybody can write anything into X-Forwarded-For: only what trusted proxies wrote counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from auth.errors import TooManyAttempts
from limits.admission import Admission
from limits.consent import Consents
from limits.spending import DAY, MINUTE, Counts, Metered, Spending, when_again
from memory.database import Database
from memory.errors import AppError, InvalidInput, LimitReached, SettingsError
from memory.model import Model
from settings import Settings

__all__ = ["Limits", "address_of", "counted_as", "trusted_networks"]

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


class Limits:
    """The limits of the settings. A limit of 0 means no limit."""

    def __init__(
        self, database: Database, settings: Settings, confirms_addresses: Callable[[], bool] = lambda: True
    ) -> None:
        self._settings = settings
        self._counts = Counts(database)
        self._admission = Admission(database, settings, confirms_addresses)
        self._spending = Spending(self._counts, settings)
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
                raise TooManyAttempts(f"Those were too many attempts. Try again {when_again(each.wait)}.")

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

    def may_store(self, stored: int, more: int) -> None:
        """Raise `LimitReached` if a person whose files take this many bytes may not store as many more."""
        most = self._settings.megabytes_per_person
        if most and more and stored + more > most * 1_000_000:
            raise LimitReached(
                f"There is no room for this: your files take {stored / 1_000_000:.1f} MB already, and at most "
                f"{most:,} MB are kept for one person. Delete chats with files for good, and send it again."
            )

    def memories_left(self, user_id: str) -> int | None:
        """Return how many more memories a person may have; None if there is no limit."""
        most = self._settings.memories_per_person
        return max(0, most - self._counts.memories(user_id)) if most else None

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
            raise LimitReached(f"That is all for now: at most {limit}. Try again {again}.", counted.wait)
