"""What a person said to ChatGPT, brought as a file: what was found, what to do with it, and how far that has come.

Nothing of it is kept before the person has chosen. Draws and collects; the reading is the worker's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import streamlit as st

from auth.guard import User, require_user
from memory.imports.chatgpt import ChatGPTExport
from memory.imports.queue import ImportProgress, Way
from services import services
from texts import counted, text
from ui import elements
from ui.frame import trouble

__all__ = ["draw", "found"]

FOUND, BROUGHT = "chats-found", "messages-brought"
EVERY_SECONDS = 3


class Found(NamedTuple):
    """What is in a file, and about how many tokens it takes to learn from it."""

    chats: ChatGPTExport
    cost: int


def found(chats: ChatGPTExport) -> None:
    """Ask in the next run what to do with these."""
    st.session_state[FOUND] = Found(chats, services().memory.import_queue.cost(chats.said))


def draw(user: User) -> None:
    """The question, where there is one, and how far the reading has come."""
    with st.container(key="brought"):
        if offered := st.session_state.get(FOUND):
            _ask(user, offered)
        with trouble():
            progress = services().memory.import_queue.progress(user.id)
            if progress.waiting:
                # Only while there is something to look for.
                st.fragment(_moving, run_every=EVERY_SECONDS)()
            elif progress.given_up:
                st.caption(counted("files.standing.given_up", progress.given_up))


def _ask(user: User, offered: Found) -> None:
    chats, cost = offered
    with st.container(border=True), trouble():
        st.markdown(f"**{text('files.found.title')}**")
        of_chats = counted("files.found.chats", chats.chats)
        st.markdown(counted("files.found.messages", len(chats.said), chats=of_chats))
        first, last = (elements.date_of(chats.said[place].at.isoformat()) for place in (0, -1))
        st.markdown(text("files.found.when", first=first, last=last))
        for line in _small_print(user, chats, cost):
            st.caption(line)
        turns = services().memory.people.get(user.id).episodes
        row = st.container(horizontal=True)
        if row.button(
            text("files.found.learn"), type="primary", icon=":material/school:", help=text("files.found.learn_help")
        ):
            _bring(user, "learn")
        told = text("files.found.keep_help") if turns else text("files.found.keep_off")
        if row.button(text("files.found.keep"), icon=":material/inventory_2:", help=told, disabled=not turns):
            _bring(user, "keep")
        row.button(text("files.found.neither"), type="tertiary", on_click=_drop)


def _small_print(user: User, chats: ChatGPTExport, cost: int) -> Iterator[str]:
    yield text("files.found.cost", tokens=_about(cost)) if cost else text("files.found.rules")
    room = services().limits.memories_left(user.id)
    if room is not None and room < len(chats.said):
        yield text("files.found.room", room=f"{room:,}")
    if chats.too_long:
        yield counted("files.found.too_long", chats.too_long)
    if chats.too_old:
        yield counted("files.found.too_old", chats.too_old)


def _about(cost: int) -> str:
    """Two digits: it is an estimate."""
    size = 10 ** max(0, len(str(cost)) - 2)
    return f"{-(-cost // size) * size:,}"


def _bring(user: User, way: Way) -> None:
    offered: Found = st.session_state[FOUND]
    home = services()
    new = home.memory.import_queue.add(user.id, offered.chats.said, way)
    home.worker.tell()
    _drop()
    st.session_state[BROUGHT] = new
    st.toast(counted("files.brought", new) if new else text("files.found.known"))
    st.rerun()


def _drop() -> None:
    st.session_state.pop(FOUND, None)


def _moving() -> None:
    """How many are left, looked at again now and then."""
    user = require_user()
    with _bordered(), trouble():
        queue = services().memory.import_queue
        progress = queue.progress(user.id)
        if not progress.waiting:
            st.toast(text("files.standing.done"))
            st.rerun()
        _bar(progress)
        if st.button(text("files.standing.stop"), icon=":material/stop_circle:", type="tertiary"):
            queue.stop(user.id)
            st.toast(text("files.standing.stopped"))
            st.rerun()


def _bar(progress: ImportProgress) -> None:
    total = max(progress.waiting, st.session_state.get(BROUGHT) or progress.waiting + progress.done)
    st.progress(1 - progress.waiting / total, counted("files.standing.left", progress.waiting))
    if progress.problem:
        st.caption(text("files.standing.rests", problem=elements.plain(progress.problem)))


@contextmanager
def _bordered() -> Iterator[None]:
    with st.container(border=True):
        st.markdown(f"**{text('files.standing.title')}**")
        yield
