"""The bar above a chat, and the files in it: switches, temporary chats, forgetting what was learned, receipts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import services
from chat.tree import Message
from memory.erase import ForgetReceipt, LearnedFromChat, LearnedMemory
from tests.chat.conftest import until
from tests.chat.test_attachments import pdf, picture
from tests.pages.conftest import OpenApp, opens_receipt, user_of, words

BEES = "I keep bees in Utrecht"
QUESTION = "Where do I keep my bees?"


def _messages(app: AppTest, home: services.Services) -> list[Message]:
    return home.conversations.messages(user_of(app), app.session_state["open_chat"])


def _button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if label in each.label)


def _switch(app: AppTest, label: str) -> AppTest:
    next(each for each in app.toggle if each.label == label).set_value(True).run()
    return app


def _unswitch(app: AppTest, label: str) -> AppTest:
    next(each for each in app.toggle if each.label == label).set_value(False).run()
    return app


def _told(app: AppTest, home: services.Services, said: str = BEES) -> AppTest:
    """Say something, and wait until it is remembered."""
    app.chat_input[0].set_value(said).run()
    until(lambda: _messages(app, home)[-2].remembering == "done")
    return app.run()


def _known(app: AppTest, home: services.Services) -> list[str]:
    return [each["memory"] for each in home.memory.get_all(user_id=user_of(app))["results"]]


def _labels(app: AppTest) -> str:
    return "\n".join(each.label for each in app.button) + words(app)


def test_switches_of_a_new_chat_count_from_its_first_message(open_app: OpenApp, home: services.Services) -> None:
    app = _switch(open_app("pages/chat.py"), "Temporary")
    assert "Erased a day after the last message" in words(app)
    app.chat_input[0].set_value(BEES).run()
    assert not app.exception
    assert "Erased a day after the last message" in words(app)
    asked, reply = _messages(app, home)
    assert asked.remembering == "none"
    assert reply.receipt["memory_off"]
    assert home.chats.recent(user_of(app)) == []
    _button(app, "New chat").click().run()
    assert "Erased a day after the last message" not in words(app)


def test_a_switch_in_a_chat_counts_from_the_next_message(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app("pages/chat.py"), home)
    _unswitch(app, "Learn from this chat")
    app.chat_input[0].set_value("I play the cello on Sundays").run()
    assert [each.remembering for each in _messages(app, home)] == ["done", "none", "none", "none"]
    _switch(app, "Learn from this chat")
    assert _messages(app, home)[2].remembering == "none"


def test_a_chat_that_is_no_longer_temporary_gets_its_switches_back(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app("pages/chat.py"), home)
    _unswitch(app, "Use memories in replies")
    _switch(app, "Temporary")
    _unswitch(app, "Temporary")
    now = home.conversations.switches.of(user_of(app), app.session_state["open_chat"])
    assert (now.reads, now.writes) == (False, True)


def test_what_was_learned_from_a_chat_is_listed_before_it_is_forgotten_and_the_receipt_stays_until_closed(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _told(open_app("pages/chat.py"), home)
    _button(app, "Forget what I learned in this chat").click().run()
    assert BEES in words(app)
    assert _known(app, home) == [BEES]
    # A press inside of a dialog runs nothing but the dialog, which only a browser does: see tests/e2e.
    app.session_state["forget_receipt"] = home.forget_chat(user_of(app), app.session_state["open_chat"])
    app.run()
    assert not app.exception
    assert "1 memory with its history" in words(app)
    assert "Verified: it is gone." in words(app)
    assert "Learned" not in _labels(app)
    app.button(key="close-forget-receipt").click().run()
    assert "Verified: it is gone" not in words(app)
    assert [each.role for each in _messages(app, home)] == ["user", "assistant"]


def test_a_memory_that_could_not_be_restored_with_its_chat_forgotten_is_restored_from_the_receipt(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _told(open_app("pages/chat.py"), home)
    [known] = home.memory.get_all(user_id=user_of(app))["results"]
    home.memory.delete(known["id"], user_id=user_of(app))
    deletion = home.memory.history(known["id"], user_id=user_of(app))[-1]["id"]
    memory = LearnedMemory(known["id"], "I keep wasps", "deleted", BEES, deletion=deletion)
    learned = LearnedFromChat(app.session_state["open_chat"], (memory,))
    app.session_state["forget_receipt"] = ForgetReceipt(learned, {}, datetime.now(UTC), searched=False)
    app.run()
    assert "Deleted for now, because the embedding model does not answer" in words(app)
    _button(app, f"Restore “{BEES}”").click().run()
    assert not app.exception
    assert _known(app, home) == [BEES]
    assert "1 memory changed back to an earlier version" in words(app)
    assert "Restore" not in _labels(app)


def test_a_chat_that_nothing_was_learned_from_says_so(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app("pages/chat.py"), home, "Thanks!")
    _button(app, "Forget what I learned in this chat").click().run()
    assert "I have not learned anything in this chat." in words(app)


# -- receipts ------------------------------------------------------------------------------------


def test_a_memory_in_a_receipt_opens_the_message_it_came_from(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app("pages/chat.py"), home)
    taught = _messages(app, home)[0]
    _button(app, "New chat").click().run()
    app.chat_input[0].set_value(QUESTION).run()
    opens_receipt(app, _messages(app, home)[-1].id)
    _button(app, f"2026: {BEES}").click().run()
    assert app.session_state["open_chat"] == taught.conversation_id
    assert app.query_params["message"] == taught.id


def test_the_receipt_says_what_was_learned_from_its_turn(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app("pages/chat.py"), home)
    opens_receipt(app, _messages(app, home)[-1].id)
    assert f"From this turn · Learned: {BEES}" in words(app)


def test_an_answer_as_of_a_past_day_uses_the_memories_of_that_day_and_says_so(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _told(open_app("pages/chat.py"), home)
    _button(app, "New chat").click().run()
    app.chat_input[0].set_value(QUESTION).run()
    assert "You keep bees in Utrecht" in _messages(app, home)[-1].content
    opens_receipt(app, _messages(app, home)[-1].id)
    _button(app, "Answer as of that day").click().run()
    assert not app.exception
    latest = _messages(app, home)[-1]
    assert BEES not in latest.content
    assert latest.receipt["memories"] == []
    assert "As of " in words(app)
    opens_receipt(app, latest.id)
    app.date_input[0].set_value(app.date_input[0].max)
    _button(app, "Answer as of that day").click().run()
    assert "You keep bees in Utrecht" in _messages(app, home)[-1].content


# -- files ---------------------------------------------------------------------------------------


def test_files_are_sent_shown_and_still_there_after_a_reload(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/chat.py")
    app.chat_input[0].upload("report.pdf", pdf("The ferry leaves at nine"))
    app.chat_input[0].upload("red.png", picture(size=(600, 400)))
    app.chat_input[0].set_value("What is this?").run()
    assert not app.exception
    for _ in range(2):
        assert "report.pdf · 1 kB" in _labels(app).replace("\\", "")
        app.run()
    _button(app, "report").click().run()
    assert "The ferry leaves at nine" in app.code[0].value
    assert "only a language model can read it" in _messages(app, home)[-1].content


@pytest.mark.parametrize(("name", "held"), [("blob.txt", b"\x00\x01\x02"), ("report.pdf", b"%PDF-1.4 nothing")])
def test_a_file_that_cannot_be_used_is_explained_and_the_words_are_kept(
    open_app: OpenApp, home: services.Services, name: str, held: bytes
) -> None:
    app = open_app("pages/chat.py")
    app.chat_input[0].upload(name, held)
    app.chat_input[0].set_value("What is this?").run()
    assert not app.exception
    assert name in words(app).replace("\\", "")
    assert "Attach them again" in words(app)
    assert app.chat_input[0].proto.value == "What is this?"
    assert home.chats.recent(user_of(app)) == []
