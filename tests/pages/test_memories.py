"""The memories page: found, filtered, opened, changed, forgotten and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event
from streamlit.testing.v1 import AppTest

import services
from auth.guard import SESSION
from memory import Said
from memory.errors import ModelUnreachable
from tests.pages.conftest import Sit, words

PAGE = "pages/memories.py"
NOW = datetime.now(UTC)


def _me(app: AppTest) -> str:
    return str(app.session_state[SESSION].user_id)


def _press(app: AppTest, label: str, number: int = 0) -> AppTest:
    return [each for each in app.button if each.label == label][number].click().run()


def _look(app: AppTest) -> AppTest:
    """The page as it is after something happened elsewhere."""
    app.run()
    assert not app.exception
    return app


def _texts(home: services.Services, app: AppTest) -> list[str]:
    return [each["memory"] for each in home.memory.get_all(user_id=_me(app))["results"]]


def _remember(home: services.Services, app: AppTest, number: int) -> None:
    said = [Said("user", f"Fact number {n} is here", NOW - timedelta(hours=n), f"m{n}") for n in range(number)]
    home.memory.add(said, user_id=_me(app), infer=False)


@contextmanager
def reading(home: services.Services, user_id: str) -> Iterator[list[str]]:
    """What the database is asked for this person; what works in the background asks for nobody."""
    seen: list[str] = []

    def note(_one: object, _two: object, statement: str, values: object, *_: object) -> None:
        if user_id in str(values):
            seen.append(statement)

    event.listen(home.database.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(home.database.engine, "before_cursor_execute", note)


@pytest.fixture
def app(sit: Sit) -> AppTest:
    """Somebody looking at their memories."""
    return sit(PAGE)


def test_five_hundred_memories_are_paged_the_newest_first_in_three_reads(home: services.Services, app: AppTest) -> None:
    _remember(home, app, 500)
    _look(app)
    assert "500 memories" in words(app)
    assert "Fact number 0 is here" in words(app)
    assert "Fact number 19 is here" in words(app)
    assert "Fact number 20 is here" not in words(app)
    with reading(home, _me(app)) as reads:
        _look(app)
    assert 1 < len(reads) <= 3
    with reading(home, _me(app)) as reads:
        app.text_input[0].set_value("number 499").run()
    assert 1 < len(reads) <= 3
    assert "Fact number 499 is here" in words(app)


def test_a_part_of_a_word_and_a_like_meaning_are_both_found(home: services.Services, app: AppTest) -> None:
    home.memory.add("I play the cello on Sundays", user_id=_me(app))
    home.memory.add("I work at the harbour", user_id=_me(app))
    app.text_input[0].set_value("cel").run()
    assert "I play the cello on Sundays" in words(app)
    assert "harbour" not in words(app)
    app.text_input[0].set_value("Where do I work?").run()
    assert "I work at the harbour" in words(app)
    app.text_input[0].set_value("100% \\ ' \x00 (").run()
    assert "None of them says that" in words(app)


def test_words_are_found_while_the_embedder_is_away(
    home: services.Services, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.memory.add("I play the cello on Sundays", user_id=_me(app))

    def fail(*_: object, **__: object) -> None:
        raise ModelUnreachable("The embedder is away.")

    with monkeypatch.context() as patched:
        patched.setattr(type(home.memory), "search", fail)
        app.text_input[0].set_value("cello").run()
    assert "The embedder is away." in words(app)
    assert "I play the cello on Sundays" in words(app)


def test_kinds_and_dates_filter_what_is_listed(home: services.Services, app: AppTest) -> None:
    home.memory.add("I like dark chocolate", user_id=_me(app), infer=False, metadata={"kind": "preference"})
    home.memory.add(
        "I was in Rome", user_id=_me(app), infer=False, metadata={"kind": "event"}, at=NOW - timedelta(days=400)
    )
    _look(app)
    app.pills[0].set_value(["event"]).run()
    assert "Rome" in words(app)
    assert "chocolate" not in words(app)
    app.pills[0].set_value([]).run()
    app.date_input[0].set_value(date.today() - timedelta(days=30)).run()
    assert "Rome" not in words(app)
    assert "chocolate" in words(app)
    app.pills[0].set_value(["goal"]).run()
    assert "None of them fits the filter" in words(app)
    _press(app, "Show all kinds and dates")
    assert "2 memories" in words(app)


def test_a_memory_tells_where_it_comes_from_and_every_version_of_it(home: services.Services, app: AppTest) -> None:
    [kept] = home.memory.add("I live in Porto by the river", user_id=_me(app))["results"]
    home.memory.update(kept["id"], "I live in Lisbon", user_id=_me(app))
    _press(_look(app), "Details")
    assert "Kept by plain rules" in words(app)
    assert "Changed by you" in words(app)
    _press(app, "Undo this change")
    assert _texts(home, app) == ["I live in Porto by the river"]
    assert "in your own words" in words(app)


def test_a_memory_is_reworded_in_place_and_the_old_words_come_back(home: services.Services, app: AppTest) -> None:
    home.memory.add("I live in Porto", user_id=_me(app))
    _press(_look(app), "Details")
    app.text_area[0].set_value("I live in Braga")
    _press(app, "Save")
    assert _texts(home, app) == ["I live in Braga"]
    assert "Changed: I live in Braga" in words(app)
    _press(app, "Undo")
    assert _texts(home, app) == ["I live in Porto"]


def test_nothing_is_no_wording(home: services.Services, app: AppTest) -> None:
    home.memory.add("I live in Porto", user_id=_me(app))
    _press(_look(app), "Details")
    app.text_area[0].set_value("  ")
    _press(app, "Save")
    assert "A memory needs some text" in words(app)
    assert _texts(home, app) == ["I live in Porto"]


def test_several_are_forgotten_together_and_come_back_together(home: services.Services, app: AppTest) -> None:
    _remember(home, app, 5)
    _look(app).toggle[0].set_value(True).run()
    app.checkbox[0].check().run()
    app.checkbox[2].check().run()
    _press(app, "Forget 2 memories")
    assert len(_texts(home, app)) == 3
    assert "Forgotten: 2 memories" in words(app)
    _press(app, "Undo")
    assert len(_texts(home, app)) == 5
    _press(app, "Select all on this page")
    _press(app, "Forget 5 memories")
    assert _texts(home, app) == []
    assert "Nothing yet" in words(app)
    _press(app, "Undo")
    assert len(_texts(home, app)) == 5


def _named(home: services.Services, app: AppTest, run_id: str, message_id: str | None) -> AppTest:
    known = {"message_id": message_id} if message_id else {}
    home.memory.add("I live in Porto", user_id=_me(app), infer=False, metadata=known, run_id=run_id)
    return _press(_look(app), "Details")


def test_the_message_a_memory_came_from_is_opened(home: services.Services, app: AppTest) -> None:
    asked = home.conversations.say(_me(app), None, "I live in Porto")
    _named(home, app, asked.conversation_id, asked.id)
    _press(app, "Open the message it came from")
    assert dict(app.query_params) == {"chat": asked.conversation_id, "message": asked.id}


def test_a_message_that_is_gone_leads_to_its_chat_and_a_chat_that_is_gone_nowhere(
    home: services.Services, app: AppTest
) -> None:
    asked = home.conversations.say(_me(app), None, "I live in Porto")
    _named(home, app, asked.conversation_id, str(uuid4()))
    _press(app, "Open the message it came from")
    assert dict(app.query_params) == {"chat": asked.conversation_id}
    home.chats.delete(_me(app), asked.conversation_id)
    app.switch_page(PAGE).run()
    _press(app, "Open the message it came from")
    assert "no longer there" in app.toast[0].value


@pytest.mark.parametrize("run_id", ["a run of a script", "chatgpt:1234"])
def test_what_came_from_elsewhere_leads_to_no_chat(home: services.Services, app: AppTest, run_id: str) -> None:
    _named(home, app, run_id, None)
    assert not [each for each in app.button if each.label.startswith("Open the")]
