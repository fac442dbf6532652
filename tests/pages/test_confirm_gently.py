"""Is this still so? Drawn once, answered in one of four ways, and never beside "Which is right?"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest
from streamlit.testing.v1 import AppTest

import services
from auth.guard import SESSION
from memory import Said
from memory.facts import Fact, Write
from tests.pages.conftest import Sit, words
from tests.pages.test_health import _keep
from tests.pages.test_memories import _me, _press, _texts, reading

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
def app(home: services.Services, sit: Sit) -> AppTest:
    """Somebody with an old memory that replies rest on, before a page with the card alone."""
    person = sit()
    card = AppTest.from_function(_page, default_timeout=30)
    card.session_state[SESSION] = person.session_state[SESSION]
    _keep(home, card, PORTO, 200, recalled=3)
    return card


def _pressed(app: AppTest, label: str) -> AppTest:
    _press(app, label)
    assert not app.exception
    return app


def _asks(app: AppTest) -> bool:
    app.run()
    assert not app.exception
    return "Is this still so?" in words(app)


def test_an_old_memory_is_asked_about_and_looked_for_once(home: services.Services, app: AppTest) -> None:
    assert _asks(app)
    assert PORTO in words(app)
    with reading(home, _me(app)) as reads:
        assert _asks(app)
    assert not [each for each in reads if "app.confirmations" in each]


def test_still_true_is_thanked_for_and_taken_back(home: services.Services, app: AppTest) -> None:
    _asks(app)
    _pressed(app, "Still true")
    assert "Good to know" in words(app)
    [kept] = home.memory.get_all(user_id=_me(app))["results"]
    assert kept["metadata"]["confirmed_at"] > (kept["created_at"] or "")
    _pressed(app, "Undo")
    [kept] = home.memory.get_all(user_id=_me(app))["results"]
    assert "confirmed_at" not in kept["metadata"]
    assert not _asks(app)


def test_not_any_more_removes_it_and_one_click_brings_it_back(home: services.Services, app: AppTest) -> None:
    _asks(app)
    _pressed(app, "Not any more")
    assert _texts(home, app) == []
    assert f"Forgotten: {PORTO}" in words(app)
    _pressed(app, "Undo")
    assert _texts(home, app) == [PORTO]


def test_what_changed_is_reworded_in_place(home: services.Services, app: AppTest) -> None:
    _asks(app)
    _pressed(app, "Changed…")
    app.text_area[0].set_value("  ")
    _pressed(app, "Save")
    assert "A memory needs some text" in words(app)
    app.text_area[0].set_value("I live in Lisbon")
    _pressed(app, "Save")
    assert _texts(home, app) == ["I live in Lisbon"]
    assert "Changed: I live in Lisbon" in words(app)
    _pressed(app, "Undo")
    assert _texts(home, app) == [PORTO]
    assert not _asks(app)


def test_dont_ask_says_for_how_long_and_leaves_the_memory(home: services.Services, app: AppTest) -> None:
    _asks(app)
    _pressed(app, "Changed…")
    _pressed(app, "Cancel")
    _pressed(app, "Don't ask")
    assert "nothing else for three months" in words(app)
    assert _texts(home, app) == [PORTO]


def test_an_answer_given_in_another_tab_counts(home: services.Services, app: AppTest) -> None:
    _asks(app)
    [kept] = home.memory.get_all(user_id=_me(app))["results"]
    home.memory.recheck.answer(kept["id"], "true", user_id=_me(app))
    _pressed(app, "Not any more")
    assert _texts(home, app) == [PORTO]
    assert not _asks(app)


def test_it_is_not_drawn_beside_which_is_right(home: services.Services, app: AppTest) -> None:
    assert _asks(app)
    [kept] = home.memory.get_all(user_id=_me(app))["results"]
    said = Said("user", "I live in Faro", datetime.now(UTC))
    write = Write("ask", "I live in Faro", "fact", "x", kept["id"], None, None, "unsure", said, PORTO)
    with home.database.as_user(_me(app)) as connection:
        home.memory.questions.ask(connection, cast(Fact, home.memory._store.get(_me(app), kept["id"])), write)
    assert not _asks(app)
    assert "Which is right?" in words(app)
    _pressed(app, "The old one")
    assert _asks(app)
