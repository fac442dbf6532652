"""What a person wishes of remembering: timezone, words of theirs, and what is kept by turns. Draws and collects."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import available_timezones

import streamlit as st

from auth.guard import User, require_user
from house import house
from memory import Person
from ui.frame import trouble

__all__ = ["draw"]


def draw(user: User) -> None:
    """The wishes, and under them the turns."""
    with trouble():
        person = house().memory.people.get(user.id)
        _wishes(user, person)
        _turns(user, person)


def _wishes(user: User, person: Person) -> None:
    follows = f"As my browser says ({st.context.timezone or person.timezone})"
    zones = [follows, *sorted(available_timezones())]
    with st.form("wishes"):
        zone = st.selectbox(
            "Timezone",
            zones,
            index=zones.index(person.timezone) if person.timezone_chosen and person.timezone in zones else 0,
            help="“Yesterday” and “next Friday” are counted in it.",
        )
        extract = st.text_area(
            "What I should mind when I remember",
            value=person.extract_wishes,
            placeholder="Remember everything about my garden. Never remember anything about my health.",
        )
        update = st.text_area(
            "What I should mind when something changes",
            value=person.update_wishes,
            placeholder="When I move, keep the old address as a memory of the past.",
        )
        if not house().settings.has_model:
            st.caption("No language model is connected: these words count as soon as one is.")
        asked = st.form_submit_button("Save", type="primary", icon=":material/check:")
    if asked:
        chosen = zone not in (None, follows)
        named = zone if chosen and zone else st.context.timezone or person.timezone
        changed = replace(
            person, timezone=named, timezone_chosen=chosen, extract_wishes=extract.strip(), update_wishes=update.strip()
        )
        with trouble():
            house().memory.people.set(user.id, changed)
            st.success("Saved.", icon=":material/check:")


def _turns(user: User, person: Person) -> None:
    with st.container(border=True):
        st.markdown("**Turn by turn**")
        st.caption("Beside the memories I keep what was said in our chats, to find details that no memory has.")
        kept = house().memory.episodes.count(user.id)
        keep = st.toggle("Keep what is said turn by turn", value=person.episodes, key="keep-turns")
        if keep != person.episodes:
            house().memory.people.set(user.id, replace(person, episodes=keep))
            st.rerun()
        row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
        row.caption("1 message is kept." if kept == 1 else f"{kept:,} messages are kept.", width="content")
        label = "Erase what was kept turn by turn"
        if row.button(label, icon=":material/delete_sweep:", type="tertiary", disabled=not kept):
            _confirm_erase()


@st.dialog("Erase what was kept turn by turn?")
def _confirm_erase() -> None:
    st.markdown("It goes for good. Your memories and your chats stay.")
    if st.button("Erase it", type="primary", key="really-erase"):
        with trouble():
            gone = house().memory.episodes.forget(require_user().id)
            st.toast("1 message is erased." if gone == 1 else f"{gone:,} messages are erased.")
            st.rerun()
