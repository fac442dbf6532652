"""The launcher: `python -m local` serves the app, with everything it needs.

With an account configured it starts Streamlit and nothing else, and imports nothing local. Without one
it brings up the local stack first, and ends all of it when it is told to stop or when a part of it ends.
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
APP_LIMIT = 90  # seconds until the app answers, on a slow machine
# Anybody may sign up to the local stack, so it is served to this machine only.
HERE = ("localhost", "127.0.0.1")
# By these names only: a page elsewhere that calls itself by a name of this machine's address is turned away.
LOOPBACK = ("--server.address", "127.0.0.1", *(word for name in HERE for word in ("--server.allowedHosts", name)))
PROBLEM_PATIENCE = 15  # seconds for the app to become well by itself
SECRETS = (Path(".streamlit/secrets.toml"), Path.home() / ".streamlit" / "secrets.toml")


def main() -> int:
    """Run until told to stop; 0 when a person stopped it, 1 when something is wrong."""
    try:
        if any(path.exists() for path in SECRETS):
            import streamlit  # noqa: F401 (with it loaded, settings reads its secrets)
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
    passed_by = [environment.get("NO_PROXY") or environment.get("no_proxy"), "127.0.0.1,localhost"]
    environment["NO_PROXY"] = environment["no_proxy"] = ",".join(filter(None, passed_by))
    return stack.processes.start("app", "app", _streamlit(port, *LOOPBACK), environment)


def _model_settings(configured: Settings) -> dict[str, str]:
    """Where to find a model, if the person named none and an Ollama is running."""
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
        "browser.serverAddress": "localhost",  # else it asks the internet for this machine's address
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags, *more]


def _await_app(stack: LocalStack, app: Child, port: int, stopping: threading.Event) -> None:
    """Return when the app is well; if it stays up but unwell, say why and go on serving."""
    from memory.embedded.loopback import ask

    problem, unwell_since = "", 0.0

    def answers() -> bool:
        nonlocal problem, unwell_since
        answer = ask(port, "/health", timeout=10)
        if answer is None:
            return False
        problem = _problem(answer)
        if not problem:
            return True
        unwell_since = unwell_since or time.monotonic()
        return time.monotonic() - unwell_since > PROBLEM_PATIENCE

    stack.processes.wait_for(app, answers, seconds=APP_LIMIT, stopping=stopping)
    if problem:
        line = stack.folder.last_log_line("app")
        _say(f"The app is up, with a problem: {problem} {line} (see {stack.folder.logs}/app.log)", error=True)


def _problem(answer: HttpAnswer) -> str:
    """What the app says is wrong; nothing if it is well."""
    try:
        health = json.loads(answer.body)
        return "" if answer.status == 200 else str(health["problem"])
    except (ValueError, KeyError, TypeError):
        return "/health does not answer as the app does, so app.py was not taken for one."


def _stop_on_signals() -> threading.Event:
    """Set on the first Ctrl-C, SIGTERM or closed terminal; a second one changes nothing, stopping goes on."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` asks
            signal.signal(number, lambda *_: stopping.set())
    return stopping


def _report(part: str, seconds: float) -> None:
    _say(f"{part} … {seconds:.1f} s")


def _say(sentence: str, *, error: bool = False) -> None:
    # The terminal may be gone; stopping what was started matters more than saying so.
    with suppress(OSError):
        print(sentence, file=sys.stderr if error else sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
