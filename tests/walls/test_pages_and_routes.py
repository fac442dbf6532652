"""Mallory in front of every page and every route, with Alice's ids in the address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

import services
from auth.client import AuthClient
from auth.guard import SESSION
from auth.person import Session
from chat.preferences import Preferences
from tests.chat.conftest import until
from tests.walls.watch import watching

PROJECT = Path(__file__).parents[2]
PAGES = sorted(f"pages/{path.name}" for path in (PROJECT / "pages").glob("*.py"))
SECRET = "Zanzibarium"
PASSWORD = "correct horse battery"


@pytest.fixture
def sign_up(home: services.Services) -> Iterator[Callable[[], Session]]:
    """Make an account, and agree."""
    with closing(AuthClient(home.settings.supabase_url or "", home.settings.supabase_key or "")) as client:

        def new() -> Session:
            session = client.sign_up(f"{uuid4().hex}@example.com", PASSWORD)
            assert session is not None
            home.limits.consents.record_consent(session.user_id)
            return session

        yield new


@pytest.fixture
def alice(home: services.Services, sign_up: Callable[[], Session]) -> tuple[Session, dict[str, str]]:
    """Somebody with a secret in a chat, a memory and a profile; and all ids there are of it."""
    session = sign_up()
    user_id = session.user_id
    asked = home.conversations.say(user_id, None, f"My sister {SECRET} lives in Porto")
    [kept] = home.memory.add(f"My sister {SECRET} lives in Porto", user_id=user_id)["results"]
    home.memory.checks.pin(kept["id"], f"Who is {SECRET}?", user_id=user_id)
    home.preferences.set(user_id, Preferences(instructions=f"Ask after {SECRET}"))
    page = home.memory.profile.add(user_id, f"{SECRET} is a secret")
    home.conversations.reply(asked, SECRET, "complete", {"memories": [{"id": kept["id"], "text": SECRET}]})
    ids = {"chat": asked.conversation_id, "message": asked.id, "memory": kept["id"], "id": kept["id"]}
    ids["line"] = page.lines[0].id
    # The worker's statements must not begin just when the watch is taken down: SQLAlchemy cannot bear that.
    home.worker.wake()
    until(lambda: not home.conversations.queue.waiting(user_id))
    return session, ids | {"user": user_id, "user_id": user_id, "conversation": asked.conversation_id}


def _drawn(page: str, session: Session, ids: dict[str, str], listed: bool = True, **kept: Any) -> str:
    """What a page shows to somebody, with these ids in its address and in what the browser session keeps.

    Without `listed`, the list of chats beside it is left out.
    """
    app = AppTest.from_file("../../app.py", default_timeout=30)
    app.session_state[SESSION] = session
    app.session_state["open_chat"] = ids["chat"]
    app.session_state["asked"] = ids["message"]
    app.session_state["again_for"] = (ids["message"], (ids["memory"],))
    for name, value in kept.items():
        app.session_state[name] = value
    for name, value in ids.items():
        app.query_params[name] = value
    with watching(services.services().database.engine) as watched:
        app.run()
        if page != "pages/welcome.py":
            app.switch_page(page).run()
    assert not app.exception
    assert watched.touching
    assert watched.wrong == []
    parts = (app.main, app.sidebar) if listed else (app.main,)
    drawn = [str(each.proto) for part in parts for each in part if each.proto is not None]
    return "\n".join(drawn).replace("\\", "")


@pytest.mark.parametrize("page", PAGES)
def test_no_page_shows_anything_of_anothers_whatever_its_address_says(
    alice: tuple[Session, dict[str, str]], sign_up: Callable[[], Session], page: str
) -> None:
    _, ids = alice
    assert SECRET not in _drawn(page, sign_up(), ids)


@pytest.mark.parametrize("tab", ["Memories", "Profile", "Files"])
def test_no_part_of_the_memories_page_shows_anything_of_anothers(
    alice: tuple[Session, dict[str, str]], sign_up: Callable[[], Session], tab: str
) -> None:
    session, ids = alice
    kept: dict[str, Any] = {"memories-tab": tab, "opened_memory": ids["memory"], "edited_line": ids["line"]}
    assert SECRET not in _drawn("pages/memories.py", sign_up(), ids, **kept)
    hers = SECRET in _drawn("pages/memories.py", session, ids, False, **kept)
    assert hers is (tab in ("Memories", "Profile"))


@pytest.mark.parametrize("tab", ["Overview", "Needs attention", "Recall checks", "Not stored"])
def test_no_part_of_the_health_page_shows_anything_of_anothers(
    alice: tuple[Session, dict[str, str]], sign_up: Callable[[], Session], tab: str
) -> None:
    session, ids = alice
    kept: dict[str, Any] = {"health-tab": tab}
    assert SECRET not in _drawn("pages/health.py", sign_up(), ids, **kept)
    hers = SECRET in _drawn("pages/health.py", session, ids, False, **kept)
    assert hers is (tab in ("Recall checks", "Not stored"))


@pytest.mark.parametrize("page", ["pages/chat.py", "pages/memories.py", "pages/settings.py"])
def test_who_it_belongs_to_does_see_it(alice: tuple[Session, dict[str, str]], page: str) -> None:
    assert SECRET in _drawn(page, *alice)


def test_every_page_is_attacked() -> None:
    assert {"pages/chat.py", "pages/memories.py", "pages/settings.py", "pages/account.py", "pages/welcome.py"} <= set(
        PAGES
    )


def _routes() -> list[Any]:
    import app

    return list(app.app._user_routes)


def test_no_route_tells_anything_of_anybody(home: services.Services, alice: tuple[Session, dict[str, str]]) -> None:
    _, ids = alice
    browser = TestClient(Starlette(routes=_routes()))
    cookies = ids | {"session": ids["user"]}
    tried = 0
    for route in _routes():
        path = re.sub(r"{(\w+)[^}]*}", ids["memory"], route.path)
        for method in sorted(route.methods or {"GET"}):
            for address in (path, f"{path}?user_id={ids['user']}&chat={ids['chat']}"):
                browser.cookies.update(cookies)
                answer = browser.request(method, address, follow_redirects=False)
                assert SECRET not in answer.text, f"{method} {address}"
                assert ids["user"] not in answer.text.replace(address, ""), f"{method} {address}"
                tried += 1
    assert tried
