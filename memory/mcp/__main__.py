"""`python -m keepsake.mcp` serves the memories of one user over stdin and stdout, as editors and desktops start it.

    python -m keepsake.mcp --user dave              or MEMORY_USER=dave
    python -m keepsake.mcp --user dave --read-only  offers no tool that changes anything

The database, the embedder and the model are those in the settings, or the local ones in DATA_DIR.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future

from .. import Memory
from ..database import check_user_id
from ..errors import COMMAND, AppError, InvalidInput
from ..settings import settings
from .tools import Access

NO_USER = "Say whose memories these are: --user NAME, or the setting MEMORY_USER."
NO_SDK = "The package mcp is missing: pip install 'keepsake[mcp]'."


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until the client closes stdin; if it cannot start, print one sentence and exit."""
    parser = argparse.ArgumentParser(prog=f"{COMMAND}.mcp", description="Serve one user's memories over MCP.")
    parser.add_argument("--user", metavar="NAME", help="whose memories; else the setting MEMORY_USER")
    parser.add_argument("--read-only", action="store_true", help="offer no tool that changes anything")
    wanted = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)  # to stderr: stdout is the client's
    try:
        user_id = wanted.user or settings().memory_user
        if not user_id:
            raise InvalidInput(NO_USER)
        check_user_id(user_id)
        asyncio.run(_serve(user_id, can_write=not wanted.read_only))
    except AppError as error:
        raise SystemExit(error.for_deployer()) from error
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        raise SystemExit(NO_SDK) from error


async def _serve(user_id: str, *, can_write: bool) -> None:
    from .server import make_server, serve_stdio

    # Clients wait some seconds for the server to answer; a first start of the local database may take longer.
    opening = Future[Memory]()
    threading.Thread(target=_open, args=(opening,), daemon=True).start()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, _end, opening)
    await serve_stdio(make_server(lambda _request: Access(opening.result, user_id, can_write=can_write)))
    _close(opening)


def _open(opening: Future[Memory]) -> None:
    """Open the memory; what keeps it closed is told now, and to whoever calls a tool."""
    try:
        memory = Memory()
    except AppError as error:
        print(error.for_deployer(), file=sys.stderr, flush=True)
        opening.set_exception(error)
    except Exception as error:  # nobody waits for ever
        opening.set_exception(error)
        raise
    else:
        opening.set_result(memory)


def _close(opening: Future[Memory]) -> None:
    if opening.done() and opening.exception() is None:
        opening.result().close()


def _end(opening: Future[Memory]) -> None:
    """End the process although its thread waits for stdin, which nothing wakes."""
    _close(opening)
    os._exit(0)


if __name__ == "__main__":
    main()
