"""The messages on the chat page: versions, ratings, long chats, links, and two presses at once."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import services
from auth.guard import SESSION
from chat.tree import MESSAGES_DRAWN, MOST, Message
from memory.database import connect
from tests.chat.conftest import until
from tests.pages.conftest import OpenApp, words


def _user(app: AppTest) -> str:
    return str(app.session_state[SESSION].user_id)


def _messages(app: AppTest, home: services.Services) -> list[Message]:
    return home.conversations.messages(_user(app), home.chats.recent(_user(app))[0].id, limit=2_000)


def _button(app: AppTest, label: str) -> Any:
    return next(each for each in app.button if label in each.label)


def _says(app: AppTest, told: str) -> AppTest:
    app.chat_input[0].set_value(told).run()
    assert not app.exception
    return app


def _why(app: AppTest) -> list[Any]:
    return [each for each in app.text_input if each.label.startswith("Why?")]


def _reword(app: AppTest, told: str) -> AppTest:
    _button(app, "Edit message").click().run()
    app.text_area[0].set_value(told)
    _button(app, "Send").click().run()
    assert not app.exception
    return app


def test_an_edited_message_and_its_old_version_are_a_press_away(open_app: OpenApp, home: services.Services) -> None:
    app = _says(_says(open_app("pages/chat.py"), "Tell me of Delft"), "And more of it")
    _reword(app.run(), "Tell me of Utrecht")
    assert not app.text_area
    old, _, _, _, new, reply = _messages(app, home)
    assert (new.content, new.parent_id, reply.parent_id) == ("Tell me of Utrecht", old.parent_id, new.id)
    app.run()
    assert "Tell me of Delft" not in words(app)
    assert "2 / 2" in words(app)
    _button(app, "Previous version").click().run()
    assert "And more of it" in words(app)
    assert "Utrecht" not in words(app)
    again = AppTest.from_file("../../app.py", default_timeout=30)
    again.session_state[SESSION] = app.session_state[SESSION]
    again.run().switch_page("pages/chat.py")
    again.query_params["chat"] = old.conversation_id
    assert "And more of it" in words(again.run())


def test_what_is_said_after_another_answer_follows_that_one(open_app: OpenApp, home: services.Services) -> None:
    app = _says(open_app("pages/chat.py"), "Tell me of Delft").run()
    _button(app, "Try again").click().run()
    _says(app, "And more of it")
    asked, first, second, more, _ = _messages(app, home)
    assert first.parent_id == second.parent_id == asked.id
    assert more.parent_id == second.id


def test_cancelling_an_edit_changes_nothing(open_app: OpenApp, home: services.Services) -> None:
    app = _says(open_app("pages/chat.py"), "Tell me of Delft").run()
    _button(app, "Edit message").click().run()
    app.text_area[0].set_value("Nothing")
    _button(app, "Cancel").click().run()
    assert not app.text_area
    assert len(_messages(app, home)) == 2


@pytest.mark.parametrize("told", [" \n ", "x" * 32_001])
def test_words_that_cannot_be_sent_stay_in_the_field(open_app: OpenApp, home: services.Services, told: str) -> None:
    app = _reword(_says(open_app("pages/chat.py"), "Tell me of Delft").run(), told)
    assert app.text_area[0].value == told
    assert ("Your message" if told.strip() else "The message") in words(app)
    assert len(_messages(app, home)) == 2


def test_a_message_that_was_deleted_meanwhile_begins_a_new_chat(open_app: OpenApp, home: services.Services) -> None:
    app = _says(open_app("pages/chat.py"), "Tell me of Delft").run()
    _button(app, "Edit message").click().run()
    home.chats.delete(_user(app), _messages(app, home)[0].conversation_id)
    app.text_area[0].set_value("Tell me of Utrecht")
    _button(app, "Send").click().run()
    assert not app.exception
    assert _messages(app, home)[0].content == "Tell me of Utrecht"


def test_two_presses_on_one_suggestion_are_one_chat(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/chat.py")
    first = home.conversations.say(_user(app), None, "Plan my week with me")
    app.chat_input[0].set_value("Plan my week with me").run()
    assert _messages(app, home)[0].id == first.id
    assert len(home.chats.recent(_user(app))) == 1


def test_a_rating_is_saved_shown_again_and_taken_back(open_app: OpenApp, home: services.Services) -> None:
    app = _says(open_app("pages/chat.py"), "Tell me of Delft").run()
    thumbs: Any = app.get("feedback")[0]
    thumbs.set_value(0).run()
    assert _messages(app, home)[1].feedback == -1
    _why(app)[0].set_value("too *short*")
    _button(app, "Save").click().run()
    assert _messages(app, home)[1].feedback_why == "too *short*"
    assert not app.exception
    thumbs = app.get("feedback")[0]
    thumbs.set_value(None).run()
    assert _messages(app, home)[1].feedback is None
    assert not _why(app)


@pytest.fixture
def long(open_app: OpenApp, home: services.Services) -> AppTest:
    """Open the page of a person with a chat of a thousand messages."""
    app = _says(open_app("pages/chat.py"), "said 0")
    first, second = _messages(app, home)
    until(lambda: _messages(app, home)[0].remembering == "done")
    engine = connect(home.database.admin_url, pool_size=1)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "with recursive line as (select 1 as n, %s::uuid as id, null::uuid as parent union all"
            " select n + 1, gen_random_uuid(), id from line where n < 999)"
            " insert into app.messages (id, parent_id, conversation_id, user_id, role, content, receipt)"
            " select id, parent, %s::uuid, %s, case n %% 2 when 0 then 'user' else 'assistant' end, 'said ' || n,"
            ' \'{"ms": 12, "memories": []}\' from line where n > 1 order by n',
            (second.id, first.conversation_id, _user(app)),
        )
        connection.exec_driver_sql("update app.conversations set head_id = null where user_id = %s", (_user(app),))
    engine.dispose()
    return app.run()


def test_a_long_chat_is_drawn_a_page_at_a_time(long: AppTest) -> None:
    assert len(long.chat_message) == MESSAGES_DRAWN
    _button(long, "960 earlier messages").click().run()
    assert len(long.chat_message) == 2 * MESSAGES_DRAWN
    for _ in range(3):
        _button(long, "earlier messages").click().run()
    assert len(long.chat_message) == MOST
    for _ in range(2):
        _button(long, "later message").click().run()
        assert len(long.chat_message) == MOST
    assert not [each for each in long.button if "later message" in each.label]
    _says(long, "Where were we?")
    assert "No language model is connected" in words(long)
    assert len(long.run().chat_message) == MESSAGES_DRAWN + 2
    assert not long.exception


def test_a_link_to_a_message_shows_it_and_what_stands_around_it(long: AppTest, home: services.Services) -> None:
    wanted = _messages(long, home)[301]
    long.query_params["message"] = wanted.id
    long.run()
    assert "said 301" in words(long)
    assert "said 999" not in words(long)
    _says(long, "Back to the end")
    assert "said 301" not in words(long.run())
    assert "said 999" in words(long)


def test_a_link_to_a_message_on_another_branch_opens_that_branch(open_app: OpenApp, home: services.Services) -> None:
    app = _says(open_app("pages/chat.py"), "Tell me of Delft").run()
    _reword(app, "Tell me of Utrecht")
    old = _messages(app, home)[0]
    app.query_params["message"] = old.id
    assert "Tell me of Delft" in words(app.run())
    assert "Tell me of Delft" in words(app.run())
    _button(app, "Next version").click().run()
    assert "Tell me of Utrecht" in words(app)


@pytest.mark.parametrize("wrong", ["", "x", "' or true --", "00000000-0000-0000-0000-000000000000", "\x00"])
def test_a_link_to_no_message_shows_the_end_of_the_chat(open_app: OpenApp, wrong: str) -> None:
    app = _says(open_app("pages/chat.py"), "Tell me of Delft").run()
    app.query_params["message"] = wrong
    assert "Tell me of Delft" in words(app.run())
    assert not app.exception
