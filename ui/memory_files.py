"""Taking memories along: all of them as JSON or as a table, and a file of them brought in. Draws and collects."""

from __future__ import annotations

import csv
import io
import json
from functools import partial

import streamlit as st

from auth.guard import User
from errors import InvalidInput, SessionEnded
from house import house
from memory import Result
from memory.intake import MAX_BYTES
from plaintext import cell
from ui import pieces, undo_bar
from ui.frame import trouble

__all__ = ["draw"]

COLUMNS = ("memory", "kind", "created_at", "updated_at", "happened_at", "confirmed_at", "quote", "source", "id")
ROUND = "import-round"


def draw(user: User) -> None:
    """The way out, and the way in."""
    with st.container(border=True):
        st.markdown("**Take them along**")
        st.caption("Everything remembered about you, as it is now. JSON can be read in again, here or by mem0.")
        row = st.container(horizontal=True)
        row.download_button(
            "Download JSON",
            data=partial(_as_json, user),
            file_name="memories.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        row.download_button(
            "Download CSV",
            data=partial(_as_csv, user),
            file_name="memories.csv",
            mime="text/csv",
            icon=":material/table:",
            on_click="ignore",
        )
    with st.container(border=True):
        st.markdown("**Bring some in**")
        st.caption(
            "A JSON file: an export from here or from mem0, or a list of messages. What I know already is left out."
        )
        _bring_in(user)


def _as_json(user: User) -> bytes:
    """All memories in mem0's shape."""
    return json.dumps({"results": _all(user)}, ensure_ascii=False, indent=2).encode()


def _as_csv(user: User) -> bytes:
    """All memories as a table, in which no cell is a formula."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    for each in _all(user):
        known = {**each["metadata"], **each}
        rows.writerow([cell(str(known[name])) if known.get(name) is not None else "" for name in COLUMNS])
    return b"\xef\xbb\xbf" + written.getvalue().encode()  # the mark by which spreadsheets know UTF-8


def _all(user: User) -> list[Result]:
    # Asked for when the button is pressed, outside of any run of the page: the session may have ended since.
    if not user.still_here():
        raise SessionEnded("You were signed out. Please sign in again.")
    return house().memory.shelf.all(user_id=user.id)


def _bring_in(user: User) -> None:
    with trouble():
        number = st.session_state.get(ROUND, 0)
        given = st.file_uploader(
            "JSON file",
            type="json",
            key=f"import-{number}",
            max_upload_size=MAX_BYTES // 1024 // 1024,
            label_visibility="collapsed",
        )
        if not st.button("Import", type="primary", icon=":material/upload:", disabled=given is None) or given is None:
            return
        if given.size > MAX_BYTES:
            raise InvalidInput(f"The file is larger than {MAX_BYTES // 1024 // 1024} MB. Give it to me in parts.")
        home = house()
        home.limits.may_upload(user.id)
        with st.spinner("Reading the file…"):
            room = home.limits.memories_left(user.id)
            change = home.memory.shelf.take_in(given.getvalue(), given.name, user_id=user.id, room=room)
        st.session_state[ROUND] = number + 1  # an empty box for the next file
        if change.count:
            counted = "1 memory" if change.count == 1 else f"{change.count:,} memories"
            undo_bar.offer(f"Imported: {counted} from {pieces.plain(given.name)}", change.run)
        else:
            st.toast("I knew all of that already.")
        st.rerun()
