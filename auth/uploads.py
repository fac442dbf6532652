"""Knows in which browser sessions somebody is signed in, since only they may upload files.

Streamlit takes a file into memory before any page sees it, also from a browser that shows only the welcome page. A
browser sends its files to the process that runs its session, so the process knows. headers.py refuses the others.
"""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

__all__ = ["allow_uploads", "may_upload"]

_signed_in: set[str] = set()


def may_upload(session_id: str) -> bool:
    """Return whether somebody is signed in in a browser session of this process."""
    return session_id in _signed_in


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
