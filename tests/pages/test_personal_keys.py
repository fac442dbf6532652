"""Keys on the account page: made, shown once, listed and ended."""

from __future__ import annotations

import services
from tests.pages.conftest import OpenApp, press, user_of, words


def test_a_key_is_made_shown_once_and_ended(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/account.py")
    app.text_input(key="key_name").set_value("My *editor*")
    app.selectbox(key="key_scope").set_value("Read and write")
    press(app, "Create key")
    [key] = [each.value for each in app.code if each.value.startswith("ks_")]
    owner = home.keys.owner(key)
    assert owner is not None
    assert (owner.user_id, owner.can_write) == (user_of(app), True)
    assert "It is not shown again." in words(app)
    press(app, "I copied it")
    assert not [each for each in app.code if each.value.startswith("ks_")]
    assert r"My \*editor\*" in words(app)
    assert "Read and write · not used yet · until" in words(app)
    press(app, "Revoke")
    assert home.keys.owner(key) is None
    assert "editor" not in words(app)


def test_a_key_without_a_name_is_refused_with_a_sentence(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/account.py")
    press(app, "Create key")
    assert "Give the key a name" in words(app)
    assert home.keys.all(user_of(app)) == []
