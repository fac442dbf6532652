"""Lets only people who are signed in upload files.

Streamlit takes a file into memory before any page sees it, also from a browser that shows only the welcome page.
`allow_uploads` notes for each session whether somebody is signed in; the middleware refuses the others. A browser sends
its files to the process that runs its session, so the process knows.
"""

from __future__ import annotations

import re

import streamlit as st
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime.scriptrunner import get_script_run_ctx

__all__ = ["SignedInUploads", "allow_uploads"]

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/")
_signed_in: set[str] = set()


def allow_uploads(allowed: bool) -> None:
    """Note whether the browser session of this run may upload files, from now until it ends."""
    context = get_script_run_ctx()
    if context is None:
        return
    if allowed:
        _forgotten_with_session(context.session_id)
        _signed_in.add(context.session_id)
    else:
        _signed_in.discard(context.session_id)


@st.cache_resource(scope="session", show_spinner=False, on_release=_signed_in.discard)
def _forgotten_with_session(session_id: str) -> str:
    """Have Streamlit take the session off the list when it drops it."""
    return session_id


class SignedInUploads:
    """Refuses files from browser sessions in which nobody is signed in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request before its body is read, or pass it on."""
        if scope["type"] == "http" and scope["method"] == "PUT":
            found = _UPLOAD.search(scope["path"])
            if found is not None and found[1] not in _signed_in:
                await PlainTextResponse("Sign in to upload files.", status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
