"""Draws what was learned from a turn, below it: one line that opens to every change, with undo and edit.

While the turn waits to be remembered, the newest turn's line looks for it again by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import streamlit as st

from auth.guard import User, require_user
from chat.tree import Message
from memory import Result
from memory.rows.acting import KEY_ACTOR
from memory.rows.history import standing_changes
from services import services
from ui.browser.timer import run_again
from ui.elements import escape, shorten
from ui.frame import show_errors

__all__ = ["draw_learned", "learned_line", "try_again"]

OPENED, EDITED = "learned_opened", "learned_edited"
SOON, LATER = 1.0, 5.0  # seconds between two looks
MAX_WAIT = timedelta(minutes=10)
LONGEST = 60
# The words for what was done to a memory.
DONE = {
    "ADD": "Learned",
    "UPDATE": "Changed",
    "DELETE": "Forgotten",
}


def draw_learned(asked: Message | None, *, newest: bool) -> None:
    """Draw the line below a turn; the line of the newest turn appears once the turn is remembered."""
    if asked is None:
        return
    if newest and _pace(asked) is not None:
        _wait(asked.id, [asked])
    else:
        _draw_line(asked)


def _draw_line(asked: Message) -> None:
    _draw_waiting(asked)
    record = asked.receipt.get("remembered") or {}
    if not (line := learned_line(record)):
        return
    opened = st.session_state.get(OPENED) == asked.id
    icon = ":material/expand_less:" if opened else ":material/bookmark_added:"
    st.button(line, key=f"learned-{asked.id}", type="tertiary", icon=icon, on_click=partial(_toggle, asked.id))
    if opened:
        _draw_details(asked.id)


def learned_line(record: Mapping[str, Any]) -> str:
    """Return what was learned in one line: the first change in words, the number of the others."""
    changes = _changes(record)
    parts = [f"{_done(each)}: {escape(shorten(str(each['memory']), LONGEST))}" for each in changes[:1]]
    parts += [f"{len(changes) - 1} more"] if len(changes) > 1 else []
    dropped = record.get("dropped") or []
    return " · ".join(parts + ([f"{len(dropped)} not stored"] if dropped else []))


@st.fragment
def _wait(message_id: str, read: list[Message]) -> None:
    """Draw the line repeatedly until the turn is remembered; as a fragment, so that no open dialog closes.

    `read` holds the message for the run of the whole page, which has just read it, and is empty in later runs.
    """
    with show_errors():
        asked = read.pop() if read else services().conversations.message(require_user().id, message_id)
        if asked is None:
            return
        _draw_line(asked)
        if pace := _pace(asked):
            run_again("learned", pace)
        elif _has_question(asked) and run_again("learned", calm=True):
            st.rerun()  # the question above the input box is not part of this fragment


def _pace(asked: Message) -> float | None:
    """Return after how many seconds to look again whether a turn is remembered, or None if it is not waiting."""
    if asked.remembering != "waiting" or datetime.now(UTC) - asked.created_at > MAX_WAIT:
        return None
    return LATER if asked.receipt.get("not_remembered") else SOON


def _has_question(asked: Message) -> bool:
    """Return whether the turn left a contradiction for the person to decide."""
    return any(each.get("event") == "ASK" for each in (asked.receipt.get("remembered") or {}).get("events") or [])


def _draw_waiting(asked: Message) -> None:
    if problem := asked.receipt.get("not_remembered"):
        waits = asked.remembering == "waiting"
        state, sign = ("Not remembered yet", "hourglass") if waits else ("Not remembered", "error")
        with st.container(gap="xxsmall"):  # the button belongs to the sentence above it
            st.caption(f":material/{sign}: {state}: {escape(str(problem))}")
            icon, key = ":material/refresh:", f"remember-{asked.id}"
            st.button("Try again now", key=key, type="tertiary", icon=icon, on_click=try_again)


def try_again() -> None:
    """Let everything of the person that could not be remembered be tried again now."""
    with show_errors():
        user, app = require_user(), services()
        app.conversations.queue.retry(user.id)
        app.memory.import_queue.retry(user.id)
        app.worker.wake()


def _toggle(message_id: str) -> None:
    """Open or close the details of a turn."""
    st.session_state.pop(EDITED, None)
    opened = st.session_state.get(OPENED) == message_id
    st.session_state[OPENED] = None if opened else message_id


@st.fragment
def _draw_details(message_id: str) -> None:
    """Draw each change with its present state, and what was not kept with the reason."""
    user = require_user()
    with show_errors():
        asked = services().conversations.message(user.id, message_id)
        record = (asked.receipt.get("remembered") if asked else None) or {}
        with st.container(border=True, key=f"learned-details-{message_id}"):
            for number, change in enumerate(_changes(record)):
                _draw_change(user, change, f"{message_id}-{number}")
            for dropped in record.get("dropped") or []:
                words = f"“{escape(str(dropped['text']))}”, " if dropped.get("text") else ""
                st.caption(f"Not stored: {words}{escape(str(dropped['reason']))}.")


def _draw_change(user: User, change: Mapping[str, Any], key: str) -> None:
    memory = services().memory
    now = memory.get(change["id"], user_id=user.id)
    versions = memory.history(change["id"], user_id=user.id)
    if now is not None and st.session_state.get(EDITED) == key:
        _draw_editor(user, change["id"], now["memory"], key)
        return
    row = st.container(horizontal=True, wrap=False, gap="small", vertical_alignment="center")
    with row.container():
        st.markdown(escape(now["memory"]) if now else f"~~{escape(str(change['memory']))}~~")
        st.caption(_describe(change, versions, now))
    if now is not None and row.button("Edit", key=f"icon-edit-{key}", icon=":material/edit:", type="tertiary"):
        st.session_state[EDITED] = key
        st.rerun()
    if versions:
        _draw_undo_button(user, row, change, versions, key, now)


def _draw_undo_button(
    user: User, row: Any, change: Mapping[str, Any], versions: Sequence[Mapping[str, Any]], key: str, now: Result | None
) -> None:
    """Draw the button that undoes the last change, or brings back what was undone.

    After a later change was undone, the memory says again what was learned; then the button undoes the learning.
    """
    latest, unchanged = versions[-1], _still_says(change, now)
    bring_back = now is None or (latest["undoes"] is not None and not unchanged)
    label, icon = ("Restore", ":material/redo:") if bring_back else ("Undo", ":material/undo:")
    if row.button(label, key=f"icon-undo-{key}", icon=icon, type="tertiary"):
        memory = services().memory
        said_again = unchanged and latest["undoes"] is not None
        if said_again and change["event"] == "ADD":
            memory.delete(change["id"], user_id=user.id)
        else:
            memory.undo((_last_standing(change, versions) if said_again else latest)["id"], user_id=user.id)
        st.rerun()


def _last_standing(change: Mapping[str, Any], versions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the last change that was not undone, or the latest if that is the one of this line."""
    latest = versions[-1]
    if (latest["old_memory"], latest["new_memory"]) == (change.get("previous_memory"), change["memory"]):
        return latest
    standing = standing_changes([(each["id"], each["undoes"]) for each in versions])
    return next((each for each in reversed(versions) if each["id"] in standing), latest)


def _still_says(change: Mapping[str, Any], now: Result | None) -> bool:
    """Return whether the memory still says what was learned from this turn."""
    return now is not None and change["event"] != "DELETE" and now["memory"] == change["memory"]


def _draw_editor(user: User, memory_id: str, words: str, key: str) -> None:
    with st.form(f"edit-{key}", border=False):
        said = st.text_area("What is true", value=words, key=f"edit-words-{key}")
        row = st.container(horizontal=True)
        save = row.form_submit_button("Save", type="primary")
        leave = row.form_submit_button("Cancel", type="tertiary")
    if save and said.strip() != words:
        services().memory.update(memory_id, said, user_id=user.id)
    if save or leave:
        st.session_state.pop(EDITED, None)
        st.rerun()


def _describe(change: Mapping[str, Any], versions: Sequence[Mapping[str, Any]], now: Result | None) -> str:
    """Return what was done, and what became of it since."""
    if not versions:
        return "Permanently deleted."
    latest, done = versions[-1], _done(change)
    if latest["undoes"] is not None and not _still_says(change, now):
        return f"{done}, then undone"
    if now is None:
        return done if change["event"] == "DELETE" else f"{done}, then forgotten"
    if (latest["actor"] == "person" or latest["actor"].startswith(KEY_ACTOR)) and not _still_says(change, now):
        return f"{done}, then changed by you"
    before = change.get("previous_memory")
    return f"{done}, from “{escape(shorten(str(before), LONGEST))}”" if before else done


def _changes(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the changes to memories; questions are drawn by `questions`."""
    return [each for each in record.get("events") or [] if each.get("event") in DONE and each.get("id")]


def _done(change: Mapping[str, Any]) -> str:
    return DONE[change["event"]]
