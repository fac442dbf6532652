"""Importing memories from a file on the memories page."""

from __future__ import annotations

import json

import pytest
from streamlit.testing.v1 import AppTest

import services
from tests.pages.conftest import OpenApp, user_of, words


@pytest.fixture
def app(open_app: OpenApp) -> AppTest:
    """Somebody at the part of the page where files are."""
    app = open_app("pages/memories.py")
    app.session_state["memories-tab"] = "Files"
    return app.run()


def _brings(app: AppTest, held: object, name: str = "mine.json") -> AppTest:
    given = held if isinstance(held, bytes) else json.dumps(held).encode()
    app.file_uploader[0].set_value((name, given, "application/json")).run()
    next(each for each in app.button if each.label == "Import").click().run()
    assert not app.exception
    return app


def _kept(home: services.Services, app: AppTest) -> set[str]:
    return {each["memory"] for each in home.memory.bulk_edit.all(user_id=user_of(app))}


def test_an_export_of_another_app_is_imported_once_and_can_be_undone(home: services.Services, app: AppTest) -> None:
    exported = {"results": [{"id": "1", "memory": "Likes tea", "user_id": "dave", "metadata": {"kind": "fact"}}]}
    _brings(app, exported)
    assert _kept(home, app) == {"Likes tea"}
    assert "Imported: 1 memory from mine" in words(app)
    next(each for each in app.button if each.label == "Undo").click().run()
    assert _kept(home, app) == set()
    _brings(app, exported)
    _brings(app, exported)
    assert _kept(home, app) == {"Likes tea"}
    assert "Undo" not in [each.label for each in app.button], "it would look like the second import's"


def test_imported_messages_are_kept_as_they_were_said(home: services.Services, app: AppTest) -> None:
    _brings(app, [{"role": "user", "content": "I like tea"}, {"role": "assistant", "content": "Noted"}])
    assert _kept(home, app) == {"I like tea", "Noted"}


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (b"not json", "mine.json is not JSON: there is an error at line 1, column 1."),
        ({"results": [{"memory": "fine"}, {"memory": 5}]}, "Entry 2 of mine.json cannot be kept"),
        ({"nothing": 1}, "holds no list of messages or memories"),
    ],
)
def test_a_file_that_cannot_be_imported_is_explained_and_nothing_of_it_is_stored(
    home: services.Services, app: AppTest, held: object, sentence: str
) -> None:
    _brings(app, held)
    assert sentence in words(app)
    assert _kept(home, app) == set()


def test_one_file_too_many_is_refused_with_a_sentence(home: services.Services, app: AppTest) -> None:
    for _ in range(home.settings.uploads_per_day):
        with home.limits.uploading(user_of(app)):
            pass
    _brings(app, [{"memory": "Likes tea"}])
    assert "You have reached the limit" in words(app)
    assert _kept(home, app) == set()


def test_an_import_that_brings_always_included_memories_says_so(home: services.Services, app: AppTest) -> None:
    _brings(app, [{"memory": "Likes tea", "always_included": True}, {"memory": "Likes jam"}])
    assert "2 memories from mine\\.json, 1 of them always included" in words(app)
