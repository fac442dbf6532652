"""Adds security headers to every answer of the app, and refuses changing requests that come from other sites.

    app = st.App(__file__, routes=…, **protection(may_upload))

A browser that follows these headers loads nothing from other sites and runs only the app's own scripts, whatever a text
on the page contains. Files are taken only from browser sessions that the caller names. A browser that opens an
address of several parts is sent to the page that says that there is none. This module does not know who is signed in.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memory.telemetry.figures import note_error
from memory.telemetry.tracing import begin, current

__all__ = [
    "NOT_FOUND",
    "KnownHostsOnly",
    "NestedAddresses",
    "SameOriginOnly",
    "SecurityHeaders",
    "SignedInUploads",
    "policy",
    "protection",
    "show_unexpected",
]

log = logging.getLogger("keepsake.pages")
UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/")  # Streamlit's route for files, with its id of the session
NOT_FOUND = "not-found"
FOLDERS = ("app", "component", "media", "static")  # what Streamlit serves files from, beside those that begin with "_"
CHANGING_METHODS = {"POST", "PUT", "PATCH", "DELETE"}
HEADERS = {
    "x-content-type-options": "nosniff",
    # The address of a page may hold a token from an email. `no-referrer` would also hide the Origin header.
    "referrer-policy": "same-origin",
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), payment=(), usb=(), microphone=(self), clipboard-write=(self)",
}
OVER_HTTPS = {"strict-transport-security": "max-age=31536000"}


def protection(may_upload: Callable[[str], bool]) -> dict[str, Any]:
    """Return the arguments for `st.App`: the middleware, outermost first, and what to do about a bug.

    `may_upload` says of a browser session, by Streamlit's id, whether its files are taken.
    """
    hosts = list(st.get_option("server.allowedHosts") or [])
    host_check = [Middleware(KnownHostsOnly, hosts=hosts)] if hosts else []
    uploads = Middleware(SignedInUploads, may_upload=may_upload)
    middleware = [
        Middleware(SecurityHeaders),
        *host_check,
        Middleware(SameOriginOnly),
        uploads,
        Middleware(NestedAddresses),
    ]
    return {"middleware": middleware, "on_script_error": show_unexpected}


def policy(page: str) -> str:
    """Return the content security policy for a page of HTML; its inline scripts are allowed by their hashes."""
    inline = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in inline]
    rules = {
        "default-src": "'self'",
        # Streamlit loads the scripts of the app's own components from blobs.
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


class SecurityHeaders:
    """Adds the headers to every answer, also on Streamlit's own routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        page = Path(st.__file__).parent / "static" / "index.html"
        self._headers = {**HEADERS, "content-security-policy": policy(page.read_text())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request with the headers added."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Forging this header changes only the answer to the forger.
        protocol = Headers(scope=scope).get("x-forwarded-proto", scope.get("scheme", "http"))
        added = self._headers | (OVER_HTTPS if protocol.partition(",")[0].strip() == "https" else {})

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with)


class KnownHostsOnly:
    """Refuses requests for other host names than the app's own, except the probes of hosts, which ask by address."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self._app = app
        self._checked = TrustedHostMiddleware(app, allowed_hosts=hosts, www_redirect=False)
        under = (st.get_option("server.baseUrlPath") or "").strip("/")
        # Streamlit's answer says no more than whether it runs.
        self._probe = f"/{under}/_stcore/health" if under else "/_stcore/health"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        probes = scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] == self._probe
        await (self._app if probes else self._checked)(scope, receive, send)


class SameOriginOnly:
    """Refuses requests that change something and do not come from a page of this app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        if scope["type"] == "http" and scope["method"] in CHANGING_METHODS and not _same_origin(Headers(scope=scope)):
            refusal = PlainTextResponse("This has to come from a page of this app.", status_code=403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _same_origin(headers: Headers) -> bool:
    """Return whether the browser says that the request comes from a page of this app.

    Sec-Fetch-Site is set by the browser: no script can change it, and it is right behind any proxy. A browser that does
    not send it (over plain http) sends the Origin, which has to be the host of the request, by its own name or by the
    one that a proxy passes on. Another site's page cannot add the proxy's header without a preflight request. A request
    with neither header is refused.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = urlsplit(headers.get("origin", ""))
    own_hosts = {headers.get("host"), headers.get("x-forwarded-host")}
    return bool(origin.netloc) and origin.scheme in ("http", "https") and origin.netloc in own_hosts


class SignedInUploads:
    """Refuses files from browser sessions that may not upload, before their bytes are read."""

    def __init__(self, app: ASGIApp, may_upload: Callable[[str], bool]) -> None:
        self._app = app
        self._may_upload = may_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or pass it on."""
        upload = UPLOAD.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if upload is not None and not self._may_upload(upload[1]):
            await PlainTextResponse("Sign in to upload files.", status_code=403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class NestedAddresses:
    """Sends a browser that opens an address of several parts, /chat/x, to /not-found, and from /chat/ to /chat.

    Streamlit's page loads its scripts from the folder of its address, so it would stay empty. The way is relative, so
    that it is right under any path that a proxy serves the app under.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        # The path that Streamlit serves its pages under. A proxy that strips the path needs none.
        under = (st.get_option("server.baseUrlPath") or "").strip("/")
        self._under = f"/{under}" if under else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Redirect a request for a page, or pass the request on."""
        # A browser asks for HTML when a person opens an address, and for nothing else.
        opens_page = scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", "")
        parts = scope["path"].removeprefix(self._under).lstrip("/").split("/") if opens_page else []
        if len(parts) > 1 and not parts[0].startswith("_") and parts[0] not in FOLDERS:
            page = quote(parts[0]) if not any(parts[1:]) else NOT_FOUND
            query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            await RedirectResponse("../" * (len(parts) - 1) + page + query)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def show_unexpected(error: Exception) -> bool:
    """Log an unexpected error, and show the person the number that the log lines of this run of the page have."""
    number = current() or begin()
    note_error(error)
    log.error("unexpected, shown as %s", number, exc_info=error)
    st.error(f"Something went wrong. If it happens again, tell whoever runs this app: error {number}.")
    return True
