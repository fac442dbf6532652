"""Puts scripts on a page: for the address, drafts, saving, copying, scrolling, focus, keys, sidebar, box, graph.

Each function puts one script on the page, or notes what a script will do in the next run. None of them uses the
database; `cookie_bridge` handles the session cookie.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import streamlit as st

from auth.guard import User
from chat.tree import Message
from chat.turn import LONGEST_MESSAGE
from ui.browser import component, invisible
from ui.frame import style

__all__ = [
    "close_sidebar_after_choice",
    "complete_texts",
    "copy_button",
    "enable_copying",
    "enable_shortcuts",
    "focus_field",
    "guard_chat_box",
    "keep_draft",
    "put_chat_in_address",
    "save_typed",
    "scroll_now",
    "scroll_past_graph",
    "scroll_soon",
    "show_shortcuts",
]

# Kept in the session between two runs.
SCROLL_REQUEST, SCROLL_COUNT = "scroll_request", "scroll_count"
LIST_ASKED = "shortcuts_asked"

_address = component("keepsake_address", "address.js")
_clipboard = component("keepsake_copying", "clipboard.js")
_drafts = component("keepsake_draft", "drafts.js")
_focus = component("keepsake_focus", "focus.js")
_graph_touch = component("keepsake_graph_touch", "graph_touch.js")
_input_guards = component("keepsake_slips", "input_guards.js")
_scroll = component("keepsake_going", "scroll.js")
_save_typed = component("keepsake_typed", "save_typed.js")
_reply_text = component("keepsake_lists", "reply_text.js")
_sidebar = component("keepsake_narrow", "sidebar.js")
_shortcuts = component("keepsake_shortcuts", "shortcuts.js")

# What a person presses, and what it does, as the list shows it; shortcuts.js carries it out.
SHORTCUTS = (
    ("Ctrl+Shift+O", "New chat"),
    ("Ctrl+K", "Search chats"),
    ("Shift+Esc", "Write a message"),
    ("Esc", "Stop the reply"),
    ("Enter", "Send"),
    ("Shift+Enter", "New line"),
    ("Ctrl+/", "Show this list"),
)


def put_chat_in_address(parameter: str, conversation_id: str) -> None:
    """Add the open chat to an address without one, so that a reload shows the chat again."""
    with invisible("address"):
        if parameter not in st.query_params:
            _address(key="address", data={"name": parameter, "chat": conversation_id}, height=1)


def copy_button(message: Message) -> None:
    """Draw the button that copies a message: a person's words as written, a reply as Markdown."""
    st.button("Copy", key=f"icon-copy-{message.id}", icon=":material/content_copy:", type="tertiary")


def enable_copying(messages: Iterable[Message]) -> None:
    """Give the browser the texts of these messages, so that their copy buttons work without a trip to the server."""
    texts = {each.id: each.content for each in messages}
    words = {"copied": "Copied", "failed": "Your browser did not allow copying."}
    with invisible("copying"):
        _clipboard(key="copying", data={"texts": texts, "words": words}, height=1)


def keep_draft(user: User, conversation_id: str | None, *, begun: bool, prefilled: bool) -> None:
    """Keep what is typed in this chat and not sent, in this tab of the browser, and put it back.

    `begun` says that the chat began with what was just sent, `prefilled` that the server has put words into the box.
    A draft never leaves the browser. It is deleted when it is sent, at sign-out, and when somebody else signs in.
    """
    owner = hashlib.sha256(user.id.encode()).hexdigest()[:16]
    chat = {"owner": owner, "chat": conversation_id or "new", "most": LONGEST_MESSAGE}
    with invisible("draft"):
        _drafts(key="draft", data={**chat, "begun": begun, "prefilled": prefilled}, height=1)


def focus_field(key: str, *, on_touch: bool = True) -> None:
    """Focus the input field with this key, once; to be drawn together with the field.

    Without `on_touch` not on a touch screen, where the focus would bring up a keyboard that nobody asked for.
    """
    with invisible(f"focus-{key}"):
        _focus(key=f"focus-{key}", data={"key": key, "onTouch": on_touch}, height=1)


def enable_shortcuts() -> None:
    """Let the keyboard start and search chats, stop a reply, and show the list of shortcuts."""
    words = {"title": "Keyboard shortcuts", "close": "Close", "alone": "Also show this list with ? alone"}
    asked = st.session_state.get(LIST_ASKED, 0)
    with invisible("shortcuts"):
        _shortcuts(key="shortcuts", data={**words, "rows": SHORTCUTS, "asked": asked}, height=1)


def show_shortcuts() -> None:
    """Show the list of shortcuts, after a press on its button that came before the script was there to answer it."""
    st.session_state[LIST_ASKED] = st.session_state.get(LIST_ASKED, 0) + 1


def guard_chat_box() -> None:
    """Repair text that cannot be sent, hold back a message whose file failed, and show why the file failed."""
    st.html(style("input_guards.css"))
    with invisible("slips"):
        _input_guards(key="slips", height=1)


def save_typed() -> None:
    """Hand over what is typed into fields whose key begins with "typed-" after a pause, and before the page is left."""
    with invisible("typed"):
        _save_typed(key="typed", height=1)


def complete_texts() -> None:
    """Give each list on the page the direction of its words, and code the name of its language."""
    with invisible("lists"):
        _reply_text(key="lists", height=1)


def scroll_soon(message_id: str, *, mark: bool = False, end: bool = False, write: bool = False) -> None:
    """Scroll the next page that is drawn to a message, by default to where the first drawn message stood.

    `mark` highlights it for a moment, `end` puts it where somebody stopped reading, `write` focuses its editor.
    """
    count = st.session_state[SCROLL_COUNT] = st.session_state.get(SCROLL_COUNT, 0) + 1
    how = {"mark": mark, "end": end, "write": write}
    st.session_state[SCROLL_REQUEST] = {"message": message_id, "once": count, **how}


def scroll_now() -> None:
    """Carry out what `scroll_soon` asked for; to be drawn after the messages."""
    with invisible("going"):
        _scroll(key="going", data=st.session_state.pop(SCROLL_REQUEST, None) or {}, height=1)


def scroll_past_graph() -> None:
    """Let one finger scroll the page past the graph, unless the graph was enlarged."""
    with invisible("graph-touch"):
        _graph_touch(key="graph-touch", height=1)


def close_sidebar_after_choice() -> None:
    """Close the sidebar on a narrow screen, where it covers the page, once a page or a chat was chosen in it."""
    with invisible("narrow"):
        _sidebar(key="narrow", height=1)
