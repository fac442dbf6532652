"""The welcome page: what Keepsake is, and signing in, step by step."""

from __future__ import annotations

import streamlit as st

from auth import guard
from auth.server_features import server_features
from services import services
from ui.account import by_mail, delete_account, second_factor, sign_in
from ui.account.sign_in import draw_example
from ui.safe_text import escape

PROMISES = {
    "format_quote": "Everything it remembers comes from your own words. You can read all of it.",
    "lock": "The database itself keeps your memories apart from everyone else's.",
    "delete": "Forget one thing or everything, whenever you like.",
}


def draw_page() -> None:
    """Draw what Keepsake is, the ways to sign in, an example, and what is promised."""
    with st.container():  # always there, so that the form below it does not move
        delete_account.draw_farewell()
        if reason := guard.signed_out_notice():
            st.info(escape(reason), icon=":material/logout:")
    st.title("An assistant that remembers you", anchor=False)
    st.markdown("Tell Keepsake something once. It will still know next week, in another chat, in your own words.")
    with st.container(key="way-in"):
        way_in, seen = st.columns([10, 11], gap="large")
        with way_in:
            sign_in.draw_ways_in(server_features(), first_run=services().is_first_run())
        with seen:
            draw_example()
    with st.container(key="promises"):
        for column, (icon, promise) in zip(st.columns(len(PROMISES), gap="large"), PROMISES.items(), strict=True):
            column.markdown(f":material/{icon}: {promise}")


# A link comes before the session: people who are signed in change their address and forget passwords, too.
if second_factor.is_pending():
    second_factor.draw_code_page()
elif "token_hash" in st.query_params:
    by_mail.draw_link_page()
elif by_mail.is_under_way():
    by_mail.draw_next_step()
elif guard.current_user() is not None:
    guard.open_wanted_page()
elif "code" in st.query_params or "error" in st.query_params:
    sign_in.finish_provider_sign_in()
else:
    draw_page()
