"""What was learned of a turn, under it: told when the worker is done, with undo and edit in place.

Looked for again only while the turn waits. It decides nothing: `Memory` takes back and changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import streamlit as st

from auth.guard import User, require_user
from chat.conversations import Message
from memory import Result
from services import services
from ui.browser.timer import run_again
from ui.elements import escape, shorten
from ui.frame import show_errors

__all__ = ["draw_learned", "learned_line"]

OPENED, EDITED = "learned_opened", "learned_edited"
SOON, LATER, LONG_ENOUGH = 1.0, 5.0, timedelta(minutes=10)
LONGEST = 60
# What was done to a memory.
DONE = {
    "ADD": "Learned",
    "UPDATE": "Changed",
    "DELETE": "Removed",
}


def draw_learned(asked: Message, *, newest: bool) -> None:
    """One quiet line under a turn; the newest turn's appears by itself."""
    if newest and _pace(asked) is not None:
        _while_waiting(asked.id, [asked])
    else:
        _told(asked)


def _told(asked: Message) -> None:
    _not_yet(asked)
    record = asked.receipt.get("remembered") or {}
    if not (line := learned_line(record)):
        return
    opened = st.session_state.get(OPENED) == asked.id
    icon = ":material/expand_less:" if opened else ":material/bookmark_added:"
    st.button(line, key=f"learned-{asked.id}", type="tertiary", icon=icon, on_click=partial(_turn_over, asked.id))
    if opened:
        _details(asked.id)


def learned_line(record: Mapping[str, Any]) -> str:
    """What was learned, in one line: the first by its words, the others counted."""
    done = _changes(record)
    told = [f"{_done(each)}: {escape(shorten(str(each['memory']), LONGEST))}" for each in done[:1]]
    told += [f"{len(done) - 1} more"] if len(done) > 1 else []
    dropped = record.get("dropped") or []
    return " · ".join(told + ([f"{len(dropped)} not kept"] if dropped else []))


@st.fragment
def _while_waiting(message_id: str, read: list[Message]) -> None:
    """How a turn stands, again and again until it is remembered; drawn here, so that nothing that is open closes.

    `read` holds the message as the page has just read it; drawn alone, it is used up.
    """
    with show_errors():
        asked = read.pop() if read else services().conversations.message(require_user().id, message_id)
        if asked is None:
            return
        _told(asked)
        if pace := _pace(asked):
            run_again("learned", pace)
        elif _questions(asked) and run_again("learned", calm=True):
            st.rerun()  # the question above the box is no part of this piece


def _pace(asked: Message) -> float | None:
    """How often to look whether a turn is remembered, in seconds; None if there is nothing to wait for."""
    if asked.remembering != "waiting" or datetime.now(UTC) - asked.created_at > LONG_ENOUGH:
        return None
    return LATER if asked.receipt.get("not_remembered") else SOON


def _questions(asked: Message) -> bool:
    """Whether the turn left a contradiction for the person to decide."""
    return any(each.get("event") == "ASK" for each in (asked.receipt.get("remembered") or {}).get("events") or [])


def _not_yet(asked: Message) -> None:
    if problem := asked.receipt.get("not_remembered"):
        state = "Not remembered yet" if asked.remembering == "waiting" else "Not remembered"
        st.caption(f":material/hourglass: {state}: {escape(str(problem))}")


def _turn_over(message_id: str) -> None:
    """Open what is closed, close what is open."""
    st.session_state.pop(EDITED, None)
    opened = st.session_state.get(OPENED) == message_id
    st.session_state[OPENED] = None if opened else message_id


@st.fragment
def _details(message_id: str) -> None:
    """Each change with what became of it since, and what was not kept with its reason."""
    user = require_user()
    with show_errors():
        asked = services().conversations.message(user.id, message_id)
        record = (asked.receipt.get("remembered") if asked else None) or {}
        with st.container(border=True, key=f"learned-details-{message_id}"):
            for number, each in enumerate(_changes(record)):
                _change(user, each, f"{message_id}-{number}")
            for each in record.get("dropped") or []:
                words = f"“{escape(str(each['text']))}”, " if each.get("text") else ""
                st.caption(f"Not kept: {words}{escape(str(each['reason']))}.")


def _change(user: User, change: Mapping[str, Any], key: str) -> None:
    memory = services().memory
    now = memory.get(change["id"], user_id=user.id)
    versions = memory.history(change["id"], user_id=user.id)
    if now is not None and st.session_state.get(EDITED) == key:
        _editor(user, change["id"], now["memory"], key)
        return
    row = st.container(horizontal=True, wrap=False, gap="small", vertical_alignment="center")
    with row.container():
        st.markdown(escape(now["memory"]) if now else f"~~{escape(str(change['memory']))}~~")
        st.caption(_since(change, versions, now))
    if now is not None and row.button("Edit", key=f"icon-edit-{key}", icon=":material/edit:", type="tertiary"):
        st.session_state[EDITED] = key
        st.rerun()
    if versions:
        _undo(user, row, change, versions[-1], key, now)


def _undo(
    user: User, row: Any, change: Mapping[str, Any], latest: Mapping[str, Any], key: str, now: Result | None
) -> None:
    """The way back from the last change; an edit that was taken back leaves what was learned, which can go still."""
    stands = _stands(change, now)
    back = now is None or (latest["undoes"] is not None and not stands)
    label, icon = ("Bring back", ":material/redo:") if back else ("Undo", ":material/undo:")
    if row.button(label, key=f"icon-undo-{key}", icon=icon, type="tertiary"):
        memory = services().memory
        if stands and latest["undoes"] is not None and change["event"] == "ADD":
            memory.delete(change["id"], user_id=user.id)
        else:
            memory.undo(latest["id"], user_id=user.id)
        st.rerun()


def _stands(change: Mapping[str, Any], now: Result | None) -> bool:
    """Whether the memory says what was learned of this turn."""
    return now is not None and change["event"] != "DELETE" and now["memory"] == change["memory"]


def _editor(user: User, memory_id: str, words: str, key: str) -> None:
    with st.form(f"edit-{key}", border=False):
        said = st.text_area("What is right", value=words, key=f"edit-words-{key}")
        row = st.container(horizontal=True)
        save = row.form_submit_button("Save", type="primary")
        leave = row.form_submit_button("Cancel", type="tertiary")
    if save and said.strip() != words:
        services().memory.update(memory_id, said, user_id=user.id)
    if save or leave:
        st.session_state.pop(EDITED, None)
        st.rerun()


def _since(change: Mapping[str, Any], versions: Sequence[Mapping[str, Any]], now: Result | None) -> str:
    """What was done, and what became of it since then."""
    if not versions:
        return "Gone for good."
    latest, told = versions[-1], _done(change)
    if latest["undoes"] is not None and not _stands(change, now):
        return f"{told}, and taken back"
    if now is None:
        return told if change["event"] == "DELETE" else f"{told}, and forgotten"
    if latest["actor"] == "person" and not _stands(change, now):
        return f"{told}, and changed by you"
    before = change.get("previous_memory")
    return f"{told}, from “{escape(shorten(str(before), LONGEST))}”" if before else told


def _changes(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What was done to memories; questions are put above the box."""
    return [each for each in record.get("events") or [] if each.get("event") in DONE and each.get("id")]


def _done(change: Mapping[str, Any]) -> str:
    return DONE[change["event"]]
