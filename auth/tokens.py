"""Checks an access token: its signature, algorithm, issuer, audience, expiry and user.

Supabase signs with a key pair and publishes the public key; they are checked with it. Tokens signed with a shared
secret (older projects, the local server) can be checked only by the auth server, so it is asked. No token is stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jwt

from auth.errors import NOT_RESPONDING, SIGNED_OUT, AuthUnreachable, SessionEnded, UntrustedToken

__all__ = ["NOT_TRUSTED", "Tokens", "tokens_of"]

AUDIENCE = "authenticated"
PUBLIC_KEY_ALGORITHMS = ("ES256", "RS256")
SERVER_ALGORITHM = "HS256"
LEEWAY_SECONDS = 30  # between two machines' clocks
KEYS_LIFE_SECONDS = 600
KEYS_PATIENCE_SECONDS = 5
REQUIRED = ["sub", "exp", "aud"]

CLOCKS = (
    "The clocks of this app and of the sign-in server differ by more than half a minute. Tell whoever runs this app."
)
NOT_TRUSTED = "The sign-in server's answer could not be verified. Sign in again."


class Tokens:
    """Checks the tokens of one project. Holds its public keys, and nothing about a person."""

    def __init__(self, project_url: str, key: str) -> None:
        self.issuer = f"{project_url.rstrip('/')}/auth/v1"
        # An unknown key id makes it fetch the keys again, so a rotated key works at once.
        self._keys = jwt.PyJWKClient(
            f"{self.issuer}/.well-known/jwks.json",
            headers={"apikey": key},
            lifespan=KEYS_LIFE_SECONDS,
            timeout=KEYS_PATIENCE_SECONDS,
            cooldown_duration=0,  # tokens come from the auth server only: nobody can make us fetch at will
        )

    def check(self, token: str, ask_server: Callable[[str], str | None]) -> Mapping[str, Any]:
        """Return the token's claims, or raise `UntrustedToken`; `ask_server` names the user of a token it can check."""
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            if algorithm in PUBLIC_KEY_ALGORITHMS:
                return self._checked_by_key(token)
            if algorithm == SERVER_ALGORITHM:
                return self._checked_by_server(token, ask_server)
        except jwt.PyJWKClientConnectionError as error:
            raise AuthUnreachable(NOT_RESPONDING) from error
        except jwt.ExpiredSignatureError as error:
            raise SessionEnded(SIGNED_OUT) from error
        except jwt.ImmatureSignatureError as error:
            raise UntrustedToken(CLOCKS) from error
        except (jwt.PyJWTError, ValueError) as error:
            raise UntrustedToken(NOT_TRUSTED) from error
        raise UntrustedToken(NOT_TRUSTED)

    def _checked_by_key(self, token: str) -> Mapping[str, Any]:
        key = self._keys.get_signing_key_from_jwt(token)
        # The key decides on the algorithm: what the token says about itself is not trusted yet.
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[name for name in PUBLIC_KEY_ALGORITHMS if name == key.algorithm_name],
            audience=AUDIENCE,
            issuer=self.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": [*REQUIRED, "iss"]},
        )
        return claims

    def _checked_by_server(self, token: str, ask_server: Callable[[str], str | None]) -> Mapping[str, Any]:
        claims: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
        _check_claims(claims, self.issuer)
        if ask_server(token) != claims["sub"]:
            raise UntrustedToken(NOT_TRUSTED)
        return claims


def _check_claims(claims: Mapping[str, Any], issuer: str) -> None:
    """Check what `jwt.decode` checks beside the signature; the local server's tokens name no issuer."""
    if any(name not in claims for name in REQUIRED) or not isinstance(claims["exp"], int | float):
        raise UntrustedToken(NOT_TRUSTED)
    if claims["exp"] + LEEWAY_SECONDS < time.time():
        raise jwt.ExpiredSignatureError
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if AUDIENCE not in audience or claims.get("iss", issuer) != issuer:
        raise UntrustedToken(NOT_TRUSTED)


@cache
def tokens_of(project_url: str, key: str) -> Tokens:
    """Return the checker of a project; there is one in a process, so that its keys are fetched once."""
    return Tokens(project_url, key)
