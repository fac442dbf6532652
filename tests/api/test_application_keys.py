"""`python -m api keys`: whoever deploys makes, lists and ends the keys of applications."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

import services
from api.__main__ import main
from local.stack import LocalStack
from tests.api.conftest import Caller

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def keys(stack: LocalStack, tmp_path: Path) -> Iterator[Keys]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stack.settings.items():
            patch.setenv(name, value)
        patch.chdir(tmp_path)
        yield Keys(patch)


@dataclass(frozen=True)
class Told:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


class Keys:
    """Runs the command as on the deployer's machine, in this process: starting one takes longer than the command."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def run(self, *words: str) -> Told:
        """Run the command; return what it printed."""
        self._patch.setattr(sys, "argv", ["api", "keys", *words])
        with redirect_stdout(io.StringIO()) as stdout, redirect_stderr(io.StringIO()) as stderr:
            ended = main()
        return Told(ended, stdout.getvalue(), stderr.getvalue())

    def made(self, name: str, *words: str) -> str:
        """Make a key; return it, which is the last word of what is printed."""
        return self.run(name, *words).stdout.split()[-1]


def test_the_command_works_in_a_process_of_its_own(stack: LocalStack, tmp_path: Path, kim: Caller) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "api", "keys", f"desk {uuid4()}"],
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path), "PYTHONPATH": str(PROJECT), **stack.settings},
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )
    desk = kim.with_key(made.stdout.split()[-1])
    assert desk.told("GET", "/v1/ping/")["application"]


def test_a_key_is_the_last_word_printed_is_listed_without_itself_and_ends(
    keys: Keys, home: services.Services, kim: Caller
) -> None:
    name = f"Help desk {uuid4()}"
    desk = kim.with_key(keys.made(name))
    assert desk.told("GET", "/v1/ping/")["application"] == name
    listed = keys.run().stdout
    [line] = [each for each in listed.splitlines() if name in each]
    assert re.search(r"reads and writes, ends 20\d\d-\d\d-\d\d, last used 20\d\d-\d\d-\d\d$", line)
    assert desk.key not in listed
    assert keys.run("--end", line.split()[0]).returncode == 0
    assert desk.ask("GET", "/v1/ping/").status_code == 401
    assert name not in keys.run().stdout
    again = keys.run("--end", line.split()[0])
    assert (again.returncode, again.stderr) == (1, "There is no such key.\n")


def test_a_key_can_be_one_that_only_reads_and_keys_of_a_name_are_of_one_application(keys: Keys, kim: Caller) -> None:
    name = f"desk {uuid4()}"
    writer, reader = kim.with_key(keys.made(name)), kim.with_key(keys.made(name, "--read-only", "--days", "1"))
    body = {"messages": "I keep bees.", "user_id": "alice", "infer": False}
    assert reader.ask("POST", "/v3/memories/add/", body).status_code == 403
    writer.told("POST", "/v3/memories/add/", body)
    assert reader.told("POST", "/v3/memories/", {"user_id": "alice"})["count"] == 1


def test_an_application_is_deleted_with_all_its_users_and_nobody_elses_after_a_count(
    keys: Keys, home: services.Services, kim: Caller
) -> None:
    name, other = f"desk {uuid4()}", f"shop {uuid4()}"
    desk, shop = kim.with_key(keys.made(name)), kim.with_key(keys.made(other))
    for caller in (desk, shop):
        for user in ({"user_id": "alice"}, {"user_id": "bob"}, {"agent_id": "cook"}):
            caller.told("POST", "/v3/memories/add/", {"messages": "I keep bees.", "infer": False, **user})
    kim.remembers("I keep goats.")
    counted = keys.run("--delete", name).stdout
    assert counted == (
        f"{name} with 1 key, 3 users or agents, and 3 memories would be permanently deleted. "
        "Nothing was; add --yes to do it.\n"
    )
    assert desk.told("POST", "/v3/memories/", {"user_id": "alice"})["count"] == 1
    done = keys.run("--delete", name, "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Permanently deleted: {name} with 1 key, 3 users or agents, and 3 memories.")
    assert "memories: 3" in done.stdout
    assert desk.ask("GET", "/v1/ping/").status_code == 401
    assert shop.told("POST", "/v3/memories/", {"user_id": "alice"})["count"] == 1
    assert kim.texts() == ["I keep goats."]
    again = keys.run("--delete", name)
    assert (again.returncode, "There is no application of this name" in again.stderr) == (1, True)
    anew = kim.with_key(keys.made(name))
    assert anew.told("GET", "/v1/entities/")["results"] == []


@pytest.mark.parametrize("words", [["x" * 61], [" "], ["x", "--days", "0"], ["x", "--days", "99999"], ["--end", "x"]])
def test_what_cannot_be_a_key_is_refused_with_a_sentence(keys: Keys, words: list[str]) -> None:
    refused = keys.run(*words)
    assert (refused.returncode, refused.stdout, refused.stderr.endswith(".\n")) == (1, "", True)
