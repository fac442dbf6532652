"""Draws the time line: memories month by month, with what changed when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from auth.guard import User
from memory.rows.history import Entry
from services import services
from ui import dates, elements
from ui.elements import plural

__all__ = ["draw_time_line"]

SIZE = 30
PAGE, KINDS = "timeline-page", "timeline-kinds"
# A colour for each kind; both themes have them.
DOTS = {"fact": "gray", "preference": "orange", "goal": "green", "instruction": "violet", "event": "blue"}


def draw_time_line(user: User) -> None:
    """Draw the choice of kinds, one page of entries by month, and the page numbers."""
    st.caption("What I remember, by date, and what changed when.")
    kinds = st.pills(
        "Kind",
        list(elements.KINDS),
        selection_mode="multi",
        format_func=lambda kind: f"{_dot(kind)} {elements.kind_name(kind)}",
        key=KINDS,
        label_visibility="collapsed",
        on_change=_go_to_first_page,
    )
    number = int(st.session_state.get(PAGE) or 1)
    entries, total = services().memory.bulk_edit.along_time(user_id=user.id, number=number, size=SIZE, kinds=kinds)
    if not total:
        st.markdown("No memories of this kind." if kinds else "Nothing yet. What you tell me will appear here by date.")
        return
    st.caption(plural(total, "1 entry", "{number} entries"))
    _draw_months(entries)
    elements.draw_pages(PAGE, total, SIZE)


def _draw_months(entries: Sequence[Entry]) -> None:
    for month, group in groupby(entries, key=_month_heading):
        with st.container(key=f"month-{month.replace(' ', '-')}"):
            st.markdown(f"##### {month}")
            for entry in group:
                _draw_entry(entry)


def _draw_entry(entry: Entry) -> None:
    with st.container(gap=None):
        st.markdown(f"{_dot(entry.fact.kind)} {elements.escape(entry.words)}")
        parts = [_entry_day(entry), elements.kind_name(entry.fact.kind)]
        if entry.before is not None:
            parts = [parts[0], "Changed", f"Before: {elements.escape(entry.before)}"]
        elif entry.happened and entry.fact.told_at:
            parts.append(f"told {dates.date_of(entry.fact.told_at)}")
        st.caption(" · ".join(each for each in parts if each))


def _dot(kind: str) -> str:
    return f":{DOTS.get(kind, 'gray')}[●]"


def _entry_day(entry: Entry) -> str:
    return dates.date_of(entry.day) if entry.day else ""


def _month_heading(entry: Entry) -> str:
    moment = dates.local_time(entry.day)
    return f"{moment:%B} {moment.year}" if moment else "No date"


def _go_to_first_page() -> None:
    st.session_state.pop(PAGE, None)
