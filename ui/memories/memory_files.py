"""Draws the Files tab of the Memories page: exports, imports, and messages from a ChatGPT export.

Nothing of a ChatGPT export is kept before the person has chosen what to do with it; the worker then reads it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from functools import partial
from typing import IO, NamedTuple

import streamlit as st

from auth.guard import User, require_user
from memory import Result
from memory.errors import InvalidInput
from memory.imports import chatgpt
from memory.imports.chatgpt import ChatGPTExport
from memory.imports.files import COLUMNS, MAX_BYTES
from memory.imports.queue import ImportProgress, Way
from memory.plain_text import cell
from services import services
from ui import dates, elements, undo_bar
from ui.chat.learned import try_again
from ui.elements import plural
from ui.frame import check_session, show_errors

__all__ = ["draw_memory_files"]

OFFERED, BROUGHT, COUNT = "chats-found", "messages-brought", "import-round"
PROGRESS_SECONDS = 3
MB = 1024 * 1024


class OfferedExport(NamedTuple):
    """The messages of a file, and about how many tokens it takes to learn from them."""

    chats: ChatGPTExport
    cost: int


def draw_memory_files(user: User) -> None:
    """Draw the downloads, the upload, and the import from ChatGPT."""
    with st.container(border=True):
        st.markdown("**Export**")
        st.caption("All your current memories. JSON can be imported again, here or by mem0.")
        row = st.container(horizontal=True)
        row.download_button(
            "Export as JSON",
            data=partial(_memories_json, user),
            file_name="memories.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        row.download_button(
            "Export as CSV",
            data=partial(_memories_csv, user),
            file_name="memories.csv",
            mime="text/csv",
            icon=":material/table:",
            on_click="ignore",
        )
    with st.container(border=True):
        st.markdown("**Import**")
        st.caption(
            "Memories from Keepsake (JSON or CSV), from mem0 (JSON), or plain text, one per line. Or your ChatGPT "
            "messages: the zip that ChatGPT sends you, or the conversations.json in it. Known memories are left out."
        )
        _draw_upload(user)
    _draw_chatgpt_import(user)


def _memories_json(user: User) -> bytes:
    """Return all memories as JSON in mem0's format."""
    return json.dumps({"results": _all_memories(user)}, ensure_ascii=False, indent=2).encode()


def _memories_csv(user: User) -> bytes:
    """Return all memories as CSV, in which no cell is a formula."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for memory in _all_memories(user):
        fields = {**memory["metadata"], **memory, "always_included": "yes" if memory.get("always_included") else None}
        rows.writerow([cell(str(fields[name])) if fields.get(name) is not None else "" for name in COLUMNS])
    return b"\xef\xbb\xbf" + text.getvalue().encode()  # the byte order mark, by which spreadsheets recognise UTF-8


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
        pressed = st.button("Import", type="primary", icon=":material/upload:", disabled=uploaded is None)
        if uploaded is None or not pressed:
            return
        if uploaded.size > chatgpt.MAX_BYTES:
            raise InvalidInput(
                f"{uploaded.name} is larger than {chatgpt.MAX_BYTES // MB} MB. Unpack it and upload the "
                "conversations.json in it."
            )
        with services().limits.uploading(user.id), st.spinner("Reading the file…"):
            if chatgpt.is_export(uploaded):
                _offer_export(chatgpt.read(uploaded, uploaded.name))
            else:
                _import_file(user, uploaded, uploaded.name, uploaded.size)
        st.session_state[COUNT] = number + 1  # another key empties the field for the next file
        st.rerun()


def _import_file(user: User, uploaded: IO[bytes], name: str, size: int) -> None:
    if size > MAX_BYTES:
        raise InvalidInput(f"{name} is larger than {MAX_BYTES // MB} MB. Split it into smaller files.")
    app = services()
    room = app.limits.memories_left(user.id)
    change = app.memory.bulk_edit.import_file(uploaded.read(), name, user_id=user.id, room=room)
    if change.count:
        done = plural(
            change.count,
            "Imported: 1 memory from {file}",
            "Imported: {number} memories from {file}",
            file=elements.escape(name),
        )
        # Every reply is given those, so whoever imports somebody else's file should know.
        always = plural(change.always_included, ", 1 of them always included", ", {number} of them always included")
        undo_bar.offer_undo(done + (always if change.always_included else ""), change.run)
    else:
        undo_bar.withdraw_undo()  # of an earlier import: it would look like this one's
        st.toast("Nothing new: I knew all of it already.")


def _offer_export(chats: ChatGPTExport) -> None:
    """Ask, from the next run on, what to do with these messages."""
    undo_bar.withdraw_undo()
    st.session_state[OFFERED] = OfferedExport(chats, services().memory.import_queue.cost(chats.said))


def _draw_chatgpt_import(user: User) -> None:
    """Draw the question what to do with a file, if there is one, and the progress of an import."""
    with st.container(key="brought"):
        if offered := st.session_state.get(OFFERED):
            _draw_offer(user, offered)
        with show_errors():
            progress = services().memory.import_queue.progress(user.id)
            if progress.waiting:
                st.session_state.setdefault(BROUGHT, progress.waiting + progress.done)
                # Runs again only while messages are waiting.
                st.fragment(_draw_progress, run_every=PROGRESS_SECONDS)()
                return
            # The worker may be done before the page has drawn any progress.
            if st.session_state.pop(BROUGHT, 0) and not progress.given_up:
                st.toast("All messages have been read.")
            if progress.given_up:
                st.caption(
                    plural(
                        progress.given_up,
                        "1 message could not be read.",
                        "{number} messages could not be read.",
                    )
                )
                st.button("Try again", key="read-again", icon=":material/refresh:", on_click=try_again)


def _draw_offer(user: User, offer: OfferedExport) -> None:
    chats, cost = offer
    with st.container(border=True), show_errors():
        st.markdown("**Your ChatGPT messages**")
        of_chats = plural(chats.chats, "one chat", "{number} chats")
        st.markdown(
            plural(
                len(chats.said),
                "I found 1 message from you in {chats}.",
                "I found {number} messages from you in {chats}.",
                chats=of_chats,
            )
        )
        first, last = (dates.date_of(chats.said[place].at.isoformat()) for place in (0, -1))
        days = f"on {first}" if first == last else f"from {first} to {last}"
        st.markdown(f"Said {days}. Nothing has been stored yet. Choose what to do.")
        for line in _offer_notes(user, chats, cost):
            st.caption(line)
        turns = services().memory.people.get(user.id).episodes
        row = st.container(horizontal=True)
        if row.button(
            "Learn from them",
            type="primary",
            icon=":material/school:",
            help=("I read them in the background and turn what matters into memories, with the day you said it."),
        ):
            _start_import(user, "learn")
        keep_help = (
            "No memories are made, but I can find the messages when they matter. No model reads them."
            if turns
            else "“Search past messages” is off in your settings."
        )
        if row.button("Only make them searchable", icon=":material/inventory_2:", help=keep_help, disabled=not turns):
            _start_import(user, "keep")
        row.button("Not now", type="tertiary", on_click=_withdraw_offer)


def _offer_notes(user: User, chats: ChatGPTExport, cost: int) -> Iterator[str]:
    yield (
        f"Learning takes about {_rounded(cost)} tokens of the model."
        if cost
        else "No model is connected. Simple rules read the messages instead, which costs nothing but finds less."
    )
    room = services().limits.memories_left(user.id)
    if room is not None and room < len(chats.said):
        yield f"You have room for {room:,} more memories."
    if chats.too_long:
        yield plural(
            chats.too_long,
            "1 very long message is left out.",
            "{number} very long messages are left out.",
        )
    if chats.too_old:
        yield plural(
            chats.too_old,
            "1 older message does not fit in one import and is left out.",
            "{number} older messages do not fit in one import and are left out.",
        )


def _rounded(cost: int) -> str:
    """Return a number with two significant digits, because it is an estimate."""
    size = 10 ** max(0, len(str(cost)) - 2)
    return f"{-(-cost // size) * size:,}"


def _start_import(user: User, way: Way) -> None:
    offered: OfferedExport = st.session_state[OFFERED]
    app = services()
    new = app.memory.import_queue.add(user.id, offered.chats.said, way)
    app.worker.wake()
    _withdraw_offer()
    if new:
        st.session_state[BROUGHT] = new
    st.toast(
        plural(new, "1 message is waiting to be read.", "{number} messages are waiting to be read.")
        if new
        else "Nothing new: I have read all of them already."
    )
    st.rerun()


def _withdraw_offer() -> None:
    st.session_state.pop(OFFERED, None)


def _draw_progress() -> None:
    """Draw how many messages are left, and the button that stops reading; runs every few seconds."""
    user = require_user()
    with st.container(border=True), show_errors():
        st.markdown("**Reading your messages**")
        queue = services().memory.import_queue
        progress = queue.progress(user.id)
        if not progress.waiting:
            st.rerun()
        _draw_bar(progress)
        if st.button("Stop reading", icon=":material/stop_circle:", type="tertiary"):
            queue.stop(user.id)
            st.session_state.pop(BROUGHT, None)
            st.toast("Stopped. What I have learned so far stays.")
            st.rerun()


def _draw_bar(progress: ImportProgress) -> None:
    total = max(progress.waiting, st.session_state.get(BROUGHT, 0))
    st.progress(
        1 - progress.waiting / total,
        plural(
            progress.waiting,
            "1 message left to read. You can leave this page.",
            "{number} messages left to read. You can leave this page.",
        ),
    )
    if progress.problem:
        st.caption(f"Paused: {elements.escape(progress.problem)}")
