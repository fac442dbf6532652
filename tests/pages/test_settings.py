"""The settings page: each field is saved as it changes, its section says so, and it is there at the next visit."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import services
from auth.guard import RUN_BY_APP, SESSION
from chat.preferences import MINE, Preferences
from memory import Person
from memory.database import Database
from tests.pages.conftest import OpenApp, user_of, words


def _at(open_app: OpenApp) -> AppTest:
    app = open_app("pages/settings.py")
    assert not app.exception
    return app


def _field(app: AppTest, kind: str, label: str) -> Any:
    return next(each for each in getattr(app, kind) if each.label == label)


def _set(app: AppTest, kind: str, label: str, value: Any) -> AppTest:
    """Change a field as a person does; returns the page that follows."""
    _field(app, kind, label).set_value(value)
    app.run()
    assert not app.exception
    return app


def _said_saved(app: AppTest) -> bool:
    return sum("✓ Saved" in str(getattr(each, "value", "")) for each in app.get("html")) == 1


def test_the_page_has_its_sections_and_every_field_a_label(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert [each.value for each in app.title] == ["Settings"]
    assert [each.value for each in app.header] == ["Replies", "Memory", "Time", "Keeping chats", "Appearance"]
    fields = [*app.selectbox, *app.text_area, *app.toggle]
    assert len(fields) == 10
    assert all(each.label for each in fields)


def test_tone_language_and_instructions_are_saved_as_they_change(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert not _said_saved(app)
    assert _said_saved(_set(app, "selectbox", "Tone", "brief"))
    assert home.preferences.get(user_of(app)) == Preferences(tone="brief")
    assert _said_saved(_set(app, "selectbox", "Language of replies", "de"))
    assert _said_saved(_set(app, "text_area", "Your instructions", "  Call me Dave.\nNo *stars*. "))
    kept = home.preferences.get(user_of(app))
    assert kept == Preferences(tone="brief", language="de", instructions="Call me Dave.\nNo *stars*.")
    app.run()
    assert not _said_saved(app)
    app.switch_page("pages/account.py").run()
    app.switch_page("pages/settings.py").run()
    assert _field(app, "selectbox", "Tone").value == "brief"
    assert _field(app, "text_area", "Your instructions").value == "Call me Dave.\nNo *stars*."
    _set(app, "selectbox", "Language of replies", MINE)
    assert home.preferences.get(user_of(app)).language == MINE


def test_the_page_has_nothing_to_press_for_saving(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert [each.label for each in app.button if "Save" in each.label] == []


def test_instructions_that_are_too_long_are_refused_below_their_field_and_stay_in_it(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _at(open_app)
    long = "x" * 2_001
    _set(app, "text_area", "Your instructions", long)
    assert "2,001 characters. The limit is 2,000" in words(app)
    assert not _said_saved(app)
    assert home.preferences.get(user_of(app)) == Preferences()
    assert _field(app, "text_area", "Your instructions").value == long
    assert _said_saved(_set(app, "selectbox", "Tone", "brief"))  # the other fields are saved all the same
    assert "2,001 characters" in words(app)
    assert _said_saved(_set(app, "text_area", "Your instructions", "Call me Dave"))
    assert "2,001 characters" not in words(app)
    assert home.preferences.get(user_of(app)) == Preferences(tone="brief", instructions="Call me Dave")


def test_without_a_model_the_page_says_how_to_connect_one(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert "No language model is connected" in words(app)
    assert "Model" not in [each.label for each in app.selectbox]


def test_with_a_model_the_page_says_which_one_replies_and_where_to_choose_another(
    open_app: OpenApp, with_models: services.Services
) -> None:
    app = open_app()
    with_models.preferences.set(user_of(app), Preferences(model="la*rge"))
    app.switch_page("pages/settings.py").run()
    assert r"Replies come from **la\*rge**. You choose the model in the chat" in words(app)


def test_memory_is_switched_off_and_on_and_wishes_are_saved(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert [each.value for each in app.toggle] == [True, True, True]
    for each in app.toggle:
        assert _said_saved(_set(app, "toggle", each.label, False))
    _set(app, "text_area", "What to remember or ignore", " Remember my garden ")
    _set(app, "text_area", "What to do when something changes", "Keep old addresses")
    assert home.preferences.get(user_of(app)) == Preferences(reads_memory=False, writes_memory=False)
    assert home.memory.people.get(user_of(app)) == Person("UTC", "Remember my garden", "Keep old addresses", False)
    app.switch_page("pages/account.py").run()
    app.switch_page("pages/settings.py").run()
    assert [each.value for each in app.toggle] == [False, False, False]
    _set(app, "toggle", "Learn from chats", True)
    assert home.preferences.get(user_of(app)) == Preferences(reads_memory=False)


def test_wishes_that_are_too_long_are_refused_below_their_field(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    _set(app, "text_area", "What to remember or ignore", "x" * 2_001)
    assert "at most 2,000 characters" in words(app)
    assert not _said_saved(app)
    assert home.memory.people.get(user_of(app)).extract_wishes == ""


def test_episodes_are_no_longer_kept_once_they_are_switched_off(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    home.memory.add({"role": "user", "content": "I live in Porto by the river"}, user_id=user_of(app))
    app.run()
    assert "1 past message is stored" in words(app)
    _set(app, "toggle", "Search past messages", False)
    home.memory.add({"role": "user", "content": "I work at the harbour"}, user_id=user_of(app))
    assert home.memory.episodes.count(user_of(app)) == 1
    assert len(home.memory.get_all(user_id=user_of(app))["results"]) == 2


def test_a_chosen_timezone_stays_until_the_browsers_is_chosen_again(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert _said_saved(_set(app, "selectbox", "Timezone", "Asia/Tokyo"))
    assert home.memory.people.get(user_of(app)) == Person("Asia/Tokyo", timezone_chosen=True)
    zone = _field(app.run(), "selectbox", "Timezone")
    assert zone.value == "Asia/Tokyo"
    _set(app, "selectbox", "Timezone", zone.options[0])
    assert not home.memory.people.get(user_of(app)).timezone_chosen


def test_the_retention_is_explained_and_saved_as_it_is_chosen(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert "Chats are kept until you delete them." in words(app)
    assert _said_saved(_set(app, "selectbox", "Keep my chats", 90))
    assert "permanently deleted 90 days after its last message" in words(app)
    assert "The app checks while it is running" in words(app)
    assert home.preferences.get(user_of(app)).keep_days == 90
    assert _field(app.run(), "selectbox", "Keep my chats").value == 90


def test_where_the_database_erases_old_chats_the_page_says_so(
    open_app: OpenApp, home: services.Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home.retention, "on_time", lambda: True)
    app = _at(open_app)
    _field(app, "selectbox", "Keep my chats").set_value(90).run()
    assert "The database checks every 15 minutes." in words(app)


def test_a_choice_that_erases_chats_at_once_is_confirmed_with_their_number(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _at(open_app)
    for _ in range(2):
        home.conversations.say(user_of(app), None, "I keep bees")
    with closing(Database(home.database.admin_url)) as auth_client, auth_client.engine.begin() as connection:
        connection.exec_driver_sql(
            "update app.conversations set updated_at = now() - interval '40 days' where user_id = %s", (user_of(app),)
        )
    _set(app, "selectbox", "Keep my chats", 30)
    assert "**2 chats** have had no messages for more than 30 days" in words(app)
    assert not _said_saved(app)
    assert home.preferences.get(user_of(app)).keep_days is None
    app.button(key="rather-not").click().run()
    assert _field(app, "selectbox", "Keep my chats").value == 0
    assert home.preferences.get(user_of(app)).keep_days is None
    assert _said_saved(_set(app, "selectbox", "Keep my chats", 90))
    assert home.preferences.get(user_of(app)).keep_days == 90
    _set(app, "selectbox", "Keep my chats", 0)
    assert home.preferences.get(user_of(app)).keep_days is None


def test_the_shorter_time_is_saved_only_when_the_dialog_is_confirmed(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _at(open_app)

    def dialog() -> None:
        from auth.guard import begin_run
        from services import services as built
        from ui import settings

        begin_run(built().sessions)
        settings.draw_confirmation(30, 2)

    asked = AppTest.from_function(dialog, default_timeout=30)
    for name in (SESSION, RUN_BY_APP):
        asked.session_state[name] = app.session_state[name]
    asked.run()
    assert "**2 chats** have had no messages for more than 30 days" in words(asked)
    asked.button(key="rather-not").click().run()
    assert home.preferences.get(user_of(app)).keep_days is None
    asked.button(key="really-keep").click().run()
    assert not asked.exception
    assert home.preferences.get(user_of(app)).keep_days == 30


def test_saving_in_one_tab_does_not_undo_what_another_tab_saved(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    home.preferences.set(user_of(app), Preferences(reads_memory=False, keep_days=90))
    _set(app, "selectbox", "Tone", "brief")
    assert home.preferences.get(user_of(app)) == Preferences(tone="brief", reads_memory=False, keep_days=90)


def test_nobody_sees_another_persons_settings(open_app: OpenApp, home: services.Services) -> None:
    other = _at(open_app)
    home.preferences.set(user_of(other), Preferences(tone="playful", instructions="Call me Zoe"))
    mine = _at(open_app)
    assert _field(mine, "selectbox", "Tone").value == "as it is"
    assert _field(mine, "text_area", "Your instructions").value == ""
