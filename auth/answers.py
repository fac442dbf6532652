"""What the auth server's refusals mean to a person: codes and statuses in, our errors out.

Knows the server's words and nothing of the library that brought them; `client.py` does.
"""

from __future__ import annotations

from collections.abc import Iterable

from memory.errors import (
    AddressTaken,
    AuthUnreachable,
    ConfirmItsYou,
    NotSupported,
    SessionEnded,
    SignInError,
    TooManyAttempts,
    UnconfirmedEmail,
    WeakPassword,
    WrongCredentials,
)

__all__ = ["AWAY", "ENDED", "NO_AUTH_SERVER", "refusal", "weak"]

MIN_PASSWORD = 8
AWAY = "The sign-in server does not answer. Try again in a moment."
NO_AUTH_SERVER = "What answers at SUPABASE_URL is not a sign-in server."
ENDED = "You were signed out. Please sign in again."
_USED_UP = "This link or code does not work any more: it was used already, or it is too old."
_WRONG_CODE = "This code is not right. Codes change every half minute: try the one that is shown now."
_NOT_HERE = "This sign-in server does not offer that."

_BY_CODE: dict[str, tuple[type[SignInError], str]] = {
    "invalid_credentials": (WrongCredentials, "Unknown address or wrong password."),
    "user_not_found": (WrongCredentials, "Unknown address or wrong password."),
    "user_banned": (SignInError, "This account is blocked."),
    "email_not_confirmed": (
        UnconfirmedEmail,
        "This address is not confirmed yet: open the link in the mail we sent you.",
    ),
    "user_already_exists": (AddressTaken, "There is an account with this address already: sign in instead."),
    "email_exists": (AddressTaken, "There is an account with this address already: sign in instead."),
    "signup_disabled": (SignInError, "New accounts are not open here."),
    "email_provider_disabled": (NotSupported, _NOT_HERE),
    "provider_disabled": (NotSupported, "This way to sign in is not set up here."),
    "oauth_provider_not_supported": (NotSupported, "This way to sign in is not set up here."),
    "email_address_invalid": (SignInError, "This does not look like an e-mail address."),
    "email_address_not_authorized": (SignInError, "This server may not send mail to that address."),
    "validation_failed": (SignInError, "This does not look like an e-mail address."),
    "same_password": (WeakPassword, "This is your password already: choose another."),
    "otp_expired": (SignInError, _USED_UP),
    "otp_disabled": (SignInError, _USED_UP),
    "bad_code_verifier": (SignInError, "This sign-in was begun in another browser: start again here."),
    "flow_state_expired": (SignInError, "This took too long: start again."),
    "flow_state_not_found": (SignInError, "This took too long: start again."),
    "mfa_verification_failed": (WrongCredentials, _WRONG_CODE),
    "mfa_verification_rejected": (WrongCredentials, _WRONG_CODE),
    "mfa_challenge_expired": (WrongCredentials, "This took too long: type the code that is shown now."),
    "mfa_totp_enroll_not_enabled": (NotSupported, _NOT_HERE),
    "mfa_totp_verify_not_enabled": (NotSupported, _NOT_HERE),
    "too_many_enrolled_mfa_factors": (SignInError, "There are too many second factors already: remove one first."),
    "insufficient_aal": (SignInError, "This needs your second factor: sign out, and in again with it."),
    "reauthentication_needed": (ConfirmItsYou, "To be sure it is you, we sent you a code by mail: type it here."),
    "reauthentication_not_valid": (ConfirmItsYou, "This code is not right: type the one from the latest mail."),
    "session_not_found": (SessionEnded, ENDED),
    "session_expired": (SessionEnded, ENDED),
    "refresh_token_not_found": (SessionEnded, ENDED),
    "refresh_token_already_used": (SessionEnded, ENDED),
    "bad_jwt": (SessionEnded, ENDED),
}


def refusal(code: str, status: int, words: str) -> SignInError:
    """The error for a refusal; `words` are the server's own, which are read and never shown."""
    if code == "weak_password":
        return WeakPassword(weak([]))
    if code in _BY_CODE:
        kind, sentence = _BY_CODE[code]
        return kind(sentence)
    if status == 429:
        return TooManyAttempts("Too many attempts: wait a minute, then try again.")
    if status == 401 and "api key" in words.lower():
        return SignInError("The app's Supabase key is not accepted: SUPABASE_KEY has to be checked.")
    if status == 404:
        return NotSupported(_NOT_HERE)
    if status >= 500:
        return AuthUnreachable("The sign-in server has a problem. Try again in a moment.")
    return SignInError("That did not work. Check what you typed, and try again.")


def weak(reasons: Iterable[str]) -> str:
    """Why a password was not taken, and what would be."""
    if "pwned" in reasons:
        return "This password is known from a data leak: choose another."
    if "characters" in reasons:
        return "Use a password with letters, capitals, digits and signs."
    return f"Use a longer password: at least {MIN_PASSWORD} characters."
