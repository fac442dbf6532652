"""Defines the ASGI app with its routes, and runs the page that a browser session has open.

`streamlit run app.py` imports this file once to find `app`, and then runs it as the script of each browser session.
Only in the second case there is a script context.
"""

from __future__ import annotations

import asyncio
import gc
import math
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.watcher.local_sources_watcher import LocalSourcesWatcher

from auth.guard import RUN_BY_APP, begin_run, require_user
from auth.routes import session_routes
from auth.uploads import may_upload
from headers import NOT_FOUND, protection
from limits.waiting_line import WaitingLine
from memory.errors import AppError, SettingsError
from memory.telemetry.figures import PAGES
from memory.telemetry.tracing import begin
from monitoring.logs import write_logs
from monitoring.metrics import MetricsRoute
from monitoring.requests import Requests
from services import end_services, health, services
from settings import settings
from ui import undo_bar
from ui.browser.cookie_bridge import run_cookie_task
from ui.chat import open_chat
from ui.frame import set_up_page, show_errors, show_problem
from ui.keep_presses import keep_presses
from ui.sidebar import draw_sidebar

START_PROBLEM, UNKNOWN = "start_problem", "unknown_address"
FRONT_PAGE = "welcome"  # its file; its address is that of the app
HEALTH_SECONDS = 5.0  # how long an answer of /health is kept


class HealthRoute:
    """Answers /health with 200 if everything the app needs works, else with 503.

    One answer serves everybody for some seconds, and those who ask meanwhile wait without a thread: nobody can keep the
    app busy by asking.
    """

    def __init__(
        self, check: Callable[[], Mapping[str, str]] = health, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._check, self._clock = check, clock
        self._report: Mapping[str, str] = {}
        self._good_until = -math.inf
        self._checking = asyncio.Lock()

    async def answer(self, _request: Request) -> JSONResponse:
        """Answer a request."""
        async with self._checking:
            if self._clock() >= self._good_until:
                self._report = await run_in_threadpool(self._check)
                self._good_until = self._clock() + HEALTH_SECONDS
        return JSONResponse(dict(self._report), status_code=200 if self._report["status"] == "well" else 503)


@asynccontextmanager
async def close_at_the_end(_app: st.App) -> AsyncIterator[None]:
    """Close the services when the process is told to end, so that half a reply is saved and no turn is cut off.

    By the beginning, the servers that the app runs in have set up their own logs.
    """
    write_logs(_log_format())
    yield
    await run_in_threadpool(end_services)


def _most_people() -> int:
    """Return how many browsers may have the app open at once; 0 for no limit. The page tells what is wrong."""
    try:
        return settings().people_at_once
    except SettingsError:
        return 0


def _log_format() -> str:
    try:
        return settings().log_format
    except SettingsError:
        return "text"


def run_page() -> None:
    """Run the page that is open; only people who are signed in see the navigation."""
    begin()
    began = time.perf_counter()
    set_up_page()
    st.session_state[RUN_BY_APP] = True
    signed_in = _signed_in()
    if signed_in is None:
        st.navigation([st.Page(_draw_start_problem, title="Keepsake")], position="hidden").run()
        return
    pages = [
        st.Page(
            "pages/welcome.py",
            title="Welcome",
            icon=":material/waving_hand:",
            default=True,
            visibility="hidden" if signed_in else "visible",
        ),
        st.Page("pages/chat.py", title="Chat", icon=":material/chat:"),
        st.Page("pages/memories.py", title="Memories", icon=":material/favorite:"),
        # /health itself answers monitoring.
        st.Page(
            "pages/health.py",
            title="Health",
            icon=":material/monitor_heart:",
            url_path="health-report",
        ),
        st.Page("pages/settings.py", title="Settings", icon=":material/tune:"),
        st.Page("pages/connect.py", title="Language model", icon=":material/power:", visibility="hidden"),
        st.Page("pages/account.py", title="Account", icon=":material/person:"),
    ]
    known = [each.url_path for each in pages]
    pages += _page_not_found(known, signed_in=signed_in)
    chosen = st.navigation(pages, position="sidebar" if signed_in else "hidden")
    run_cookie_task()
    open_chat.arrive(chosen.url_path)
    undo_bar.arrive(chosen.url_path)
    # Never under an address that somebody typed.
    with PAGES.timed(began, page=(chosen.url_path or FRONT_PAGE) if chosen.url_path in known else NOT_FOUND):
        chosen.run()


def _page_not_found(known: Collection[str], *, signed_in: bool) -> list[st.Page]:
    """Return a page for the address that the person opened, if no page has it; nothing otherwise."""
    context = get_script_run_ctx()
    opened = context.pages_manager.intended_page_name if context else None
    if context and opened == FRONT_PAGE:
        context.pages_manager.set_script_intent("", "")
    elif context and opened and opened not in known:
        # Streamlit accepts no address with spaces at an end or with slashes.
        name = opened if opened == opened.strip() and "/" not in opened else NOT_FOUND
        context.pages_manager.set_script_intent("", name)
        st.session_state[UNKNOWN] = name
    unknown = st.session_state.get(UNKNOWN)  # as long as the tab is open: later runs name the page by a hash
    if not unknown:
        return []
    draw = partial(_draw_not_found, signed_in=signed_in)
    return [st.Page(draw, title="Page not found", url_path=unknown, visibility="hidden")]


def _draw_not_found(*, signed_in: bool) -> None:
    st.title("Page not found", anchor=False)
    st.markdown("There is no page at this address. It may be misspelled, or the page may have moved.")
    if signed_in:
        with show_errors():
            draw_sidebar(require_user(), NOT_FOUND)
        st.page_link("pages/chat.py", label="Go to your chats", icon=":material/chat:")
    else:
        st.page_link("pages/welcome.py", label="Go to the start page", icon=":material/home:")


def _signed_in() -> bool | None:
    """Return whether somebody is signed in, or None if the app cannot start."""
    try:
        sessions = services().sessions
    except AppError as error:  # whoever set the app up is the first to open it
        st.session_state[START_PROBLEM] = error.for_deployer()
        return None
    try:
        return begin_run(sessions) is not None
    except AppError as error:
        st.session_state[START_PROBLEM] = error.for_person()
        return None


def _draw_start_problem() -> None:
    show_problem(st.session_state[START_PROBLEM])
    st.button("Try again")


def _watch_nothing(_watcher: LocalSourcesWatcher) -> None:
    """Watch no files."""


keep_presses()  # before the branches: some hosts start this script without looking for the app in it
if get_script_run_ctx(suppress_warning=True) is None:
    # The path that Streamlit serves its pages under. A proxy that strips the path needs none.
    under = st.get_option("server.baseUrlPath") or ""
    metrics = MetricsRoute(services, lambda: settings().metrics_token)
    routes = [
        Route("/health", HealthRoute().answer),
        Route("/metrics", metrics.answer),
        *session_routes(lambda: services().sessions, under),
    ]
    guarded = protection(may_upload)
    guarded["middleware"].insert(0, Middleware(Requests, server="app"))
    if most := _most_people():
        guarded["middleware"].append(Middleware(WaitingLine, most=most))
    app = st.App(__file__, routes=routes, lifespan=close_at_the_end, **guarded)
    # What is loaded by now stays until the process ends anyway; going through it in each collection of garbage took a
    # tenth of a second.
    gc.collect()
    gc.freeze()
    if st.get_option("server.fileWatcherType") == "none":
        # Streamlit would look up the files of all modules for each tab that is opened; meanwhile all other tabs wait.
        LocalSourcesWatcher.update_watched_modules = _watch_nothing  # type: ignore[assignment,method-assign]
    # Streamlit would serve the files in pages/ by itself until the pages are listed for the first time, and answer an
    # unknown address in its own words.
    PagesManager.uses_pages_directory = False
else:
    run_page()
