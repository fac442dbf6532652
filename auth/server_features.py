"""Asks the auth server what it offers: sign-up, links by mail, providers, second factors.

An answer is kept for a few minutes, so that the app shows no way to sign in that the server would refuse. Where it
does not answer, the app offers address and password. This module signs nobody in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import streamlit as st

from auth.errors import AuthUnreachable
from settings import settings

__all__ = ["PROVIDERS", "ServerFeatures", "has_second_factors", "server_features"]

PROVIDERS = {"google": "Google", "github": "GitHub"}
PATIENCE_SECONDS = 5
ASK_AGAIN_SECONDS = 300
_NO_ANSWER = "The sign-in server does not say what it offers."


@dataclass(frozen=True)
class ServerFeatures:
    """The ways to sign in and up that the welcome page shows."""

    sign_up: bool = True
    by_mail: bool = True
    providers: tuple[str, ...] = ()


def server_features() -> ServerFeatures:
    """Return what the server offers; sign-up and links by mail if it does not answer."""
    configured = settings()
    try:
        return _fetch_features(configured.supabase_url or "", configured.supabase_key or "")
    except AuthUnreachable:
        return ServerFeatures()


def has_second_factors(access_token: str) -> bool:
    """Return whether the server offers second factors."""
    configured = settings()
    try:
        return _probe_second_factors(configured.supabase_url or "", configured.supabase_key or "", access_token)
    except AuthUnreachable:
        return False


# The answer is the same for everybody, so one is kept for all. A failure raises, and is not kept.
@st.cache_resource(ttl=ASK_AGAIN_SECONDS, show_spinner=False)
def _fetch_features(url: str, key: str) -> ServerFeatures:
    try:
        answer = httpx.get(f"{url}/auth/v1/settings", headers={"apikey": key}, timeout=PATIENCE_SECONDS)
        features = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise AuthUnreachable(_NO_ANSWER) from error
    return _parse_features(features if isinstance(features, dict) else {})


def _parse_features(answer: dict[str, Any]) -> ServerFeatures:
    external = answer.get("external")
    enabled = external if isinstance(external, dict) else {}
    return ServerFeatures(
        sign_up=answer.get("disable_signup") is not True,
        by_mail=enabled.get("email") is not False,
        providers=tuple(name for name in PROVIDERS if enabled.get(name) is True),
    )


@st.cache_resource(ttl=ASK_AGAIN_SECONDS, show_spinner=False)
def _probe_second_factors(url: str, key: str, _access_token: str) -> bool:
    """Ask for a factor of an unknown kind: a server with second factors refuses the kind, others the request."""
    headers = {"apikey": key, "Authorization": f"Bearer {_access_token}"}
    try:
        answer = httpx.post(
            f"{url}/auth/v1/factors", headers=headers, json={"factor_type": "none"}, timeout=PATIENCE_SECONDS
        )
    except httpx.HTTPError as error:
        raise AuthUnreachable(_NO_ANSWER) from error
    if answer.status_code in (401, 403) or answer.status_code >= 500:
        raise AuthUnreachable(_NO_ANSWER)
    return answer.status_code in (400, 422)
