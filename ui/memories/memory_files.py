"""Exporting all memories as JSON or CSV, and importing memories from a file."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from typing import IO

import streamlit as st

from auth.guard import User
from memory import Result
from memory.errors import InvalidInput
from memory.imports import chatgpt
from memory.imports.files import COLUMNS, MAX_BYTES
from memory.plain_text import cell
from services import services
from ui import elements, undo_bar
from ui.elements import plural
from ui.frame import check_session, show_errors
from ui.memories import chatgpt_import

__all__ = ["draw_memory_files"]

COUNT = "import-round"
MB = 1024 * 1024


def draw_memory_files(user: User) -> None:
    """Draw the downloads, the upload, and the import from ChatGPT."""
    with st.container(border=True):
        st.markdown("**Take them along**")
        st.caption("Everything remembered about you, as it is now. JSON can be read in again, here or by mem0.")
        row = st.container(horizontal=True)
        row.download_button(
            "Download JSON",
            data=partial(_memories_json, user),
            file_name="memories.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        row.download_button(
            "Download CSV",
            data=partial(_memories_csv, user),
            file_name="memories.csv",
            mime="text/csv",
            icon=":material/table:",
            on_click="ignore",
        )
    with st.container(border=True):
        st.markdown("**Bring some in**")
        st.caption(
            "Memories as JSON or CSV from here, as JSON from mem0, or as plain lines of text. Or all "
            "that you said to ChatGPT: the zip it sends you, or the conversations.json in it. What I "
            "know already is left out."
        )
        _draw_upload(user)
    chatgpt_import.draw_chatgpt_import(user)


def _memories_json(user: User) -> bytes:
    """Return all memories as JSON in mem0's format."""
    return json.dumps({"results": _all_memories(user)}, ensure_ascii=False, indent=2).encode()


def _memories_csv(user: User) -> bytes:
    """Return all memories as CSV, in which no cell is a formula."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    for each in _all_memories(user):
        fields = {**each["metadata"], **each}
        rows.writerow([cell(str(fields[name])) if fields.get(name) is not None else "" for name in COLUMNS])
    return b"\xef\xbb\xbf" + written.getvalue().encode()  # the byte order mark, by which spreadsheets recognise UTF-8


def _all_memories(user: User) -> list[Result]:
    # Runs when the button is pressed, outside of any run of the page: the session may have ended since.
    check_session(user)
    return services().memory.bulk_edit.all(user_id=user.id)


def _draw_upload(user: User) -> None:
    with show_errors():
        number = st.session_state.get(COUNT, 0)
        uploaded = st.file_uploader(
            "A file of memories, or ChatGPT's export",
            type=["json", "zip", "csv", "txt"],
            key=f"import-{number}",
            max_upload_size=chatgpt.MAX_BYTES // MB,
            label_visibility="collapsed",
        )
        label = "Import"
        if (
            not st.button(label, type="primary", icon=":material/upload:", disabled=uploaded is None)
            or uploaded is None
        ):
            return
        if uploaded.size > chatgpt.MAX_BYTES:
            raise InvalidInput(
                f"{uploaded.name} is larger than {chatgpt.MAX_BYTES // MB} MB. Unpack it, and give me the "
                "conversations.json in it."
            )
        with services().limits.uploading(user.id), st.spinner("Reading the file…"):
            if chatgpt.is_export(uploaded):
                chatgpt_import.offer_export(chatgpt.read(uploaded, uploaded.name))
            else:
                _import_file(user, uploaded, uploaded.name, uploaded.size)
        st.session_state[COUNT] = number + 1  # another key empties the field for the next file
        st.rerun()


def _import_file(user: User, uploaded: IO[bytes], name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise InvalidInput(f"{name} is larger than {MAX_BYTES // MB} MB. Give it to me in parts.")
    app = services()
    room = app.limits.memories_left(user.id)
    change = app.memory.bulk_edit.import_file(uploaded.read(), name, user_id=user.id, room=room)
    if change.count:
        undo_bar.offer_undo(
            plural(
                change.count,
                "Imported: 1 memory from {file}",
                "Imported: {number} memories from {file}",
                file=elements.escape(name),
            ),
            change.run,
        )
    else:
        st.toast("I knew all of that already.")
