"""The time line and the graph on the memories page."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from time import process_time
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import services
from memory import Person, Said
from tests.pages.conftest import OpenApp, press, statements_of, user_of, words

ANA: dict[str, Any] = {
    "entities": [["Ana", "my sister"], ["Braga"]],
    "relations": [["Ana", "is sister of", "me"], ["Ana", "lives in", "Braga"]],
}
REX: dict[str, Any] = {"entities": [["Rex"], ["Ana"]], "relations": [["Rex", "belongs to", "Ana"]]}
MANY = 5_000


def _keep(home: services.Services, app: AppTest, text: str, at: datetime, **metadata: Any) -> str:
    [kept] = home.memory.add(Said("user", text, at), user_id=user_of(app), infer=False, metadata=metadata)["results"]
    return str(kept["id"])


def _at(app: AppTest, tab: str) -> AppTest:
    app.session_state["memories-tab"] = tab
    app.run()
    assert not app.exception
    return app


@pytest.fixture
def app(open_app: OpenApp) -> AppTest:
    return open_app("pages/memories.py")


def test_each_month_lists_what_happened_and_what_changed(home: services.Services, app: AppTest) -> None:
    kept = _keep(home, app, "I live in Porto", datetime(2026, 1, 5, 12, tzinfo=UTC), kind="fact")
    _keep(home, app, "I was in Rome", datetime(2026, 3, 5, 12, tzinfo=UTC), kind="event", happened_at="2025-12-24")
    home.memory.update(kept, "I live in [Lisbon](http://x)", user_id=user_of(app))
    told = words(_at(app, "Time line"))
    assert told.index("January 2026") < told.index("December 2025") < told.index("told 5 March 2026")
    assert "Before: I live in Porto" in told
    assert "[Lisbon](http" not in told, "nobody's words are Markdown"
    assert "3 entries" in told
    app.pills[0].set_value(["event"]).run()
    assert "Rome" in words(app)
    assert "Porto" not in words(app)
    app.pills[0].set_value(["goal"]).run()
    assert "No memories of this kind" in words(app)


def test_days_follow_the_chosen_timezone(home: services.Services, app: AppTest) -> None:
    home.memory.people.set(user_of(app), Person("Pacific/Auckland", timezone_chosen=True))
    _keep(home, app, "I like tea", datetime(2026, 1, 31, 23, tzinfo=UTC), kind="preference")
    del app.session_state["person-zone"]
    assert "February 2026" in words(_at(app, "Time line"))
    _at(app, "Memories")
    app.date_input[0].set_value(date(2026, 2, 1)).run()
    assert "I like tea" in words(app)


def test_empty_tabs_say_that_they_are_empty(app: AppTest) -> None:
    assert "Nothing yet" in words(_at(app, "Time line"))
    assert "People, places and things you mention will appear here" in words(_at(app, "Graph"))


def test_choosing_somebody_shows_their_neighbours_and_memories(home: services.Services, app: AppTest) -> None:
    _keep(home, app, "My sister Ana lives in Braga", datetime(2026, 1, 5, tzinfo=UTC), **ANA)
    _keep(home, app, "Ana has a dog called Rex", datetime(2026, 1, 6, tzinfo=UTC), **REX)
    _at(app, "Graph")
    assert {"Ana", "Braga", "Rex", "You"} <= set(app.selectbox[0].options)
    app.selectbox[0].set_value("Braga").run()
    told = words(app)
    assert "Ana — lives in — Braga" in told
    assert "Rex — belongs" not in told
    assert "My sister Ana lives in Braga" in told
    app.segmented_control[0].set_value(2).run()
    assert "Rex — belongs to — Ana" in words(app)
    next(each for each in app.button if each.label == "Details").click().run()
    assert "History" in words(app)


def test_the_person_is_one_node_with_their_own_name_and_others_have_theirs(
    home: services.Services, app: AppTest
) -> None:
    _keep(home, app, "My name is Dave.", datetime(2026, 1, 5, tzinfo=UTC), entities=[["Dave"]])
    _keep(home, app, "I know Dave's friend", datetime(2026, 1, 5, tzinfo=UTC), entities=[["my friend"], ["Dave"]])
    told = {"entities": [["Marta", "my friend"]], "relations": [["my friend", "is friend of", "me"]]}
    _keep(home, app, "My friend Marta bakes", datetime(2026, 1, 6, tzinfo=UTC), **told)
    _at(app, "Graph")
    assert sorted(app.selectbox[0].options) == ["Marta", "You (Dave)"]
    assert "Marta — is friend of — You" in words(app)
    chart = json.loads(app.get("echarts_chart")[0].proto.spec)["series"][0]
    nodes = {each["name"]: each for each in chart["data"]}
    assert set(nodes) == {"You (Dave)", "Marta"}
    assert nodes["You (Dave)"]["symbolSize"] > nodes["Marta"]["symbolSize"]


def test_the_picture_is_made_larger_and_smaller_by_buttons(home: services.Services, app: AppTest) -> None:
    _keep(home, app, "My sister Ana lives in Braga", datetime(2026, 1, 5, tzinfo=UTC), **ANA)
    _at(app, "Graph")

    def zoom() -> Any:
        return json.loads(app.get("echarts_chart")[0].proto.spec)["series"][0]["zoom"]

    before = zoom()
    press(app, "Zoom in")
    assert zoom() > before
    press(app, "Zoom out")
    assert zoom() == before


def test_a_chosen_name_that_is_gone_is_no_longer_chosen(home: services.Services, app: AppTest) -> None:
    kept = _keep(home, app, "My sister Ana lives in Braga", datetime(2026, 1, 5, tzinfo=UTC), **ANA)
    _keep(home, app, "I know Ben", datetime(2026, 1, 5, tzinfo=UTC), entities=[["Ben"]])
    _at(app, "Graph").selectbox[0].set_value("Ana").run()
    home.memory.delete(kept, user_id=user_of(app))
    app.run()
    assert not app.exception
    assert app.selectbox[0].value is None


@pytest.mark.parametrize("odd", ["<b>x</b>", "[a](http://x)", "{b}", "{c}\n\n# x", "\u202egnirts", "x" * 79])
def test_odd_names_are_drawn_as_written(home: services.Services, app: AppTest, odd: str) -> None:
    _keep(home, app, "An odd one", datetime(2026, 1, 5, tzinfo=UTC), entities=[[odd]], relations=[[odd, odd, "me"]])
    _at(app, "Graph")
    chosen = next(each for each in app.selectbox[0].options if each != "You")
    app.selectbox[0].set_value(chosen).run()
    assert not app.exception


def test_every_tab_is_fast_with_five_thousand_memories(home: services.Services, app: AppTest) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    said = [Said("user", f"Fact {n} about Person {n % 300}", start - timedelta(hours=n)) for n in range(MANY)]
    home.memory.add(said, user_id=user_of(app), infer=False)
    for n in range(50):
        _keep(home, app, f"I know {n}", start, entities=[[f"Person {n}"]], relations=[["me", "know", f"Person {n}"]])
    for tab in ("Memories", "Time line", "Graph", "Files"):
        _at(app, tab)
        with statements_of(home, user_of(app)) as seen:
            began = process_time()
            app.run()
            took = process_time() - began
        assert len(seen) <= 3, tab
        assert took < 2, f"{tab}: {took}"  # a tenth of it on a quiet machine
