from __future__ import annotations

import ast
import fcntl
import importlib.util
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from local import install
from memory.embedded.loopback import free_port
from tests.local.conftest import PROJECT, Until


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project in which nothing is installed."""
    for name in (
        "requirements-local.txt",
        "requirements-dev.txt",
        install.WITHOUT_DEPENDENCIES,
        "local/auth_server/package-lock.json",
        "tests/node/package-lock.json",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    return tmp_path


def pretend_installed(project: Path, goal: str) -> None:
    """Put in place what an installation for this goal leaves behind."""
    installation = install.Installation(project)
    (project / ".venv" / "bin").mkdir(parents=True, exist_ok=True)
    installation.python.unlink(missing_ok=True)
    installation.python.symlink_to(sys.executable)
    done = [(goal, installation._digest(*install.lists_for(goal)))]
    for folder, name, _ in install.node_folders_for(goal):
        package = project / folder / "node_modules" / name
        package.mkdir(parents=True, exist_ok=True)
        (package / "package.json").write_text("{}")
        done.append((folder, installation._node_digest(folder)))
    installation._write_stamp(*done)


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a program was run")

    monkeypatch.setattr(subprocess, "run", refuse)


@pytest.mark.usefixtures("no_programs")
def test_when_everything_is_there_nothing_is_done(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pretend_installed(project, "run")
    assert install.main(["run"], project) == 0
    assert capsys.readouterr().out == ""


SLOW_STEPS = {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "socket.connect"}
WATCHED = f"""
import runpy, sys
def refuse(step, _):
    if step in {SLOW_STEPS!r}:
        raise SystemExit(f"it took a slow step: {{step}}")
sys.addaudithook(refuse)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_complete_installation_is_recognised_without_a_program_a_connection_or_a_package(project: Path) -> None:
    script = project / "local" / "install.py"
    script.write_text((PROJECT / "local" / "install.py").read_text())

    def run() -> str:
        bare = [sys.executable, "-I", "-S", "-c", WATCHED, str(script), "run"]  # no package can be imported
        return subprocess.run(bare, capture_output=True, text=True, check=False).stderr

    assert "it took a slow step" in run()
    pretend_installed(project, "run")
    assert run() == ""


@pytest.mark.usefixtures("no_programs")
def test_what_tests_need_includes_what_running_needs_but_not_the_other_way(project: Path) -> None:
    pretend_installed(project, "run")
    assert not install.Installation(project)._is_complete("test")
    (project / ".venv" / "installed.json").unlink()
    pretend_installed(project, "test")
    assert install.main(["run"], project) == 0
    assert install.main(["test"], project) == 0


@pytest.mark.parametrize(
    "changed", ["requirements-local.txt", "local/auth_server/package-lock.json", ".venv/pyvenv.cfg"]
)
def test_a_changed_list_or_python_is_noticed(project: Path, changed: str) -> None:
    pretend_installed(project, "run")
    (project / changed).write_text("six==1.16.0\n")
    assert not install.Installation(project)._is_complete("run")


def test_a_moved_project_is_noticed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pretend_installed(project, "run")
    moved = project.rename(tmp_path_factory.mktemp("elsewhere") / "project")
    assert not install.Installation(moved)._is_complete("run")


@pytest.mark.usefixtures("no_programs")
def test_the_node_clients_are_installed_for_tests_only(project: Path) -> None:
    pretend_installed(project, "test")
    (project / "tests" / "node" / "package-lock.json").write_text("{}\n")
    assert install.main(["run"], project) == 0
    with pytest.raises(AssertionError, match="a program was run"):
        install.main(["test"], project)


@pytest.mark.slow
def test_without_a_network_there_is_one_sentence_and_pips_output_is_in_the_log(project: Path) -> None:
    (project / "local" / "install.py").write_text((PROJECT / "local" / "install.py").read_text())
    unreachable = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple", "PIP_CONFIG_FILE": os.devnull}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    ran = subprocess.run(
        [sys.executable, str(project / "local" / "install.py"), "run"],
        env=kept | unreachable,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 1
    log = project / ".venv" / "install.log"
    assert ran.stderr == (
        f"The packages could not be fetched: is there a network connection (its output is in {log})?\n"
    )
    assert "six" in log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pinned", "sentence"),
    [
        (f"--hash=sha256:{'0' * 64}", "A package is not the one that was pinned"),
        ("", "A package is pinned without a hash"),
    ],
)
def test_a_package_that_is_not_the_pinned_one_is_not_installed(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pinned: str, sentence: str
) -> None:
    shelf = project / "shelf"
    shelf.mkdir()
    with zipfile.ZipFile(shelf / "six-1.17.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("six-1.17.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\n")
        wheel.writestr("six-1.17.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("six-1.17.0.dist-info/RECORD", "six.py,,\n")
        wheel.writestr("six.py", "raise SystemExit('not the real one')")
    (project / "requirements-local.txt").write_text(f"six==1.17.0 {pinned}\n")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert install.main(["run"], project) == 1
    assert sentence in capsys.readouterr().err
    assert not list((project / ".venv").glob("lib/*/site-packages/six*"))


def test_an_old_python_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(install.InstallError, match=r"Python 3\.11 or newer is needed, and this is 3\.9"):
        install.check_python((3, 9))


def test_old_pythons_can_read_the_installer_far_enough_to_say_so() -> None:
    ast.parse((PROJECT / "local" / "install.py").read_text(), feature_version=(3, 7))


def test_without_the_venv_module_a_sentence_names_the_package_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name))
    assert install.main(["run"], project) == 1
    assert "sudo apt install python3." in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root may write to")
def test_a_folder_that_cannot_be_written_to_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["run"], Path("/proc/self")) == 1
    assert "cannot be written to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("ERROR: [Errno 28] No space left on device", "The disk is full"),
        ("npm error code EACCES", "may not write into"),
        ("npm error code ENOTFOUND", "network connection"),
        ("Collecting x\nERROR: No matching distribution found for x", "No matching distribution found for x"),
        ("", "it gave no reason"),
    ],
)
def test_each_failure_comes_down_to_one_sentence(project: Path, output: str, sentence: str) -> None:
    told = install.Installation(project)._reason(output)
    assert sentence in told
    assert "install.log" in told
    assert "\n" not in told


def test_a_second_make_waits_for_the_first_and_finds_it_done(
    project: Path, until: Until, capsys: pytest.CaptureFixture[str], no_programs: None
) -> None:
    results: list[int] = []
    handle = os.open(project, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    said = io.StringIO()
    second = threading.Thread(target=lambda: results.append(install.main(["run"], project)))
    second.start()
    until(lambda: said.write(capsys.readouterr().out) and "waiting" in said.getvalue())
    pretend_installed(project, "run")
    os.close(handle)
    second.join()
    assert results == [0]


def test_a_wrong_argument_prints_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main([]) == 2
    assert "run|test" in capsys.readouterr().err


@pytest.mark.parametrize("folder", [folder for folder, _, _ in install.node_folders_for("test")])
def test_a_lockfile_names_no_registry_and_what_it_pins_runs_nothing_when_it_is_installed(folder: str) -> None:
    lockfile = (PROJECT / folder / "package-lock.json").read_text()
    assert '"resolved"' not in lockfile
    assert "registry" not in lockfile
    wanted = json.loads((PROJECT / folder / "package.json").read_text())["dependencies"]
    locked = json.loads(lockfile)["packages"]
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert "ignore-scripts=true" in (PROJECT / folder / ".npmrc").read_text()
