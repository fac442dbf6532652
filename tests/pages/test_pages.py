"""What all pages have in common: who may see them, what a session's end does, and how errors are shown."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import services
from auth.client import AuthClient
from auth.guard import DEVICE, SESSION
from local.stack import LocalStack
from memory import Receipt
from memory.embedded.loopback import free_port
from memory.errors import ModelUnreachable
from settings import settings
from tests.pages.conftest import OpenApp, as_read, words
from tests.sources import PROJECT
from ui.browser.cookie_bridge import PAGE_NAMES


@pytest.mark.parametrize("page", ["pages/chat.py", "pages/memories.py", "pages/settings.py", "pages/account.py"])
def test_every_page_sends_people_who_are_not_signed_in_to_the_welcome_page(open_app: OpenApp, page: str) -> None:
    app = open_app(page, signed_in=False)
    assert not app.exception
    assert app.title[0].value == "An assistant that remembers you"


@pytest.mark.parametrize("page", ["pages/chat.py", "pages/memories.py", "pages/settings.py", "pages/account.py"])
def test_every_page_is_drawn_for_people_who_are_signed_in(open_app: OpenApp, page: str) -> None:
    app = open_app(page)
    assert not app.exception
    assert app.title[0].value in ("What's on your mind?", "What I remember about you", "Settings", "Account")


def test_a_session_that_ended_on_the_server_leads_to_the_welcome_page(
    open_app: OpenApp, home: services.Services, auth_client: AuthClient
) -> None:
    app = open_app("pages/account.py")
    ended = replace(app.session_state[SESSION], expires_at=0.0)
    auth_client.sign_out(ended)
    home.sessions.save(app.session_state[DEVICE], ended)
    app.session_state[SESSION] = ended
    app.run()
    assert not app.exception
    assert app.title[0].value == "An assistant that remembers you"
    assert SESSION not in app.session_state


def test_a_message_is_saved_and_answered(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/chat.py")
    app.chat_input[0].set_value("I live in Porto by the river").run()
    assert not app.exception
    user_id = app.session_state[SESSION].user_id
    [chat] = home.chats.recent(user_id)
    said, reply = home.conversations.messages(user_id, chat.id)
    assert said.content == "I live in Porto by the river"
    assert reply.parent_id == said.id
    assert reply.content == "Noted: you live in Porto by the river."


def test_a_failed_reply_is_explained_and_can_be_tried_again(
    open_app: OpenApp, home: services.Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ModelUnreachable("The model took a walk.")

    app = open_app("pages/chat.py")
    with monkeypatch.context() as patched:
        patched.setattr("chat.reply.plain_reply", fail)
        app.chat_input[0].set_value("Are you there, my friend?").run()
    assert "The model took a walk." in words(app)
    assert "Are you there, my friend?" in words(app).replace("\\", "")
    next(button for button in app.button if button.label == "Try again").click().run()
    assert "The model took a walk." not in words(app)
    assert "No language model is connected" in words(app)


def test_an_empty_message_is_refused_and_begins_no_chat(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/chat.py")
    app.chat_input[0].set_value(" \n ").run()
    assert "The message is empty." in words(app)
    assert home.chats.recent(app.session_state[SESSION].user_id) == []


def test_another_persons_memories_and_chats_are_not_drawn(open_app: OpenApp, home: services.Services) -> None:
    other = open_app("pages/chat.py")
    home.memory.add("I have a secret garden", user_id=other.session_state[SESSION].user_id)
    other.chat_input[0].set_value("A private chat about roses").run()
    mine = open_app("pages/memories.py")
    assert "secret garden" not in words(mine)
    assert "roses" not in words(mine.switch_page("pages/chat.py").run())


def test_what_keeps_the_app_from_starting_is_shown(
    home: services.Services, stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.close_services()
    settings.cache_clear()
    monkeypatch.delenv("SUPABASE_KEY")
    app = AppTest.from_file("../../app.py", default_timeout=30).run()
    assert not app.exception
    assert "SUPABASE_KEY is missing" in words(app)
    monkeypatch.setenv("SUPABASE_KEY", stack.settings["SUPABASE_KEY"])
    settings.cache_clear()
    next(button for button in app.button if button.label == "Try again").click().run()
    assert app.title[0].value == "An assistant that remembers you"


def test_a_wrong_address_of_the_database_is_named_to_whoever_sets_the_app_up(
    home: services.Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.close_services()
    settings.cache_clear()
    monkeypatch.setenv("DATABASE_URL", f"postgresql://app:secret@127.0.0.1:{free_port()}/postgres")
    app = AppTest.from_file("../../app.py", default_timeout=30).run()
    assert "Nothing answers at the database address 127.0.0.1: check DATABASE_URL" in words(app)
    assert "secret" not in words(app)


@pytest.mark.parametrize("page", ["pages/chat.py", "pages/memories.py", "pages/settings.py"])
def test_nobody_sees_a_page_before_they_agree_to_the_consent_page(open_app: OpenApp, page: str) -> None:
    app = open_app(page, agreed=False)
    assert app.title[0].value == "Before you start"
    assert "No language model is connected" in words(app)
    next(button for button in app.button if button.label == "I agree").click().run()
    assert not app.exception
    assert app.title[0].value in ("What's on your mind?", "What I remember about you", "Settings")
    assert open_app(page, agreed=False).title[0].value == "Before you start"


def test_a_person_who_does_not_agree_can_sign_out(open_app: OpenApp) -> None:
    app = open_app("pages/chat.py", agreed=False)
    next(button for button in app.button if button.label == "Sign out").click().run()
    assert not app.exception
    assert app.title[0].value == "An assistant that remembers you"


def test_a_message_over_the_limit_is_refused_and_given_back(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/chat.py")
    limit = home.settings.messages_per_minute
    user_id = app.session_state[SESSION].user_id
    for _ in range(limit):
        home.limits.may_say(user_id, "something")
    app.chat_input[0].set_value("My precious words").run()
    assert f"the limit of {limit} messages a minute" in words(app)
    assert app.chat_input[0].proto.value == "My precious words"
    assert home.chats.recent(user_id) == []


@pytest.fixture
def by_invitation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMISSION", "invitation")


@pytest.mark.usefixtures("by_invitation")
def test_after_deleting_an_account_whose_sign_in_stays_the_page_says_what_coming_back_needs(
    home: services.Services, open_app: OpenApp
) -> None:
    assert home.settings.admission == "invitation"
    app = open_app(signed_in=False)
    erased = Receipt("kim", {}, datetime.now(UTC))
    app.session_state["farewell"] = services.AccountDeletion(erased, {}, {}, sign_in_gone=False, sign_in_held=True)
    app.run()
    assert not app.exception
    [told] = [told for each in app.info if "sign-in server" in (told := as_read(each.value))]
    assert "you need a new invitation" in told
    assert "If you sign in again" not in told


def test_a_wrong_current_password_is_named_as_such(open_app: OpenApp) -> None:
    app = open_app("pages/account.py")
    for label, typed in (("Current password", "not my password"), ("New password", "a new password 1")):
        next(each for each in app.text_input if each.label == label).set_value(typed)
    next(each for each in app.button if each.label == "Change password").click().run()
    assert "Your current password is wrong." in words(app)


@pytest.mark.parametrize("chat", ["0b54c1e6-6a3c-4d0e-9a3e-5f6f6d0c1c11", "no-id"])
def test_a_link_to_a_chat_that_is_gone_says_so_until_something_else_is_opened(open_app: OpenApp, chat: str) -> None:
    app = open_app("pages/chat.py")
    app.query_params["chat"] = chat
    app.run()
    assert not app.exception
    assert "This chat was deleted, or belongs to another account." in words(app)
    next(each for each in app.button if each.label == "New chat").click().run()
    assert "This chat was deleted" not in words(app)


def test_scripts_know_every_page_by_its_address() -> None:
    calls = [
        each for each in ast.walk(ast.parse((PROJECT / "app.py").read_text("utf-8"))) if isinstance(each, ast.Call)
    ]
    addresses = []
    for call in calls:
        if ast.unparse(call.func) == "st.Page" and isinstance(call.args[0], ast.Constant):
            chosen = [ast.literal_eval(each.value) for each in call.keywords if each.arg == "url_path"]
            addresses += chosen or [Path(str(call.args[0].value)).stem]
    assert sorted(PAGE_NAMES) == sorted(addresses)
