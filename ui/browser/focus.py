"""Puts the keyboard into a field that was just brought up, with what stands in it chosen. Once for each field."""

from __future__ import annotations

import streamlit as st

__all__ = ["focus_on"]

SCRIPT = """
export default function ({ data }) {
  const reach = (tries) => {
    const field = document.querySelector(`.st-key-${data.key} input`);
    if (field) {
      field.focus();
      field.select();
    } else if (tries) {
      setTimeout(() => reach(tries - 1), 50);
    }
  };
  if (data?.key) reach(20);
}
"""
_browser = st.components.v2.component("keepsake_focus", js=SCRIPT)


def focus_on(key: str) -> None:
    """Drawn with the field, and gone with it."""
    with st.container(key=f"errand-focus-{key}"):
        _browser(key=f"focus-{key}", data={"key": key}, height=1)
