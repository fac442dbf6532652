"""On a narrow screen the list lies over the page: once a chat was chosen, it makes way. A wide screen keeps it."""

from __future__ import annotations

from uuid import uuid4

import streamlit as st

__all__ = ["close_soon", "draw"]

CLOSING = "close_sidebar"
# Run again at each change of the page: what was asked once is not done twice.
SCRIPT = """
const done = new Set();
export default function ({ data }) {
  if (!data || !data.once || done.has(data.once)) return;
  done.add(data.once);
  if (!window.matchMedia("(max-width: 768px)").matches) return;
  document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
}
"""
_browser = st.components.v2.component("keepsake_narrow", js=SCRIPT)


def close_soon() -> None:
    """Let the list make way with this run."""
    st.session_state[CLOSING] = uuid4().hex


def draw() -> None:
    """Tell the browser, if there is anything to do."""
    once = st.session_state.pop(CLOSING, None)
    with st.container(key="errand-narrow"):
        if once:
            _browser(key="narrow", data={"once": once}, height=1)
