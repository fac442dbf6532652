"""`python -m api` serves the API; `--openapi` prints its description; `python -m api keys` makes keys of applications.

    python -m api keys "Help desk"           make a key of this application; the key is the last word that is printed
    python -m api keys                       list the keys of all applications
    python -m api keys --end ID              end a key
    python -m api keys --delete NAME         say what deleting this application with all its users would delete
    python -m api keys --delete NAME --yes   delete it

It needs the same settings as the app, and may run beside it or on another machine. Keys are in no log: requests are not
logged, and what goes wrong is logged without them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from api import make_app
from api.openapi import document
from auth.applications import (
    ApplicationKey,
    WholeApplication,
    application_keys,
    application_named,
    end_application_key,
    end_application_keys,
    forget_application,
    make_application_key,
)
from auth.session import Sessions
from memory import Memory
from memory.connect import Parts, administering, open_parts
from memory.errors import AppError, DatabaseError, NotFound
from memory.settings import CONNECTED_FILE
from monitoring.logs import write_logs
from services import Services, end_services, rebuild, services
from settings import settings

# Longer than programs keep a connection for their next request (httpx: 5 s), so that none is closed under a request.
KEEP_ALIVE_SECONDS = 75
SECRETS = (Path(".streamlit/secrets.toml"), Path.home() / ".streamlit" / "secrets.toml")
LEFT = "Something of {name} is still there: it was written meanwhile. Run the command again."
STOP_SECONDS = 10  # for calls that are being answered when the process is told to end


def main() -> int:
    """Serve until told to stop; return 1 if it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m api", description="Serve the memories to other programs.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: this machine only)")
    parser.add_argument("--openapi", action="store_true", help="print the description of the calls, and end")
    _describe_keys(
        parser.add_subparsers(dest="command", metavar="keys").add_parser("keys", help="keys of applications")
    )
    options = parser.parse_args()
    if options.command == "keys":
        return _keys(options)
    if options.openapi:
        print(json.dumps(document(), indent=2))
        return 0
    try:
        _load_secrets()
        port = settings().check_account().api_port
        write_logs(settings().log_format)
        services()
    except AppError as error:
        print(error.for_deployer(), file=sys.stderr)
        return 1
    print(f"The API is at http://{options.host}:{port}; /docs lists its calls.", flush=True)
    return asyncio.run(_serve(options.host, port))


def _load_secrets() -> None:
    """Let the settings read Streamlit's secrets, which they do only where Streamlit is loaded."""
    if any(path.exists() for path in SECRETS):
        import streamlit  # noqa: F401


def _describe_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="the application that the key is for; several keys share its users")
    parser.add_argument("--read-only", action="store_true", help="make a key that cannot change anything")
    parser.add_argument("--days", type=int, default=365, help="for how many days the key works (default: 365)")
    parser.add_argument("--end", metavar="ID", help="end the key with this id")
    parser.add_argument("--delete", metavar="NAME", help="the application to delete, with all its users' memories")
    parser.add_argument("--yes", action="store_true", help="delete it; otherwise only say what would be deleted")


def _keys(options: argparse.Namespace) -> int:
    """Make, end or list keys, as whoever deploys: with DATABASE_ADMIN_URL, or in the database of this machine."""
    try:
        _load_secrets()
        if options.delete:
            print(_deleted(options.delete) if options.yes else _to_delete(options.delete))
            return 0
        with administering() as connection:
            if options.end:
                if not end_application_key(connection, options.end):
                    raise NotFound("There is no such key.")
                print("Ended. What its application kept stays.")
            elif options.name:
                can_write = not options.read_only
                made = make_application_key(connection, options.name, can_write=can_write, days=options.days)
                print(f"A key of {options.name} for {options.days} days, shown only now: {made.key}")
            else:
                for each in application_keys(connection):
                    print(_listed(each))
    except AppError as error:
        print(error.for_deployer(), file=sys.stderr)
        return 1
    return 0


def _to_delete(name: str) -> str:
    with administering() as connection:
        whole = application_named(connection, name)
    return f"{_amounts(whole)} would be permanently deleted. Nothing was; add --yes to do it."


def _deleted(name: str) -> str:
    was, erased = _delete_application(name)
    rows = ", ".join(f"{table}: {count:,}" for table, count in sorted(erased.items()) if count)
    return f"Permanently deleted: {_amounts(was)}. Rows by table: {rows or 'none'}."


def _delete_application(name: str) -> tuple[WholeApplication, Counter[str]]:
    """Delete an application with its keys, all its users and everything that is kept of them; ask nobody.

    The keys end first, so that nothing new arrives; then each user is erased as an account is, and searched for once
    more. What fails half-way can be run again. Return what it was, and the rows of every table that were deleted; raise
    `DatabaseError` if something of it is still there afterwards.
    """
    parts = open_parts(model=None)
    with parts.opened:
        with administering() as connection:
            was = application_named(connection, name)
            end_application_keys(connection, was.id)
        rows: Counter[str] = Counter()
        left = [user_id for user_id in was.users if not _erase(parts, user_id, rows)]
        with administering() as connection:
            if application_named(connection, name).users or left:
                raise DatabaseError(LEFT.format(name=was.name))
            forget_application(connection, was.id)
    return was, rows


def _erase(parts: Parts, user_id: str, rows: Counter[str]) -> bool:
    """Erase one user as an account is erased, count the rows, and return whether nothing is left."""
    memory, sessions = Memory(parts.database, parts.embedder, None), Sessions(parts.database)
    with parts.database.as_user(user_id) as connection:
        erased, texts = memory.erasure.erase(connection, user_id)
    rows.update(erased)
    rows.update(sessions.delete_account(user_id))
    return memory.erasure.prove(user_id, erased, texts).proved


def _amounts(application: WholeApplication) -> str:
    keys, users = _count(application.keys, "key"), _count(len(application.users), "user or agent", "users or agents")
    return f"{application.name} with {keys}, {users}, and {_count(application.memories, 'memory', 'memories')}"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _listed(key: ApplicationKey) -> str:
    may = "reads and writes" if key.can_write else "reads"
    used = f"last used {key.used_at:%Y-%m-%d}" if key.used_at else "never used"
    return f"{key.id}  {key.application}: {may}, {'ended' if key.is_over else 'ends'} {key.ends_at:%Y-%m-%d}, {used}"


async def _serve(host: str, port: int) -> int:
    # Who asks is found by limits/, which knows the proxies that may be believed.
    config = uvicorn.Config(
        _with_end(),
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        log_config=None,  # uvicorn's lines go through ours
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    server = uvicorn.Server(config)
    await server.serve()
    return 0 if server.started else 1


def _with_end() -> Starlette:
    """Return the app, which closes the services when the process is told to end."""

    @asynccontextmanager
    async def close_at_the_end(_app: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(end_services)

    app = make_app(CurrentServices())
    app.router.lifespan_context = close_at_the_end
    return app


class CurrentServices:
    """The services of this process, built again when the app has connected another model on this machine."""

    def __init__(self) -> None:
        self._seen = _connected_at()
        self._looking = threading.Lock()

    def __call__(self) -> Services:
        """Return them."""
        with self._looking:
            if (now := _connected_at()) != self._seen:
                self._seen = now
                rebuild()
        return services()


def _connected_at() -> int | None:
    """Return when a model was last connected in the app; None if none is."""
    try:
        return (settings().data_dir / CONNECTED_FILE).stat().st_mtime_ns
    except OSError:
        return None


if __name__ == "__main__":
    sys.exit(main())
