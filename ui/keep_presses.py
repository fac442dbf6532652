"""Keeps messages and presses that Streamlit would drop or mix up: those that another press follows at once.

The browser sends each press once. Streamlit carries it out at the beginning of a run of the page, or where the page
asks `if st.button(...)`; a newer press stops that run and begins one of its own, in another thread. Seven things went
wrong.

- A run that was stopped before its press was carried out lost the press.
- A run that was stopped while it drew the page never came to the `if st.button(...)` of its press.
- Two runs carried out their presses at the same time: the newer one read what the older one had not yet saved.
- Of two requests that wait together, what only the older one has was lost, such as the words of a field on the page
  that is just being left.
- Of two presses in the same moment, which the browser sends as one request, only the first one's part of the page was
  drawn.
- Two runs of a tab share the note of which page is wanted: an older run that began a moment later drew its page instead
  of the newer one's.
- A timer or press in a part of the page that is being left brought that page back.

Here a run carries out its press before it makes way, also if it was stopped before it began; the runs of a browser tab
do so one after another, in the order of the presses, however quick their threads are; each run draws the page that it
was asked for; and each press has its own part drawn. A newer run waits `PATIENCE` seconds at most for each older one
that has not come to its press yet, and for callbacks as long as they take.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import ScriptRunner, get_script_run_ctx
from streamlit.runtime.scriptrunner_utils import script_requests
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequest,
    ScriptRequests,
    ScriptRequestType,
    _has_active_trigger_value,
)
from streamlit.runtime.state import SessionState
from streamlit.runtime.state.safe_session_state import SafeSessionState

__all__ = ["give_way", "keep_presses", "line_of"]

PATIENCE = 5.0  # seconds to wait for a run that was stopped and has something to carry out, should it never do so
# Attributes that requests are given: the line of their tab, and whether their run must reach its press before it stops.
LINE, HOLDS = "line", "holds"
Handed = TypeVar("Handed", ScriptRequest, ScriptRequest | None)


def keep_presses() -> None:
    """Let each run carry out what the browser sent, whatever follows it; from the first call on, for all tabs."""
    if isinstance(PagesManager.__dict__.get("_intended_page_name"), _OfEachRun):
        return
    SafeSessionState.on_script_will_rerun = _take_over  # type: ignore[method-assign,assignment]
    ScriptRunner.request_stop = _stop_run  # type: ignore[method-assign,assignment]
    ScriptRequests.request_stop = _stop  # type: ignore[method-assign,assignment]
    SafeSessionState.on_script_finished = _finish  # type: ignore[method-assign,assignment]
    ScriptRequests.on_scriptrunner_ready = _ready  # type: ignore[method-assign,assignment]
    ScriptRequests.on_scriptrunner_yield = _look  # type: ignore[method-assign,assignment]
    ScriptRequests.request_rerun = _request  # type: ignore[method-assign,assignment]
    AppSession.request_rerun = _request_each  # type: ignore[method-assign,assignment]
    script_requests._coalesce_widget_states = _merge  # type: ignore[assignment]
    for name in ("_intended_page_script_hash", "_intended_page_name", "_current_page_script_hash"):
        setattr(PagesManager, name, _OfEachRun(name))


_streamlits_take_over = SafeSessionState.on_script_will_rerun
_streamlits_finish = SafeSessionState.on_script_finished
_streamlits_stop_run = ScriptRunner.request_stop
_streamlits_stop = ScriptRequests.request_stop
_streamlits_ready = ScriptRequests.on_scriptrunner_ready
_streamlits_yield = ScriptRequests.on_scriptrunner_yield
_streamlits_request = ScriptRequests.request_rerun
_streamlits_request_of_browser = AppSession.request_rerun
_streamlits_merge = script_requests._coalesce_widget_states


class _Line:
    """Lets runs through one at a time, in the order in which they came or were given a place."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.waiting: deque[object] = deque()
        self._may_be_passed = set[object]()  # runs that are waited for, but not for ever
        self.latest: object = None  # the run that took over last

    def keep_place(self, run: object) -> None:
        """Give a run, which is on its way, the place after all who are here."""
        with self._changed:
            if run not in self.waiting:
                self.waiting.append(run)
                self._may_be_passed.add(run)

    def reach(self, run: object, patience: float = PATIENCE) -> None:
        """Wait until a run is the first, which it stays until it takes its turn."""
        with self._changed:
            self.keep_place(run)
            self._may_be_passed.discard(run)  # it is here
            while (first := self.waiting[0]) is not run:
                told = self._changed.wait(patience)
                if not told and self.waiting[0] is first and first in self._may_be_passed:
                    self._pass_by(first)
            self._may_be_passed.add(run)

    def _pass_by(self, run: object) -> None:
        """Wait no longer for a run; if it draws its page still, it is stopped like any other."""
        if isinstance(run, ScriptRequests):
            run.__dict__[HOLDS] = False
        self._leave(run)

    def leave(self, run: object) -> None:
        with self._changed:
            if run in self.waiting:
                self._leave(run)

    def _leave(self, run: object) -> None:
        self.waiting.remove(run)
        self._may_be_passed.discard(run)
        self._changed.notify_all()

    @contextmanager
    def turn(self, run: object, patience: float = PATIENCE, *, holds: Callable[[], bool] = bool) -> Iterator[None]:
        """Wait for a run's turn. Afterwards it leaves, or is still waited for if it then `holds` its place."""
        with self._changed:
            self.reach(run, patience)
            self._may_be_passed.discard(run)
            self.latest = run
        try:
            yield
        finally:
            with self._changed:
                if holds() and run in self.waiting:
                    self._may_be_passed.add(run)
                else:
                    self.leave(run)


_lines: WeakValueDictionary[int, _Line] = WeakValueDictionary()
_finding_a_line = threading.Lock()


def line_of(state: SessionState) -> _Line:
    """Return the line of a browser tab, whose runs share one state; it is gone when nobody is in it."""
    with _finding_a_line:
        return _lines.setdefault(id(state), _Line())


def _take_over(state: SafeSessionState, sent: WidgetStates | None, **replayed: Any) -> None:
    """Take over what was sent and call the callbacks; Streamlit looks for a newer request right after it.

    A press without a callback is carried out where the page asks for it: its run is not stopped before all is drawn.
    """
    look_for_newer, requests = state._yield_callback, _requests_of(state)
    own = {} if requests is None else requests.__dict__
    own[LINE] = line_of(state._state)
    object.__setattr__(state, "_yield_callback", _look_for_nothing)
    try:
        with own[LINE].turn(requests or object(), holds=lambda: bool(own.get(HOLDS))):
            own[HOLDS] = requests is not None and _has_press_of_the_page(state._state, sent)
            _streamlits_take_over(state, sent, **replayed)
    finally:
        own["is_late"] = False
        object.__setattr__(state, "_yield_callback", look_for_newer)


def _requests_of(state: SafeSessionState) -> ScriptRequests | None:
    """Return the requests of the run that a state belongs to; None outside of a run."""
    requests: ScriptRequests | None = getattr(getattr(state._yield_callback, "__self__", None), "_requests", None)
    return requests


def _has_press_of_the_page(state: SessionState, sent: WidgetStates | None) -> bool:
    """Return whether something was pressed or switched that has no callback."""
    values = state._new_widget_state
    pressed = [
        values.widget_metadata.get(each.id)
        for each in (sent.widgets if sent else ())
        if _has_active_trigger_value(each) or _is_switched(state, each)
    ]
    return any(each is None or not (each.callback or each.callbacks) for each in pressed)


def _is_switched(state: SessionState, sent: WidgetState) -> bool:
    if sent.WhichOneof("value") != "bool_value":
        return False
    before = state._new_widget_state.get(sent.id, state._old_state.get(sent.id))
    return before is not None and bool(sent.bool_value != before)


def give_way(requests: ScriptRequests | None = None) -> None:
    """Let a run be stopped, because its press has been carried out. Without `requests`, the run of this thread."""
    context = get_script_run_ctx(suppress_warning=True)
    requests = requests or (context.script_requests if context else None)
    if requests is not None:
        requests.__dict__[HOLDS] = False
        if line := requests.__dict__.get(LINE):
            line.leave(requests)


def _finish(state: SafeSessionState, drawn: frozenset[str], **how: Any) -> None:
    """Forget what a run has not drawn, unless a newer one has taken over."""
    requests = _requests_of(state)
    if requests is not None:
        line = requests.__dict__.setdefault(LINE, line_of(state._state))
        if requests.__dict__.get("is_late"):
            # Another page is opened, and presses are forgotten: an older run may still need its own.
            line.reach(requests)
        elif line.latest is not None and line.latest is not requests:
            return
    _streamlits_finish(state, drawn, **how)


def _look_for_nothing() -> None:
    """Do nothing, so that nothing is ended."""


def _stop_run(run: ScriptRunner) -> None:
    """Stop a run; one that has something to carry out keeps its place before the run that comes next."""
    requests = run._requests
    with requests._lock:
        waits = requests._state == ScriptRequestType.RERUN and _has_press(requests._rerun_data)
    if waits or requests.__dict__.get("is_late"):
        line = requests.__dict__[LINE] = line_of(run._session_state._state)  # kept here until the run comes
        line.keep_place(requests)
    _streamlits_stop_run(run)


def _stop(requests: ScriptRequests) -> None:
    """Stop a run; one that has not begun, and has a press to carry out, stops after that."""
    with requests._lock:
        if requests._state == ScriptRequestType.RERUN and _has_press(requests._rerun_data):
            requests.__dict__["stops_next"] = True
            return
    _streamlits_stop(requests)


def _ready(requests: ScriptRequests) -> ScriptRequest:
    """Hand out what a run is to do next, once it has ended what it did."""
    requests.__dict__[HOLDS] = False
    request = _then_stop(requests, _streamlits_ready(requests))
    if request.type != ScriptRequestType.RERUN or request.rerun_data.widget_states is None:
        give_way(requests)  # else it keeps its place, if it has one, for what it is given now
    return request


def _look(requests: ScriptRequests) -> ScriptRequest | None:
    """Hand out a newer request to a run that draws a page, or nothing if it is still to come to its press."""
    return None if requests.__dict__.get(HOLDS) else _then_stop(requests, _streamlits_yield(requests))


def _then_stop(requests: ScriptRequests, request: Handed) -> Handed:
    """Let a run that is to stop after its press find that out now that the press was handed to it."""
    if request is not None and request.type == ScriptRequestType.RERUN:
        requests.__dict__["is_late"] = request.rerun_data.widget_states is not None  # until it has taken over
    if request is not None and requests.__dict__.pop("stops_next", False):
        _streamlits_stop(requests)
    return request


def _request(requests: ScriptRequests, newer: RerunData) -> bool:
    """Ask for a run; what a part of a page asks for while another page is on its way is carried out on that page."""
    context, coming = get_script_run_ctx(suppress_warning=True), requests._rerun_data
    if context is not None and context.script_requests is requests:
        requests.__dict__[HOLDS] = False  # the run itself asks, by `st.rerun` or `st.switch_page`, and ends there
    if newer.fragment_id and coming.page_script_hash not in ("", newer.page_script_hash):
        newer = replace(
            newer,
            fragment_id=None,
            page_script_hash=coming.page_script_hash,
            page_name=coming.page_name,
            query_string=coming.query_string,
        )
    return _streamlits_request(requests, newer)


def _request_each(session: AppSession, sent: ClientState | None) -> None:
    """Ask for what the browser sent, once for each part of the page that something was pressed in."""
    for each in [sent] if sent is None else _parts(session._session_state, sent):
        _streamlits_request_of_browser(session, each)


def _parts(state: SessionState, sent: ClientState) -> list[ClientState]:
    """Divide what was sent by the parts it is for; a press outside of all parts draws the whole page."""
    known = state._new_widget_state.widget_metadata
    pressed = {
        each.id: known[each.id].fragment_id
        for each in sent.widget_states.widgets
        if each.id in known and _has_active_trigger_value(each)
    }
    others = [part for part in dict.fromkeys(pressed.values()) if part != sent.fragment_id]
    if not sent.fragment_id or not others:
        return [sent]
    if None in others:
        return [_for_part(sent, "", pressed, pressed)]
    return [
        _for_part(sent, part, pressed, [each for each, its in pressed.items() if its == part])
        for part in [sent.fragment_id, *filter(None, others)]
    ]


def _for_part(sent: ClientState, part: str, pressed: Collection[str], own: Collection[str]) -> ClientState:
    """Return what was sent as a request for one part, with no presses but its own."""
    request = ClientState()
    request.CopyFrom(sent)
    request.fragment_id = part
    kept = [each for each in sent.widget_states.widgets if each.id in own or each.id not in pressed]
    del request.widget_states.widgets[:]
    request.widget_states.widgets.extend(kept)
    return request


def _has_press(request: RerunData) -> bool:
    return request.widget_states is not None and any(map(_has_active_trigger_value, request.widget_states.widgets))


def _merge(older: WidgetStates | None, newer: WidgetStates | None) -> WidgetStates | None:
    """Join what two requests that wait together sent; the newer one wins where both have a value."""
    merged = _streamlits_merge(older, newer)
    if older and newer and merged:
        sent = {each.id for each in merged.widgets}
        merged.widgets.extend(each for each in older.widgets if each.id not in sent)
    return merged


class _OfEachRun:
    """An attribute of a tab's pages that each run has for itself, in its thread; all others see what was set last."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._own = threading.local()

    def __get__(self, pages: PagesManager, _owner: type) -> Any:
        own: WeakKeyDictionary[PagesManager, Any] = self._own.__dict__.get("values") or WeakKeyDictionary()
        return own.get(pages, pages.__dict__[self._name])

    def __set__(self, pages: PagesManager, value: Any) -> None:
        if get_script_run_ctx(suppress_warning=True) is not None:  # set by a run
            self._own.__dict__.setdefault("values", WeakKeyDictionary())[pages] = value
        pages.__dict__[self._name] = value
