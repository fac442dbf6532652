"""The list of chats: its order, renaming, pinning, archiving, deleting, restoring, searching, exporting."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

import services
from tests.chat.conftest import until
from tests.pages.conftest import OpenApp, statements_of, user_of, words
from ui.browser import page_scripts

MOST_TRIPS = 3
Told = Callable[..., list[str]]


@pytest.fixture
def told(home: services.Services) -> Told:
    """Chats that begin with these words, the last one latest; their ids."""

    def tell(app: AppTest, *firsts: str) -> list[str]:
        return [home.conversations.say(user_of(app), None, each).conversation_id for each in firsts]

    return tell


def _titles(app: AppTest) -> list[str]:
    return [each.label.replace("\\", "") for each in app.sidebar.button if str(each.key).startswith("open-")]


def _does(app: AppTest, deed: str, chat_id: str) -> AppTest:
    app.menu_button(key=f"icon-menu-{chat_id}").click(deed).run()
    assert not app.exception
    return app


def test_chats_are_listed_by_day_with_pinned_ones_first(open_app: OpenApp, home: services.Services, told: Told) -> None:
    app = open_app("pages/chat.py")
    first, _, _ = told(app, "First", "Second", "Third")
    assert _titles(app.run()) == ["Third", "Second", "First"]
    assert [each.value for each in app.sidebar.caption][:1] == ["Today"]
    _does(app, "pin", first)
    assert _titles(app) == ["First", "Third", "Second"]
    assert [each.value for each in app.sidebar.caption][:2] == ["Pinned", "Today"]
    assert _titles(_does(app, "unpin", first)) == ["Third", "Second", "First"]


def test_a_chat_is_renamed_in_place(open_app: OpenApp, told: Told) -> None:
    app = open_app("pages/chat.py")
    [chat] = told(app, "First")
    _does(app.run(), "rename", chat)
    app.text_input(key=f"name-{chat}").set_value("  Bees *and* \n honey ")
    app.button(key=f"icon-save-{chat}").click().run()
    assert _titles(app) == ["Bees *and* honey"]
    _does(app, "rename", chat)
    app.text_input(key=f"name-{chat}").set_value("Something else")
    app.button(key=f"icon-cancel-{chat}").click().run()
    assert _titles(app) == ["Bees *and* honey"]


def test_a_name_that_is_empty_or_too_long_is_refused_and_can_be_corrected(open_app: OpenApp, told: Told) -> None:
    app = open_app("pages/chat.py")
    [chat] = told(app, "First")
    _does(app.run(), "rename", chat)
    app.text_input(key=f"name-{chat}").set_value("   ")
    app.button(key=f"icon-save-{chat}").click().run()
    assert "The name is empty" in words(app).replace("\\", "")
    assert app.text_input(key=f"name-{chat}")


def test_one_press_restores_a_deleted_chat(open_app: OpenApp, home: services.Services, told: Told) -> None:
    app = open_app("pages/chat.py")
    chat, _ = told(app, "About the bees", "Other")
    app.run().button(key=f"open-{chat}").click().run()
    assert "About the bees" in words(app)
    _does(app, "delete", chat)
    assert _titles(app) == ["Other"]
    assert "Deleted: About the bees" in words(app)
    assert home.conversations.messages(user_of(app), chat) == []
    app.button(key="undo-chat").click().run()
    assert _titles(app) == ["Other", "About the bees"]
    assert "Deleted" not in words(app)
    assert len(app.chat_message) > 0


def test_the_link_of_a_deleted_chat_opens_a_new_one(open_app: OpenApp, home: services.Services, told: Told) -> None:
    app = open_app("pages/chat.py")
    [chat] = told(app, "About the bees")
    home.chats.delete(user_of(app), chat)
    app.query_params["chat"] = chat
    app.run()
    assert not app.exception
    assert "About the bees" not in words(app)
    assert app.title[0].value == "What's on your mind?"


def test_a_deleted_chat_can_be_erased_at_once(open_app: OpenApp, home: services.Services, told: Told) -> None:
    app = open_app("pages/chat.py")
    [chat] = told(app, "About the bees")
    _does(app.run(), "delete", chat)
    app.button(key="quiet-for-good").click().run()
    app.button(key="really-delete").click().run()
    assert not app.exception
    assert home.chats.deleted(user_of(app)) == []
    assert "Deleted:" not in words(app)


def test_what_was_learned_from_a_chat_can_be_forgotten_with_it(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/chat.py")
    asked = home.conversations.say(user_of(app), None, "I keep bees on the roof")
    home.conversations.end_without_reply(asked)
    home.worker.wake()
    until(lambda: bool(home.memory.get_all(user_id=user_of(app))["results"]))
    _does(app.run(), "delete", asked.conversation_id)
    app.button(key="quiet-for-good").click().run()
    app.checkbox(key="forget-what-it-taught").check()
    app.button(key="really-delete").click().run()
    assert not app.exception
    assert home.memory.get_all(user_id=user_of(app))["results"] == []


def test_archived_and_deleted_chats_are_listed_apart_and_can_be_restored(open_app: OpenApp, told: Told) -> None:
    app = open_app("pages/chat.py")
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


def test_deleting_a_chat_twice_in_two_tabs_is_explained(open_app: OpenApp, home: services.Services, told: Told) -> None:
    app = open_app("pages/chat.py")
    [chat] = told(app, "First")
    app.run()
    home.chats.delete(user_of(app), chat)
    _does(app, "pin", chat)
    assert "There is no such chat" in words(app).replace("\\", "")


def test_more_chats_are_listed_on_request(open_app: OpenApp, told: Told) -> None:
    app = open_app("pages/chat.py")
    told(app, *(f"Talk {number}" for number in range(63)))
    assert len(_titles(app.run())) == 60
    app.button(key="quiet-more").click().run()
    assert len(_titles(app)) == 63


def test_search_shows_the_matching_line_and_opens_the_chat_at_it(
    open_app: OpenApp, home: services.Services, told: Told
) -> None:
    app = open_app("pages/chat.py")
    chat, _ = told(app, "My sister keeps *bees* in Évora", "Something about tea")
    app.text_input(key="searched").set_value("evora bee").run()
    assert not app.exception
    titles = _titles(app)
    assert len(titles) == 1  # the chat is found by its name and by the message
    assert all(each.startswith("My sister keeps") for each in titles)
    assert "in **Évora**" in words(app)
    message = home.conversations.messages(user_of(app), chat)[0].id
    app.button(key=f"open-found-{message}").click().run()
    assert app.query_params["chat"] in (chat, [chat])
    assert app.query_params["message"] in (message, [message])
    app.text_input(key="searched").set_value("nothing like this").run()
    assert "Nothing found for “nothing like this”" in words(app)
    app.button(key="quiet-end-search").click().run()
    assert len(_titles(app)) == 2


def test_search_does_not_find_other_peoples_chats(open_app: OpenApp, told: Told) -> None:
    told(open_app("pages/chat.py"), "A secret garden")
    mine = open_app("pages/chat.py")
    mine.text_input(key="searched").set_value("secret").run()
    assert _titles(mine) == []


@pytest.mark.parametrize("asked", ["' & |", "a\x00b", "!!!", "x" * 5_000, '"', "a:* | b", "\u202e", "*_[x](y)"])
def test_no_search_breaks_the_page(asked: str, open_app: OpenApp, told: Told) -> None:
    app = open_app("pages/chat.py")
    told(app, "Tea")
    app.text_input(key="searched").set_value(asked).run()
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("searching", [False, True])
def test_a_run_of_the_chat_page_makes_few_trips(
    searching: bool, open_app: OpenApp, home: services.Services, told: Told
) -> None:
    app = open_app("pages/chat.py")
    chat, *_ = told(app, *(f"Talk {number}" for number in range(5)))
    home.conversations.reply(home.conversations.messages(user_of(app), chat)[0], "I see.", "complete", {})
    home.worker.stop()
    with home.database.as_user(user_of(app)) as connection:
        home.conversations.queue.withdraw_all(connection)
    app.query_params["chat"] = chat
    if searching:
        app.text_input(key="searched").set_value("talk")
    app.run()
    with statements_of(home, user_of(app)) as seen:
        app.run()
    assert not app.exception
    assert len(seen) <= MOST_TRIPS, "\n".join(seen)


def test_one_chat_or_all_can_be_exported(open_app: OpenApp, told: Told) -> None:
    app = open_app("pages/chat.py")
    [chat] = told(app, "About the bees")
    _does(app.run(), "export", chat)
    assert "with every message and its date" in words(app)
    app.button(key="quiet-export").click().run()
    assert not app.exception
    assert "All your chats" in words(app)


@pytest.mark.parametrize("page", ["memories", "health", "settings", "account", "connect"])
def test_the_list_stands_on_every_page_and_costs_no_trip_more(
    page: str, open_app: OpenApp, home: services.Services, told: Told
) -> None:
    app = open_app(f"pages/{page}.py")
    told(app, "First", "Second")
    app.run()
    home.worker.stop()
    with statements_of(home, user_of(app)) as seen:
        app.run()
    assert not app.exception
    assert _titles(app) == ["Second", "First"]
    assert len(seen) <= MOST_TRIPS, "\n".join(seen)


def test_a_chat_pressed_on_another_page_opens_on_the_chat_page(open_app: OpenApp, told: Told) -> None:
    app = open_app("pages/memories.py")
    [chat] = told(app, "About the bees")
    app.run()
    app.button(key=f"open-{chat}").click().run()
    assert not app.exception
    assert app.chat_message
    assert "About the bees" in words(app)


def test_a_search_shows_one_row_for_each_chat(open_app: OpenApp, home: services.Services, told: Told) -> None:
    app = open_app("pages/chat.py")
    chat, _ = told(app, "Walnuts at home", "Something else")
    first = home.conversations.messages(user_of(app), chat)[0]
    home.conversations.reply(first, "Walnuts are nuts.", "complete", {})
    app.text_input(key="searched").set_value("walnuts").run()
    rows = [each for each in app.sidebar.button if str(each.key).startswith("open-found-")]
    assert [each.label for each in rows] == ["Walnuts at home"]
    assert "**Walnuts** at home" in words(app)


def test_a_press_on_the_list_of_shortcuts_that_the_browser_did_not_answer_is_passed_on(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(page_scripts, "_shortcuts", lambda data, **_: asked.append(data["asked"]))
    app = open_app("pages/chat.py").run()
    app.button(key="quiet-shortcuts").click().run()
    app.run()
    assert asked[-3:] == [0, 1, 1]
