"""Somebody in front of the app, as Streamlit itself runs it against the real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

import services
from auth.client import AuthClient
from auth.guard import SESSION

PASSWORD = "correct horse battery"
Sit = Callable[..., AppTest]


@pytest.fixture
def outside(home: services.Services) -> Iterator[AuthClient]:
    """A client of the auth server that is not the app's."""
    with closing(AuthClient(home.settings.supabase_url or "", home.settings.supabase_key or "")) as client:
        yield client


@pytest.fixture
def sit(outside: AuthClient) -> Sit:
    """Somebody in front of the app, signed in or not, who agreed to what is kept or did not yet."""

    def sit_down(page: str = "", *, signed_in: bool = True, agreed: bool = True) -> AppTest:
        app = AppTest.from_file("../../app.py", default_timeout=30)
        if signed_in:
            session = outside.sign_up(f"{uuid4().hex}@example.com", PASSWORD)
            assert session is not None
            app.session_state[SESSION] = session
            if agreed:
                services.services().limits.consents.record_consent(session.user_id)
        app.run()
        return app.switch_page(page).run() if page else app

    return sit_down


def words(app: AppTest) -> str:
    """What the page says."""
    return "\n".join(str(each.value) for each in [*app.title, *app.markdown, *app.caption, *app.error, *app.warning])


def opens_receipt(app: AppTest, reply_id: str) -> AppTest:
    """What stands behind a reply, as a press on its line shows it."""
    app.run()
    app.session_state[f"receipt-{reply_id}"] = True
    return app.run()
