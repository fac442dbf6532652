"""Sign-up with confirmation by mail, against the real auth server, which prints its mail."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from streamlit.testing.v1 import AppTest

from auth.client import AuthClient
from auth.errors import SignInError, UnconfirmedEmail
from auth.guard import SESSION
from local.stack import LocalStack
from memory.errors import InvalidInput
from tests.local_stack import fresh_process
from tests.model_answers import PATIENCE

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def strict() -> Iterator[LocalStack]:
    """The local servers, with confirmations on."""
    with (
        tempfile.TemporaryDirectory(prefix="keepsake-strict-") as folder,
        LocalStack(Path(folder) / "data", confirmations=True, database_options={"fsync": "off"}) as running,
    ):
        yield running


@pytest.fixture
def client(strict: LocalStack) -> Iterator[AuthClient]:
    with closing(AuthClient(strict.settings["SUPABASE_URL"], strict.settings["SUPABASE_KEY"])) as made:
        yield made


@pytest.fixture
def token_for(strict: LocalStack) -> Callable[[str], str]:
    """The token in the link of the mail to an address."""

    def read(address: str) -> str:
        log = strict.folder.logs / "auth.log"
        deadline = time.monotonic() + PATIENCE
        while True:
            _, _, mail = log.read_text().partition(f"mail to {address}")
            if link := re.search(r"http\S+token_hash=\S+", mail):
                return parse_qs(urlsplit(link[0]).query)["token_hash"][0]
            assert time.monotonic() < deadline, "no mail came"
            time.sleep(0.02)

    return read


def test_an_unconfirmed_address_gives_no_session_and_cannot_sign_in(client: AuthClient) -> None:
    address = f"{uuid4().hex}@example.com"
    assert client.sign_up(address, PASSWORD) is None
    with pytest.raises(UnconfirmedEmail, match="not confirmed"):
        client.sign_in(address, PASSWORD)


def test_the_link_in_the_mail_confirms_once(client: AuthClient, token_for: Callable[[str], str]) -> None:
    address = f"{uuid4().hex}@example.com"
    client.sign_up(address, PASSWORD)
    session = client.use_link(token_for(address), "signup")
    assert session is not None
    assert session.email == address
    assert client.sign_in(address, PASSWORD).user_id == session.user_id
    with pytest.raises(SignInError, match="has expired or was already used"):
        client.use_link(token_for(address), "signup")


@pytest.mark.parametrize(("token", "kind"), [("x", "anything"), ("", "signup"), ("x" * 501, "signup")])
def test_other_links_are_refused(client: AuthClient, token: str, kind: str) -> None:
    with pytest.raises(InvalidInput):
        client.use_link(token, kind)


def test_the_welcome_page_confirms_with_a_button_and_signs_in(
    client: AuthClient, strict: LocalStack, token_for: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in strict.settings.items():
        monkeypatch.setenv(name, value)
    address = f"{uuid4().hex}@example.com"
    client.sign_up(address, PASSWORD)
    app = AppTest.from_file("../../app.py", default_timeout=30)
    app.query_params["token_hash"], app.query_params["type"] = token_for(address), "signup"
    with fresh_process():
        app.run()
        assert SESSION not in app.session_state  # opening the link alone does nothing
        app.button[0].click().run()
        assert SESSION not in app.session_state  # first it says whose account it opens
        assert any(address in each.value for each in app.markdown)
        app.button[0].click().run()
        assert not app.exception
        assert app.session_state[SESSION].email == address
