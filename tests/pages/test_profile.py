"""The profile on the memories page."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

import services
from memory.errors import ModelUnreachable
from tests.pages.conftest import OpenApp, press, user_of, words


def _at(open_app: OpenApp, tab: str) -> AppTest:
    app = open_app("pages/memories.py")
    app.session_state["memories-tab"] = tab
    return app.run()


def _lines(home: services.Services, app: AppTest) -> list[str]:
    return [line.text for line in home.memory.profile.get(user_of(app)).lines]


def test_the_profile_is_written_from_memories_and_its_lines_can_be_changed_and_removed(
    open_app: OpenApp, home: services.Services
) -> None:
    app = _at(open_app, "Profile")
    assert "Nothing yet" in words(app)
    home.memory.add("I live in Porto by the river", user_id=user_of(app))
    app.run()
    assert "I live in Porto by the river" in words(app)
    press(app, "Change")
    app.text_area[0].set_value("Lives in Porto")
    press(app, "Save")
    assert _lines(home, app) == ["Lives in Porto"]
    assert "Lives in Porto" in words(app)
    assert "yours" in words(app)
    press(app, "Remove")
    assert _lines(home, app) == []
    app.run()
    assert "I live in Porto by the river" not in words(app)


def test_a_removed_line_is_put_back_by_undo(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app, "Profile")
    home.memory.add("I live in Porto by the river", user_id=user_of(app))
    home.memory.profile.add(user_of(app.run()), "Call me Dave", "instruction")
    for line in ("I live in Porto by the river", "Call me Dave"):
        app.run()
        before = _lines(home, app)
        [number] = [place for place, each in enumerate(before) if each == line]
        [each for each in app.button if each.label == "Remove"][number].click().run()
        assert line not in _lines(home, app)
        press(app, "Undo")
        assert sorted(_lines(home, app)) == sorted(before)


def test_a_line_can_be_added_and_an_empty_one_is_refused(open_app: OpenApp, home: services.Services) -> None:
    app = _at(open_app, "Profile")
    press(app, "Add")
    assert "A line needs some text" in words(app)
    app.text_input[0].set_value("Call me Dave")
    app.selectbox[0].set_value("instruction")
    press(app, "Add")
    assert _lines(home, app) == ["Call me Dave"]
    assert "How I should reply" in words(app)


def test_the_last_profile_is_shown_while_the_model_is_unreachable(
    open_app: OpenApp, home: services.Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = _at(open_app, "Profile")
    home.memory.profile.add(user_of(app), "Call me Dave")

    def fail(*_: object, **__: object) -> None:
        raise ModelUnreachable("The model took a walk.")

    with monkeypatch.context() as patched:
        patched.setattr(type(home.memory.profile), "refresh", fail)
        app.run()
    assert "The model took a walk." in words(app)
    assert "Call me Dave" in words(app)
