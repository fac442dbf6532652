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
        fields = {**memory["metadata"], **memory}
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
                f"{uploaded.name} is larger than {chatgpt.MAX_BYTES // MB} MB. Unpack it, and give me the "
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


def _offer_export(chats: ChatGPTExport) -> None:
    """Ask, from the next run on, what to do with these messages."""
    st.session_state[OFFERED] = OfferedExport(chats, services().memory.import_queue.cost(chats.said))


def _draw_chatgpt_import(user: User) -> None:
    """Draw the question what to do with a file, if there is one, and the progress of an import."""
    with st.container(key="brought"):
        if offered := st.session_state.get(OFFERED):
            _draw_offer(user, offered)
        with show_errors():
            progress = services().memory.import_queue.progress(user.id)
            if progress.waiting:
                # Runs again only while messages are waiting.
                st.fragment(_draw_progress, run_every=PROGRESS_SECONDS)()
            elif progress.given_up:
                st.caption(
                    plural(
                        progress.given_up,
                        "One message could not be read.",
                        "{number} messages could not be read.",
                    )
                )
                st.button("Try again", key="read-again", icon=":material/refresh:", on_click=try_again)


def _draw_offer(user: User, offer: OfferedExport) -> None:
    chats, cost = offer
    with st.container(border=True), show_errors():
        st.markdown("**What you said to ChatGPT**")
        of_chats = plural(chats.chats, "one chat", "{number} chats")
        st.markdown(
            plural(
                len(chats.said),
                "I found one message of yours in {chats}.",
                "I found {number} messages of yours in {chats}.",
                chats=of_chats,
            )
        )
        first, last = (dates.date_of(chats.said[place].at.isoformat()) for place in (0, -1))
        st.markdown(f"Said from {first} to {last}. Nothing of it is kept yet: choose what to do with it.")
        for line in _offer_notes(user, chats, cost):
            st.caption(line)
        turns = services().memory.people.get(user.id).episodes
        row = st.container(horizontal=True)
        if row.button(
            "Learn from them",
            type="primary",
            icon=":material/school:",
            help=(
                "I read them in the background, and what is worth keeping becomes memories with the day you said it."
            ),
        ):
            _start_import(user, "learn")
        keep_help = (
            "No memories are made of them, but I find them when we talk about such things. No model reads them."
            if turns
            else "Your settings say that nothing is kept turn by turn."
        )
        if row.button("Keep them as said", icon=":material/inventory_2:", help=keep_help, disabled=not turns):
            _start_import(user, "keep")
        row.button("Not now", type="tertiary", on_click=_withdraw_offer)


def _offer_notes(user: User, chats: ChatGPTExport, cost: int) -> Iterator[str]:
    yield (
        f"Learning takes about {_rounded(cost)} tokens of the model."
        if cost
        else "No model is connected: plain rules learn from them, which costs nothing and finds less."
    )
    room = services().limits.memories_left(user.id)
    if room is not None and room < len(chats.said):
        yield f"There is room for {room:,} more memories."
    if chats.too_long:
        yield plural(
            chats.too_long,
            "One more is very long, as pasted texts are, and is left out.",
            "{number} more are very long, as pasted texts are, and are left out.",
        )
    if chats.too_old:
        yield plural(
            chats.too_old,
            "One more is older than those, and more than fit at once.",
            "{number} more are older than those, and more than fit at once.",
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
    st.session_state[BROUGHT] = new
    st.toast(
        plural(new, "One message waits to be read.", "{number} messages wait to be read.")
        if new
        else "I have read all of them already."
    )
    st.rerun()


def _withdraw_offer() -> None:
    st.session_state.pop(OFFERED, None)


def _draw_progress() -> None:
    """Draw how many messages are left, and the button that stops reading; runs every few seconds."""
    user = require_user()
    with st.container(border=True), show_errors():
        st.markdown("**Reading what you brought**")
        queue = services().memory.import_queue
        progress = queue.progress(user.id)
        if not progress.waiting:
            st.toast("All of it is read.")
            st.rerun()
        _draw_bar(progress)
        if st.button("Stop reading", icon=":material/stop_circle:", type="tertiary"):
            queue.stop(user.id)
            st.toast("Stopped. What was learned so far stays.")
            st.rerun()


def _draw_bar(progress: ImportProgress) -> None:
    total = max(progress.waiting, st.session_state.get(BROUGHT) or progress.waiting + progress.done)
    st.progress(
        1 - progress.waiting / total,
        plural(
            progress.waiting,
            "One message is still to be read. You can leave this page.",
            "{number} messages are still to be read. You can leave this page.",
        ),
    )
    if progress.problem:
        st.caption(f"It rests at the moment: {elements.escape(progress.problem)}")
