"""Where a person is signed in, and the way out of each. Draws and collects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from auth import guard
from auth.guard import User
from auth.session import Device
from texts import text
from ui import zone
from ui.elements import plain
from ui.frame import trouble

__all__ = ["sign_out_here", "signed_in_on"]

JUST_NOW = timedelta(minutes=10)


def signed_in_on(user: User) -> None:
    """One line for each device, this one first; each but this one can be signed out."""
    here = guard.device().id
    devices = guard.sessions().devices(user.id)
    for each in sorted(devices, key=lambda device: device.id != here):
        _line(user, each, here=each.id == here)
    if len(devices) > 1 and st.button(text("account.devices.everywhere"), icon=":material/logout:", key="everywhere"):
        sign_out_here(everywhere=True)


def sign_out_here(*, everywhere: bool = False) -> None:
    """Sign out, and say so where the server could not be told."""
    with trouble():
        problem = guard.leave(everywhere=everywhere)
        if problem:
            st.toast(problem)
        st.switch_page("pages/welcome.py")


def _line(user: User, each: Device, *, here: bool) -> None:
    row = st.container(horizontal=True, wrap=False, vertical_alignment="center", key=f"device-{each.id}")
    with row.container(gap="xxsmall"):
        st.markdown(
            f"{_icon(each.name)} {plain(each.name)}"
            + (f" :green-badge[{text('account.devices.this')}]" if here else "")
        )
        st.caption(_when(each))
    if not here and row.button(text("account.sign_out"), key=f"revoke-{each.id}", type="tertiary"):
        with trouble():
            guard.sessions().revoke(user.id, each.id)
            st.rerun()


def _icon(name: str) -> str:
    small = any(word in name for word in ("iPhone", "Android"))
    return ":material/smartphone:" if small else ":material/computer:"


def _when(each: Device) -> str:
    here = zone.here()
    opened = text("account.devices.since", day=f"{each.opened_at.astimezone(here):%d %b %Y, %H:%M}")
    if datetime.now(UTC) - each.seen_at < JUST_NOW:
        seen = text("account.devices.in_use")
    else:
        seen = text("account.devices.last_used", day=f"{each.seen_at.astimezone(here):%d %b %Y, %H:%M}")
    return " · ".join([seen, opened] + ([] if each.kept else [text("account.devices.for_its_tab")]))
