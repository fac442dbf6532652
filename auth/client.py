"""One Supabase client for one browser session: sign up, sign in, refresh, sign out.

The only importer of supabase. A client is never shared: with a shared one, the next query of one person
ran as another. It draws nothing and remembers nobody beyond its own session.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import httpx
from supabase import Client, ClientOptions, SupabaseException, create_client
from supabase_auth import errors as vendor

from errors import (
    AddressTaken,
    AuthUnreachable,
    InvalidInput,
    SessionEnded,
    SettingsError,
    SignInError,
    TooManyAttempts,
    UnconfirmedEmail,
    WeakPassword,
    WrongCredentials,
)

__all__ = ["AuthClient", "Session"]

REFRESH_BEFORE_SECONDS = 60
MIN_PASSWORD = 8
CONFIRMATIONS = ("signup", "magiclink", "invite", "email")


@dataclass(frozen=True)
class Session:
    """A signed-in person. Only a session proves it: sign-up can answer with a user who has none."""

    user_id: str
    email: str
    expires_at: float
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)

    @property
    def stale(self) -> bool:
        """Whether it is about to expire, so that it has to be refreshed first."""
        return time.time() > self.expires_at - REFRESH_BEFORE_SECONDS


class AuthClient:
    """Talks to the auth server for one person at one browser."""

    def __init__(self, url: str, key: str) -> None:
        self._refreshing = Lock()
        options = ClientOptions(auto_refresh_token=False, persist_session=False)
        try:
            self._client: Client = create_client(url, key, options=options)
        except SupabaseException as error:
            raise SettingsError(f"SUPABASE_URL or SUPABASE_KEY is not what Supabase gives out: {error}.") from error

    def sign_up(self, email: str, password: str) -> Session | None:
        """Make an account. None means: confirm the address first, then sign in."""
        credentials = _credentials(email, password)
        with translating():
            return _session(self._client.auth.sign_up(credentials))

    def sign_in(self, email: str, password: str) -> Session:
        """Sign in with a password."""
        credentials = _credentials(email, password)
        with translating():
            session = _session(self._client.auth.sign_in_with_password(credentials))
        if session is None:
            raise WrongCredentials("Sign-in did not work: check the address and the password.")
        return session

    def confirm(self, token_hash: str, kind: str) -> Session:
        """Confirm the address a mail went to, and sign in with it."""
        if kind not in CONFIRMATIONS or len(token_hash) > 500:
            raise InvalidInput("This link is not one of ours, or it is damaged.")
        with translating():
            proof: Any = {"token_hash": token_hash, "type": kind}
            session = _session(self._client.auth.verify_otp(proof))
        if session is None:
            raise SignInError("This link does not work any more. Sign in, or sign up again.")
        return session

    def refresh(self, session: Session) -> Session:
        """The session with fresh tokens. Refresh tokens work once, so only one thread may do it."""
        with self._refreshing, translating():
            fresh = _session(self._client.auth.refresh_session(session.refresh_token))
        if fresh is None:
            raise SessionEnded("You were signed out. Please sign in again.")
        return fresh

    def sign_out(self, session: Session) -> None:
        """End this session on the server; one that has ended already is as good."""
        with suppress(SessionEnded), translating():
            self._client.auth.admin.sign_out(session.access_token, "local")

    def close(self) -> None:
        """Hang up."""
        self._client.auth.close()


@contextmanager
def translating() -> Iterator[None]:
    """Turn supabase's errors into ours."""
    try:
        yield
    except vendor.AuthWeakPasswordError as error:
        raise WeakPassword(_weak(error.reasons)) from error
    except vendor.AuthRetryableError as error:
        raise AuthUnreachable("The sign-in server does not answer. Try again in a moment.") from error
    except vendor.AuthSessionMissingError as error:
        raise SessionEnded("You were signed out. Please sign in again.") from error
    except vendor.AuthApiError as error:
        raise _api_error(error) from error
    except vendor.AuthUnknownError as error:
        raise AuthUnreachable("What answers at SUPABASE_URL is not a sign-in server.") from error
    except vendor.AuthError as error:
        raise SignInError("Sign-in did not work. Try again in a moment.") from error
    except httpx.HTTPError as error:
        raise AuthUnreachable("The sign-in server does not answer. Try again in a moment.") from error
    except ValueError as error:
        # The library lets a page that is not JSON through as it is.
        raise AuthUnreachable("What answers at SUPABASE_URL is not a sign-in server.") from error


def _api_error(error: vendor.AuthApiError) -> SignInError:
    code = str(error.code or "")
    if code in ("invalid_credentials", "user_not_found"):
        return WrongCredentials("Unknown address or wrong password.")
    if code == "email_not_confirmed":
        return UnconfirmedEmail("This address is not confirmed yet: open the link in the mail we sent you.")
    if code in ("user_already_exists", "email_exists"):
        return AddressTaken("There is an account with this address already: sign in instead.")
    if code == "weak_password":
        return WeakPassword(_weak([]))
    if code == "signup_disabled":
        return SignInError("New accounts are not open here.")
    if code in ("email_address_invalid", "validation_failed"):
        return SignInError("This does not look like an e-mail address.")
    if code in ("otp_expired", "otp_disabled"):
        return SignInError("This link does not work any more: it was used already, or it is too old.")
    if code in ("session_not_found", "refresh_token_not_found", "refresh_token_already_used", "bad_jwt"):
        return SessionEnded("You were signed out. Please sign in again.")
    if error.status == 429:
        return TooManyAttempts("Too many attempts: wait a minute, then try again.")
    if error.status == 401 and "api key" in str(error).lower():
        return SignInError("The app's Supabase key is not accepted: SUPABASE_KEY has to be checked.")
    if error.status >= 500:
        return AuthUnreachable("The sign-in server has a problem. Try again in a moment.")
    return SignInError("Sign-in did not work. Check what you typed, and try again.")


def _weak(reasons: list[Any]) -> str:
    if "pwned" in reasons:
        return "This password is known from a data leak: choose another."
    if "characters" in reasons:
        return "Use a password with letters, capitals, digits and signs."
    return f"Use a longer password: at least {MIN_PASSWORD} characters."


def _credentials(email: str, password: str) -> Any:
    email = email.strip()
    if "@" not in email or len(email) > 254 or any(character.isspace() for character in email):
        raise InvalidInput("This does not look like an e-mail address.")
    if not password:
        raise InvalidInput("Type your password.")
    if len(password) > 72 or "\x00" in password:
        raise InvalidInput("A password has at most 72 characters.")
    return {"email": email, "password": password}


def _session(answer: Any) -> Session | None:
    """What the server gave, gated on the session and never on the user."""
    given = answer.session
    if given is None or given.user is None:
        return None
    expires_at = given.expires_at or time.time() + given.expires_in
    return Session(given.user.id, given.user.email or "", expires_at, given.access_token, given.refresh_token)
