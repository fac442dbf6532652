"""What stands around every answer of the app: headers for the browser, and requests that are turned away.

    app = st.App(__file__, routes=…, **walls())

A browser that follows these headers loads nothing from elsewhere and runs no script but the app's own, whatever
a text on the page says. A request that changes something has to come from the app's own pages. It knows no user.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["OnlyFromHere", "WithHeaders", "policy", "tell_unexpected", "walls"]

log = logging.getLogger("keepsake.pages")
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
HEADERS = {
    "x-content-type-options": "nosniff",
    # The address of a page may hold a token from a mail. (Not `no-referrer`: it would hide the Origin, too.)
    "referrer-policy": "same-origin",
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), payment=(), usb=(), microphone=(self), clipboard-write=(self)",
}
OVER_HTTPS = {"strict-transport-security": "max-age=31536000"}


def walls() -> dict[str, Any]:
    """What `st.App` is given: the middleware, outermost first, and what to do about a bug."""
    hosts = list(st.get_option("server.allowedHosts") or [])
    known = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)] if hosts else []
    middleware = [Middleware(WithHeaders), *known, Middleware(OnlyFromHere)]
    return {"middleware": middleware, "on_script_error": tell_unexpected}


def policy(page: str) -> str:
    """The content security policy for a page of HTML: its own inline scripts are known by their hashes."""
    inline = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in inline]
    rules = {
        "default-src": "'self'",
        # Streamlit loads the scripts of components, which are the app's own text, from blobs.
        "script-src": " ".join(["'self'", "blob:", "'wasm-unsafe-eval'", *hashes]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "frame-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


class WithHeaders:
    """Adds the headers to every answer, also to those of Streamlit's own routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        page = Path(st.__file__).parent / "static" / "index.html"
        self._headers = {**HEADERS, "content-security-policy": policy(page.read_text())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with the headers on it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Whoever writes this header by hand changes an answer to themselves only.
        told = Headers(scope=scope).get("x-forwarded-proto", scope.get("scheme", "http"))
        added = self._headers | (OVER_HTTPS if told.partition(",")[0].strip() == "https" else {})

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with)


class OnlyFromHere:
    """Turns away what would change something and does not come from a page of this app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] == "http" and scope["method"] in CHANGING and not from_here(Headers(scope=scope)):
            refusal = PlainTextResponse("This has to come from a page of this app.", status_code=403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def from_here(headers: Headers) -> bool:
    """Whether a browser says that its own page of this app asked.

    Sec-Fetch-Site is the browser's word, which no script can write, and holds behind any proxy. Where a browser
    does not send it (plain http), the Origin has to be the host that was asked, by its own name or by the one a
    proxy tells: another site's page cannot add that header without asking first. Who sends neither is no browser.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(headers.get("origin", ""))
    asked = {headers.get("host"), headers.get("x-forwarded-host")}
    return bool(origin.netloc) and origin.scheme in ("http", "https") and origin.netloc in asked


def tell_unexpected(error: Exception) -> bool:
    """A bug: the person is shown a number, and the log has the rest under it."""
    number = uuid4().hex[:8]
    log.error("unexpected, shown as %s", number, exc_info=error)
    st.error(f"Something went wrong that should not. If it stays, tell whoever runs this: error {number}.")
    return True
