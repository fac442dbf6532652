"""Welcome: what Keepsake is, and the way in, step by step. Draws and collects; signing in is auth's work."""

from __future__ import annotations

import streamlit as st

from auth import guard
from auth.offers import offers
from ui import by_mail, entrance, leaving, second_factor

PROMISES = (
    (":material/format_quote:", "Everything it remembers comes from your own words, and you can read all of it."),
    (":material/lock:", "Your memories are walled off in the database itself: nobody else's question can reach them."),
    (":material/delete:", "Forget one thing or everything, whenever you like."),
)


def draw() -> None:
    """The promise on top, the ways in below it."""
    with st.container():  # one element, told or not, so that the form below it stays what it is
        leaving.farewell()
        if told := guard.why_here():
            st.info(told, icon=":material/logout:")
    st.title("An assistant that remembers you", anchor=False)
    st.markdown("Tell Keepsake something once. It will still know next week, in another chat, in your own words.")
    for icon, promise in PROMISES:
        st.markdown(f"{icon} {promise}")
    st.space("small")
    entrance.ways_in(offers())


# A link comes first: an address is changed, and a password forgotten, by people who are signed in too.
if second_factor.asked():
    second_factor.ask()
elif "token_hash" in st.query_params:
    by_mail.follow()
elif by_mail.under_way():
    by_mail.draw()
elif guard.current_user() is not None:
    guard.go_on()
elif "code" in st.query_params or "error" in st.query_params:
    entrance.come_back()
else:
    draw()
