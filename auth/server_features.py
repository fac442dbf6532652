"""What the auth server offers: who may sign up, by which ways people come in, whether there are second factors.

The server's own word, asked every few minutes, so that nothing is shown that it would refuse. Where it does
not say, the plain way in with address and password is all there is. It signs nobody in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import streamlit as st

from auth.errors import AuthUnreachable
from settings import settings

__all__ = ["PROVIDERS", "Offers", "offers", "second_factors"]

PROVIDERS = {"google": "Google", "github": "GitHub"}
PATIENCE_SECONDS = 5
ASK_AGAIN_SECONDS = 300
_UNSAID = "The sign-in server does not say what it offers."


@dataclass(frozen=True)
class Offers:
    """What to show on the way in."""

    sign_up: bool = True
    by_mail: bool = True
    providers: tuple[str, ...] = ()


def offers() -> Offers:
    """What the server says of itself."""
    configured = settings()
    try:
        return _asked(configured.supabase_url or "", configured.supabase_key or "")
    except AuthUnreachable:
        return Offers()


def second_factors(access_token: str) -> bool:
    """Whether the server knows second factors."""
    configured = settings()
    try:
        return _tried(configured.supabase_url or "", configured.supabase_key or "", access_token)
    except AuthUnreachable:
        return False


# An answer is the same for everybody, and kept for everybody; that there was none is not kept.
@st.cache_resource(ttl=ASK_AGAIN_SECONDS, show_spinner=False)
def _asked(url: str, key: str) -> Offers:
    try:
        answer = httpx.get(f"{url}/auth/v1/settings", headers={"apikey": key}, timeout=PATIENCE_SECONDS)
        said = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise AuthUnreachable(_UNSAID) from error
    return _read(said if isinstance(said, dict) else {})


def _read(said: dict[str, Any]) -> Offers:
    external = said.get("external")
    ways = external if isinstance(external, dict) else {}
    return Offers(
        sign_up=said.get("disable_signup") is not True,
        by_mail=ways.get("email") is not False,
        providers=tuple(name for name in PROVIDERS if ways.get(name) is True),
    )


@st.cache_resource(ttl=ASK_AGAIN_SECONDS, show_spinner=False)
def _tried(url: str, key: str, _access_token: str) -> bool:
    """Asked for a factor of no kind, a server that has them complains of the kind; others of the question."""
    headers = {"apikey": key, "Authorization": f"Bearer {_access_token}"}
    try:
        answer = httpx.post(
            f"{url}/auth/v1/factors", headers=headers, json={"factor_type": "none"}, timeout=PATIENCE_SECONDS
        )
    except httpx.HTTPError as error:
        raise AuthUnreachable(_UNSAID) from error
    if answer.status_code in (401, 403) or answer.status_code >= 500:
        raise AuthUnreachable(_UNSAID)
    return answer.status_code in (400, 422)
