"""The chats beside the page: in order, renamed, pinned, put away, deleted and brought back, searched, taken along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from streamlit.testing.v1 import AppTest

import services
from auth.guard import SESSION
from tests.chat.conftest import until
from tests.pages.conftest import Sit, words

MOST_TRIPS = 3
Told = Callable[..., list[str]]


def _user(app: AppTest) -> str:
    return str(app.session_state[SESSION].user_id)


@pytest.fixture
def told(home: services.Services) -> Told:
    """Chats that begin with these words, the last one latest; their ids."""

    def tell(app: AppTest, *firsts: str) -> list[str]:
        return [home.conversations.say(_user(app), None, each).conversation_id for each in firsts]

    return tell


def _titles(app: AppTest) -> list[str]:
    return [each.label.replace("\\", "") for each in app.sidebar.button if str(each.key).startswith("open-")]


def _does(app: AppTest, deed: str, chat_id: str) -> AppTest:
    app.menu_button(key=f"icon-menu-{chat_id}").click(deed).run()
    assert not app.exception
    return app


def test_chats_stand_under_their_days_with_pinned_ones_on_top(sit: Sit, home: services.Services, told: Told) -> None:
    app = sit("pages/chat.py")
    first, _, _ = told(app, "First", "Second", "Third")
    assert _titles(app.run()) == ["Third", "Second", "First"]
    assert [each.value for each in app.sidebar.caption][:1] == ["Today"]
    _does(app, "pin", first)
    assert _titles(app) == ["First", "Third", "Second"]
    assert [each.value for each in app.sidebar.caption][:2] == ["Pinned", "Today"]
    assert _titles(_does(app, "unpin", first)) == ["Third", "Second", "First"]


def test_a_chat_is_renamed_in_place(sit: Sit, told: Told) -> None:
    app = sit("pages/chat.py")
    [chat] = told(app, "First")
    _does(app.run(), "rename", chat)
    app.text_input(key=f"name-{chat}").set_value("  Bees *and* \n honey ")
    app.button(key=f"icon-save-{chat}").click().run()
    assert _titles(app) == ["Bees *and* honey"]
    _does(app, "rename", chat)
    app.text_input(key=f"name-{chat}").set_value("Something else")
    app.button(key=f"icon-cancel-{chat}").click().run()
    assert _titles(app) == ["Bees *and* honey"]


def test_a_name_that_is_none_is_refused_and_can_be_written_again(sit: Sit, told: Told) -> None:
    app = sit("pages/chat.py")
    [chat] = told(app, "First")
    _does(app.run(), "rename", chat)
    app.text_input(key=f"name-{chat}").set_value("   ")
    app.button(key=f"icon-save-{chat}").click().run()
    assert "The name is empty" in words(app).replace("\\", "")
    assert app.text_input(key=f"name-{chat}")


def test_a_deleted_chat_is_gone_and_one_press_brings_it_back(sit: Sit, home: services.Services, told: Told) -> None:
    app = sit("pages/chat.py")
    chat, _ = told(app, "About the bees", "Other")
    app.run().button(key=f"open-{chat}").click().run()
    assert "About the bees" in words(app)
    _does(app, "delete", chat)
    assert _titles(app) == ["Other"]
    assert "Deleted: About the bees" in words(app)
    assert home.conversations.messages(_user(app), chat) == []
    app.button(key="undo-chat").click().run()
    assert _titles(app) == ["Other", "About the bees"]
    assert "Deleted" not in words(app)
    assert len(app.chat_message) > 0


def test_a_deleted_chat_opens_as_gone_by_its_link(sit: Sit, home: services.Services, told: Told) -> None:
    app = sit("pages/chat.py")
    [chat] = told(app, "About the bees")
    home.chats.delete(_user(app), chat)
    app.query_params["chat"] = chat
    app.run()
    assert not app.exception
    assert "About the bees" not in words(app)
    assert app.title[0].value == "What is on your mind?"


def test_it_can_be_deleted_for_good_at_once(sit: Sit, home: services.Services, told: Told) -> None:
    app = sit("pages/chat.py")
    [chat] = told(app, "About the bees")
    _does(app.run(), "delete", chat)
    app.button(key="quiet-for-good").click().run()
    app.button(key="really-delete").click().run()
    assert not app.exception
    assert home.chats.deleted(_user(app)) == []
    assert "Deleted:" not in words(app)


def test_what_it_taught_can_be_forgotten_with_it(sit: Sit, home: services.Services) -> None:
    app = sit("pages/chat.py")
    asked = home.conversations.say(_user(app), None, "I keep bees on the roof")
    home.conversations.end_without_reply(asked)
    home.worker.tell()
    until(lambda: bool(home.memory.get_all(user_id=_user(app))["results"]))
    _does(app.run(), "delete", asked.conversation_id)
    app.button(key="quiet-for-good").click().run()
    app.checkbox(key="forget-what-it-taught").check()
    app.button(key="really-delete").click().run()
    assert not app.exception
    assert home.memory.get_all(user_id=_user(app))["results"] == []


def test_archived_and_deleted_chats_are_apart_and_can_come_back(sit: Sit, told: Told) -> None:
    app = sit("pages/chat.py")
    kept, away, gone = told(app, "Kept", "Away", "Gone")
    _does(_does(app.run(), "archive", away), "delete", gone)
    assert _titles(app) == ["Kept"]
    app.button(key="quiet-put-away").click().run()
    assert _titles(app) == ["Away"]
    app.button(key=f"icon-restore-{gone}").click().run()
    _does(app, "unarchive", away)
    app.button(key="quiet-back").click().run()
    assert _titles(app) == ["Gone", "Away", "Kept"]
    assert kept


def test_two_tabs_that_delete_the_same_chat_are_told(sit: Sit, home: services.Services, told: Told) -> None:
    app = sit("pages/chat.py")
    [chat] = told(app, "First")
    app.run()
    home.chats.delete(_user(app), chat)
    _does(app, "pin", chat)
    assert "There is no such chat" in words(app).replace("\\", "")


def test_more_chats_than_fit_are_loaded_on(sit: Sit, told: Told) -> None:
    app = sit("pages/chat.py")
    told(app, *(f"Talk {number}" for number in range(63)))
    assert len(_titles(app.run())) == 60
    app.button(key="quiet-more").click().run()
    assert len(_titles(app)) == 63


def test_what_is_searched_for_is_found_with_its_line_and_opens_there(
    sit: Sit, home: services.Services, told: Told
) -> None:
    app = sit("pages/chat.py")
    chat, _ = told(app, "My sister keeps *bees* in Évora", "Something about tea")
    app.text_input(key="searched").set_value("evora bee").run()
    assert not app.exception
    titles = _titles(app)
    assert len(titles) == 2  # the chat by its name, and the message
    assert all(each.startswith("My sister keeps") for each in titles)
    assert "in **Évora**" in words(app)
    message = home.conversations.messages(_user(app), chat)[0].id
    app.button(key=f"open-found-{message}").click().run()
    assert app.query_params["chat"] in (chat, [chat])
    assert app.query_params["message"] in (message, [message])
    app.text_input(key="searched").set_value("nothing like this").run()
    assert "Nothing found for “nothing like this”" in words(app)
    app.button(key="quiet-end-search").click().run()
    assert len(_titles(app)) == 2


def test_another_persons_chats_are_not_found(sit: Sit, told: Told) -> None:
    told(sit("pages/chat.py"), "A secret garden")
    mine = sit("pages/chat.py")
    mine.text_input(key="searched").set_value("secret").run()
    assert _titles(mine) == []


@pytest.mark.parametrize("asked", ["' & |", "a\x00b", "!!!", "x" * 5_000, '"', "a:* | b", "\u202e", "*_[x](y)"])
def test_no_search_breaks_the_page(asked: str, sit: Sit, told: Told) -> None:
    app = sit("pages/chat.py")
    told(app, "Tea")
    app.text_input(key="searched").set_value(asked).run()
    assert not app.exception
    assert not app.error


@contextmanager
def _trips(home: services.Services) -> Iterator[list[str]]:
    """The statements that a page waits for."""
    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(home.database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(home.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("searching", [False, True])
def test_a_run_of_the_chat_page_makes_few_trips(searching: bool, sit: Sit, home: services.Services, told: Told) -> None:
    app = sit("pages/chat.py")
    chat, *_ = told(app, *(f"Talk {number}" for number in range(5)))
    home.conversations.reply(home.conversations.messages(_user(app), chat)[0], "I see.", "complete", {})
    home.worker.stop()
    with home.database.as_user(_user(app)) as connection:
        home.conversations.queue.withdraw_all(connection)
    app.query_params["chat"] = chat
    if searching:
        app.text_input(key="searched").set_value("talk")
    app.run()
    with _trips(home) as seen:
        app.run()
    assert not app.exception
    assert len(seen) <= MOST_TRIPS, "\n".join(seen)


def test_all_chats_or_one_can_be_taken_along(sit: Sit, told: Told) -> None:
    app = sit("pages/chat.py")
    [chat] = told(app, "About the bees")
    _does(app.run(), "export", chat)
    assert "with every message and its date" in words(app)
    app.button(key="quiet-export").click().run()
    assert not app.exception
    assert "All your chats" in words(app)
