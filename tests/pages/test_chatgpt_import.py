"""Importing what was said to ChatGPT: what a file holds, learning from it or keeping it as said, and stopping."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

import services
from chat.remembering.worker import Worker
from memory import Person
from tests.memory.imports.test_chatgpt import PORTO, chat, node, zipped
from tests.pages.conftest import OpenApp, press, user_of, words

TEXTS = "I found 2 messages from you in one chat"


@pytest.fixture
def app(open_app: OpenApp) -> AppTest:
    """Somebody at the part of the page where files are."""
    app = open_app("pages/memories.py")
    app.session_state["memories-tab"] = "Files"
    return app.run()


def _brings(app: AppTest, held: bytes, name: str = "export.zip") -> AppTest:
    app.file_uploader[0].set_value((name, held, "application/zip")).run()
    return press(app, "Import")


def _export() -> bytes:
    return zipped(("conversations.json", json.dumps([PORTO]).encode())).getvalue()


def test_the_content_of_a_file_is_shown_and_nothing_is_stored_before_the_choice(
    home: services.Services, app: AppTest
) -> None:
    _brings(app, _export())
    assert TEXTS in words(app)
    assert "Said on 1 March 2023" in words(app)
    assert "costs nothing" in words(app), "no model is connected here"
    assert home.memory.import_queue.progress(user_of(app)).waiting == 0
    press(app, "Not now")
    assert TEXTS not in words(app)
    assert home.memory.import_queue.progress(user_of(app)).waiting == 0


def test_messages_are_learned_from_in_the_background_and_only_once(home: services.Services, app: AppTest) -> None:
    _brings(app, _export())
    press(app, "Learn from them")
    while home.memory.import_queue.progress(user_of(app)).waiting:
        home.worker.learn_next()
    kept = {each["memory"]: each for each in home.memory.bulk_edit.all(user_id=user_of(app))}
    assert str(kept["I live in Porto by the river"]["created_at"]).startswith("2023-03-01")
    _brings(app, _export())
    press(app, "Learn from them")
    assert any("read all of them already" in each.value for each in app.toast)
    app.session_state["memories-tab"] = "Memories"
    press(app.run(), "Details")
    assert "your ChatGPT messages" in words(app)
    assert "Open the chat" not in [each.label for each in app.button], "it is no chat of ours"


def test_the_end_is_told_once_also_if_all_was_read_before_the_page_was_drawn(
    home: services.Services, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_at_once(worker: Worker) -> None:
        while worker.learn_next():
            pass

    monkeypatch.setattr(Worker, "wake", read_at_once)
    _brings(app, _export())
    press(app, "Learn from them")
    assert "All messages have been read." in [each.value for each in app.toast]
    assert "All messages have been read." not in [each.value for each in app.run().toast]


def test_messages_are_kept_as_said_unless_episodes_are_switched_off(home: services.Services, app: AppTest) -> None:
    _brings(app, _export())
    press(app, "Only make them searchable")
    while home.memory.import_queue.progress(user_of(app)).waiting:
        home.worker.learn_next()
    assert home.memory.episodes.count(user_of(app)) == 2
    assert home.memory.bulk_edit.all(user_id=user_of(app)) == []
    home.memory.people.set(user_of(app), Person(episodes=False))
    other = chat(node("q", "root", "user", "I keep bees in Utrecht"))
    _brings(app, json.dumps([other]).encode(), "conversations.json")
    assert next(each for each in app.button if each.label == "Only make them searchable").disabled


def test_progress_is_shown_and_the_import_can_be_stopped(
    home: services.Services, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(home.worker), "learn_next", lambda _: False)
    _brings(app, _export())
    press(app, "Learn from them")
    app.run()
    assert "Reading your messages" in words(app)
    press(app, "Stop reading")
    assert home.memory.import_queue.progress(user_of(app)).waiting == 0


@pytest.mark.parametrize(
    ("held", "name", "sentence"),
    [
        (b"PK\x03\x04 no zip", "export.zip", "is damaged or not a zip"),
        (zipped(("other.txt", b"x")).getvalue(), "export.zip", "no conversations.json"),
        (b"\x00\x01", "export.zip", "export.zip is not JSON"),
        (json.dumps([chat()]).encode(), "conversations.json", "no messages of yours"),
        (b"memory,kind\nx,poem\n", "m.csv", "not a kind of memory"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained(app: AppTest, held: bytes, name: str, sentence: str) -> None:
    assert sentence in words(_brings(app, held, name))
