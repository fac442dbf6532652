"""Keeps messages and presses that Streamlit would drop or mix up: those that another press follows at once.

The browser sends each press once. Streamlit carries it out at the beginning of a run of the page; a newer press stops
that run and begins one of its own, in another thread. Six things went wrong. A run that was stopped before its press
was carried out lost the press. Two runs carried out their presses at the same time, so that the newer one read what the
older one had not yet saved. Of two requests that wait together, what only the older one has was lost, such as the words
of a field on the page that is just being left. Two runs of a tab share the note of which page is wanted, so that an
older run that began a moment later drew its page instead of the newer one's. A timer or press in a part of the page
that is being left brought that page back. And of two that came in the same moment, which the browser sends as one
request, only the first one's part of the page was drawn. Here a run carries out its press before it makes way, also if
it was stopped before it began; the runs of a browser tab do so one after another, in the order of the presses, however
quick their threads are; each run draws the page that it was asked for; and each press has its own part drawn.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetStates
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

__all__ = ["keep_presses", "line_of"]

PATIENCE = 5.0  # seconds to wait for a run that was stopped and has something to carry out, should it never come
Handed = TypeVar("Handed", ScriptRequest, ScriptRequest | None)


def keep_presses() -> None:
    """Let each run carry out what the browser sent, whatever follows it; from the first call on, for all tabs."""
    if isinstance(PagesManager.__dict__.get("_intended_page_name"), _OfEachRun):
        return
    SafeSessionState.on_script_will_rerun = _take_over  # type: ignore[method-assign,assignment]
    ScriptRunner.request_stop = _stop_run  # type: ignore[method-assign,assignment]
    ScriptRequests.request_stop = _stop  # type: ignore[method-assign,assignment]
    ScriptRequests.on_scriptrunner_ready = _then_stop(_streamlits_ready)  # type: ignore[method-assign,assignment]
    ScriptRequests.on_scriptrunner_yield = _then_stop(_streamlits_yield)  # type: ignore[method-assign,assignment]
    ScriptRequests.request_rerun = _request  # type: ignore[method-assign,assignment]
    AppSession.request_rerun = _request_each  # type: ignore[method-assign,assignment]
    script_requests._coalesce_widget_states = _merge  # type: ignore[assignment]
    for name in ("_intended_page_script_hash", "_intended_page_name", "_current_page_script_hash"):
        setattr(PagesManager, name, _OfEachRun(name))


_streamlits_take_over = SafeSessionState.on_script_will_rerun
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
        self._absent = set[object]()

    def keep_place(self, run: object) -> None:
        """Give a run, which is on its way, the place after all who are here."""
        with self._changed:
            if run not in self.waiting:
                self.waiting.append(run)
                self._absent.add(run)

    @contextmanager
    def turn(self, run: object, patience: float = PATIENCE) -> Iterator[None]:
        with self._changed:
            self._absent.discard(run)
            if run not in self.waiting:
                self.waiting.append(run)
            while self.waiting[0] is not run:
                if not self._changed.wait(patience) and self.waiting[0] in self._absent:
                    self._absent.discard(self.waiting.popleft())  # it ended on its way
        try:
            yield
        finally:
            with self._changed:
                self.waiting.popleft()
                self._changed.notify_all()


_lines: WeakValueDictionary[int, _Line] = WeakValueDictionary()
_finding_a_line = threading.Lock()


def line_of(state: SessionState) -> _Line:
    """Return the line of a browser tab, whose runs share one state; it is gone when nobody is in it."""
    with _finding_a_line:
        return _lines.setdefault(id(state), _Line())


def _take_over(state: SafeSessionState, *sent: Any, **replayed: Any) -> None:
    """Take over what was sent and call the callbacks; Streamlit looks for a newer request right after it."""
    look_for_newer = state._yield_callback
    requests = getattr(getattr(look_for_newer, "__self__", None), "_requests", None)
    object.__setattr__(state, "_yield_callback", _look_for_nothing)
    try:
        line = line_of(state._state)
        with line.turn(requests or object()):
            _streamlits_take_over(state, *sent, **replayed)
    finally:
        if requests is not None:
            requests.__dict__["is_late"] = False
        object.__setattr__(state, "_yield_callback", look_for_newer)


def _look_for_nothing() -> None:
    """Do nothing, so that nothing is ended."""


def _stop_run(run: ScriptRunner) -> None:
    """Stop a run; one that has something to carry out keeps its place before the run that comes next."""
    requests = run._requests
    with requests._lock:
        waits = requests._state == ScriptRequestType.RERUN and _has_press(requests._rerun_data)
    if waits or requests.__dict__.get("is_late"):
        line = requests.__dict__["line"] = line_of(run._session_state._state)  # kept here until the run comes
        line.keep_place(requests)
    _streamlits_stop_run(run)


def _stop(requests: ScriptRequests) -> None:
    """Stop a run; one that has not begun, and has a press to carry out, stops after that."""
    with requests._lock:
        if requests._state == ScriptRequestType.RERUN and _has_press(requests._rerun_data):
            requests.__dict__["stops_next"] = True
            return
    _streamlits_stop(requests)


def _then_stop(hand_out: Callable[[ScriptRequests], Handed]) -> Callable[[ScriptRequests], Handed]:
    """Let a run that is to stop after its press find that out when the press was handed to it."""

    @wraps(hand_out)
    def handed_out(requests: ScriptRequests) -> Handed:
        request = hand_out(requests)
        if request is not None and request.type == ScriptRequestType.RERUN:
            requests.__dict__["is_late"] = request.rerun_data.widget_states is not None  # until it has taken over
        if request is not None and requests.__dict__.pop("stops_next", False):
            _streamlits_stop(requests)
        return request

    return handed_out


def _request(requests: ScriptRequests, newer: RerunData) -> bool:
    """Ask for a run; what a part of a page asks for while another page is on its way is carried out on that page."""
    coming = requests._rerun_data
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
