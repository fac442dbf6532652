"""The question whether an old memory still holds: asked once, four answers, and never beside a contradiction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest
from streamlit.testing.v1 import AppTest

import services
from auth.guard import SESSION
from memory import Said
from memory.facts import Fact, Write
from tests.pages.conftest import OpenApp, insert_memory, memory_texts, press, statements_of, user_of, words

PORTO = "I live in Porto"


def _page() -> None:
    import streamlit as st

    from auth.guard import RUN_BY_APP, begin_run
    from services import services
    from ui.chat.questions import draw_contradiction, draw_recheck

    st.session_state[RUN_BY_APP] = True
    user = begin_run(services().sessions)
    assert user is not None
    draw_contradiction(user, [])
    draw_recheck()


@pytest.fixture
def app(home: services.Services, open_app: OpenApp) -> AppTest:
    """Somebody with an old memory that replies rest on, before a page with the card alone."""
    person = open_app()
    card = AppTest.from_function(_page, default_timeout=30)
    card.session_state[SESSION] = person.session_state[SESSION]
    insert_memory(home, card, PORTO, 200, recalled=3)
    return card


def _asks(app: AppTest) -> bool:
    app.run()
    assert not app.exception
    return "Is this still true?" in words(app)


def test_an_old_memory_is_asked_about_and_read_once(home: services.Services, app: AppTest) -> None:
    assert _asks(app)
    assert PORTO in words(app)
    with statements_of(home, user_of(app)) as reads:
        assert _asks(app)
    assert not [each for each in reads if "app.confirmations" in each]


def test_still_true_confirms_the_memory_and_can_be_undone(home: services.Services, app: AppTest) -> None:
    _asks(app)
    press(app, "Still true")
    assert "Thanks, I'll keep it" in words(app)
    [kept] = home.memory.get_all(user_id=user_of(app))["results"]
    assert kept["metadata"]["confirmed_at"] > (kept["created_at"] or "")
    press(app, "Undo")
    [kept] = home.memory.get_all(user_id=user_of(app))["results"]
    assert "confirmed_at" not in kept["metadata"]
    assert not _asks(app)


def test_not_any_more_forgets_the_memory_and_can_be_undone(home: services.Services, app: AppTest) -> None:
    _asks(app)
    press(app, "No longer true")
    assert memory_texts(home, app) == []
    assert f"Forgotten: {PORTO}" in words(app)
    press(app, "Undo")
    assert memory_texts(home, app) == [PORTO]


def test_a_changed_memory_is_reworded_in_place(home: services.Services, app: AppTest) -> None:
    _asks(app)
    press(app, "Changed…")
    app.text_area[0].set_value("  ")
    press(app, "Save")
    assert "A memory needs some text" in words(app)
    app.text_area[0].set_value("I live in Lisbon")
    press(app, "Save")
    assert memory_texts(home, app) == ["I live in Lisbon"]
    assert "Changed: I live in Lisbon" in words(app)
    press(app, "Undo")
    assert memory_texts(home, app) == [PORTO]
    assert not _asks(app)


def test_dont_ask_says_for_how_long_and_leaves_the_memory_alone(home: services.Services, app: AppTest) -> None:
    _asks(app)
    press(app, "Changed…")
    press(app, "Cancel")
    press(app, "Don't ask")
    assert "about anything else for three months" in words(app)
    assert memory_texts(home, app) == [PORTO]


def test_an_answer_given_in_another_tab_counts(home: services.Services, app: AppTest) -> None:
    _asks(app)
    [kept] = home.memory.get_all(user_id=user_of(app))["results"]
    home.memory.recheck.answer(kept["id"], "true", user_id=user_of(app))
    press(app, "No longer true")
    assert memory_texts(home, app) == [PORTO]
    assert not _asks(app)


def test_no_recheck_is_drawn_beside_a_contradiction(home: services.Services, app: AppTest) -> None:
    assert _asks(app)
    [kept] = home.memory.get_all(user_id=user_of(app))["results"]
    said = Said("user", "I live in Faro", datetime.now(UTC))
    write = Write("ask", "I live in Faro", "fact", "x", kept["id"], None, None, "unsure", said, PORTO)
    with home.database.as_user(user_of(app)) as connection:
        home.memory.questions.ask(connection, cast(Fact, home.memory._store.get(user_of(app), kept["id"])), write)
    assert not _asks(app)
    assert "Which is right?" in words(app)
    press(app, "The old one")
    assert _asks(app)
