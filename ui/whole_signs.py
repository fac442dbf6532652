"""Keeps a slip at the box from doing harm: half of a sign, as a program may put one there. It sends nothing itself."""

from __future__ import annotations

import streamlit as st

__all__ = ["whole_signs"]

# Half of a sign that needs two cannot travel to the server, and would take the whole message along.
SCRIPT = """
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLTextAreaElement) || field.value.isWellFormed?.() !== false) return;
  const value = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value");
  value.set.call(field, field.value.toWellFormed());
}, true);

export default function () {}
"""
_browser = st.components.v2.component("keepsake_whole_signs", js=SCRIPT)


def whole_signs() -> None:
    """Listen from now on."""
    with st.container(key="errand-whole-signs"):
        _browser(key="whole-signs", height=1)
