"""Has the address name the open chat also where one came back to it by another page: a reload shows it again.

The entry in the browser's history stays the one it is, so that the back button leads where it did.
"""

from __future__ import annotations

import streamlit as st

from ui.chat.open_chat import IN_ADDRESS

__all__ = ["name_in_address"]

SCRIPT = """
export default function ({ data }) {
  const here = new URL(location.href);
  if (!data?.chat || here.searchParams.has(data.name)) return;
  here.searchParams.set(data.name, data.chat);
  history.replaceState(history.state, "", here);
}
"""
_browser = st.components.v2.component("keepsake_address", js=SCRIPT)


def name_in_address(conversation_id: str) -> None:
    """Do it where the address names no chat."""
    with st.container(key="errand-address"):
        if IN_ADDRESS not in st.query_params:
            _browser(key="address", data={"name": IN_ADDRESS, "chat": conversation_id}, height=1)
