"""A browser tab without a browser: it speaks Streamlit's websocket, and does what Streamlit's page does.

    async with Tab("http://localhost:8501") as tab:
        await tab.load("chat")
        await tab.write("Email", "a@example.com")
        await tab.press("Sign in")

It keeps what stands on the page, sends widgets' values with every run, runs fragments again when their time has come,
and does what the app's own scripts do: keep the session cookie, and wait for a timer. It draws nothing and loads no
scripts or styles. `seconds` holds how long each full run took, from the request until the page was complete.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from streamlit.components.v2.bidi_component.constants import EVENT_DELIM
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState, ContextInfo
from streamlit.proto.Common_pb2 import ChatInputValue
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

__all__ = ["Tab", "TabClosed"]

TIMER, COOKIE_BRIDGE = "keepsake_look_again", "keepsake_browser"
MAX_MESSAGE = 64 * 1024 * 1024
ESCAPED = re.compile(r"\\([^\w\s])")
WORDS = ("markdown", "alert", "heading", "html", "toast")  # elements that say something


class TabClosed(Exception):
    """The app ended the connection."""


class Tab:
    """One tab of one browser; `cookies` may be handed from tab to tab, as a browser does."""

    def __init__(self, address: str, cookies: dict[str, str] | None = None, patience: float = 120.0) -> None:
        self.address = address
        self._patience = patience
        self.cookies = {} if cookies is None else cookies
        self.seconds: list[float] = []
        self.waited = 0.0  # seconds in line, where the app was full
        self._http = httpx.AsyncClient(base_url=address, timeout=patience)
        self._socket: ClientConnection | None = None
        self._page, self._query, self._page_hash = "", "", ""
        self._elements: dict[tuple[int, ...], tuple[Element, str, str]] = {}
        self._values: dict[str, WidgetState] = {}
        self._cached: dict[str, ForwardMsg] = {}
        self._run, self._fragments, self._full = "", frozenset[str](), True
        self._asked_at: float | None = None
        self._running = False
        self._news = asyncio.Condition()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._done_once: set[Any] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # what a person does

    async def load(self, page: str = "") -> None:
        """Open an address of the app, as a new or a reloaded tab does, and wait until it is complete."""
        await self.close()
        self._http = httpx.AsyncClient(base_url=self.address, timeout=self._patience)
        await self._get_in(page)
        self._elements, self._values, self._page_hash, self._done_once = {}, {}, "", set()
        self._page, _, self._query = page.partition("?")
        host = urlsplit(self.address)
        held = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._socket = await connect(
            f"ws://{host.netloc}/_stcore/stream",
            origin=self.address,  # type: ignore[arg-type]
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={"Cookie": held} if held else None,
            max_size=MAX_MESSAGE,
            open_timeout=self._patience,
            ping_interval=None,
        )
        self._start("reading", self._read())
        await self._rerun()
        await self.rests()

    async def write(self, label: str, words: str) -> None:
        """Fill the last field of this label; a form sends it with its button."""
        field = [each for each in self._of("text_input") if each.label == label][-1]
        self._values[field.id] = WidgetState(id=field.id, string_value=words)

    async def press(self, label: str) -> None:
        """Press the last button of this label, and wait until the page is complete."""
        button = [each for each in self._of("button") if each.label == label][-1]
        await self._trigger(WidgetState(id=button.id, trigger_value=True))
        await self.rests()

    async def say(self, words: str) -> None:
        """Send a message in the chat."""
        box = next(self._of("chat_input"))
        await self._trigger(WidgetState(id=box.id, chat_input_value=ChatInputValue(data=words)))

    async def sees(self, words: str) -> None:
        """Wait until these words stand on the page."""
        await self._until(lambda: words in self.words, f"“{words}” on the page")

    async def has(self, kind: str, label: str = "") -> None:
        """Wait until an element of this kind, with this label, stands on the page."""
        await self._until(
            lambda: any(not label or getattr(each, "label", "") == label for each in self._of(kind)),
            f"{kind} {label}",
        )

    async def rests(self) -> None:
        """Wait until no full run of the page is under way."""
        await self._until(lambda: self._asked_at is None, "a complete page")

    async def close(self) -> None:
        """Close the tab."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()
        if self._socket is not None:
            with suppress(ConnectionClosed, OSError):
                await self._socket.close()
            self._socket = None
        await self._http.aclose()

    @property
    def words(self) -> str:
        """Return everything that the page says, without the backslashes before Markdown's marks."""
        said = []
        for element, _, _ in self._elements.values():
            kind = element.WhichOneof("type")
            if kind in WORDS:
                about = getattr(element, kind)
                said.append(str(getattr(about, "body", "") or getattr(about, "text", "")))
        return ESCAPED.sub(r"\1", "\n".join(said))

    @property
    def open_address(self) -> str:
        """Return the address of the chat that is open."""
        return f"chat?{self._query}" if self._query else "chat"

    # what the page does

    async def _get_in(self, page: str) -> None:
        """Ask for the page, as often as the app says that it is full, and keep the cookies."""
        while True:
            answer = await self._http.get(f"/{page}", cookies=self.cookies, headers={"Accept": "text/html"})
            self.cookies.update(answer.cookies)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or "Retry-After" not in answer.headers:
                answer.raise_for_status()
                return
            self.waited += float(answer.headers["Retry-After"])
            await asyncio.sleep(float(answer.headers["Retry-After"]))

    def _of(self, kind: str) -> Iterator[Any]:
        for element, _, _ in list(self._elements.values()):
            if element.WhichOneof("type") == kind:
                yield getattr(element, kind)

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        def met() -> bool:
            if "reading" in self._tasks and self._tasks["reading"].done():
                raise TabClosed(f"The app closed the connection while this was awaited: {what}.")
            return condition()

        try:
            async with self._news, asyncio.timeout(self._patience):
                await self._news.wait_for(met)
        except TimeoutError:
            raise TimeoutError(f"Not seen within {self._patience:.0f} s: {what}.\n{self.words[-600:]}") from None

    async def _trigger(self, value: WidgetState, fragment: str = "") -> None:
        await self._rerun(value, fragment=fragment)

    async def _rerun(self, *triggers: WidgetState, fragment: str = "", auto: bool = False) -> None:
        assert self._socket is not None
        state = ClientState(
            query_string=self._query,
            widget_states=WidgetStates(widgets=[*self._values.values(), *triggers]),
            page_script_hash=self._page_hash,
            page_name="" if self._page_hash else self._page,
            fragment_id=fragment,
            is_auto_rerun=auto,
            cached_message_hashes=list(self._cached),
            context_info=ContextInfo(timezone="Europe/Lisbon", locale="en", url=f"{self.address}/{self._page}"),
        )
        if not fragment and self._asked_at is None:
            self._asked_at = time.perf_counter()
        await self._socket.send(BackMsg(rerun_script=state).SerializeToString())

    async def _read(self) -> None:
        assert self._socket is not None
        try:
            async for data in self._socket:
                message = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
                await self._take(self._whole(message))
                async with self._news:
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            async with self._news:
                self._news.notify_all()

    def _whole(self, message: ForwardMsg) -> ForwardMsg:
        """Return a message; one that only refers to an earlier one is replaced by that."""
        if message.WhichOneof("type") == "ref_hash":
            whole = ForwardMsg()
            whole.CopyFrom(self._cached[message.ref_hash])
            whole.metadata.CopyFrom(message.metadata)
            return whole
        if message.metadata.cacheable:
            self._cached[message.hash] = message
        return message

    async def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._begin_run(message)
        elif kind == "delta":
            await self._put(message)
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            about = message.auto_rerun
            self._start(f"fragment {about.fragment_id}", self._again(about.fragment_id, about.interval))
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop(f"fragment {fragment}")
        elif kind == "script_finished":
            self._end_run(message.script_finished)

    def _begin_run(self, message: ForwardMsg) -> None:
        run = message.metadata.run
        self._run, self._fragments = run.script_run_id, frozenset(run.fragment_ids)
        self._page_hash = message.new_session.page_script_hash
        self._running = True
        if not self._fragments:
            for name in [each for each in self._tasks if each.startswith("fragment ")]:
                self._stop(name)

    async def _put(self, message: ForwardMsg) -> None:
        delta, path = message.delta, tuple(message.metadata.delta_path)
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        self._elements[path] = (element, self._run, delta.fragment_id)
        kind = element.WhichOneof("type")
        if kind == "text_input" and element.text_input.set_value:
            self._values[element.text_input.id] = WidgetState(
                id=element.text_input.id, string_value=element.text_input.value
            )
        elif kind == "bidi_component":
            self._run_script(element.bidi_component, delta.fragment_id)

    def _end_run(self, status: int) -> None:
        finished = ForwardMsg.ScriptFinishedStatus
        if status == finished.FINISHED_EARLY_FOR_RERUN:
            return
        self._running = False
        if status == finished.FINISHED_SUCCESSFULLY:
            self._elements = {path: each for path, each in self._elements.items() if each[1] == self._run}
        elif status == finished.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            gone = [
                path
                for path, (_, run, fragment) in self._elements.items()
                if fragment in self._fragments and run != self._run
            ]
            for path in gone:
                del self._elements[path]
        if not self._fragments and self._asked_at is not None:
            self.seconds.append(time.perf_counter() - self._asked_at)
            self._asked_at = None

    # what the app's own scripts do

    def _run_script(self, component: Any, fragment: str) -> None:
        data = json.loads(component.json) if component.json else None
        if not data or (component.component_name, data.get("once")) in self._done_once:
            return
        self._done_once.add((component.component_name, data.get("once")))
        if component.component_name.endswith(TIMER):
            self._start(f"timer {component.id}", self._due(component.id, data, fragment))
        elif component.component_name.endswith(COOKIE_BRIDGE) and data.get("path"):
            self._start("cookie", self._keep_cookie(data))

    async def _due(self, component: str, data: dict[str, Any], fragment: str) -> None:
        await asyncio.sleep(data["after"] / 1000)
        while self._running:
            await asyncio.sleep(0.3)
        said = json.dumps([{"event": "due", "value": "calm" if data.get("calm") else "time"}])
        name = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{component}{EVENT_DELIM}events"
        await self._rerun(WidgetState(id=name, json_trigger_value=said), fragment=fragment)

    async def _keep_cookie(self, data: dict[str, Any]) -> None:
        answer = await self._http.post(
            f"/{data['path']}", json={"ticket": data["ticket"]}, headers={"Origin": self.address}, cookies=self.cookies
        )
        self.cookies.update(answer.cookies)

    async def _again(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._rerun(fragment=fragment, auto=True)

    def _start(self, name: str, work: Any) -> None:
        self._stop(name)
        self._tasks[name] = asyncio.create_task(work)

    def _stop(self, name: str) -> None:
        if task := self._tasks.pop(name, None):
            task.cancel()
