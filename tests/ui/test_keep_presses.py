"""A press is carried out whatever follows it: a newer request ends a run only after its callbacks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import ScriptRunner, add_script_run_ctx
from streamlit.runtime.scriptrunner_utils.exceptions import RerunException
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequests,
    ScriptRequestType,
)
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.runtime.state import SessionState
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.runtime.state.safe_session_state import SafeSessionState
from streamlit.source_util import PageInfo

from tests.chat.conftest import until
from ui.keep_presses import give_way, keep_presses, line_of


class _WithCallback(SessionState):
    """Takes over what was sent with one callback, which uses the session's state as callbacks do."""

    seen_by_callbacks: SafeSessionState | None = None
    carried_out = False

    def on_script_will_rerun(self, *_sent: Any, **_replayed: Any) -> None:
        assert self.seen_by_callbacks is not None
        self.seen_by_callbacks["pressed"] = True
        self.carried_out = True


def _another_follows() -> None:
    raise RerunException(RerunData())


def test_a_press_is_carried_out_if_another_follows_at_once() -> None:
    keep_presses()
    kept = _WithCallback()
    state = kept.seen_by_callbacks = SafeSessionState(kept, _another_follows)
    state.on_script_will_rerun(WidgetStates())
    assert kept.carried_out
    with pytest.raises(RerunException):  # then the run makes way
        state["pressed"]


def _press(button: str) -> RerunData:
    sent = WidgetStates()
    sent.widgets.add(id=button).trigger_value = True
    return RerunData(widget_states=sent)


def test_a_run_that_is_stopped_before_it_begins_carries_out_its_press_and_then_stops() -> None:
    keep_presses()
    requests = ScriptRequests()
    requests.request_rerun(_press("send"))
    requests.request_stop()
    begun = requests.on_scriptrunner_ready()
    assert begun.type == ScriptRequestType.RERUN
    assert begun.rerun_data.widget_states == _press("send").widget_states
    stopped = requests.on_scriptrunner_yield()
    assert stopped is not None
    assert stopped.type == ScriptRequestType.STOP
    assert not requests.request_rerun(_press("delete"))


def test_streamlits_own_state_can_be_taken_over() -> None:
    keep_presses()
    SafeSessionState(SessionState(), lambda: None).on_script_will_rerun(WidgetStates())


def test_a_run_without_a_press_that_is_stopped_before_it_begins_does_not_begin() -> None:
    keep_presses()
    requests = ScriptRequests()
    requests.request_rerun(RerunData(widget_states=WidgetStates()))
    requests.request_stop()
    assert requests.on_scriptrunner_ready().type == ScriptRequestType.STOP


class _Slow(SessionState):
    """Notes which requests it takes over, and is held up at the first."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []
        self.begun, self.goes_on = threading.Event(), threading.Event()

    def on_script_will_rerun(self, fresh_widget_states: WidgetStates | None, **_replayed: Any) -> None:
        assert fresh_widget_states is not None
        if not self.begun.is_set():
            self.begun.set()
            assert self.goes_on.wait(30)
        self.taken.append(fresh_widget_states.widgets[0].id)


def test_presses_of_a_tab_are_carried_out_one_after_another_in_their_order() -> None:
    keep_presses()
    shared = _Slow()

    def run(button: str) -> threading.Thread:
        state = SafeSessionState(shared, lambda: None)
        thread = threading.Thread(target=state.on_script_will_rerun, args=(_press(button).widget_states,))
        thread.start()
        return thread

    runs = [run("first")]
    assert shared.begun.wait(30)
    for number, button in enumerate(("second", "third"), start=2):
        runs.append(run(button))
        while len(line_of(shared).waiting) < number:
            time.sleep(0.001)
    assert shared.taken == []
    shared.goes_on.set()
    for each in runs:
        each.join(30)
    assert shared.taken == ["first", "second", "third"]


def test_words_typed_on_a_page_that_is_left_at_once_are_kept() -> None:
    keep_presses()
    requests, typed = ScriptRequests(), WidgetStates()
    typed.widgets.add(id="field", string_value="Call me Dave")
    requests.request_rerun(RerunData(widget_states=typed, page_script_hash="settings"))
    requests.request_rerun(RerunData(widget_states=WidgetStates(), page_script_hash="chat"))
    waiting = requests.on_scriptrunner_ready().rerun_data
    assert waiting.page_script_hash == "chat"
    assert waiting.widget_states is not None
    assert [(each.id, each.string_value) for each in waiting.widget_states.widgets] == [("field", "Call me Dave")]


def test_of_two_values_of_a_field_the_newer_one_is_kept() -> None:
    keep_presses()
    requests = ScriptRequests()
    for value in ("Call me", "Call me Dave"):
        typed = WidgetStates()
        typed.widgets.add(id="field", string_value=value)
        requests.request_rerun(RerunData(widget_states=typed))
    waiting = requests.on_scriptrunner_ready().rerun_data.widget_states
    assert waiting is not None
    assert [each.string_value for each in waiting.widgets] == ["Call me Dave"]


def _page(name: str) -> dict[str, PageInfo]:
    return {name: {"page_script_hash": name, "page_name": name, "icon": "", "script_path": f"{name}.py"}}


def _as_a_run(does: Callable[[], object], requests: ScriptRequests | None = None) -> None:
    """Do something in a thread that Streamlit takes for a run of a page, and wait for it."""
    thread = threading.Thread(target=does)
    add_script_run_ctx(thread, Mock(spec=ScriptRunContext, script_requests=requests))
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


def test_a_run_draws_the_page_it_was_asked_for_though_an_older_run_begins_after_it() -> None:
    keep_presses()
    pages = PagesManager("app.py")
    drawn = []

    def older() -> None:
        pages.set_script_intent("chat", "")
        pages.set_current_page_script_hash("chat")
        drawn.append(pages.intended_page_script_hash)

    def newer() -> None:
        pages.set_script_intent("memories", "")
        pages.set_current_page_script_hash("memories")
        _as_a_run(older)
        page = pages.set_pages_and_resolve(_page("chat") | _page("memories"))
        drawn.extend([page and page["page_script_hash"], pages.current_page_script_hash])

    _as_a_run(newer)
    assert drawn == ["chat", "memories", "memories"]


@pytest.mark.parametrize("before", ["", "chat"], ids=["at first", "later"])
def test_whoever_asks_outside_of_a_run_sees_the_page_of_the_latest_one(before: str) -> None:
    keep_presses()
    pages = PagesManager("app.py")
    pages.set_current_page_script_hash(before)
    _as_a_run(lambda: pages.set_current_page_script_hash("memories"))
    assert pages.current_page_script_hash == "memories"


@pytest.mark.parametrize("begun", [False, True], ids=["waiting", "begun"])
def test_a_timer_of_the_page_that_is_being_left_does_not_bring_it_back(begun: bool) -> None:
    keep_presses()
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash="memories", query_string="q=bees"))
    if begun:
        requests.on_scriptrunner_ready()
    requests.request_rerun(replace(_press("timer"), fragment_id="news", page_script_hash="chat"))
    waiting = requests.on_scriptrunner_ready()
    assert waiting.type == ScriptRequestType.RERUN
    assert (waiting.rerun_data.page_script_hash, waiting.rerun_data.query_string) == ("memories", "q=bees")
    assert waiting.rerun_data.fragment_id_queue == []
    assert waiting.rerun_data.widget_states == _press("timer").widget_states


def test_a_part_of_the_page_that_is_drawn_is_drawn_again_alone() -> None:
    keep_presses()
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash="chat"))
    requests.on_scriptrunner_ready()
    requests.request_rerun(RerunData(fragment_id="news", page_script_hash="chat"))
    assert requests.on_scriptrunner_ready().rerun_data.fragment_id_queue == ["news"]


class _Run:
    """A run as Streamlit makes it: its requests, and the state it shares with the other runs of its tab."""

    def __init__(self, shared: SessionState, request: RerunData) -> None:
        self.requests = self._requests = ScriptRequests()
        self.requests.request_rerun(request)
        self._session_state = SafeSessionState(shared, self.look_for_newer)
        self.request = request

    def look_for_newer(self) -> None:
        """What Streamlit does at each step of a page; here it does nothing."""

    def _wake_parallel_join_barrier_if_waiting(self) -> None:
        pass

    def begins(self) -> None:
        self.requests.on_scriptrunner_ready()

    def finishes(self) -> None:
        """End after having drawn nothing."""
        self._session_state.on_script_finished(frozenset())

    def takes_over(self) -> None:
        self._session_state.on_script_will_rerun(self.request.widget_states)

    def is_stopped(self) -> None:
        ScriptRunner.request_stop(self)  # type: ignore[arg-type]


def _typed(words: str) -> RerunData:
    sent = WidgetStates()
    sent.widgets.add(id=words, string_value=words)
    return RerunData(widget_states=sent)


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "not begun"])
def test_a_quick_newer_run_waits_for_the_one_that_it_replaces(begun: bool) -> None:
    keep_presses()
    shared = _Slow()
    shared.begun.set()  # nothing is held up
    older = _Run(shared, _typed("older") if begun else _press("older"))
    if begun:
        older.begins()
    older.is_stopped()
    newer = _Run(shared, _typed("newer"))
    newer.begins()
    thread = threading.Thread(target=newer.takes_over)
    thread.start()
    until(lambda: len(line_of(shared).waiting) == 2)
    if not begun:
        older.begins()  # late
    older.takes_over()
    older.requests.on_scriptrunner_ready()  # it has come to its press
    thread.join(30)
    assert shared.taken == ["older", "newer"]


def test_a_run_that_ended_on_its_way_is_not_waited_for_without_end() -> None:
    line = line_of(SessionState())
    line.keep_place("ended")
    with line.turn("newer", patience=0.05):
        assert list(line.waiting) == ["newer"]


def test_a_run_that_has_taken_over_keeps_no_place() -> None:
    keep_presses()
    shared = _Slow()
    shared.begun.set()
    older = _Run(shared, _typed("older"))
    older.begins()
    older.takes_over()
    older.is_stopped()
    assert list(line_of(shared).waiting) == []


def _stops(run: _Run) -> bool:
    """Whether a run that draws its page is to stop at its next step."""
    request = run.requests.on_scriptrunner_yield()
    return request is not None and request.type == ScriptRequestType.STOP


def _show(state: SessionState, button: str, callback: Callable[[], None] | None = None) -> SessionState:
    """Let a tab show a button."""
    about = WidgetMetadata(button, bool, bool, value_type="trigger_value", callback=callback)
    state.register_widget(about, user_key=None)
    return state


def _begun(shared: SessionState, request: RerunData) -> _Run:
    run = _Run(shared, request)
    run.begins()
    run.takes_over()
    return run


def _in_a_thread(does: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=does)
    thread.start()
    return thread


def test_a_press_without_a_callback_is_carried_out_before_its_run_stops_and_a_newer_run_takes_over() -> None:
    keep_presses()
    shared = _show(SessionState(), "save")
    older = _begun(shared, _press("save"))
    older.is_stopped()
    newer = _Run(shared, _typed("newer"))
    newer.begins()
    waiting = _in_a_thread(newer.takes_over)
    until(lambda: len(line_of(shared).waiting) == 2)
    assert not _stops(older)
    seen = [shared["save"]]  # by the page, which comes to its button
    assert older.requests.on_scriptrunner_ready().type == ScriptRequestType.STOP  # the page is drawn
    waiting.join(30)
    assert [*seen, shared["save"]] == [True, False]
    assert not line_of(shared).waiting


def test_a_press_with_a_callback_is_carried_out_at_once_and_holds_nothing_up() -> None:
    keep_presses()
    shared = _Slow()
    shared.begun.set()  # nothing is held up
    _show(shared, "save", callback=lambda: None)
    older = _begun(shared, _press("save"))
    older.is_stopped()
    assert shared.taken == ["save"]
    assert _stops(older)


def test_a_run_that_follows_a_reply_gives_way_though_something_was_pressed() -> None:
    keep_presses()
    older = _begun(_show(SessionState(), "still true"), _press("still true"))
    older.is_stopped()
    give_way(older.requests)
    assert _stops(older)


def test_a_run_that_asks_to_be_drawn_anew_after_its_press_ends_there() -> None:
    keep_presses()
    older = _begun(_show(SessionState(), "save"), _press("save"))
    older.is_stopped()
    _as_a_run(lambda: older.requests.request_rerun(RerunData()), older.requests)
    assert _stops(older)


def test_a_run_that_takes_long_is_passed_by_and_then_forgets_nothing_that_the_newer_page_shows() -> None:
    keep_presses()
    shared = _show(SessionState(), "import")
    older = _begun(shared, _press("import"))
    older.is_stopped()
    newer = _Run(shared, _typed("field"))
    newer.begins()
    with line_of(shared).turn(newer.requests, patience=0.05):
        assert list(line_of(shared).waiting) == [newer.requests]
    newer.takes_over()
    assert _stops(older)  # at its next step
    _as_a_run(older.finishes)
    assert [each.id for each in shared.get_widget_states()] == ["field"]


# Buttons of a page by the part of the page they are in; None is the page itself.
BUTTONS = {"send": None, "look for news": "news", "look for what was learned": "learned"}


class _Tab:
    """A browser tab in which a page with the buttons was drawn; `asked_for` notes what runs are to draw."""

    def __init__(self, *parts: str) -> None:
        shown = SessionState()
        for button, part in BUTTONS.items():
            shown.register_widget(
                WidgetMetadata(button, bool, bool, value_type="trigger_value", fragment_id=part), user_key=None
            )
        self.asked_for: list[tuple[str | None, list[str]]] = []
        run = Mock(spec=ScriptRunner, request_rerun=self._note)  # runs parts of the page; the whole page begins anew
        given = {"_session_state": shown, "_state": None, "_scriptrunner": run, "_create_scriptrunner": self._note}
        self.session = Mock(spec=AppSession, has_fragment=lambda part: part in parts, **given)

    def _note(self, request: RerunData) -> bool:
        assert request.widget_states is not None
        self.asked_for.append((request.fragment_id, [each.id for each in request.widget_states.widgets]))
        return True

    def sends(self, part: str, *buttons: str) -> None:
        """Send presses of the same moment, as the browser does: in one request, for the part of the first of them."""
        sent = ClientState(fragment_id=part, page_script_hash="chat")
        sent.widget_states.widgets.add(id="field", string_value="typed")
        for button in buttons:
            sent.widget_states.widgets.add(id=button).trigger_value = True
        AppSession.request_rerun(self.session, sent)


def test_two_parts_of_a_page_that_report_in_the_same_moment_are_both_drawn() -> None:
    keep_presses()
    tab = _Tab("news", "learned")
    tab.sends("news", "look for news", "look for what was learned")
    assert tab.asked_for == [("news", ["field", "look for news"]), ("learned", ["field", "look for what was learned"])]


def test_a_press_on_the_page_is_not_lost_to_a_timer_of_the_same_moment() -> None:
    keep_presses()
    tab = _Tab("news", "learned")
    tab.sends("news", "look for news", "send")
    assert tab.asked_for == [(None, ["field", "look for news", "send"])]


@pytest.mark.parametrize(("part", "button"), [("news", "look for news"), ("", "send")], ids=["part", "page"])
def test_a_press_alone_is_asked_for_as_it_was_sent(part: str, button: str) -> None:
    keep_presses()
    tab = _Tab("news", "learned")
    tab.sends(part, button)
    assert tab.asked_for == [(part or None, ["field", button])]


def test_a_press_is_not_lost_with_a_part_that_is_no_longer_there() -> None:
    keep_presses()
    tab = _Tab("learned")
    tab.sends("news", "look for news", "look for what was learned")
    assert tab.asked_for == [("learned", ["field", "look for what was learned"])]
