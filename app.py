"""The front door: the ASGI app with its routes, and the navigation that every page is reached through.

`streamlit run app.py` imports this file once to find `app`, and then runs it as the script of each
browser session; which of the two it is, the script's context tells.
"""

from __future__ import annotations

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit.runtime.scriptrunner import get_script_run_ctx

from auth.guard import FRAMED, open_door
from auth.routes import session_routes
from headers import walls
from memory.errors import AppError
from services import health, services
from ui.browser.cookie_bridge import run_cookie_task
from ui.chat.open_chat import arrive
from ui.frame import set_up_page, show_error


async def answer_health(_request: Request) -> JSONResponse:
    """Whether the whole stack works: 200 or 503, and a sentence for what does not."""
    report = await run_in_threadpool(health)
    return JSONResponse(report, status_code=200 if report["status"] == "well" else 503)


def draw() -> None:
    """Run the page that was asked for; nobody who is not signed in is shown where else to go."""
    set_up_page()
    st.session_state[FRAMED] = True
    signed_in = _signed_in()
    if signed_in is None:
        st.navigation([st.Page(_tell_trouble, title="Keepsake")], position="hidden").run()
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
        # Not under /health, which answers whoever watches the server.
        st.Page(
            "pages/health.py",
            title="Health",
            icon=":material/monitor_heart:",
            url_path="health-report",
        ),
        st.Page("pages/settings.py", title="Settings", icon=":material/tune:"),
        st.Page("pages/account.py", title="Account", icon=":material/person:"),
    ]
    chosen = st.navigation(pages, position="sidebar" if signed_in else "hidden")
    run_cookie_task()
    arrive(chosen.url_path)
    chosen.run()


def _signed_in() -> bool | None:
    """Whether somebody is signed in; None while something keeps the house from standing."""
    try:
        return open_door(services().sessions) is not None
    except AppError as error:
        st.session_state["not_standing"] = error
        return None


def _tell_trouble() -> None:
    show_error(st.session_state["not_standing"])
    st.button("Try again")


if get_script_run_ctx(suppress_warning=True) is None:
    # Under the path that Streamlit serves its own pages at; a proxy that takes the path away needs none.
    under = st.get_option("server.baseUrlPath") or ""
    sessions_here = session_routes(lambda: services().sessions, under)
    app = st.App(__file__, routes=[Route("/health", answer_health), *sessions_here], **walls())
else:
    draw()
