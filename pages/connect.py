"""The page on which the owner of a machine connects a language model; on a hosted app it says whether there is one."""

from __future__ import annotations

import streamlit as st

from auth.guard import require_user
from services import services
from ui import model_connection
from ui.consent import require_consent
from ui.frame import show_errors
from ui.sidebar import draw_sidebar

user = require_user()
app = services()
require_consent(user)


def draw_page() -> None:
    """Draw which model replies, and the ways to connect another; for everybody else, one sentence."""
    draw_sidebar(user, "connect")
    st.title("Language model", anchor=False)
    if not model_connection.may_connect(user):
        st.markdown("A language model is connected." if app.settings.has_model else "No language model is connected.")
        if app.settings.local:
            st.caption("Whoever made the first account on this machine can change that, in a browser on the machine.")
        return
    st.caption("It writes the replies, and decides what is worth remembering. It sees what you write.")
    model_connection.draw_connected(user)
    if app.connectable:
        st.header("On this machine", anchor=False)
        model_connection.draw_local_servers(user)
        st.header("At an address", anchor=False)
        st.caption("The key is kept in a file on this machine that only you can read. It is not shown again.")
        model_connection.draw_connecting(user)


with show_errors():
    draw_page()
