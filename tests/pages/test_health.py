"""The health page: one line on how it stands, and what is worth a look mended with a click and taken back with one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import services
from memory.errors import ModelUnreachable
from memory.facts import content_hash
from tests.pages.conftest import Sit, words
from tests.pages.test_memories import _me, _press, _texts, reading

PAGE = "pages/health.py"
NOW = datetime.now(UTC)


def _keep(home: services.Services, app: AppTest, said: str, days: float = 0, recalled: int = 0, **more: str) -> str:
    """A memory as old as a test wants it."""
    at = (NOW - timedelta(days=days)).isoformat()
    row = {"data": said, "user_id": _me(app), "hash": content_hash(said), "kind": "fact", **more}
    [vector] = home.memory._embedder.embed([said])
    with home.database.as_user(_me(app)) as connection:
        [new] = home.memory._store.insert(connection, [({**row, "created_at": at, "updated_at": at}, vector)])
        for _ in range(recalled):
            home.memory.turns.count_recalled(connection, [new])
    return new


def _tab(app: AppTest, name: str) -> AppTest:
    app.session_state["health-tab"] = name
    app.run()
    assert not app.exception
    return app


def _pressed(app: AppTest, label: str, number: int = 0) -> AppTest:
    _press(app, label, number)
    assert not app.exception
    return app


@pytest.fixture
def app(sit: Sit) -> AppTest:
    """Somebody looking at how their memories are."""
    return sit(PAGE)


def test_who_told_nothing_is_sent_to_the_chat(app: AppTest) -> None:
    assert not app.exception
    assert "nothing to look after yet" in words(app)
    assert "Everything looks well" not in words(app)
    for tab in ("Worth a look", "Recall checks", "Not kept"):
        _tab(app, tab)
    assert "Nothing was refused so far" in words(app)


def test_one_line_says_that_all_is_well_or_what_is_not(home: services.Services, app: AppTest) -> None:
    _keep(home, app, "I live in Porto", recalled=1)
    _keep(home, app, "I keep bees")
    assert "Everything looks well: 2 memories, 1 of them used in answers." in words(app.run())
    _keep(home, app, "I keep  bees.")
    _keep(home, app, "I sing in a choir", 60)
    _keep(home, app, "I park in lot 3", expiration_date="2020-01-01")
    told = "Worth a look: 1 says the same as another, 1 is out of date, 1 is over a month old and was never used."
    assert told in words(app.run())


def test_the_page_is_read_in_few_trips(home: services.Services, app: AppTest) -> None:
    for number in range(30):
        _keep(home, app, f"Fact {number}", 60)
    with reading(home, _me(app)) as reads:
        app.run()
    assert 1 < len(reads) <= 4


def test_what_stands_twice_is_shown_then_merged_and_comes_back(home: services.Services, app: AppTest) -> None:
    _keep(home, app, "I like tea")
    _keep(home, app, "I really like tea.")
    _tab(app, "Worth a look")
    assert "I really like tea" in words(app)
    _pressed(app, "Merge this one")
    assert len(_texts(home, app)) == 1
    assert "Merged: 1 memory stands for those that said the same" in words(app)
    _pressed(app, "Undo")
    assert len(_texts(home, app)) == 2


def test_only_what_is_ticked_goes_and_one_click_brings_it_back(home: services.Services, app: AppTest) -> None:
    for said in ("I sing in a choir", "I own a kayak", "I had a canary"):
        _keep(home, app, said, 60)
    _tab(app, "Worth a look")
    assert [each.disabled for each in app.button if each.label in ("Let go", "Still true")] == [True, True]
    next(each for each in app.checkbox if "kayak" in each.label).check().run()
    _pressed(app, "Let go")
    assert sorted(_texts(home, app)) == ["I had a canary", "I sing in a choir"]
    assert "Let go: 1 memory" in words(app)
    _pressed(app, "Undo")
    assert len(_texts(home, app)) == 3
    _pressed(app, "Choose all")
    _pressed(app, "Let go")
    assert _texts(home, app) == []


def test_what_still_holds_is_confirmed_and_no_longer_listed(home: services.Services, app: AppTest) -> None:
    _keep(home, app, "I work at the harbour", 100, recalled=1)
    _keep(home, app, "I had a canary", 300)
    _keep(home, app, "I park in lot 3", expiration_date="2020-01-01")
    _tab(app, "Worth a look")
    assert "Used, and never said again (1)" in [each.label for each in app.expander]
    _pressed(app, "Choose all", 1)
    _pressed(app, "Still true", 1)
    assert "Confirmed: 1 memory" in words(app)
    assert "Used, and never said again (1)" not in [each.label for each in app.expander]
    _pressed(app, "Choose all")
    _pressed(app, "Still true")  # what has expired does not hold on by being ticked
    assert "Confirmed: 1 memory" in words(app)
    assert [each.label for each in app.expander] == ["Out of date (1)"]
    _pressed(app, "Undo")
    assert [each.label for each in app.expander] == ["Out of date (2)"]


def test_tidying_tells_what_it_did_and_is_taken_back(home: services.Services, app: AppTest) -> None:
    _keep(home, app, "I like tea")
    _keep(home, app, "I really like tea.")
    _keep(home, app, "I park in lot 3", expiration_date="2020-01-01")
    _tab(app, "Worth a look")
    _pressed(app, "Tidy up")
    assert "1 merged, 1 expired" in words(app)
    assert [each.value for each in app.info] == ["Tidied up: 1 merged, 1 expired"]
    _pressed(app, "Undo")
    assert len(_texts(home, app)) == 2
    _pressed(app, "Tidy up")
    _pressed(app, "Tidy up")
    assert [each.value for each in app.info] == ["All was in order: nothing was changed."]


def test_trouble_while_mending_is_a_sentence_and_the_page_stays(
    home: services.Services, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    _keep(home, app, "I had a canary", 60)
    _tab(app, "Worth a look")

    def fail(*_: object, **__: object) -> None:
        raise ModelUnreachable("The model is away.")

    with monkeypatch.context() as patched:
        patched.setattr(type(home.memory.tidy), "run", fail)
        _pressed(app, "Tidy up")
    assert "The model is away." in words(app)
    assert "I had a canary" in words(app)


def test_what_was_refused_stands_with_its_reason(home: services.Services, app: AppTest) -> None:
    dropped = [{"text": "I am *the* king", "reason": "it is too long"}, {"text": "", "reason": "it holds a secret"}]
    for _ in range(2):
        asked = home.conversations.say(_me(app), None, "x")
        with home.database.as_user(_me(app)) as connection:
            home.conversations.queue.finish(connection, asked.id, {"events": [], "dropped": dropped})
    _tab(app, "Not kept")
    assert "**It is too long**, 2 times" in words(app)
    assert "“I am \\*the\\* king”" in words(app)
    assert "**It holds a secret**, 2 times" in words(app)


def test_receipts_of_any_form_are_read(home: services.Services, app: AppTest) -> None:
    forms: list[Any] = ["x", [7, None, {"reason": 7}, {"text": []}], {"reason": "alone"}, None]
    for dropped in forms:
        asked = home.conversations.say(_me(app), None, "x")
        with home.database.as_user(_me(app)) as connection:
            home.conversations.queue.finish(connection, asked.id, {"dropped": dropped})
    told = {each.reason: each.times for each in home.refusals.of(_me(app))}
    assert told == {"7": 1, "alone": 1}
    _tab(app, "Not kept")


@pytest.mark.parametrize("change", ["deleted_at = now()", "temporary = true"])
def test_what_was_refused_in_a_chat_that_is_gone_is_not_told(
    home: services.Services, app: AppTest, change: str
) -> None:
    asked = home.conversations.say(_me(app), None, "x")
    with home.database.as_user(_me(app)) as connection:
        home.conversations.queue.finish(
            connection, asked.id, {"dropped": [{"text": "I am king", "reason": "too long"}]}
        )
    assert [each.latest for each in home.refusals.of(_me(app))] == [["I am king"]]
    with home.database.as_user(_me(app)) as connection:
        connection.exec_driver_sql(f"update app.conversations set {change}")
    assert home.refusals.of(_me(app)) == []


def test_a_check_is_pinned_at_the_memory_and_run_on_this_page(home: services.Services, app: AppTest) -> None:
    home.memory.add("I live in Porto by the river", user_id=_me(app))
    app.switch_page("pages/memories.py").run()
    _pressed(app, "Details")
    asked = next(each for each in app.text_input if each.label == "The question")
    assert asked.value == "What do you know about Porto?"
    asked.set_value("Where do I live?")
    _pressed(app, "Pin")
    assert [each.value for each in app.success] == ["Pinned. You find it under Health, Recall checks."]
    app.switch_page(PAGE).run()
    _tab(app, "Recall checks")
    assert "Not run yet" in words(app)
    _pressed(app, "Run all")
    assert "1 of 1 is green" in words(app)
    assert "Found, at place 1" in words(app)
    assert "score" in words(app)


def test_a_red_check_is_told_in_the_verdict_and_made_right(home: services.Services, app: AppTest) -> None:
    [kept] = home.memory.add("I live in Porto by the river", user_id=_me(app))["results"]
    home.memory.checks.pin(kept["id"], "Where do I live?", user_id=_me(app))
    home.memory.update(kept["id"], "I live in Lisbon", user_id=_me(app))
    _tab(app, "Recall checks")
    _pressed(app, "Run all")
    assert "1 recall check is red" in words(app)
    assert "It says now: I live in Lisbon" in words(app)
    _pressed(app, "These words are right")
    _pressed(app, "Run all")
    assert "Everything looks well" in words(app)
    home.memory.delete(kept["id"], user_id=_me(app))
    home.memory.add("I keep bees in Utrecht", user_id=_me(app))
    _pressed(app, "Run all")
    assert "The memory is gone" in words(app)
    _pressed(app, "Do without this check")
    assert "None yet." in words(app)


def test_checks_that_cannot_be_asked_keep_their_results_and_say_why(
    home: services.Services, app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    [kept] = home.memory.add("I live in Porto", user_id=_me(app))["results"]
    home.memory.checks.pin(kept["id"], "Where do I live?", user_id=_me(app))
    home.memory.checks.run(user_id=_me(app))
    _tab(app, "Recall checks")

    def fail(*_: object, **__: object) -> None:
        raise ModelUnreachable("The embedder is away.")

    with monkeypatch.context() as patched:
        patched.setattr(home.memory.checks._recall, "find", fail)
        _pressed(app, "Run all")
    assert "The embedder is away." in words(app)
    assert "1 of 1 is green" in words(app)
