"""The profile, at the memories page."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

import services
from auth.guard import SESSION
from memory.errors import ModelUnreachable
from tests.pages.conftest import Sit, words


def _at(sit: Sit, tab: str) -> AppTest:
    app = sit("pages/memories.py")
    app.session_state["memories-tab"] = tab
    return app.run()


def _me(app: AppTest) -> str:
    return str(app.session_state[SESSION].user_id)


def _press(app: AppTest, label: str) -> AppTest:
    next(each for each in app.button if each.label == label).click().run()
    assert not app.exception
    return app


def _lines(home: services.Services, app: AppTest) -> list[str]:
    return [line.text for line in home.memory.profile.get(_me(app)).lines]


def test_the_profile_is_written_from_memories_and_its_lines_can_be_changed_and_removed(
    sit: Sit, home: services.Services
) -> None:
    app = _at(sit, "Profile")
    assert "Nothing yet" in words(app)
    home.memory.add("I live in Porto by the river", user_id=_me(app))
    app.run()
    assert "I live in Porto by the river" in words(app)
    _press(app, "Change")
    app.text_area[0].set_value("Lives in Porto")
    _press(app, "Save")
    assert _lines(home, app) == ["Lives in Porto"]
    assert "Lives in Porto" in words(app)
    assert "yours" in words(app)
    _press(app, "Remove")
    assert _lines(home, app) == []
    app.run()
    assert "I live in Porto by the river" not in words(app)


def test_a_line_of_ones_own_is_added_and_an_empty_one_is_told(sit: Sit, home: services.Services) -> None:
    app = _at(sit, "Profile")
    _press(app, "Add")
    assert "A line needs some text" in words(app)
    app.text_input[0].set_value("Call me Dave")
    app.selectbox[0].set_value("instruction")
    _press(app, "Add")
    assert _lines(home, app) == ["Call me Dave"]
    assert "How I should be" in words(app)


def test_the_profile_stands_while_the_model_is_away(
    sit: Sit, home: services.Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _at(sit, "Profile")
    home.memory.profile.add(_me(app), "Call me Dave")

    def fail(*_: object, **__: object) -> None:
        raise ModelUnreachable("The model took a walk.")

    with monkeypatch.context() as patched:
        patched.setattr(type(home.memory.profile), "refresh", fail)
        app.run()
    assert "The model took a walk." in words(app)
    assert "Call me Dave" in words(app)
