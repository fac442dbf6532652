"""`python -m doctor` looks at a deployment, and says what to mend: here one thing after the other is broken."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from doctor import examine
from local.stack import LocalStack
from memory import Memory
from memory.database import Database
from memory.embed import embedder_for
from memory.embedded.loopback import free_port
from memory.index import index_at
from memory.index.outbox import attach
from memory.migrations import migrate
from settings import Settings
from tests.gotrue import GoTrue
from tests.model_answers import Fault, Reply
from tests.model_server import ModelServer
from tests.replicas import StreamingReplica

PROJECT = Path(__file__).parents[1]
Examine = Callable[..., list[str]]


@pytest.fixture
def auth() -> Iterator[GoTrue]:
    with GoTrue(confirms=True) as server:
        yield server


@pytest.fixture
def database(empty_database: Database, stack: LocalStack) -> Database:
    """A database of this test's own, with tables for the embedder of the local servers."""
    migrate(empty_database, int(stack.settings["EMBED_DIMENSIONS"]), stack.settings["EMBED_MODEL"])
    return empty_database


@pytest.fixture
def well(database: Database, stack: LocalStack, auth: GoTrue) -> Settings:
    """The settings of a deployment in which nothing is wrong, but that no model is connected."""
    kept = {name: value for name, value in stack.settings.items() if name.startswith("EMBED_")}
    kept |= {"SUPABASE_URL": auth.url, "SUPABASE_KEY": "sb_publishable_x", "DATABASE_URL": database.url}
    return Settings.read(kept | {"ADMISSION": "list", "ADMITTED": "@example.com"})


@pytest.fixture
def to_do(well: Settings) -> Examine:
    """Look at the deployment with some settings changed; return what is not fine."""

    def found(**changed: Any) -> list[str]:
        return [str(each) for each in examine(replace(well, **changed)) if each.verdict != "fine"]

    return found


@pytest.fixture
def as_admin(database: Database) -> Callable[[str], None]:
    """Change something in the database as its administrator."""

    def run(statement: str) -> None:
        with closing(Database(database.admin_url)) as admin, admin.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    return run


CRON = "look  database: without pg_cron, chats whose time is over are erased only while the app runs"
NO_MODEL = "look  model: no model is connected: replies and remembering go by rules (OPENAI_API_KEY)"


def test_nothing_is_to_mend_where_everything_is_as_the_readme_says(to_do: Examine) -> None:
    assert to_do() == [CRON, NO_MODEL]


def test_both_models_are_tried(to_do: Examine, model_server: ModelServer) -> None:
    address = {"openai_base_url": model_server.base_url, "openai_api_key": "sk-x", "chat_model": "scripted"}
    model_server.enqueue(Reply("Ready."), Reply('{"ready": true}'))
    assert to_do(**address) == [CRON]
    model_server.enqueue(Fault(401), Reply("I would rather write a poem."), Reply("And another."))
    _, refused, no_form = to_do(**address)
    assert refused.startswith("MEND  chat model: ")
    assert "OPENAI_API_KEY" in refused
    assert no_form.startswith("MEND  memory model: ")
    assert "sk-x" not in refused + no_form


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"supabase_key": None}, "MEND  settings: SUPABASE_KEY is missing"),
        (dict.fromkeys(("database_url", "supabase_url", "supabase_key")), "MEND  settings: nothing is configured"),
        ({"database_url": "postgresql://x@127.0.0.1:9/none"}, "MEND  database: "),
        ({"supabase_url": "http://127.0.0.1:9"}, "MEND  auth server: it does not answer (ConnectError)"),
        ({"admission": "open"}, "look  settings: everybody may sign up (ADMISSION=open), together they may use 5,000"),
        ({"admission": "open", "all_tokens_per_day": 0}, "look  settings: everybody may sign up (ADMISSION=open), and"),
        ({"embed_base_url": "http://127.0.0.1:9/v1"}, "MEND  embedder: "),
        ({"embed_model": "another"}, "MEND  embedder: another gives vectors of 384 numbers, but the stored memories"),
    ],
)
def test_a_wrong_setting_is_named(to_do: Examine, changed: dict[str, Any], said: str) -> None:
    assert any(each.startswith(said) for each in to_do(**changed))


def test_an_auth_server_that_is_none_or_of_another_project_is_told_apart(to_do: Examine, auth: GoTrue) -> None:
    auth.fail_next("/settings", 401)
    assert any("it refuses SUPABASE_KEY" in each for each in to_do())
    auth.fail_next("/settings", 503)
    assert any("is no auth server (status 503)" in each for each in to_do())


def test_what_keeps_everybody_from_signing_in_is_named(to_do: Examine, auth: GoTrue) -> None:
    auth.captcha, auth.issuer = True, "https://other.supabase.co/auth/v1"
    said = [each for each in to_do() if "auth server" in each]
    assert any("it asks for a captcha" in each for each in said)
    assert any("set SUPABASE_URL to their issuer, https://other.supabase.co" in each for each in said)


def test_a_slash_at_the_end_of_the_address_is_no_other_issuer(to_do: Examine, auth: GoTrue) -> None:
    assert not any("issuer" in each for each in to_do(supabase_url=f"{auth.url}/"))


def test_a_list_of_people_counts_for_nothing_where_addresses_are_not_confirmed(to_do: Examine, auth: GoTrue) -> None:
    auth.confirms, auth.sign_up_open = False, False
    assert any(each.startswith("MEND  auth server: addresses are not confirmed") for each in to_do())
    assert any(each.startswith("look  auth server: addresses are not confirmed") for each in to_do(admission="open"))
    assert any("signing up is switched off" in each for each in to_do())


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "alter table app.messages no force row level security",
            "MEND  app.messages: row-level security is off: alter table app.messages enable row level security",
        ),
        (
            "create policy helpful on vecs.memories for select to authenticated using (true)",
            "MEND  vecs.memories: the policy helpful does not ask who is reading: drop policy helpful",
        ),
        (
            "grant usage on schema vecs to anon; grant select on vecs.memories to anon",
            "MEND  vecs.memories: the role anon has rights on it: revoke all on vecs.memories from anon, public;",
        ),
        (
            "delete from supabase_migrations.schema_migrations where version in (select max(version)"
            " from supabase_migrations.schema_migrations)",
            "MEND  tables: 1 migration is missing: run DATABASE_ADMIN_URL=",
        ),
    ],
    ids=["walls down", "policy for all", "granted to all", "old tables"],
)
def test_what_somebody_changed_on_the_dashboard_is_found(
    to_do: Examine, as_admin: Callable[[str], None], statement: str, said: str
) -> None:
    as_admin(statement)
    assert any(each.startswith(said) for each in to_do())


def test_rows_that_somebody_new_would_see_are_found(
    to_do: Examine, as_admin: Callable[[str], None], database: Database, well: Settings
) -> None:
    with closing(embedder_for(well)) as embedder:
        Memory(database, embedder, None).add("I live in Ghent.", user_id="dave")
    as_admin("create policy helpful on vecs.memories to authenticated using (app.asking() is not null)")
    assert any(each.startswith("MEND  vecs.memories: somebody new sees rows of others") for each in to_do())


def test_an_administrator_as_the_apps_role_is_worth_a_look(to_do: Examine, database: Database) -> None:
    found = to_do(database_url=database.admin_url)
    assert any(each.startswith("look  role: the role postgres is a superuser") for each in found)
    password = make_url(database.admin_url).password
    assert not password or all(password not in each for each in found)


def test_a_replica_that_is_none_or_away_is_to_be_mended(to_do: Examine, database: Database) -> None:
    assert (
        "MEND  replica: DATABASE_READ_URL leads to no replica, so it is never read: name one, or leave the setting out"
        in to_do(database_read_url=database.url)
    )
    away = to_do(database_read_url=f"postgresql://keepsake_app@127.0.0.1:{free_port()}/postgres")
    assert any("Nothing answers at the database address 127.0.0.1: check DATABASE_READ_URL" in each for each in away)


def test_a_replica_is_fine(to_do: Examine, followed: StreamingReplica) -> None:
    assert to_do(database_read_url=followed.url) == to_do()


def test_an_index_that_is_not_attached_or_away_is_to_be_mended_and_one_that_is_fed_is_fine(
    to_do: Examine, database: Database, tmp_path: Path
) -> None:
    place = f"faiss:{tmp_path / 'vectors'}"
    not_attached = "MEND  index: it is not attached, so it is never asked: run python -m memory index --rebuild"
    assert to_do(memory_index=place) == [*to_do(), not_attached]
    attach(database, index_at(place).name)
    assert to_do(memory_index=place) == to_do()
    elsewhere = f"qdrant:http://127.0.0.1:{free_port()}"
    attach(database, index_at(elsewhere).name)
    *_, away = to_do(memory_index=elsewhere)
    assert away.startswith("MEND  index: ")
    assert "cannot be used at the moment" in away


def test_the_command_ends_with_one_if_something_is_to_mend(database: Database, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATABASE_URL": database.url}
    environment |= {"EMBED_BASE_URL": "http://127.0.0.1:9/v1", "EMBED_API_KEY": "x"}
    environment |= {"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_KEY": "sb_publishable_x"}
    ended = subprocess.run(
        [sys.executable, "-m", "doctor"], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 1, ended.stderr
    assert "fine  walls: somebody new sees no row in any of" in ended.stdout
    assert ended.stdout.splitlines()[-1].endswith("to look at.")
