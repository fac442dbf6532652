"""The launcher: `python -m local` serves the app, with everything it needs.

With an account configured it becomes Streamlit, and imports nothing else from this folder. Without one it starts the
local servers first, and ends all of them when it is told to stop or when one of them ends.
"""

from __future__ import annotations

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
from memory.settings import chosen
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
        _say(str(error), error=True)
        return 1


def _become_streamlit(port: int) -> None:
    _say(f"An account is configured; serving at http://localhost:{port}")
    os.execv(sys.executable, _streamlit(port))  # noqa: S606 (no shell is meant)


def _run_locally(configured: Settings) -> int:
    from local.processes import Stopped
    from local.stack import LocalStack
    from memory.embedded.loopback import check_free

    began = time.monotonic()
    stopping = _stop_on_signals()
    bundled = not (chosen("embed_model") or chosen("embed_base_url"))
    address = f"http://localhost:{configured.port}"
    stack = LocalStack(configured.data_dir, site_url=address, embedder=bundled, report=_report, stopping=stopping)
    try:
        stack.claim()
        check_free(configured.port)
        model = _model_settings(configured)
        stack.start()
        app = _start_app(stack, configured.port, model)
        stack.wait()
        _await_app(stack, app, configured.port, stopping)
        _say(f"Keepsake is at {address} ({time.monotonic() - began:.1f} s). Ctrl-C stops it.")
        while not stopping.wait(0.25):
            stack.check()
        _say("Stopping…")
    except Stopped:
        _say("Stopping…")
    finally:
        stack.stop()
    return 0


def _start_app(stack: LocalStack, port: int, model: dict[str, str]) -> Child:
    environment = os.environ | stack.settings | model
    # A proxy cannot reach this machine's own ports.
    no_proxy = [environment.get("NO_PROXY") or environment.get("no_proxy"), "127.0.0.1,localhost"]
    environment["NO_PROXY"] = environment["no_proxy"] = ",".join(filter(None, no_proxy))
    return stack.processes.start("app", "app", _streamlit(port, *ONLY_LOCAL), environment)


def _model_settings(configured: Settings) -> dict[str, str]:
    """Return the settings of a running Ollama if no model is configured, else nothing."""
    from memory.embedded.ollama import find_ollama

    found = None if configured.has_model else find_ollama()
    if found is None:
        if not configured.has_embedder and chosen("embed_model"):
            raise LocalError("EMBED_MODEL is set, but not where it is: set EMBED_BASE_URL, or OPENAI_API_KEY.")
        return {}
    model = configured.chat_model if chosen("chat_model") else found.model
    _say(f"Ollama is running: replies come from its {model}.")
    return {"OPENAI_BASE_URL": found.base_url, "OPENAI_API_KEY": "ollama", "CHAT_MODEL": model}


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


def _await_app(stack: LocalStack, app: Child, port: int, stopping: threading.Event) -> None:
    """Wait until the app is well; if it answers but stays unwell, print its problem and go on serving."""
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
