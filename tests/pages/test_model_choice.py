"""The model is chosen in the chat; another one can answer again; a reply that broke off can go on."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import services
from chat.preferences import Preferences
from chat.tree import Message
from tests.chat.conftest import until
from tests.model_answers import CutOff, Fault, Reply
from tests.model_server import ModelServer
from tests.pages.conftest import OpenApp, as_read, press, user_of, words


@pytest.fixture
def app(open_app: OpenApp, with_models: services.Services) -> AppTest:
    return open_app("pages/chat.py")


def _opened(app: AppTest, key: str = "chat-model") -> AppTest:
    """Open the choice of a model, below the box or under a reply."""
    app.run()  # with the name of the model that is chosen now
    app.session_state[key] = True
    app.run()
    assert not app.exception
    return app


def _says(app: AppTest, told: str) -> Message:
    """Say something; return the reply once it is written."""
    app.chat_input[0].set_value(told).run()
    home = services.services()
    chat_id = home.chats.recent(user_of(app))[0].id
    until(lambda: home.replies.task_for(user_of(app), chat_id) is None)
    app.run()
    assert not app.exception
    return _messages(app)[-1]


def _messages(app: AppTest) -> list[Message]:
    home = services.services()
    return home.conversations.messages(user_of(app), home.chats.recent(user_of(app))[0].id)


def _models(model_server: ModelServer) -> list[str]:
    return [each.body["model"] for each in model_server.chats if each.streams]


def _choose(app: AppTest, label: str, name: str) -> AppTest:
    field: Any = next(each for each in (*app.radio, *app.selectbox) if each.label == label)
    field.set_value(name).run()
    assert not app.exception
    return app


def test_the_chosen_model_replies_from_the_next_message_on_and_the_apps_own_is_stored_as_no_choice(
    app: AppTest, with_models: services.Services, model_server: ModelServer
) -> None:
    [choice] = _opened(app).radio
    assert (choice.label, choice.options, choice.value) == ("Model", ["scripted", "large", "small"], "scripted")
    _choose(app, "Model", "large")
    assert with_models.preferences.get(user_of(app)) == Preferences(model="large")
    assert _opened(app).radio[0].value == "large"
    _says(app, "Where is Delft?")
    assert _models(model_server) == ["large"]
    _choose(_opened(app), "Model", "scripted")
    assert with_models.preferences.get(user_of(app)).model is None


def test_what_each_model_takes_stands_beside_it_as_far_as_it_is_known(
    app: AppTest, with_models: services.Services
) -> None:
    assert "Files, maybe pictures" in words(app)
    with_models.offers.note_pictures("scripted", taken=True)
    with_models.offers.note_pictures("small", taken=False)
    told = words(app.run())
    assert "Files and pictures" in told
    assert "maybe pictures" not in told
    captions: Any = _opened(app).radio[0].proto.captions
    assert list(captions) == ["Files and pictures", "Files, maybe pictures", "Files, no pictures"]


def test_many_models_are_a_list_that_can_be_searched(
    app: AppTest, with_models: services.Services, model_server: ModelServer
) -> None:
    model_server.models = [f"model-{number:02}" for number in range(30)]
    assert not _opened(app).radio
    _choose(app, "Model", "model-07")
    assert with_models.preferences.get(user_of(app)).model == "model-07"


def test_a_list_of_models_that_cannot_be_read_is_explained_and_the_choice_stays(
    app: AppTest, with_models: services.Services, model_server: ModelServer
) -> None:
    model_server.listing = Fault(500)
    with_models.preferences.set(user_of(app), Preferences(model="large"))
    assert "could not be loaded" in words(_opened(app))
    _choose(app, "Model", "scripted")
    assert with_models.preferences.get(user_of(app)).model is None


def test_a_model_that_is_no_longer_offered_is_named_and_one_can_go_back_to_the_apps_own(
    app: AppTest, with_models: services.Services
) -> None:
    with_models.preferences.set(user_of(app), Preferences(model="gone*with*the"))
    assert "gone*with*the is no longer available. scripted answers instead." in as_read(words(_opened(app)))
    assert app.radio[0].value is None
    _choose(app, "Model", "scripted")
    assert "is no longer available" not in words(_opened(app))
    assert with_models.preferences.get(user_of(app)).model is None


def test_without_a_model_there_is_nothing_to_choose(open_app: OpenApp, home: services.Services) -> None:
    app = open_app("pages/chat.py")
    app.chat_input[0].set_value("I keep bees in Utrecht").run()
    told = words(app.run())
    assert "maybe pictures" not in told
    assert not [each for each in app.get("popover") if "model" in str(each.proto).lower()]


def test_another_model_answers_again_and_again_without_becoming_the_persons_choice(
    app: AppTest, with_models: services.Services, model_server: ModelServer
) -> None:
    first = _says(app, "Where is Delft?")
    assert "Answered by" not in words(app)
    [choice] = _opened(app, f"models-{first.id}").radio
    assert (choice.label, choice.options) == ("Answer with", ["large", "small"])
    _choose(app, "Answer with", "small")
    until(lambda: len(_messages(app)) == 3)
    asked, first, second = _messages(app)
    assert first.parent_id == second.parent_id == asked.id
    assert "Answered by small" in words(app.run())
    press(app, "Try again")
    until(lambda: len(_messages(app)) == 4)
    assert _models(model_server) == ["scripted", "small", "small"]
    assert with_models.preferences.get(user_of(app)) == Preferences()


def test_a_reply_that_was_too_long_goes_on_in_its_place(
    app: AppTest, with_models: services.Services, model_server: ModelServer
) -> None:
    model_server.enqueue_replies(CutOff("One, two, thr"), Reply("three and four."))
    part = _says(app, "Count")
    assert "The reply reached its maximum length" in words(app)
    press(app, "Continue")
    until(lambda: _messages(app)[-1].content == "One, two, three and four.")
    assert len(_messages(app)) == 2
    app.run()
    assert _messages(app)[-1].id == part.id
    assert not [each for each in app.button if each.label == "Continue"]
    assert "maximum length" not in words(app)


def test_a_reply_that_cannot_go_on_says_why_and_stays(
    app: AppTest, with_models: services.Services, model_server: ModelServer
) -> None:
    model_server.enqueue_replies(CutOff("One, two, thr"), Fault(401))
    part = _says(app, "Count")
    press(app, "Continue")
    until(lambda: with_models.replies.problem_with(user_of(app), part.parent_id or ""))
    told = words(app.run())
    assert "refused the API key" in told
    assert "One, two, thr" in told
    assert [each.label for each in app.button if each.label == "Continue"] == ["Continue"]
