"""One memory, opened in its place in the list: where it comes from, its wording, and every version it had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from auth.guard import User
from house import house
from memory import Result
from ui import pieces, recall_checks, undo_bar
from ui.frame import trouble

__all__ = ["any_open", "draw", "is_open", "toggle"]

OPENED = "opened_memory"
SOURCES = {"person": "written by you", "import": "from an imported file", "merge": "merged from several"}
ACTORS = {"person": "you", "model": "the model", "rules": "plain rules", "import": "an import", "tidy": "tidying up"}
DONE = {"ADD": "Kept", "UPDATE": "Changed", "DELETE": "Forgotten"}


def is_open(memory_id: str) -> bool:
    """Whether this is the memory that is looked at."""
    return bool(st.session_state.get(OPENED) == memory_id)


def any_open() -> bool:
    """Whether any memory is looked at."""
    return bool(st.session_state.get(OPENED))


def toggle(memory_id: str) -> None:
    """Open it, or close it again."""
    st.session_state[OPENED] = None if is_open(memory_id) else memory_id


def draw(user: User, memory: Result) -> None:
    """What is known about it, the box to say it better, and its history."""
    _origin(memory)
    _edit(user, memory)
    recall_checks.pin_button(user, memory)
    with trouble():
        _history(user, memory)


def _origin(memory: Result) -> None:
    known = memory["metadata"]
    if quote := known.get("quote"):
        st.markdown(f"> “{pieces.plain(str(quote))}”".replace("\n", "\n> "))
    kept = memory["created_at"]
    told = {
        "Kind": pieces.KIND_NAMES.get(str(known.get("kind"))),
        "Kept": pieces.date_of(kept) if kept else None,
        "Happened": pieces.date_of(known["happened_at"]) if known.get("happened_at") else None,
        "Confirmed": pieces.date_of(known["confirmed_at"]) if known.get("confirmed_at") else None,
        "Source": SOURCES.get(str(known.get("source"))),
    }
    st.markdown("  \n".join(f"**{name}:** {pieces.plain(value)}" for name, value in told.items() if value))
    run_id = known.get("run_id")
    if isinstance(run_id, str) and st.button("Open the chat", key=f"chat-of-{memory['id']}", icon=":material/chat:"):
        st.switch_page("pages/chat.py", query_params={"chat": run_id})


def _edit(user: User, memory: Result) -> None:
    # By its wording too: a box shows anew what an undo, or another tab, made of it.
    key = f"{memory['id']}-{memory['hash']}"
    with st.form(f"edit-{key}", border=False):
        words = st.text_area("What it says", value=memory["memory"], key=f"words-{key}")
        asked = st.form_submit_button("Save", icon=":material/check:")
    if not asked or words.strip() == memory["memory"]:
        return
    with trouble():
        own = house().memory
        own.update(memory["id"], words, user_id=user.id)
        last = own.history(memory["id"], user_id=user.id)[-1]
        undo_bar.offer(f"Changed: {pieces.plain(words.strip())}", last["id"])
        st.rerun()


def _history(user: User, memory: Result) -> None:
    st.markdown("**History**")
    for each in reversed(house().memory.history(memory["id"], user_id=user.id)):
        row = st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")
        row.caption(_told(each), width="stretch")
        # Taking back the first version is forgetting, which has a button of its own.
        if each["event"] != "UPDATE":
            continue
        if row.button("Undo this change", key=f"icon-undo-{each['id']}", icon=":material/undo:", type="tertiary"):
            with trouble():
                house().memory.undo(each["id"], user_id=user.id)
                undo_bar.dismiss()
                st.rerun()


def _told(event: Mapping[str, Any]) -> str:
    said = event["new_memory"] if event["new_memory"] is not None else event["old_memory"]
    who = ACTORS.get(str(event["actor"]), str(event["actor"]))
    undone = " · taking a change back" if event["undoes"] else ""
    done = DONE.get(str(event["event"]), str(event["event"]))
    return f"{pieces.date_of(event['created_at'])} · {done} by {pieces.plain(who)}{undone}  \n{pieces.plain(str(said))}"
