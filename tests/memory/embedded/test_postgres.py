from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy.engine import make_url

from memory.embedded.postgres import Postgres
from memory.embedded.postgres_files import postmaster, socket_folder
from memory.errors import LocalError
from memory.migrations import LOCK
from tests.local.conftest import PROJECT, Until
from tests.model_answers import PATIENCE

Make = Callable[..., Postgres]


@contextmanager
def connected(url: str) -> Iterator[Any]:
    parts = make_url(url)
    host = str(parts.query["host"])
    with closing(psycopg2.connect(host=host, user=parts.username, dbname=parts.database)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


def ask(url: str, sql: str) -> Any:
    with connected(url) as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_the_server_starts_answers_and_stops(postgres: Make) -> None:
    server = postgres()
    server.start()
    assert server.running()
    assert str(ask(server.admin_url, "show server_version")).startswith("18.")
    server.stop()
    assert not server.running()


def test_rows_are_still_there_after_a_restart(postgres: Make) -> None:
    server = postgres()
    server.start()
    with connected(server.admin_url) as cursor:
        cursor.execute("create table kept (word text); insert into kept values ('Zürich')")
    server.stop()
    server.start()
    assert ask(server.admin_url, "select upper(word) from kept") == "ZÜRICH"


def test_a_second_user_shares_the_server_and_the_last_one_stops_it(postgres: Make) -> None:
    first, second = postgres(), postgres()
    first.start()
    pid = ask(first.admin_url, "select pg_postmaster_start_time()")
    second.start()
    assert ask(second.admin_url, "select pg_postmaster_start_time()") == pid
    first.stop()
    assert second.running()
    second.stop()
    assert not second.running()


def test_many_processes_starting_at_once_get_one_server(postgres: Make, data_dir: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from memory.embedded.postgres import Postgres\n"
        "p = Postgres(Path(sys.argv[1]), options={'fsync': 'off'}); p.start()\n"
        "print((p.cluster / 'postmaster.pid').read_text().split()[0], flush=True); input(); p.stop()"
    )
    users = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(data_dir)],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    seen = {user.stdout.readline() for user in users if user.stdout}
    for user in users:
        _, _ = user.communicate("\n", timeout=PATIENCE)
    assert len(seen) == 1
    assert all(user.returncode == 0 for user in users)
    assert not postgres().running()


def test_making_the_roles_waits_for_a_running_migration(postgres: Make, until: Until) -> None:
    server = postgres()
    server.start()
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    with connected(server.admin_url) as cursor:
        cursor.execute("select pg_advisory_lock(%s)", (LOCK,))
        joining = threading.Thread(target=postgres().start)
        joining.start()
        until(lambda: ask(server.admin_url, waiting) == 1, what="its turn to wait")
        cursor.execute("select pg_advisory_unlock(%s)", (LOCK,))
    joining.join(PATIENCE)
    assert not joining.is_alive()


def test_a_user_killed_with_9_does_not_keep_the_server_from_stopping(postgres: Make, data_dir: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from memory.embedded.postgres import Postgres\n"
        "Postgres(Path(sys.argv[1]), options={'fsync': 'off'}).start(); print('up', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(data_dir)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "up\n"
        user.kill()
    left = postgres()
    assert left.running()
    left.start()
    left.stop()
    assert not left.running()


def test_a_server_killed_with_9_is_replaced_and_recovers(postgres: Make, until: Until) -> None:
    server = postgres()
    server.start()
    with connected(server.admin_url) as cursor:
        cursor.execute("create table kept (n int); insert into kept values (7)")
    running = postmaster(server.cluster)
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: not server.alive(), what="its end")
    server.start()
    assert ask(server.admin_url, "select n from kept") == 7


def test_a_stale_pid_file_with_another_process_id_is_recognised(postgres: Make) -> None:
    server = postgres()
    server.start()
    server.stop()
    # A process of the very user the server runs as: PostgreSQL itself would believe the file.
    owner = server.cluster.stat()
    account = {} if os.geteuid() != 0 else {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    with subprocess.Popen(["sleep", "60"], cwd="/", **account) as stranger:  # type: ignore[call-overload]
        for stale in (server.cluster / "postmaster.pid", server.cluster / ".s.PGSQL.5432.lock"):
            stale.write_text(f"{stranger.pid}\n{server.cluster}\n1700000000\n5432\n{server.cluster}\n\n\nready\n")
        assert not server.running()
        server.start()
        assert server.running()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("name", ['say "hi"', "$HOME", "back`tick", "back\\slash", "two\nlines"])
def test_a_path_with_characters_special_to_a_shell_is_refused(postgres: Make, data_dir: Path, name: str) -> None:
    with pytest.raises(LocalError, match="set DATA_DIR to another"):
        postgres(data_dir / name)


@pytest.mark.parametrize("name", ["deep " * 12 + "/" + "é" * 30, "Dave's data", "one, two"])
def test_a_path_that_cannot_hold_a_socket_gets_a_private_folder_elsewhere(
    postgres: Make, data_dir: Path, name: str
) -> None:
    server = postgres(data_dir / name)
    server.start()
    sockets = socket_folder(server.cluster)
    assert not sockets.is_relative_to(data_dir)
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert ask(server.admin_url, "select 1") == 1
    server.stop()
    assert not sockets.exists()


def test_two_folders_have_two_servers(postgres: Make, data_dir: Path) -> None:
    one, other = postgres(data_dir / "one"), postgres(data_dir / "other's")
    one.start()
    other.start()
    with connected(one.admin_url) as cursor:
        cursor.execute("create table mine ()")
    assert ask(other.admin_url, "select to_regclass('mine') is null")
    one.stop()
    assert other.running()


def test_nobody_else_can_reach_the_socket_and_there_is_no_port(postgres: Make) -> None:
    server = postgres()
    server.start()
    assert stat.S_IMODE(server.cluster.stat().st_mode) == 0o700
    assert ask(server.admin_url, "show listen_addresses") == ""


def test_it_has_what_a_hosted_supabase_has(postgres: Make) -> None:
    server = postgres()
    server.start()
    with connected(server.admin_url) as cursor:
        cursor.execute(
            "select rolname, rolcanlogin, rolinherit, rolbypassrls from pg_roles"
            " where rolname not like 'pg\\_%' order by 1"
        )
        assert cursor.fetchall() == [
            ("anon", False, False, False),
            ("authenticated", False, False, False),
            ("keepsake_app", True, False, False),
            ("postgres", True, True, True),
            ("service_role", False, False, True),
        ]
        cursor.execute("create extension vector with schema extensions")
        cursor.execute("""select set_config('request.jwt.claims', '{"sub": "5f0c2a36-3d3c-4b0e-9f3e-0c7e1ad1b9a1",
                          "role": "authenticated"}', false)""")
        cursor.execute("select auth.uid()::text, auth.role(), auth.jwt() ->> 'role'")
        assert cursor.fetchone() == ("5f0c2a36-3d3c-4b0e-9f3e-0c7e1ad1b9a1", "authenticated", "authenticated")


def test_the_app_role_is_bound_by_row_level_security_and_makes_no_tables(postgres: Make) -> None:
    server = postgres()
    server.start()
    with connected(server.admin_url) as cursor:
        cursor.execute(
            "create table notes (owner text); alter table notes enable row level security;"
            "grant select on notes to authenticated; insert into notes values ('alice'), ('bob');"
            "create policy own on notes using (owner = auth.jwt() ->> 'sub')"
        )
    with connected(server.app_url) as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("select * from notes")
        cursor.execute("set role authenticated")
        cursor.execute("""select set_config('request.jwt.claims', '{"sub": "alice"}', false)""")
        cursor.execute("select owner from notes")
        assert cursor.fetchall() == [("alice",)]
        for forbidden in ("create table public.x ()", "create schema x", "set role service_role", "set role postgres"):
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute(forbidden)


def test_a_cluster_of_another_version_is_reported(postgres: Make) -> None:
    server = postgres()
    server.start()
    server.stop()
    (server.cluster / "PG_VERSION").write_text("17\n")
    with pytest.raises(LocalError, match="made by PostgreSQL 17, and this is 18"):
        server.start()


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    server = Postgres(data_dir, options={"fsync": "off", "shared_buffers": "900TB"})
    with pytest.raises(
        LocalError, match=r"PostgreSQL could not start: configuration file .* contains errors \(see .*postgres\.log"
    ):
        server.start()


def test_an_interrupted_initialisation_starts_again(postgres: Make, data_dir: Path) -> None:
    half_made = data_dir / "postgres.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    server = postgres()
    server.start()
    assert server.running()
    assert not half_made.exists()
