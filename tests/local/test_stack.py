from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg2
import pytest
from supabase import Client, ClientOptions, create_client
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

import local.stack
from local.stack import LocalStack, keys
from memory.errors import LocalError
from tests.local.conftest import processes_in

Connect = Callable[[LocalStack], Client]
PASSWORD = "correct horse battery"


@pytest.fixture
def client() -> Iterator[Connect]:
    """Makes clients of Supabase's own library, all over one connection pool that is closed at the end."""
    with httpx.Client() as connections:
        options = ClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=connections)
        yield lambda stack: create_client(stack.settings["SUPABASE_URL"], stack.settings["SUPABASE_KEY"], options)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One for all tests that only look at it."""
    folder = tmp_path_factory.mktemp("stack")
    with LocalStack(folder / "data", database_options={"fsync": "off"}) as stack:
        yield stack
    assert processes_in(folder) == []


def test_signing_up_and_in_works_through_supabases_client_and_survives_restarts(
    data_dir: Path, client: Connect
) -> None:
    with LocalStack(data_dir, database_options={"fsync": "off"}, embedder=False) as stack:
        signed_up = client(stack).auth.sign_up({"email": "ada@example.com", "password": PASSWORD})
        assert signed_up.session is not None
        first = stack.settings["SUPABASE_URL"]
    with LocalStack(data_dir, database_options={"fsync": "off"}, embedder=False) as stack:
        assert stack.settings["SUPABASE_URL"] == first
        auth = client(stack).auth
        signed_in = auth.sign_in_with_password({"email": "ada@example.com", "password": PASSWORD})
        assert signed_in.user is not None
        assert signed_up.user is not None
        assert signed_in.user.id == signed_up.user.id
        asked = auth.get_user(signed_up.session.access_token)  # a token from before the restart
        assert asked is not None
        assert asked.user.email == "ada@example.com"


def test_wrong_and_weak_passwords_are_refused(stack: LocalStack, client: Connect) -> None:
    auth = client(stack).auth
    with pytest.raises(AuthWeakPasswordError):
        auth.sign_up({"email": "bob@example.com", "password": "short"})
    auth.sign_up({"email": "bob@example.com", "password": PASSWORD})
    with pytest.raises(AuthApiError, match="Invalid login"):
        client(stack).auth.sign_in_with_password({"email": "bob@example.com", "password": "another"})


def test_with_confirmations_the_mail_in_the_log_holds_a_link_to_the_app(data_dir: Path, client: Connect) -> None:
    site = "http://localhost:8777"
    stack = LocalStack(data_dir, site_url=site, database_options={"fsync": "off"}, embedder=False, confirmations=True)
    with stack:
        auth = client(stack).auth
        assert auth.sign_up({"email": "eve@example.com", "password": PASSWORD}).session is None
        with pytest.raises(AuthApiError, match="not confirmed"):
            auth.sign_in_with_password({"email": "eve@example.com", "password": PASSWORD})
        log = (stack.folder.logs / "auth.log").read_text()
        assert "mail to eve@example.com" in log
        link = re.search(rf"{site}/\?token_hash=(\w+)&type=signup", log)
        assert link is not None
        assert auth.verify_otp({"token_hash": link[1], "type": "signup"}).session is not None


def test_secrets_reach_neither_logs_nor_command_lines(stack: LocalStack, client: Connect) -> None:
    client(stack).auth.sign_up({"email": "ada@example.com", "password": PASSWORD})
    made = keys(stack.folder)
    written = "".join(path.read_text() for path in stack.folder.logs.iterdir())
    for secret in (made.jwt_secret, made.secret_key, PASSWORD):
        assert secret not in written
        assert secret not in " ".join(stack.auth.command)


def test_only_the_auth_part_is_served_and_only_with_the_key(stack: LocalStack) -> None:
    url, key = stack.settings["SUPABASE_URL"], stack.settings["SUPABASE_KEY"]
    for path in ("/", "/rest/v1/", "/storage/v1/bucket", "/_system", "/auth"):
        assert httpx.get(url + path, headers={"apikey": key}).status_code == 404, path
    assert httpx.get(f"{url}/auth/v1/settings").status_code == 401
    assert httpx.get(f"{url}/auth/v1/settings", headers={"apikey": key}).status_code == 200


def test_its_settings_lead_to_servers_that_answer(stack: LocalStack) -> None:
    host = stack.settings["DATABASE_URL"].split("host=")[1].replace("%2F", "/")
    psycopg2.connect(host=host, user="keepsake_app", dbname="postgres").close()
    answer = httpx.post(f"{stack.settings['EMBED_BASE_URL']}/embeddings", json={"input": "hello"})
    assert len(answer.json()["data"][0]["embedding"]) == int(stack.settings["EMBED_DIMENSIONS"])


def test_a_second_stack_on_the_same_folder_is_refused(stack: LocalStack) -> None:
    second = LocalStack(stack.folder.root)
    with pytest.raises(LocalError, match=r"already runs from .*: http://localhost:8501"):
        second.start()
    second.stop()
    assert httpx.get(f"{stack.settings['EMBED_BASE_URL']}/models").status_code == 200


def test_without_the_auth_server_installed_a_sentence_says_so_and_nothing_keeps_running(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local.stack, "AUTH_PROGRAM", tmp_path)
    with pytest.raises(LocalError, match="auth server is not installed: run `make run` again"):
        LocalStack(data_dir).__enter__()


def test_an_auth_server_that_cannot_start_says_why(data_dir: Path) -> None:
    stack = LocalStack(data_dir, database_options={"fsync": "off"}, embedder=False)
    (stack.folder.auth / "users.db").write_text("this is no database " * 100)
    with pytest.raises(LocalError, match=r"auth server ended by itself.*auth\.log"):
        stack.__enter__()


def test_a_stack_names_the_server_that_ended(data_dir: Path) -> None:
    with LocalStack(data_dir, database_options={"fsync": "off"}, embedder=False) as stack:
        stack.check()
        child = stack.processes._children[0].process
        child.kill()
        child.wait()
        with pytest.raises(LocalError, match="The auth server ended by itself"):
            stack.check()
