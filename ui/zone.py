"""The timezone that a person's days are in: the one they chose, or their browser's. It draws nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from auth.guard import User
from services import services

__all__ = ["forget_timezone", "load_timezone", "timezone"]

KEPT = "person-zone"


def load_timezone(user: User) -> None:
    """Find out once for each session; `here` tells it from then on."""
    whose, _ = st.session_state.get(KEPT) or ("", "")
    if whose != user.id:
        person = services().memory.people.get(user.id)
        st.session_state[KEPT] = (user.id, person.timezone if person.timezone_chosen else "")


def forget_timezone() -> None:
    """It may be another one by now."""
    st.session_state.pop(KEPT, None)


def timezone(state: Mapping[str, Any] | None = None) -> ZoneInfo:
    """The person's timezone, as far as it is known; `state` is a copy of the session's, where that is left alone."""
    _, chosen = (st.session_state if state is None else state).get(KEPT) or ("", "")
    try:
        return ZoneInfo(chosen or st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):  # a browser may name one that this server does not know
        return ZoneInfo("UTC")
