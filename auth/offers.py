"""What the auth server offers: who may sign up, by which ways people come in, whether there are second factors.

The server's own word, so that nothing is shown that it would refuse. Where it does not say, the plain way
in with address and password is all there is. It signs nobody in.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import httpx

__all__ = ["Offers", "has_second_factor", "offers_of"]

log = logging.getLogger("keepsake.auth")
PROVIDERS = {"google": "Google", "github": "GitHub"}
PATIENCE_SECONDS = 5


@dataclass(frozen=True)
class Offers:
    """What to show on the way in."""

    sign_up: bool = True
    by_mail: bool = True
    confirms: bool = False
    providers: tuple[str, ...] = ()


def offers_of(url: str, key: str) -> Offers:
    """What the server says of itself."""
    try:
        answer = httpx.get(f"{url}/auth/v1/settings", headers={"apikey": key}, timeout=PATIENCE_SECONDS)
        said = answer.raise_for_status().json()
        return _read(said) if isinstance(said, dict) else Offers()
    except (httpx.HTTPError, ValueError) as error:
        log.warning("the auth server does not say what it offers: %s", type(error).__name__)
        return Offers()


def _read(said: dict[str, Any]) -> Offers:
    external = said.get("external")
    ways = external if isinstance(external, dict) else {}
    return Offers(
        sign_up=said.get("disable_signup") is not True,
        by_mail=ways.get("email") is not False,
        confirms=said.get("mailer_autoconfirm") is False,
        providers=tuple(name for name in PROVIDERS if ways.get(name) is True),
    )


def has_second_factor(url: str, key: str, access_token: str) -> bool:
    """Whether the server knows second factors: asked for one of no kind, it answers anything but "not found"."""
    headers = {"apikey": key, "Authorization": f"Bearer {access_token}"}
    try:
        answer = httpx.post(
            f"{url}/auth/v1/factors", headers=headers, json={"factor_type": "none"}, timeout=PATIENCE_SECONDS
        )
    except httpx.HTTPError:
        return False
    return answer.status_code in (400, 422)
