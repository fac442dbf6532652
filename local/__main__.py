"""The launcher: `python -m local` serves the app, with everything it needs.

With an account configured it becomes Streamlit, and imports nothing else from this folder. Without one it starts the
local servers first, and ends all of them when it is told to stop or when one of them ends.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from memory.errors import AppError, LocalError
from memory.settings import CONNECTED_FILE, FOUND, chosen
from settings import Settings, settings

if TYPE_CHECKING:
    from local.processes import Child
    from local.stack import LocalStack
    from memory.embedded.loopback import HttpAnswer

APP = Path("app.py")
APP_SECONDS = 90  # until the app answers, on a slow machine
# Anybody may sign up at the local auth server, so the app is served to this machine only.
LOCAL_NAMES = ("localhost", "127.0.0.1")
# Other host names are refused: another site could make its name lead to this machine.
ONLY_LOCAL = (
    "--server.address",
    "127.0.0.1",
    *(word for name in LOCAL_NAMES for word in ("--server.allowedHosts", name)),
)
PROBLEM_SECONDS = 15  # in which a problem of the app may go away by itself
SECRETS = (Path(".streamlit/secrets.toml"), Path.home() / ".streamlit" / "secrets.toml")


def main() -> int:
    """Run until told to stop; return 0 if a person stopped it, 1 if something is wrong."""
    try:
        if any(path.exists() for path in SECRETS):
            import streamlit  # noqa: F401 (settings reads Streamlit's secrets only if it is loaded)
        configured = settings().check_account()
        if not APP.exists():
            raise LocalError("There is no app.py here: run this from the project's folder.")
        if configured.hosted:
            _become_streamlit(configured.port)
        return _run_locally(configured)
    except AppError as error:
        _say(error.for_deployer(), error=True)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _say(f"The disk is full: make room for {settings().data_dir}, and start again.", error=True)
        return 1


def _become_streamlit(port: int) -> None:
    _say(f"An account is configured; serving at http://localhost:{port}")
    os.execv(sys.executable, _streamlit(port))  # noqa: S606 (no shell is meant)


def _run_locally(configured: Settings) -> int:
    from local.processes import Stopped
    from local.stack import LocalStack
    from memory.embed import BUNDLED
    from memory.embedded.loopback import check_free

    began = time.monotonic()
    stopping = _stop_on_signals()
    named = configured.embed_model if configured.embed_model in BUNDLED else None
    address = f"http://localhost:{configured.port}"
    stack = LocalStack(
        configured.data_dir,
        site_url=address,
        embedder=not chosen("embed_base_url") and (named is not None or not chosen("embed_model")),
        embed_model=named,
        report=_report,
        stopping=stopping,
    )
    try:
        stack.claim()
        check_free(configured.port)
        model = _model_settings(configured)
        stack.start()
        environment = _environment(stack, model)
        app = stack.processes.start("app", "app", _streamlit(configured.port, *ONLY_LOCAL), environment)
        stack.wait()
        well = _await_app(stack, app, configured.port, stopping)
        _say(f"Keepsake is at {address} ({time.monotonic() - began:.1f} s). Ctrl-C stops it.")
        if well and configured.api_port:
            _start_api(stack, configured.api_port, environment, stopping)
        while not stopping.wait(0.25):
            stack.check()
        _say("Stopping…")
    except Stopped:
        _say("Stopping…")
    finally:
        stack.stop()
    return 0


def _start_api(stack: LocalStack, port: int, environment: dict[str, str], stopping: threading.Event) -> None:
    """Start the API once the app is up, which is what a person waits for; without a free port, say so and go on."""
    from memory.embedded.loopback import ask, check_free

    try:
        check_free(port)
    except LocalError:
        _say(f"The API was not started: port {port} is in use. Set API_PORT to another one, or to 0.", error=True)
        return
    api = stack.processes.start("API", "api", [sys.executable, "-m", "api"], environment)
    stack.processes.wait_for(api, lambda: ask(port, "/docs") is not None, seconds=APP_SECONDS, stopping=stopping)
    _say(f"Other programs reach it at http://localhost:{port}; /docs there lists the calls.")


def _environment(stack: LocalStack, model: dict[str, str]) -> dict[str, str]:
    """Return the environment in which the app and the API find the servers."""
    environment = os.environ | stack.settings | model
    # A proxy cannot reach this machine's own ports.
    no_proxy = [environment.get("NO_PROXY") or environment.get("no_proxy"), "127.0.0.1,localhost"]
    environment["NO_PROXY"] = environment["no_proxy"] = ",".join(filter(None, no_proxy))
    return environment


def _model_settings(configured: Settings) -> dict[str, str]:
    """Return the settings of a running Ollama if no model is configured or connected, else nothing."""
    from memory.embed import BUNDLED
    from memory.embedded.ollama import find_ollama

    connected = (configured.data_dir / CONNECTED_FILE).exists()  # in the app, by the machine's owner
    found = None if configured.has_model or connected else find_ollama()
    if found is None:
        named = chosen("embed_model") and configured.embed_model not in BUNDLED
        if named and not configured.has_embedder:
            raise LocalError("EMBED_MODEL is set, but not where it is: set EMBED_BASE_URL, or OPENAI_API_KEY.")
        return {}
    model = configured.chat_model if chosen("chat_model") else found.model
    _say(f"Ollama is running: replies come from its {model}.")
    return {"OPENAI_BASE_URL": found.base_url, "OPENAI_API_KEY": FOUND, "CHAT_MODEL": model}


def _streamlit(port: int, *more: str) -> list[str]:
    options = {
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": "localhost",  # otherwise Streamlit looks for its address on the internet
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags, *more]


def _await_app(stack: LocalStack, app: Child, port: int, stopping: threading.Event) -> bool:
    """Wait until the app is well; if it answers but stays unwell, print its problem, go on serving, return False."""
    from memory.embedded.loopback import ask

    problem, unwell_since = "", 0.0

    def answers() -> bool:
        nonlocal problem, unwell_since
        answer = ask(port, "/health", timeout=10)
        if answer is None:
            return False
        problem = _problem(answer, stack.folder.last_log_line("app"))
        if not problem:
            return True
        unwell_since = unwell_since or time.monotonic()
        return time.monotonic() - unwell_since > PROBLEM_SECONDS

    stack.processes.wait_for(app, answers, seconds=APP_SECONDS, stopping=stopping)
    if problem:
        _say(f"The app is up, with a problem: {problem} (see {stack.folder.logs}/app.log)", error=True)
    return not problem


def _problem(answer: HttpAnswer, logged: str) -> str:
    """Return the problem that the app has logged, or nothing if it is well; /health itself names no problem."""
    if answer.status == 200:
        return ""
    try:
        unwell = json.loads(answer.body) == {"status": "unwell"}
    except ValueError:
        unwell = False
    if not unwell:
        return "What answers at /health is not this app."
    return logged or "Something that it needs does not answer."


def _stop_on_signals() -> threading.Event:
    """Return an event that Ctrl-C, SIGTERM or a closed terminal sets; a second signal changes nothing."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # ignored where `nohup` started it
            signal.signal(number, lambda *_: stopping.set())
    return stopping


def _report(part: str, seconds: float) -> None:
    _say(f"{part} … {seconds:.1f} s")


def _say(sentence: str, *, error: bool = False) -> None:
    # The terminal may be gone, and the servers must be stopped all the same.
    with suppress(OSError):
        print(sentence, file=sys.stderr if error else sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
