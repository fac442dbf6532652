"""Signs people in and out and changes their accounts at the auth server; one Supabase client for each browser session.

Only this module imports supabase. A client is never shared, because its next request would run as whoever used it last.
Every session that it returns has a token that `auth/tokens.py` checked. It turns the auth server's errors into those of
`auth/errors.py`. It draws nothing and stores no session.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, Literal

import httpx
from supabase import Client, ClientOptions, SupabaseException, create_client
from supabase_auth import SyncMemoryStorage
from supabase_auth import errors as vendor

from auth.errors import (
    BLOCKED,
    NO_NEW_ACCOUNTS,
    NOT_RESPONDING,
    SIGNED_OUT,
    AddressTaken,
    AuthUnreachable,
    ConfirmItsYou,
    NotSupported,
    SessionEnded,
    SignInError,
    TooManyAttempts,
    UnconfirmedEmail,
    UntrustedToken,
    WeakPassword,
    WrongCredentials,
)
from auth.person import Enrolment, Session, checked_address, checked_code, checked_password
from auth.tokens import NOT_TRUSTED, tokens_of
from memory.errors import InvalidInput, SettingsError

__all__ = [
    "AuthClient",
    "certificates",
]

log = logging.getLogger("keepsake.auth")
PATIENCE_SECONDS = 10
MIN_PASSWORD = 8
LINK_KINDS = ("signup", "magiclink", "invite", "email", "recovery", "email_change")
Scope = Literal["local", "others", "global"]
_NO_AUTH_SERVER = "The sign-in server could not be reached. Try again in a minute."
_USED_UP = "This link or code has expired or was already used. Ask for a new email."
_WRONG_CODE = "Wrong code. Codes change every 30 seconds: enter the one shown now."
_ALREADY_YOURS = "This is already your password. Choose a different one."
_NOT_CURRENT = "Your current password is wrong."
_NOT_OFFERED = "This is not available here."
_NOT_SET_UP = "Sign-in is not set up correctly here. Tell whoever runs this app."
_NO_ACCOUNT = ("otp_disabled", "user_not_found", "signup_disabled")
# Refusals of a mail that only an address with an account gets, and what the log says about them.
_NO_MAIL = {
    "over_email_send_rate_limit": "it sends no more emails this hour: raise its limit, or give it a mail server",
    "email_address_not_authorized": "it mails only to members of its project: give it a mail server",
}
# What Supabase says if a mail went to this address less than a minute ago; its limit for the project has other words.
_MAILED_JUST_NOW = re.compile(r"only request this after \d+ second")


@cache
def certificates() -> ssl.SSLContext:
    """Return the certificates that servers are checked by. Everybody shares them: to read them takes 40 ms."""
    return httpx.create_ssl_context()


class AuthClient:
    """Talks to the auth server for one browser session."""

    def __init__(self, url: str, key: str, patience: float = PATIENCE_SECONDS) -> None:
        self._url, self._key = url.rstrip("/"), key
        self._storage = SyncMemoryStorage()
        self._http = httpx.Client(verify=certificates(), timeout=patience, follow_redirects=True)
        options = ClientOptions(
            auto_refresh_token=False, persist_session=False, storage=self._storage, httpx_client=self._http
        )
        try:
            self._client: Client = create_client(url, key, options=options)
        except SupabaseException as error:
            self._http.close()
            raise SettingsError(f"SUPABASE_URL or SUPABASE_KEY is not what Supabase gives out: {error}.") from error
        self._tokens = tokens_of(url, key)

    # -- signing in -------------------------------------------------------------------------------

    def sign_up(self, email: str, password: str) -> Session | None:
        """Make an account. Return None if the address has to be confirmed before signing in."""
        credentials = _credentials(email, password)
        session: Session | None = None
        with _translated_errors(), _mailed_already():
            session = self._session(self._client.auth.sign_up(credentials))
        return session

    def sign_in(self, email: str, password: str) -> Session:
        """Sign in with a password."""
        credentials = _credentials(email, password)
        with _translated_errors():
            session = self._session(self._client.auth.sign_in_with_password(credentials))
        if session is None:
            raise WrongCredentials("Sign-in failed. Check your email address and password.")
        return session

    def send_link(self, email: str) -> None:
        """Mail a link and a code to sign in with. The caller cannot tell whether there is such an account."""
        request: Any = {"email": checked_address(email), "options": {"should_create_user": False}}
        with _translated_errors(), _the_same_for_everybody(*_NO_ACCOUNT):
            self._client.auth.sign_in_with_otp(request)

    def send_recovery(self, email: str) -> None:
        """Mail a link and a code to choose a new password with. The caller cannot tell whether the account exists."""
        with _translated_errors(), _the_same_for_everybody():
            self._client.auth.reset_password_for_email(checked_address(email))

    def resend(self, email: str) -> None:
        """Mail the confirmation of a new account again. The caller cannot tell whether there is one to confirm."""
        with _translated_errors(), _the_same_for_everybody():
            self._client.auth.resend({"type": "signup", "email": checked_address(email)})

    def use_link(self, token_hash: str, kind: str) -> Session | None:
        """Use the link of a mail. Return None for a change of address whose other mail is still to be confirmed."""
        if kind not in LINK_KINDS or not token_hash or len(token_hash) > 500:
            raise InvalidInput("This link is damaged or belongs to another app.")
        session = self._verify({"token_hash": token_hash, "type": kind})
        if session is None and kind != "email_change":
            raise SignInError(_USED_UP)
        return session

    def use_code(self, email: str, code: str, kind: str) -> Session:
        """Use the code of a mail instead of its link."""
        # Whoever asks for a code before confirming the address is mailed a confirmation; "email" accepts both codes.
        proof = "email" if kind in ("signup", "magiclink") else kind
        session = self._verify({"email": checked_address(email), "token": checked_code(code), "type": proof})
        if session is None:
            raise SignInError(_USED_UP)
        return session

    def begin_oauth(self, provider: Any, back_to: str) -> tuple[str, str]:
        """Return the address at which the browser signs in with a provider, and the verifier to keep meanwhile."""
        with _translated_errors():
            answer = self._client.auth.sign_in_with_oauth({"provider": provider, "options": {"redirect_to": back_to}})
        [verifier] = (value for name, value in self._storage.storage.items() if name.endswith("-code-verifier"))
        return answer.url, verifier

    def finish_oauth(self, code: str, verifier: str) -> Session:
        """Sign in with the code that a provider sent back with the browser."""
        proof: Any = {"auth_code": code, "code_verifier": verifier}
        with _translated_errors():
            session = self._session(self._client.auth.exchange_code_for_session(proof))
        if session is None:
            raise SignInError("Sign-in failed. Try again.")
        return session

    # -- while signed in --------------------------------------------------------------------------------

    def refresh(self, session: Session) -> Session:
        """Return the session with new tokens. A refresh token works only once: the caller must not use it again."""
        with _translated_errors():
            try:
                fresh = self._session(self._client.auth.refresh_session(session.refresh_token))
            except vendor.AuthApiError as error:
                if _refused_for_good(error):
                    raise SessionEnded(SIGNED_OUT) from error
                if error.status in (403, 409, 422):  # a proxy, two at the same moment, or a slow hook of the project
                    raise AuthUnreachable(NOT_RESPONDING) from error
                raise
        if fresh is None or fresh.user_id != session.user_id:
            raise SessionEnded(SIGNED_OUT)
        return fresh

    def check(self, session: Session) -> None:
        """Raise unless the token of a stored session is valid and belongs to its user."""
        with _translated_errors():
            claims = self._tokens.check(session.access_token, self._user_of)
        if claims["sub"] != session.user_id:
            raise UntrustedToken(NOT_TRUSTED)

    def confirm_alive(self, session: Session) -> None:
        """Raise `SessionEnded` if the server says that the session has ended; called before the account is deleted."""
        with _translated_errors():
            user_id = self._user_of(session.access_token)
        if user_id != session.user_id:
            raise SessionEnded(SIGNED_OUT)

    def sign_out(self, session: Session, scope: Scope = "local") -> None:
        """End this session on the server, or the person's others, or all; do nothing if it has ended already."""
        with suppress(SessionEnded), _translated_errors():
            self._client.auth.admin.sign_out(session.access_token, scope)

    def check_password(self, email: str, password: str) -> None:
        """Raise `WrongCredentials` unless this is the account's password."""
        credentials = _credentials(email, password)
        try:
            with _translated_errors():
                signed_in = self._client.auth.sign_in_with_password(credentials).session
                if signed_in is not None:
                    self._client.auth.admin.sign_out(signed_in.access_token, "local")
        except WrongCredentials as error:
            raise WrongCredentials(_NOT_CURRENT) from error

    def change_password(self, session: Session, new: str, code: str = "", *, old: str = "") -> None:
        """Set a new password; raise `ConfirmItsYou` if the server first wants the code that it has just mailed.

        `old` is the current password, which a server may ask for unless the session came from a mail.
        """
        changes: Any = {"password": checked_password(new)}
        if new == old:  # before a code is used up
            raise WeakPassword(_ALREADY_YOURS)
        if code:
            changes["nonce"] = code.strip()
        if old:
            changes["current_password"] = old
        with _translated_errors():
            self._act_as(session)
            try:
                self._client.auth.update_user(changes)
            except vendor.AuthApiError as error:
                if error.code == "reauthentication_needed":
                    with _mailed_already():
                        self._client.auth.reauthenticate()
                raise

    def change_email(self, session: Session, new: str) -> bool:
        """Change the address; return False if the links in the mails have to be used first."""
        address = checked_address(new)
        with _translated_errors():
            self._act_as(session)
            answer = self._client.auth.update_user({"email": address})
        return (answer.user.email or "").lower() == address.lower()

    def delete_sign_in(self, session: Session) -> bool:
        """Delete the account at the auth server; return False if the server does not let people delete their own."""
        headers = {"apikey": self._key, "Authorization": f"Bearer {session.access_token}"}
        with _translated_errors():
            return self._http.delete(f"{self._url}/auth/v1/user", headers=headers).status_code == 204

    # -- the second factor -----------------------------------------------------------------------

    def enrol(self, session: Session) -> Enrolment:
        """Begin to set up a second factor, after removing those that were begun and never finished."""
        with _translated_errors():
            self._act_as(session)
            for factor in self._client.auth.mfa.list_factors().all:
                if factor.status != "verified":
                    self._client.auth.mfa.unenroll({"factor_id": factor.id})
            begun = self._client.auth.mfa.enroll({"factor_type": "totp", "issuer": "Keepsake"})
        if begun.totp is None:
            raise NotSupported(_NOT_OFFERED)
        return Enrolment(begun.id, begun.totp.qr_code.removeprefix("data:image/svg+xml;utf-8,"), begun.totp.secret)

    def pass_factor(self, session: Session, factor_id: str, code: str) -> Session:
        """Return the session with its second factor passed; raise if the code is wrong."""
        digits = checked_code(code)
        with _translated_errors():
            self._act_as(session)
            self._client.auth.mfa.challenge_and_verify({"factor_id": factor_id, "code": digits})
            passed = self._session(self._client.auth.refresh_session())
        if passed is None:
            raise SessionEnded(SIGNED_OUT)
        return passed

    def remove_factor(self, session: Session) -> None:
        """Remove the second factor; the session shows it once it is refreshed."""
        with _translated_errors():
            self._act_as(session)
            self._client.auth.mfa.unenroll({"factor_id": session.factor_id or ""})

    def close(self) -> None:
        """Close the connections."""
        self._client.auth.close()
        self._http.close()

    def _act_as(self, session: Session) -> None:
        """Make the next call as this person; the library asks the server whether the session still exists."""
        self._client.auth.set_session(session.access_token, session.refresh_token)

    def _user_of(self, token: str) -> str | None:
        answer = self._client.auth.get_user(token)
        return answer.user.id if answer else None

    def _verify(self, proof: Any) -> Session | None:
        with _translated_errors():
            return self._session(self._client.auth.verify_otp(proof))

    def _session(self, answer: Any) -> Session | None:
        """Return the session in the server's answer after checking its token; None if it has no session."""
        granted = answer.session
        if granted is None or granted.user is None:
            return None
        claims = self._tokens.check(granted.access_token, self._user_of)
        if claims["sub"] != granted.user.id:
            raise UntrustedToken(NOT_TRUSTED)
        # Another app of the same project may have set up others, which this one cannot ask for.
        factors = [each for each in granted.user.factors or [] if each.status == "verified"]
        factors.sort(key=lambda each: each.factor_type != "totp")
        return Session(
            granted.user.id,
            granted.user.email or "",
            float(claims["exp"]),
            granted.access_token,
            granted.refresh_token,
            factors[0].id if factors else None,
            claims.get("aal") == "aal2",
        )


def _credentials(email: str, password: str) -> Any:
    return {"email": checked_address(email), "password": checked_password(password)}


@contextmanager
def _mailed_already() -> Iterator[None]:
    """Take a mail that was sent less than a minute ago for the one asked for now: its code and link still work."""
    try:
        yield
    except vendor.AuthApiError as error:
        if error.code != "over_email_send_rate_limit" or not _MAILED_JUST_NOW.search(str(error)):
            raise


@contextmanager
def _the_same_for_everybody(*no_account: str) -> Iterator[None]:
    """Pass over a mail that is not sent, so that nobody learns who has an account.

    `no_account` are the codes with which the server refuses an address without one; `_NO_MAIL` are those with one.
    """
    try:
        with _mailed_already():
            yield
    except vendor.AuthApiError as error:
        code = str(error.code or "")
        if code in _NO_MAIL:
            _log_no_mail(code)
        elif code not in no_account:
            raise


def _log_no_mail(code: str) -> None:
    log.warning("the auth server sends no email: %s", _NO_MAIL[code])


def _refused_for_good(error: vendor.AuthApiError) -> bool:
    """Return whether no refresh of this session can succeed. A refusal without a code is not the auth server's."""
    code = str(error.code or "")
    return error.status in (400, 403, 422) and bool(code) and not code.startswith("hook_")


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Turn supabase's errors into those of `auth/errors.py`."""
    try:
        yield
    except vendor.AuthWeakPasswordError as error:
        raise WeakPassword(_weak_password_sentence(error.reasons, str(error))) from error
    except vendor.AuthRetryableError as error:
        raise AuthUnreachable(NOT_RESPONDING) from error
    except vendor.AuthSessionMissingError as error:
        raise SessionEnded(SIGNED_OUT) from error
    except vendor.AuthApiError as error:
        raise _translate(str(error.code or ""), error.status, str(error)) from error
    except vendor.AuthUnknownError as error:
        log.warning("what answers at SUPABASE_URL is not a sign-in server")
        raise AuthUnreachable(_NO_AUTH_SERVER) from error
    except vendor.AuthError as error:
        raise SignInError("Sign-in failed. Try again in a minute.") from error
    except httpx.HTTPError as error:
        raise AuthUnreachable(NOT_RESPONDING) from error
    except ValueError as error:
        # The library raises this for an answer that is not JSON.
        log.warning("what answers at SUPABASE_URL is not a sign-in server")
        raise AuthUnreachable(_NO_AUTH_SERVER) from error


_BY_CODE: dict[str, tuple[type[SignInError], str]] = {
    "invalid_credentials": (WrongCredentials, "Wrong email address or password."),
    "user_banned": (SignInError, BLOCKED),
    "email_not_confirmed": (
        UnconfirmedEmail,
        "Your email address is not confirmed yet. Open the link we emailed you.",
    ),
    "user_already_exists": (AddressTaken, "An account with this email address already exists. Sign in instead."),
    "email_exists": (AddressTaken, "An account with this email address already exists. Sign in instead."),
    "signup_disabled": (SignInError, NO_NEW_ACCOUNTS),
    "email_provider_disabled": (NotSupported, _NOT_OFFERED),
    "provider_disabled": (NotSupported, "This way of signing in is not set up here."),
    "oauth_provider_not_supported": (NotSupported, "This way of signing in is not set up here."),
    "email_address_invalid": (SignInError, "Enter a valid email address."),
    "email_address_not_authorized": (SignInError, "This server cannot send email to that address."),
    "same_password": (WeakPassword, _ALREADY_YOURS),
    "current_password_required": (WrongCredentials, "Enter your current password."),
    "current_password_invalid": (WrongCredentials, _NOT_CURRENT),
    "otp_expired": (SignInError, _USED_UP),
    "otp_disabled": (SignInError, _USED_UP),
    "bad_code_verifier": (SignInError, "This sign-in was started in another browser. Start again here."),
    "flow_state_expired": (SignInError, "This took too long. Start again."),
    "flow_state_not_found": (SignInError, "This took too long. Start again."),
    "mfa_verification_failed": (WrongCredentials, _WRONG_CODE),
    "mfa_verification_rejected": (WrongCredentials, _WRONG_CODE),
    "mfa_challenge_expired": (WrongCredentials, "This took too long. Enter the code shown now."),
    "mfa_factor_not_found": (SignInError, "This authenticator app is not set up any more. Go back and start again."),
    "mfa_totp_enroll_not_enabled": (NotSupported, _NOT_OFFERED),
    "mfa_totp_verify_not_enabled": (NotSupported, _NOT_OFFERED),
    "too_many_enrolled_mfa_factors": (SignInError, "Too many authenticator apps are set up. Remove one first."),
    "insufficient_aal": (SignInError, "This needs two-step sign-in. Sign out, then sign in again with a code."),
    "reauthentication_needed": (ConfirmItsYou, "To make sure it's you, we emailed you a code. Enter it here."),
    "reauthentication_not_valid": (ConfirmItsYou, "Wrong code. Enter the one from the newest email."),
    "user_not_found": (SessionEnded, SIGNED_OUT),  # the account of this session was deleted
    "session_not_found": (SessionEnded, SIGNED_OUT),
    "session_expired": (SessionEnded, SIGNED_OUT),
    "refresh_token_not_found": (SessionEnded, SIGNED_OUT),
    "refresh_token_already_used": (SessionEnded, SIGNED_OUT),
    "bad_jwt": (SessionEnded, SIGNED_OUT),
}


def _translate(code: str, status: int, words: str) -> SignInError:
    """Return the error for a refusal; `words` is the server's own text, which is never shown."""
    if code == "weak_password":
        return WeakPassword(_weak_password_sentence([], words))
    if code in _BY_CODE:
        kind, sentence = _BY_CODE[code]
        return kind(sentence)
    if code == "validation_failed" and "email" in words.lower():
        return SignInError("Enter a valid email address.")
    if code == "captcha_failed":
        log.warning("the auth server asks for a captcha, which this app does not have: switch its protection off there")
        return SignInError(_NOT_SET_UP)
    if code == "over_email_send_rate_limit" and not _MAILED_JUST_NOW.search(words):
        _log_no_mail(code)
        return TooManyAttempts("No more emails can be sent right now. Try again in an hour.")
    if status == 429:
        return TooManyAttempts("Too many attempts. Try again in a minute.")
    if status == 401 and "api key" in words.lower():
        log.warning("the auth server does not accept SUPABASE_KEY")
        return SignInError(_NOT_SET_UP)
    if status == 404:
        return NotSupported(_NOT_OFFERED)
    if status >= 500:
        return AuthUnreachable("The sign-in server has a problem. Try again in a minute.")
    return SignInError("That didn't work. Check what you entered and try again.")


def _weak_password_sentence(reasons: Collection[str], words: str) -> str:
    """Return why a password was refused, and what would be accepted; only the server's words tell its shortest length.

    Without reasons it is taken to be too short.
    """
    if "pwned" in reasons:
        return "This password has appeared in a data leak. Choose a different one."
    told = []
    if "length" in reasons or "characters" not in reasons:
        shortest = re.search(r"at least (\d+) characters", words)
        told.append(f"Use at least {shortest[1] if shortest else MIN_PASSWORD} characters.")
    if "characters" in reasons:
        told.append("Use upper and lower case letters, digits and symbols.")
    return " ".join(told)
