"""The settings page: each section is saved by its own button, says so, and is there at the next visit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import services
from auth.guard import RUN_BY_APP, SESSION
from chat.preferences import MINE, Preferences
from memory import Person
from memory.database import Database
from tests.local_stack import fresh_process
from tests.model_answers import Fault
from tests.model_server import ModelServer
from tests.pages.conftest import OpenApp, user_of, words


@pytest.fixture
def with_models(
    home: services.Services, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[services.Services]:
    """The house with an address that offers three models."""
    model_server.models = ["large", "small", "text-embedding-3-small"]
    named = {"OPENAI_BASE_URL": model_server.base_url, "OPENAI_API_KEY": "sk-test", "CHAT_MODEL": "scripted"}
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    with fresh_process():
        yield services.services()


def _at(open_app: OpenApp) -> AppTest:
    app = open_app("pages/settings.py")
    assert not app.exception
    return app


def _field(app: AppTest, kind: str, label: str) -> Any:
    return next(each for each in getattr(app, kind) if each.label == label)


def _save(app: AppTest, what: str) -> AppTest:
    app.button(key=f"save-{what}").click().run()
    assert not app.exception
    return app


def _said_saved(app: AppTest) -> bool:
    return [each.value for each in app.success] == ["Saved."]


def test_the_page_has_its_sections_and_every_field_a_label(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert [each.value for each in app.title] == ["Settings"]
    assert [each.value for each in app.header] == ["Replies", "Memory", "Time", "Keeping", "How it looks"]
    fields = [*app.selectbox, *app.text_area, *app.toggle]
    assert len(fields) == 10
    assert all(each.label for each in fields)


def test_tone_language_and_instructions_are_saved(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    _field(app, "selectbox", "Tone").set_value("brief")
    _field(app, "selectbox", "Language of replies").set_value("de")
    _field(app, "text_area", "Your own instructions").set_value("  Call me Dave.\nNo *stars*. ")
    assert _said_saved(_save(app, "replies"))
    kept = home.preferences.get(user_of(app))
    assert kept == Preferences(tone="brief", language="de", instructions="Call me Dave.\nNo *stars*.")
    app.run()
    assert not app.success
    assert _field(app, "selectbox", "Tone").value == "brief"
    assert _field(app, "text_area", "Your own instructions").value == "Call me Dave.\nNo *stars*."
    _field(app, "selectbox", "Language of replies").set_value(MINE)
    _save(app, "replies")
    assert home.preferences.get(user_of(app)).language == MINE


def test_instructions_that_are_too_long_are_refused_and_stay_in_their_field(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _at(open_app)
    long = "x" * 2_001
    _field(app, "text_area", "Your own instructions").set_value(long)
    _save(app, "replies")
    assert "2,001 characters; at most 2,000 fit" in words(app)
    assert not app.success
    assert home.preferences.get(user_of(app)) == Preferences()
    assert _field(app, "text_area", "Your own instructions").value == long


def test_without_a_model_the_page_says_how_to_connect_one(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert "No language model is connected" in words(app)
    assert "Model" not in [each.label for each in app.selectbox]


def test_an_offered_model_can_be_chosen_and_the_apps_own_is_stored_as_no_choice(
    open_app: OpenApp, with_models: services.Services
) -> None:
    app = _at(open_app)
    model = _field(app, "selectbox", "Model")
    assert model.options == ["scripted (this Keepsake's own)", "large", "small"]
    model.set_value("large")
    assert _said_saved(_save(app, "replies"))
    assert with_models.preferences.get(user_of(app)).model == "large"
    assert _field(app.run(), "selectbox", "Model").value == "large"
    _field(app, "selectbox", "Model").set_value("scripted")
    _save(app, "replies")
    assert with_models.preferences.get(user_of(app)).model is None


def test_a_list_of_models_that_cannot_be_read_is_explained_and_the_choice_stays(
    open_app: OpenApp, with_models: services.Services, model_server: ModelServer
) -> None:
    model_server.listing = Fault(500)
    app = _at(open_app)
    with_models.preferences.set(user_of(app), Preferences(model="large"))
    app.run()
    assert "could not be asked just now" in words(app)
    assert _field(app, "selectbox", "Model").value == "large"
    _field(app, "selectbox", "Tone").set_value("brief")
    _save(app, "replies")
    assert with_models.preferences.get(user_of(app)) == Preferences(model="large", tone="brief")


def test_a_model_that_is_no_longer_offered_is_named_and_saving_goes_back_to_the_apps_own(
    open_app: OpenApp, with_models: services.Services
) -> None:
    app = _at(open_app)
    with_models.preferences.set(user_of(app), Preferences(model="gone*with*the"))
    app.run()
    assert "is no longer offered here" in words(app)
    _save(app, "replies")
    assert with_models.preferences.get(user_of(app)).model is None


def test_memory_is_switched_off_and_on_and_wishes_are_saved(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert [each.value for each in app.toggle] == [True, True, True]
    for each in app.toggle:
        each.set_value(False)
    _field(app, "text_area", "What I should mind when I remember").set_value("Remember my garden")
    _field(app, "text_area", "What I should mind when something changes").set_value("Keep old addresses")
    assert _said_saved(_save(app, "memory"))
    assert home.preferences.get(user_of(app)) == Preferences(reads_memory=False, writes_memory=False)
    assert home.memory.people.get(user_of(app)) == Person("UTC", "Remember my garden", "Keep old addresses", False)
    app.run()
    assert [each.value for each in app.toggle] == [False, False, False]
    app.toggle[1].set_value(True)
    _save(app, "memory")
    assert home.preferences.get(user_of(app)) == Preferences(reads_memory=False)


def test_wishes_that_are_too_long_are_refused_and_nothing_is_saved(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    _field(app, "text_area", "What I should mind when I remember").set_value("x" * 2_001)
    app.toggle[0].set_value(False)
    _save(app, "memory")
    assert "at most 2,000 characters" in words(app)
    assert home.memory.people.get(user_of(app)).extract_wishes == ""
    assert home.preferences.get(user_of(app)) == Preferences()


def test_episodes_are_no_longer_kept_once_they_are_switched_off(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    home.memory.add({"role": "user", "content": "I live in Porto by the river"}, user_id=user_of(app))
    app.run()
    assert "1 message is kept" in words(app)
    app.toggle[2].set_value(False)
    _save(app, "memory")
    home.memory.add({"role": "user", "content": "I work at the harbour"}, user_id=user_of(app))
    assert home.memory.episodes.count(user_of(app)) == 1
    assert len(home.memory.get_all(user_id=user_of(app))["results"]) == 2


def test_a_chosen_timezone_stays_until_the_browsers_is_chosen_again(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    zone = _field(app, "selectbox", "Timezone")
    zone.set_value("Asia/Tokyo")
    assert _said_saved(_save(app, "time"))
    assert home.memory.people.get(user_of(app)) == Person("Asia/Tokyo", timezone_chosen=True)
    zone = _field(app.run(), "selectbox", "Timezone")
    assert zone.value == "Asia/Tokyo"
    zone.set_value(zone.options[0])
    _save(app, "time")
    assert not home.memory.people.get(user_of(app)).timezone_chosen


def test_the_retention_is_explained_as_it_is_chosen_and_is_saved(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    assert "Chats stay until you delete them." in words(app)
    _field(app, "selectbox", "Keep my chats").set_value(90).run()
    assert "nothing was said in a chat for 90 days" in words(app)
    assert "if it sleeps because nobody visits, it happens when it wakes" in words(app)
    assert home.preferences.get(user_of(app)).keep_days is None
    assert _said_saved(_save(app, "keeping"))
    assert home.preferences.get(user_of(app)).keep_days == 90
    assert _field(app.run(), "selectbox", "Keep my chats").value == 90


def test_where_the_database_erases_old_chats_the_page_says_so(
    open_app: OpenApp, home: services.Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home.retention, "on_time", lambda: True)
    app = _at(open_app)
    _field(app, "selectbox", "Keep my chats").set_value(90).run()
    assert "The database does this every quarter of an hour." in words(app)


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
    _field(app, "selectbox", "Keep my chats").set_value(30).run()
    _save(app, "keeping")
    assert "**2 chats** have been quiet for longer than 30 days" in words(app)
    assert home.preferences.get(user_of(app)).keep_days is None
    _field(app, "selectbox", "Keep my chats").set_value(90).run()
    assert _said_saved(_save(app, "keeping"))
    assert home.preferences.get(user_of(app)).keep_days == 90
    _field(app, "selectbox", "Keep my chats").set_value(0).run()
    _save(app, "keeping")
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
    assert "**2 chats** have been quiet for longer than 30 days" in words(asked)
    asked.button(key="rather-not").click().run()
    assert home.preferences.get(user_of(app)).keep_days is None
    asked.button(key="really-keep").click().run()
    assert not asked.exception
    assert home.preferences.get(user_of(app)).keep_days == 30


def test_saving_in_one_tab_does_not_undo_what_another_tab_saved(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app)
    home.preferences.set(user_of(app), Preferences(reads_memory=False, keep_days=90))
    _field(app, "selectbox", "Tone").set_value("brief")
    _save(app, "replies")
    assert home.preferences.get(user_of(app)) == Preferences(tone="brief", reads_memory=False, keep_days=90)


def test_nobody_sees_another_persons_settings(open_app: OpenApp, home: services.Services) -> None:
    other = _at(open_app)
    home.preferences.set(user_of(other), Preferences(tone="playful", instructions="Call me Zoe"))
    mine = _at(open_app)
    assert _field(mine, "selectbox", "Tone").value == "as it is"
    assert _field(mine, "text_area", "Your own instructions").value == ""
