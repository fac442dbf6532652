"""Knows a person's timezone, and writes days as people do. It draws nothing.

The timezone is the one that the person chose, or else their browser's. It is read once for each session.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from auth.guard import User
from services import services

__all__ = ["date_of", "day_heading", "forget_timezone", "load_timezone", "local_time", "timezone", "when_erased"]

CHOSEN_ZONE = "person-zone"  # in the session: a user's id, and the timezone they chose or ""


def load_timezone(user: User) -> None:
    """Read the timezone that the person chose, once for each session; `timezone` returns it from then on."""
    user_id, _ = st.session_state.get(CHOSEN_ZONE) or ("", "")
    if user_id != user.id:
        person = services().memory.people.get(user.id)
        st.session_state[CHOSEN_ZONE] = (user.id, person.timezone if person.timezone_chosen else "")


def forget_timezone() -> None:
    """Have the timezone read again, because it was changed."""
    st.session_state.pop(CHOSEN_ZONE, None)


def timezone() -> ZoneInfo:
    """Return the person's timezone, or UTC."""
    _, chosen = st.session_state.get(CHOSEN_ZONE) or ("", "")
    try:
        return ZoneInfo(chosen or st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):  # a browser may name one that this server does not know
        return ZoneInfo("UTC")


def local_time(written: object) -> datetime | None:
    """Convert a time, as memories store it, to the person's timezone; return None for a text that is no time.

    A date without an hour stays the same date in every timezone.
    """
    try:
        moment = datetime.fromisoformat(str(written))
    except ValueError:
        return None
    return moment.astimezone(timezone()) if moment.tzinfo else moment


def date_of(written: object) -> str:
    """Return the day of a time that a memory stores, "1 March 2026", or the month if only that is known.

    Return a text that is no time unchanged.
    """
    if isinstance(written, str) and re.fullmatch(r"\d{4}-(?:0[1-9]|1[0-2])", written):
        return f"{date.fromisoformat(f'{written}-01'):%B %Y}"
    moment = local_time(written)
    return f"{moment.day} {moment:%B %Y}" if moment else str(written)


def day_heading(moment: datetime) -> str:
    """Return the heading under which a chat of this time is listed."""
    today = datetime.now(timezone()).date()
    day = moment.astimezone(timezone()).date()
    if day >= today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return "Last 7 days" if day > today - timedelta(days=7) else f"{day:%B %Y}"


def when_erased() -> str:
    """Return when chats are erased whose time is over: the database does it, or else only an app that runs."""
    if services().retention.on_time():
        return "The database checks every 15 minutes."
    return "The app checks while it is running."
