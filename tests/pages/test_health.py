"""The health page: the verdict in one line, findings that one click mends and another undoes, recall checks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import services
from memory import Said
from memory.errors import ModelUnreachable
from tests.chat.conftest import until
from tests.pages.conftest import OpenApp, as_read, insert_memory, memory_texts, press, statements_of, user_of, words

PAGE = "pages/health.py"
NOW = datetime.now(UTC)


def _tab(app: AppTest, name: str) -> AppTest:
    app.session_state["health-tab"] = name
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def app(open_app: OpenApp) -> AppTest:
    """Somebody looking at how their memories are."""
    return open_app(PAGE)


def test_a_person_without_memories_is_sent_to_the_chat(app: AppTest) -> None:
    assert not app.exception
    assert "Nothing to show yet" in words(app)
    assert "All good" not in words(app)
    for tab in ("Needs attention", "Recall checks", "Not stored"):
        _tab(app, tab)
    assert "Nothing yet. What I decide not to store" in words(app)


def test_the_verdict_says_in_one_line_that_all_is_well_or_what_is_not(home: services.Services, app: AppTest) -> None:
    insert_memory(home, app, "I live in Porto", recalled=1)
    insert_memory(home, app, "I keep bees")
    assert "All good: 2 memories, 1 used in replies." in words(app.run())
    insert_memory(home, app, "I keep  bees.")
    insert_memory(home, app, "I sing in a choir", 60)
    insert_memory(home, app, "I park in lot 3", expiration_date="2020-01-01")
    told = "Needs attention: 1 duplicate, 1 out of date, 1 never used."
    assert told in words(app.run())


def test_the_page_is_read_in_few_trips(home: services.Services, app: AppTest) -> None:
    for number in range(30):
        insert_memory(home, app, f"Fact {number}", 60)
    with statements_of(home, user_of(app)) as reads:
        app.run()
    assert 1 < len(reads) <= 4


def test_duplicates_are_shown_merged_and_the_merge_can_be_undone(home: services.Services, app: AppTest) -> None:
    insert_memory(home, app, "I like tea")
    insert_memory(home, app, "I really like tea.")
    _tab(app, "Needs attention")
    assert "I really like tea" in words(app)
    press(app, "Merge 1 group")
    assert len(memory_texts(home, app)) == 1
    assert "Duplicates merged into 1 memory" in words(app)
    press(app, "Undo")
    assert len(memory_texts(home, app)) == 2


def test_only_ticked_memories_are_forgotten_and_one_click_undoes_it(home: services.Services, app: AppTest) -> None:
    for said in ("I sing in a choir", "I own a kayak", "I had a canary"):
        insert_memory(home, app, said, 60)
    _tab(app, "Needs attention")
    assert [each.disabled for each in app.button if each.label in ("Forget", "Still true")] == [True, True]
    next(each for each in app.checkbox if "kayak" in each.label).check().run()
    press(app, "Forget")
    assert sorted(memory_texts(home, app)) == ["I had a canary", "I sing in a choir"]
    assert "Forgotten: 1 memory" in words(app)
    press(app, "Undo")
    assert len(memory_texts(home, app)) == 3
    press(app, "Select all")
    press(app, "Forget")
    assert memory_texts(home, app) == []


def test_a_confirmed_memory_is_no_longer_listed(home: services.Services, app: AppTest) -> None:
    insert_memory(home, app, "I work at the harbour", 100, recalled=1)
    insert_memory(home, app, "I had a canary", 300)
    insert_memory(home, app, "I park in lot 3", expiration_date="2020-01-01")
    _tab(app, "Needs attention")
    assert "Unconfirmed (1)" in [each.label for each in app.expander]
    press(app, "Select all", 1)
    press(app, "Still true", 1)
    assert "Confirmed: 1 memory" in words(app)
    assert "Unconfirmed (1)" not in [each.label for each in app.expander]
    press(app, "Select all")
    press(app, "Still true")  # what has expired does not hold on by being ticked
    assert "Confirmed: 1 memory" in words(app)
    assert [each.label for each in app.expander] == ["Out of date (1)"]
    press(app, "Undo")
    assert [each.label for each in app.expander] == ["Out of date (2)"]


def test_tidying_says_what_it_did_and_can_be_undone(home: services.Services, app: AppTest) -> None:
    insert_memory(home, app, "I like tea")
    insert_memory(home, app, "I really like tea.")
    insert_memory(home, app, "I park in lot 3", expiration_date="2020-01-01")
    _tab(app, "Needs attention")
    press(app, "Tidy up")
    assert "1 merged, 1 expired" in words(app)
    assert [as_read(each.value) for each in app.info] == ["Tidied up: 1 merged, 1 expired"]
    press(app, "Undo")
    assert len(memory_texts(home, app)) == 2
    press(app, "Tidy up")
    press(app, "Tidy up")
    assert [as_read(each.value) for each in app.info] == ["Nothing to tidy up."]


def test_an_error_while_tidying_is_shown_as_a_sentence_and_the_page_stays(
    home: services.Services, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_memory(home, app, "I had a canary", 60)
    _tab(app, "Needs attention")

    def fail(*_: object, **__: object) -> None:
        raise ModelUnreachable("The model is away.")

    with monkeypatch.context() as patched:
        patched.setattr(type(home.memory.tidy), "run", fail)
        press(app, "Tidy up")
    assert "The model is away." in words(app)
    assert "I had a canary" in words(app)


def test_what_was_refused_is_listed_with_its_reason(home: services.Services, app: AppTest) -> None:
    dropped = [{"text": "I am *the* king", "reason": "too long"}, {"text": "", "reason": "contains a secret"}]
    for _ in range(2):
        asked = home.conversations.say(user_of(app), None, "x")
        with home.database.as_user(user_of(app)) as connection:
            home.conversations.queue.finish(connection, asked.id, {"events": [], "dropped": dropped})
    _tab(app, "Not stored")
    assert "**Too long**, 2 times" in words(app)
    assert "“I am \\*the\\* king”" in words(app)
    assert "**Contains a secret**, 2 times" in words(app)


def test_receipts_of_any_form_are_read(home: services.Services, app: AppTest) -> None:
    forms: list[Any] = ["x", [7, None, {"reason": 7}, {"text": []}], {"reason": "alone"}, None]
    for dropped in forms:
        asked = home.conversations.say(user_of(app), None, "x")
        with home.database.as_user(user_of(app)) as connection:
            home.conversations.queue.finish(connection, asked.id, {"dropped": dropped})
    told = {each.reason: each.times for each in home.refusals.of(user_of(app))}
    assert told == {"7": 1, "alone": 1}
    _tab(app, "Not stored")


@pytest.mark.parametrize("change", ["deleted_at = now()", "temporary = true"])
def test_what_was_refused_in_a_deleted_chat_is_not_listed(home: services.Services, app: AppTest, change: str) -> None:
    asked = home.conversations.say(user_of(app), None, "x")
    with home.database.as_user(user_of(app)) as connection:
        home.conversations.queue.finish(
            connection, asked.id, {"dropped": [{"text": "I am king", "reason": "too long"}]}
        )
    assert [each.latest for each in home.refusals.of(user_of(app))] == [["I am king"]]
    with home.database.as_user(user_of(app)) as connection:
        connection.exec_driver_sql(f"update app.conversations set {change}")
    assert home.refusals.of(user_of(app)) == []


def test_a_check_is_pinned_at_the_memory_and_run_on_this_page(home: services.Services, app: AppTest) -> None:
    home.memory.add("I live in Porto by the river", user_id=user_of(app))
    app.switch_page("pages/memories.py").run()
    press(app, "Details")
    asked = next(each for each in app.text_input if each.label == "Question")
    assert asked.value == "What do you know about Porto?"
    asked.set_value("Where do I live?")
    press(app, "Add")
    assert [each.value for each in app.success] == ["Added. You find it under Health, Recall checks."]
    app.switch_page(PAGE).run()
    _tab(app, "Recall checks")
    assert "Not run yet" in words(app)
    press(app, "Run all")
    assert "1 of 1 passed" in words(app)
    assert "Found, ranked 1st" in words(app)
    assert "score" in words(app)


def test_a_red_check_is_in_the_verdict_and_can_be_accepted(home: services.Services, app: AppTest) -> None:
    [kept] = home.memory.add("I live in Porto by the river", user_id=user_of(app))["results"]
    home.memory.checks.pin(kept["id"], "Where do I live?", user_id=user_of(app))
    home.memory.update(kept["id"], "I live in Lisbon", user_id=user_of(app))
    _tab(app, "Recall checks")
    press(app, "Run all")
    assert "1 failed recall check" in words(app)
    _tab(app, "Needs attention")
    assert "1 recall check failed." in words(app)
    assert "Nothing needs attention" not in words(app)
    _tab(app, "Recall checks")
    assert "It now says: I live in Lisbon" in words(app)
    press(app, "Accept the new version")
    press(app, "Run all")
    assert "All good" in words(app)
    home.memory.delete(kept["id"], user_id=user_of(app))
    home.memory.add("I keep bees in Utrecht", user_id=user_of(app))
    press(app, "Run all")
    assert "The memory was deleted" in words(app)
    press(app, "Delete this check")
    assert "No recall checks yet." in words(app)


def test_checks_that_cannot_run_keep_their_results_and_say_why(
    home: services.Services, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    [kept] = home.memory.add("I live in Porto", user_id=user_of(app))["results"]
    home.memory.checks.pin(kept["id"], "Where do I live?", user_id=user_of(app))
    home.memory.checks.run(user_id=user_of(app))
    _tab(app, "Recall checks")

    def fail(*_: object, **__: object) -> None:
        raise ModelUnreachable("The embedder is away.")

    with monkeypatch.context() as patched:
        patched.setattr(home.memory.checks._recall, "find", fail)
        press(app, "Run all")
    assert "The embedder is away." in words(app)
    assert "1 of 1 passed" in words(app)


def test_what_could_not_be_remembered_is_counted_and_tried_again(home: services.Services, app: AppTest) -> None:
    user_id = user_of(app)
    for _ in range(2):
        home.conversations.say(user_id, None, "I keep bees in Utrecht")
    home.memory.import_queue.add(user_id, [Said("user", "I live in Porto", message_id="x")], "learn")
    with home.database.as_user(user_id) as connection:
        connection.exec_driver_sql(
            'update app.messages set receipt = \'{"not_remembered": "The model is away."}\','
            " remember_after = now() + interval '1 hour';"
            "update app.lessons set state = 'given up', problem = 'The model is away.'"
        )
    assert "3 messages are waiting to be remembered: The model is away." in words(app.run())
    press(app, "Try again")
    until(lambda: not home.conversations.queue.waiting(user_id))
    until(lambda: home.memory.import_queue.progress(user_id).done == 1)
    assert "not remembered yet" not in words(app.run())
    assert "I live in Porto" in memory_texts(home, app)
