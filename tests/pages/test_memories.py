"""The memories page: searching, filtering, opening, editing, forgetting and undoing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

import services
from memory import Said
from memory.errors import ModelUnreachable
from tests.pages.conftest import OpenApp, memory_texts, press, statements_of, user_of, words

PAGE = "pages/memories.py"
NOW = datetime.now(UTC)


def _look(app: AppTest) -> AppTest:
    """The page as it is after something happened elsewhere."""
    app.run()
    assert not app.exception
    return app


def _remember(home: services.Services, app: AppTest, number: int) -> None:
    said = [Said("user", f"Fact number {n} is here", NOW - timedelta(hours=n), f"m{n}") for n in range(number)]
    home.memory.add(said, user_id=user_of(app), infer=False)


@pytest.fixture
def app(open_app: OpenApp) -> AppTest:
    """Somebody looking at their memories."""
    return open_app(PAGE)


def test_five_hundred_memories_are_paged_newest_first_in_three_reads(home: services.Services, app: AppTest) -> None:
    _remember(home, app, 500)
    _look(app)
    assert "500 memories" in words(app)
    assert "Fact number 0 is here" in words(app)
    assert "Fact number 19 is here" in words(app)
    assert "Fact number 20 is here" not in words(app)
    with statements_of(home, user_of(app)) as reads:
        _look(app)
    assert 1 < len(reads) <= 3
    with statements_of(home, user_of(app)) as reads:
        app.text_input[0].set_value("number 499").run()
    assert 1 < len(reads) <= 3
    assert "Fact number 499 is here" in words(app)
    press(app, "Details")
    app.text_input[0].set_value("").run()
    with statements_of(home, user_of(app)) as reads:
        _look(app)
    assert 1 < len(reads) <= 3


def test_search_finds_parts_of_words_and_similar_meanings(home: services.Services, app: AppTest) -> None:
    home.memory.add("I play the cello on Sundays", user_id=user_of(app))
    home.memory.add("I work at the harbour", user_id=user_of(app))
    app.text_input[0].set_value("cel").run()
    assert "I play the cello on Sundays" in words(app)
    assert "harbour" not in words(app)
    app.text_input[0].set_value("Where do I work?").run()
    assert "I work at the harbour" in words(app)
    app.text_input[0].set_value("100% \\ ' \x00 (").run()
    assert "No exact matches" in words(app)


def test_words_are_found_while_the_embedder_is_unreachable(
    home: services.Services, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.memory.add("I play the cello on Sundays", user_id=user_of(app))

    def fail(*_: object, **__: object) -> None:
        raise ModelUnreachable("The embedder is away.")

    with monkeypatch.context() as patched:
        patched.setattr(type(home.memory), "search", fail)
        app.text_input[0].set_value("cello").run()
    assert "The embedder is away." in words(app)
    assert "I play the cello on Sundays" in words(app)


def test_kinds_and_dates_filter_the_list(home: services.Services, app: AppTest) -> None:
    home.memory.add("I like dark chocolate", user_id=user_of(app), infer=False, metadata={"kind": "preference"})
    home.memory.add(
        "I was in Rome", user_id=user_of(app), infer=False, metadata={"kind": "event"}, at=NOW - timedelta(days=400)
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
    assert "No memories match the filter" in words(app)
    press(app, "Clear filter")
    assert "2 memories" in words(app)


def test_the_details_say_where_a_memory_comes_from_and_list_its_versions(home: services.Services, app: AppTest) -> None:
    [kept] = home.memory.add("I live in Porto by the river", user_id=user_of(app))["results"]
    home.memory.update(kept["id"], "I live in Lisbon", user_id=user_of(app))
    press(_look(app), "Details")
    assert "Added by simple rules" in words(app)
    assert "Changed by you" in words(app)
    press(app, "Undo this change")
    assert memory_texts(home, app) == ["I live in Porto by the river"]
    assert "in your own words" in words(app)


def test_a_memory_is_edited_in_place_and_the_edit_can_be_undone(home: services.Services, app: AppTest) -> None:
    home.memory.add("I live in Porto", user_id=user_of(app))
    press(_look(app), "Details")
    app.text_area[0].set_value("I live in Braga")
    press(app, "Save")
    assert memory_texts(home, app) == ["I live in Braga"]
    assert "Changed: I live in Braga" in words(app)
    press(app, "Undo")
    assert memory_texts(home, app) == ["I live in Porto"]


def test_an_empty_wording_is_refused(home: services.Services, app: AppTest) -> None:
    home.memory.add("I live in Porto", user_id=user_of(app))
    press(_look(app), "Details")
    app.text_area[0].set_value("  ")
    press(app, "Save")
    assert "A memory needs some text" in words(app)
    assert memory_texts(home, app) == ["I live in Porto"]


def test_several_memories_are_forgotten_and_restored_together(home: services.Services, app: AppTest) -> None:
    _remember(home, app, 5)
    _look(app).toggle[0].set_value(True).run()
    for place in (0, 2):
        [each for each in app.checkbox if str(each.key).startswith("pick-")][place].check().run()
    press(app, "Forget 2 memories")
    assert len(memory_texts(home, app)) == 3
    assert "Forgotten: 2 memories" in words(app)
    press(app, "Undo")
    assert len(memory_texts(home, app)) == 5
    press(app, "Select all on this page")
    press(app, "Forget 5 memories")
    assert memory_texts(home, app) == []
    assert "No memories yet" in words(app)
    press(app, "Undo")
    assert len(memory_texts(home, app)) == 5


def _named(home: services.Services, app: AppTest, run_id: str, message_id: str | None) -> AppTest:
    known = {"message_id": message_id} if message_id else {}
    home.memory.add("I live in Porto", user_id=user_of(app), infer=False, metadata=known, run_id=run_id)
    return press(_look(app), "Details")


def test_the_message_a_memory_came_from_is_opened(home: services.Services, app: AppTest) -> None:
    asked = home.conversations.say(user_of(app), None, "I live in Porto")
    _named(home, app, asked.conversation_id, asked.id)
    press(app, "Show in chat")
    assert dict(app.query_params) == {"chat": asked.conversation_id, "message": asked.id}


def test_a_deleted_message_opens_its_chat_and_a_deleted_chat_opens_nothing(
    home: services.Services, app: AppTest
) -> None:
    asked = home.conversations.say(user_of(app), None, "I live in Porto")
    _named(home, app, asked.conversation_id, str(uuid4()))
    press(app, "Show in chat")
    assert dict(app.query_params) == {"chat": asked.conversation_id}
    home.chats.delete(user_of(app), asked.conversation_id)
    app.switch_page(PAGE).run()
    press(app, "Show in chat")
    assert "has been deleted" in app.toast[0].value


@pytest.mark.parametrize("run_id", ["a run of a script", "chatgpt:1234"])
def test_an_imported_memory_has_no_chat_to_open(home: services.Services, app: AppTest, run_id: str) -> None:
    _named(home, app, run_id, None)
    assert not [each for each in app.button if each.label.startswith("Open the")]


def test_a_memory_is_always_included_from_its_details_and_the_list_and_its_history_say_so(
    home: services.Services, app: AppTest
) -> None:
    [kept] = home.memory.add("I am allergic to walnuts", user_id=user_of(app))["results"]
    home.memory.add("I live in Porto", user_id=user_of(app))

    def marked() -> bool:
        result = home.memory.get(kept["id"], user_id=user_of(app))
        assert result is not None
        return result.get("always_included", False)

    def switch() -> AppTest:
        return next(each for each in app.toggle if each.label == "Always include").set_value(not marked()).run()

    press(_look(app), "Details", 1)
    switch()
    assert marked()
    assert "· :material/keep: Always included" in words(app)
    assert "Always included: I am allergic to walnuts" in words(app)
    assert "Marked as always included by you" in words(app)
    press(app, "Undo")
    assert not marked()
    assert "No longer marked as always included by you · undoing a change" in words(app)
    switch()
    assert marked()
    [box] = [each for each in app.checkbox if each.label == "Always included"]
    box.check().run()
    assert "1 memory found" in words(app)
    assert "I live in Porto" not in words(app)
    switch()
    assert not marked()


def test_an_always_included_memory_without_room_says_so(home: services.Services, app: AppTest) -> None:
    days = [NOW - timedelta(days=number) for number in (1, 0)]
    said = [Said("user", f"Notebook of {day}. " + "I watch birds. " * 100, day, f"m{day}") for day in days]
    ids = [each["id"] for each in home.memory.add(said, user_id=user_of(app), infer=False)["results"]]
    home.memory.always.include(ids, user_id=user_of(app))
    _look(app)
    for place, has_room in ((0, True), (-1, False)):  # the newest comes first, also where there is little room
        press(app, "Details", place)
        assert ("There is no room for it at the moment" in words(app)) != has_room
        press(app, "Close")


def test_a_forgotten_memory_leaves_its_place_until_it_is_undone(home: services.Services, app: AppTest) -> None:
    _remember(home, app, 3)
    _look(app)
    before = [each.key for each in app.button if each.label == "Forget"]
    next(each for each in app.button if each.key == before[1]).click().run()
    assert "Forgotten. You can undo this below." in words(app)
    press(app, "Undo")
    assert "You can undo this below" not in words(app)
    assert [each.key for each in app.button if each.label == "Forget"] == before
