"""Asks the auth server what it offers: sign-up, links by mail, providers, second factors.

An answer is kept for a few minutes, so that the app shows no way to sign in that the server would refuse. Where it
does not answer, the app offers address and password. A server that takes too long is left alone for some seconds, since
everybody who opens the welcome page would wait for it, one after the other. This module signs nobody in.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx
import streamlit as st

from auth.client import certificates
from auth.errors import AuthUnreachable
from settings import settings

__all__ = ["PROVIDERS", "ServerFeatures", "confirms_addresses", "has_second_factors", "server_features"]

PROVIDERS = {"google": "Google", "github": "GitHub"}
PATIENCE_SECONDS = 2
ASK_AGAIN_SECONDS = 300
SLOW_SECONDS = 15  # how long a server that took too long is not asked again
T = TypeVar("T")
_NO_ANSWER = "The sign-in server does not say what it offers."


@dataclass(frozen=True)
class ServerFeatures:
    """The ways to sign in and up that the welcome page shows, and whether new addresses have to be confirmed."""

    sign_up: bool = True
    by_mail: bool = True
    providers: tuple[str, ...] = ()
    confirms: bool = True


@dataclass(frozen=True)
class _Answer(Generic[T]):
    """What the server answered and when; None if it took too long."""

    value: T | None
    at: float = field(default_factory=time.monotonic)

    def read(self) -> T:
        """Return the answer; raise if there is none."""
        if self.value is None:
            raise AuthUnreachable(_NO_ANSWER)
        return self.value

    def counts(self) -> bool:
        """Return whether the server need not be asked again yet."""
        return self.value is not None or time.monotonic() < self.at + SLOW_SECONDS


def server_features(patience: float = PATIENCE_SECONDS) -> ServerFeatures:
    """Return what the server offers; sign-up and links by mail if it does not answer."""
    configured = settings()
    try:
        return _fetch_features(configured.supabase_url or "", configured.supabase_key or "", patience).read()
    except AuthUnreachable:
        return ServerFeatures()


def confirms_addresses(url: str, key: str) -> bool:
    """Return whether the server at this address has people confirm their address; raise if it does not answer."""
    return _fetch_features(url, key).read().confirms


def has_second_factors(access_token: str) -> bool:
    """Return whether the server offers second factors."""
    configured = settings()
    try:
        answer = _probe_second_factors(configured.supabase_url or "", configured.supabase_key or "", access_token)
        return answer.read()
    except AuthUnreachable:
        return False


# The answer is the same for everybody, so one is kept for all. A failure raises, and is not kept.
@st.cache_resource(ttl=ASK_AGAIN_SECONDS, show_spinner=False, validate=_Answer.counts)
def _fetch_features(url: str, key: str, _patience: float = PATIENCE_SECONDS) -> _Answer[ServerFeatures]:
    try:
        answer = httpx.get(f"{url}/auth/v1/settings", headers={"apikey": key}, timeout=_patience, verify=certificates())
        features = answer.raise_for_status().json()
    except httpx.TimeoutException:
        return _Answer(None)
    except (httpx.HTTPError, ValueError) as error:
        raise AuthUnreachable(_NO_ANSWER) from error
    return _Answer(_parse_features(features if isinstance(features, dict) else {}))


def _parse_features(answer: dict[str, Any]) -> ServerFeatures:
    external = answer.get("external")
    enabled = external if isinstance(external, dict) else {}
    return ServerFeatures(
        sign_up=answer.get("disable_signup") is not True,
        by_mail=enabled.get("email") is not False,
        providers=tuple(name for name in PROVIDERS if enabled.get(name) is True),
        confirms=answer.get("mailer_autoconfirm") is not True,
    )


@st.cache_resource(ttl=ASK_AGAIN_SECONDS, show_spinner=False, validate=_Answer.counts)
def _probe_second_factors(url: str, key: str, _access_token: str) -> _Answer[bool]:
    """Ask for a factor of an unknown kind: a server with second factors refuses the kind, others the request."""
    headers = {"apikey": key, "Authorization": f"Bearer {_access_token}"}
    try:
        answer = httpx.post(
            f"{url}/auth/v1/factors",
            headers=headers,
            json={"factor_type": "none"},
            timeout=PATIENCE_SECONDS,
            verify=certificates(),
        )
    except httpx.TimeoutException:
        return _Answer(None)
    except httpx.HTTPError as error:
        raise AuthUnreachable(_NO_ANSWER) from error
    if answer.status_code in (401, 403) or answer.status_code >= 500:
        raise AuthUnreachable(_NO_ANSWER)
    return _Answer(answer.status_code in (400, 422))
