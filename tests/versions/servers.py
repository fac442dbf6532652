"""PostgreSQL of several versions, set up as Supabase sets it up, behind PgBouncer: what `.ci/servers` brings.

Version 18 is the embedded one. PgBouncer has a single connection to each database in transaction mode, so that whatever
a transaction left on it would be seen by the next one, whoever's it is. In session mode each client keeps a connection.
Passwords are proven with SCRAM, as hosted servers want it: by the client to PgBouncer, and by PgBouncer to the server.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2

from memory.embedded.postgres import programs
from memory.embedded.postgres_files import Account, server_account, socket_folder

__all__ = [
    "EVERY",
    "PYTHONS",
    "Pooled",
    "Pooler",
    "hosted_python",
    "hosted_server",
    "missing_python",
    "missing_servers",
    "running_pooler",
]

EMBEDDED, MODES = "18", ("session", "transaction")
EVERY = [f"{version} pooled by {mode}" for version in ("15", "17", EMBEDDED) for mode in MODES]
PYTHONS = ("3.11", "3.12", "3.13")
SUPERUSER, PORT, POOLER_PORT = "supabase_admin", 5432, 6432
PATIENCE = 60
PASSWORD = "p@ss:w/rd%40 #?"  # all that an address has to quote

CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 200
shared_buffers = 64MB
autovacuum = off
fsync = off
synchronous_commit = off
full_page_writes = off
jit = off
timezone = UTC
"""
LOGINS = f"""
local all {SUPERUSER} trust
local all all scram-sha-256
"""
POOLER = """
[databases]
* = host={host} port={port}
[pgbouncer]
unix_socket_dir = {pooler}
listen_port = {pooler_port}
auth_file = {pooler}/users
ignore_startup_parameters = extra_float_digits
logfile = {pooler}/log
"""
ASKING = """
auth_type = scram-sha-256
auth_user = {superuser}
auth_query = select usename, passwd from pg_catalog.pg_shadow where usename = $1
pool_mode = {mode}
default_pool_size = {connections}
# What opens a second transaction while its first one is open gets another connection, a moment later.
reserve_pool_size = 5
reserve_pool_timeout = 0.1
max_client_conn = 400
query_wait_timeout = {patience}
# A test that ends may end connections, and the next one must not be given a dead one.
server_check_delay = 0
"""


def servers_folder() -> Path:
    """Return the folder that `.ci/servers` filled: KEEPSAKE_SERVERS, or the one that `.ci/run` names."""
    return Path(os.environ.get("KEEPSAKE_SERVERS") or Path.home() / ".cache" / "keepsake-servers")


def hosted_python(version: str) -> Path:
    """Return the Python of the environment that `.ci/pythons` made for a version, which may not be there."""
    return servers_folder() / f"hosted-{version}" / "bin" / "python"


def missing_python(version: str) -> str | None:
    """Return a sentence on what is to be done where there is no environment for this version."""
    if hosted_python(version).exists():
        return None
    return f"It has no environment: .ci/pythons {servers_folder()} makes one where this Python is."


def missing_servers() -> str | None:
    """Return a sentence on what is to be done where the servers are not there."""
    if all((servers_folder() / name).exists() for name in ("made_by", "15", "17", "pgbouncer")):
        return None
    return f"PostgreSQL 15 and 17 are missing: on Debian, .ci/servers {servers_folder()} brings them."


@dataclass(frozen=True)
class Pooled:
    """The addresses of a cluster: through PgBouncer for the app and its administrator, and directly for its owner."""

    pooler: Path
    cluster: Path

    @property
    def app_url(self) -> str:
        return _url("keepsake_app", self.pooler, POOLER_PORT)

    @property
    def admin_url(self) -> str:
        return _url("postgres", self.pooler, POOLER_PORT)

    @property
    def superuser_url(self) -> str:
        return _url(SUPERUSER, self.cluster, PORT)


@contextmanager
def hosted_server(name: str) -> Iterator[Pooled]:
    """Run a server of `EVERY` and its pooler."""
    version, _, mode = name.partition(" pooled by ")
    bin_folder = programs() if version == EMBEDDED else servers_folder() / version
    with _cluster(bin_folder.resolve()) as cluster, _pooler(cluster, mode) as pooler:
        yield Pooled(pooler, cluster)


@contextmanager
def _cluster(bin_folder: Path) -> Iterator[Path]:
    """Run a server with Supabase's roles; yield its folder, in which its socket is."""
    with tempfile.TemporaryDirectory(prefix="keepsake-versions-") as made:
        folder = Path(made) / "cluster"
        folder.mkdir(mode=0o700)
        account = server_account(folder)
        account.own(folder)
        account.let_through(folder)
        account.let_through(bin_folder / "postgres")

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [str(bin_folder / program), *arguments],
                check=True,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                timeout=PATIENCE,
                **account.process_options,
            )

        data = folder / "data"
        how = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth=trust", "--no-sync")
        run("initdb", f"--pgdata={data}", f"--username={SUPERUSER}", *how)
        (data / "postgresql.conf").write_text(CONFIGURATION.format(folder=folder))
        (data / "pg_hba.conf").write_text(LOGINS)
        server = ("--pgdata", str(data), "--silent", "--wait", f"--timeout={PATIENCE}")
        run("pg_ctl", "start", *server, f"--log={folder}/log")
        try:
            _set_up(folder)
            yield folder
        finally:
            run("pg_ctl", "stop", *server, "--mode=immediate")


def _set_up(folder: Path) -> None:
    with closing(psycopg2.connect(host=str(folder), port=PORT, user=SUPERUSER, dbname="template1")) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute(Path(__file__).with_name("supabase.sql").read_text())
            cursor.execute("alter role postgres password %s", (PASSWORD,))
        with connection, connection.cursor() as cursor:
            cursor.execute("set role postgres")  # who follows the README in the SQL editor
            cursor.execute("create role keepsake_app login noinherit nobypassrls password %s", (PASSWORD,))
            cursor.execute("grant authenticated to keepsake_app")


@contextmanager
def _pooler(cluster: Path, mode: str) -> Iterator[Path]:
    """Run PgBouncer before a server; yield the folder in which its socket is."""
    connections = 1 if mode == "transaction" else 50
    asking = ASKING.format(superuser=SUPERUSER, mode=mode, connections=connections, patience=PATIENCE)
    with running_pooler(cluster, asking, {SUPERUSER}) as running:
        yield running.folder


class Pooler:
    """PgBouncer before a server, which can be stopped and started again: in a folder of its own, with its socket."""

    def __init__(self, folder: Path, port: int, account: Account) -> None:
        self.folder = folder
        self.port = port
        self._account = account
        self._program = (servers_folder() / "pgbouncer").resolve()
        account.let_through(self._program)

    def start(self) -> None:
        """Start it; return when it lets somebody in."""
        self._running = subprocess.Popen(
            [str(self._program), "--quiet", str(self.folder / "ini")],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **self._account.process_options,
        )
        self._await()

    def stop(self) -> None:
        """Stop it at once, without waiting for whoever is connected."""
        self._running.send_signal(signal.SIGQUIT)
        self._running.wait(PATIENCE)

    def _await(self) -> None:
        address = _url("postgres", self.folder, self.port).replace("+psycopg2", "")
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg2.connect(address).close()
            except psycopg2.OperationalError:
                assert self._running.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.02)
            else:
                return


@contextmanager
def running_pooler(
    cluster: Path, configuration: str, users: Iterable[str], port: int = POOLER_PORT
) -> Iterator[Pooler]:
    """Run PgBouncer before the server of this cluster, with a configuration beside what each one has."""
    with tempfile.TemporaryDirectory(prefix="keepsake-pooler-") as made:
        folder = Path(made) / "pooler"
        folder.mkdir(mode=0o700)
        (folder / "users").write_text("".join(f'"{each}" ""\n' for each in users))
        (folder / "ini").write_text(
            POOLER.format(host=socket_folder(cluster), port=PORT, pooler=folder, pooler_port=port) + configuration
        )
        account = server_account(cluster)
        for each in (folder, *folder.iterdir()):
            account.own(each)
        account.let_through(folder)
        running = Pooler(folder, port, account)
        try:
            running.start()
            yield running
        finally:
            running.stop()


def _url(role: str, folder: Path, port: int) -> str:
    who, where = f"{role}:{quote(PASSWORD, safe='')}", quote(str(folder), safe="")
    return f"postgresql+psycopg2://{who}@/postgres?host={where}&port={port}"
