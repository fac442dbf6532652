"""The chat page under a turn: what was learned, contradictions, and writing a reply again."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

import services
from auth.guard import SESSION
from chat.tree import Message
from memory.facts import Said, Write
from tests.chat.conftest import until
from tests.pages.conftest import OpenApp, opens_receipt, press, words

BEES = "I keep bees in Utrecht"


def _user(app: AppTest) -> str:
    return str(app.session_state[SESSION].user_id)


def _messages(app: AppTest, home: services.Services) -> list[Message]:
    return home.conversations.messages(_user(app), home.chats.recent(_user(app))[0].id)


def _button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if label in each.label)


def _told(open_app: OpenApp, home: services.Services, words: str = BEES) -> AppTest:
    """Open the page of a person whose message is remembered by now."""
    app = open_app("pages/chat.py")
    app.chat_input[0].set_value(words).run()
    until(lambda: _messages(app, home)[0].remembering == "done")
    app.run()
    assert not app.exception
    return app


def _known(app: AppTest, home: services.Services) -> list[str]:
    return [each["memory"] for each in home.memory.get_all(user_id=_user(app))["results"]]


# -- what was learned ----------------------------------------------------------------------------


def test_what_was_learned_stands_under_the_turn_and_can_be_taken_back_and_brought_back(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _told(open_app, home)
    _button(app, f"Learned: {BEES}").click().run()
    _button(app, "Undo").click().run()
    assert _known(app, home) == []
    assert "then undone" in words(app)
    _button(app, "Restore").click().run()
    assert _known(app, home) == [BEES]
    assert not app.exception


def test_what_was_learned_can_be_set_right_in_place(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app, home)
    _button(app, "Learned").click().run()
    press(app, "Edit")
    app.text_area[0].set_value("I keep bees in Delft")
    _button(app, "Save").click().run()
    assert _known(app, home) == ["I keep bees in Delft"]
    assert "changed by you" in words(app)


def test_an_edit_that_another_memory_says_already_is_refused_in_a_sentence(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _told(open_app, home)
    home.memory.add("I live in Porto by the river", user_id=_user(app))
    _button(app, "Learned").click().run()
    press(app, "Edit")
    app.text_area[0].set_value("I live in Porto by the river")
    _button(app, "Save").click().run()
    assert "Another memory already says this." in words(app)
    assert BEES in _known(app, home)


def test_a_turn_with_nothing_to_learn_says_nothing(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app, home, "Thanks!")
    assert not [each for each in app.button if "Learned" in each.label or "not stored" in each.label]


def test_a_postponed_turn_says_why(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app, home)
    asked, _ = _messages(app, home)
    with home.database.as_user(_user(app)) as connection:
        connection.exec_driver_sql(
            "update app.messages set remembering = 'waiting', remember_after = now() + interval '10 minutes',"
            ' receipt = \'{"not_remembered": "The model is busy."}\' where id = %(id)s::uuid',
            {"id": asked.id},
        )
    assert "Not remembered yet: The model is busy\\." in words(app.run())


def test_a_turn_that_was_given_up_says_so_and_can_be_tried_again(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app, home)
    asked, _ = _messages(app, home)
    with home.database.as_user(_user(app)) as connection:
        connection.exec_driver_sql(
            "update app.messages set remembering = 'given up',"
            ' receipt = \'{"not_remembered": "The answer makes no sense."}\' where id = %(id)s::uuid',
            {"id": asked.id},
        )
    assert "Not remembered: The answer makes no sense\\." in words(app.run())
    press(app, "Try again now")
    until(lambda: home.conversations.message(_user(app), asked.id).remembering == "done")  # type: ignore[union-attr]
    assert "Not remembered" not in words(app.run())


def test_refused_memories_are_counted_and_shown_with_their_reasons(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app, home)
    asked, _ = _messages(app, home)
    dropped = {"text": "Likes jazz", "reason": "you didn't say this in that message"}
    with home.database.as_user(_user(app)) as connection:
        home.conversations.queue.finish(connection, asked.id, {"events": [], "dropped": [dropped]})
    _button(app.run(), "1 not stored").click().run()
    assert "Likes jazz" in words(app)
    assert "didn't say this in that message" in words(app)


# -- which is right ------------------------------------------------------------------------------


def _asked(app: AppTest, home: services.Services, text: str) -> None:
    """Make the model ask which of two memories is right."""
    user_id = _user(app)
    [fact] = home.memory.recall("bees", user_id=user_id)[:1]
    write = Write("ask", text, "fact", text, fact.id, None, None, "unsure", Said("user", text), fact.text)
    with home.database.as_user(user_id) as connection:
        home.memory.questions.ask(connection, fact, write)


def test_a_contradiction_is_put_to_the_person_and_answered_at_once(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app, home)
    _asked(app, home, "My bees live in Delft")
    _asked(app, home, "My bees live in Gouda")
    app.run()
    assert "Which is right?" in words(app)
    assert "1 of 2" in words(app)
    _button(app, "The new one").click().run()
    assert _known(app, home) == ["My bees live in Delft"]
    assert "Gouda" in words(app)
    _button(app, "The old one").click().run()
    assert _known(app, home) == ["My bees live in Delft"]
    assert "Which is right?" not in words(app)
    assert not app.exception


def test_both_can_be_right_or_neither(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app, home)
    _asked(app, home, "My sister has bees in Delft")
    _button(app.run(), "Both").click().run()
    assert sorted(_known(app, home)) == sorted([BEES, "My sister has bees in Delft"])
    _asked(app, home, "All bees are gone")
    _button(app.run(), "Neither").click().run()
    assert len(_known(app, home)) == 1


def test_nobody_is_asked_about_another_persons_memories(open_app: OpenApp, home: services.Services) -> None:
    _asked(_told(open_app, home), home, "My bees live in Delft")
    assert "Which is right?" not in words(open_app("pages/chat.py"))


# -- another answer ------------------------------------------------------------------------------


def test_a_complete_reply_can_be_written_again_and_the_old_one_stays(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _told(open_app, home)
    _button(app, "Try again").click().run()
    asked, first, second = _messages(app, home)
    assert first.parent_id == second.parent_id == asked.id
    assert len([each for each in app.chat_message if each.name == "assistant"]) == 1
    assert len(app.run().chat_message) == 2
    assert not app.exception


def test_a_reply_can_be_written_without_a_memory_and_with_it_again(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/chat.py")
    home.memory.add(BEES, user_id=_user(app))
    app.chat_input[0].set_value("Where are my bees?").run()
    assert "You keep bees in Utrecht" in _messages(app, home)[-1].content
    opens_receipt(app, _messages(app, home)[-1].id)
    app.checkbox[0].uncheck()
    _button(app, "Answer without unticked memories").click().run()
    assert "bees in Utrecht" not in _messages(app, home)[-1].content
    assert BEES in _known(app, home)
    opens_receipt(app, _messages(app, home)[-1].id)
    assert [each.value for each in app.checkbox] == [False]
    app.checkbox[0].check()
    _button(app, "Answer without unticked memories").click().run()
    assert "You keep bees in Utrecht" in _messages(app, home)[-1].content


def test_an_earlier_reply_can_be_written_again_and_branches_there(open_app: OpenApp, home: services.Services) -> None:
    app = _told(open_app, home)
    app.chat_input[0].set_value("And what else?").run()
    app.run()
    assert len([each for each in app.button if each.label == "Try again"]) == 2
    _button(app, "Try again").click().run()
    asked, first, *_, again = _messages(app, home)
    assert again.parent_id == first.parent_id == asked.id
    assert len(app.run().chat_message) == 2
    _button(app, "Previous version").click().run()
    assert len(app.chat_message) == 4
    assert not app.exception
