"""Node's clients against the running server: our own, and npm's for mem0, OpenAI and MCP.

What they do is in tests/node; Node's own runner runs it. Here is what the server has to be, what the model behind it
was asked, and whether the types of our client are those of the API.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import services
from api.openapi import document
from local.stack import LocalStack
from memory.mcp.tools import PROMPTS, TOOLS
from tests.api.conftest import Arrives, Caller
from tests.local_stack import services_of
from tests.model_answers import Events, Item, Json, Reply, Request, chunk, sensible
from tests.model_server import ModelServer
from tests.selection import NODE, TYPESCRIPT

PROJECT = Path(__file__).parents[2]
CLIENT, PROGRAMS = PROJECT / "clients" / "node", PROJECT / "tests" / "node"
DESCRIPTION = document()


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer(dimensions=256) as server:
        server.unscripted = writes_profiles
        yield server


PROFILES = {"geese": "Keeps geese.", "viola": "Ana plays the viola.", "Ghent": "Lives in Ghent."}


def writes_profiles(request: Request) -> Item:
    """Answer a request for the page about a person with one line about what is remembered; others sensibly."""
    if "lines" not in str(request.schema):
        return sensible(request)
    written = [line for word, line in PROFILES.items() if word in str(request.body)]
    return Json({"lines": [{"text": line, "kind": "fact", "memories": [1]} for line in written[:1]]})


@pytest.fixture(scope="module")
def home(stack: LocalStack, model: ModelServer) -> Iterator[services.Services]:
    """The services of this process, with a model."""
    named = {"OPENAI_BASE_URL": model.base_url, "CHAT_MODEL": "scripted"}
    with pytest.MonkeyPatch.context() as patch, services_of(stack, patch, **named) as built:
        yield built


Runs = Callable[..., None]


@pytest.fixture
def node(host: str, tmp_path: Path) -> Runs:
    """Runs one file of tests under Node against the running server; what it prints is shown if one fails."""

    def run(file: str, **server: Any) -> None:
        told = {"host": host, **server}
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "MEM0_TELEMETRY": "false",
            "KEEPSAKE_TEST_SERVER": json.dumps(told),
        }
        command: list[str | Path] = [NODE, "--test", "--test-reporter=spec", PROGRAMS / file]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def person(caller: Caller) -> dict[str, str]:
    return {"id": caller.user_id, "key": caller.key}


def test_our_own_client_makes_every_call(node: Runs, arrives: Arrives, shop: Caller) -> None:
    asked, spent = arrives(), arrives()
    asked.is_asked("I live in Porto.", "I live in Rome.")
    said = asked.home.conversations.say(asked.user_id, None, "Where do I live?")
    asked.home.conversations.reply(
        said, "In Porto.", "complete", {"memories": [{"id": "1", "text": "I live in Porto"}]}
    )
    with spent.home.database.as_user(spent.user_id) as connection:
        spends = (
            "insert into app.counts (what, amount, ends_at) values ('messages-day', 1e6, now() + interval '1 hour')"
        )
        connection.exec_driver_sql(spends)
    people = {"kim": arrives(), "asked": asked, "spent": spent, "reader": arrives(can_write=False), "shop": shop}
    known = {name: person(each) for name, each in people.items()}
    node("keepsake.test.js", description=DESCRIPTION, **known)


def test_npms_client_of_mem0_works_unchanged(node: Runs, arrives: Arrives, shop: Caller) -> None:
    node("mem0ai.test.js", dave=person(arrives()), shop=person(shop))


def test_npms_client_of_openai_gets_a_model_with_memory(node: Runs, kim: Caller, model: ModelServer) -> None:
    [oboe] = kim.remembers("I play the oboe.")
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Ghent"}'}}
    calling = Events([chunk({"tool_calls": [{"index": 0, **call}]}), chunk({}, "tool_calls")])
    said = [Reply(f"{words} oboe.") for words in ("The", "It is the", "Once more the")]
    model.enqueue_replies(*said, calling, Reply("It rains."), Reply("A red square."))
    before = len(model.chats)
    node("openai.test.js", kim=person(kim), oboe=oboe, picture=picture())
    asked = [each.body["messages"] for each in model.chats[before:] if each.streams]
    assert "I play the oboe." in asked[0][0]["content"]
    assert [each["role"] for each in asked[4]] == ["system", "user", "assistant", "tool"]
    assert asked[5][1]["content"][1]["image_url"]["url"] == picture()
    assert "oboe" not in str(asked[6])


def picture() -> str:
    held = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(held, "PNG")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode()


def test_the_client_of_mcps_typescript_sdk_uses_every_tool(
    node: Runs, arrives: Arrives, shop: Caller, stack: LocalStack
) -> None:
    desktop = arrives()
    stdio = {
        "command": sys.executable,
        "args": ["-m", "memory.mcp", "--user", desktop.user_id],
        "cwd": str(PROJECT),
        "env": dict(stack.settings),
    }
    offered = {"tools": [each.name for each in TOOLS], "prompts": [each.name for each in PROMPTS]}
    people = {"kim": arrives(), "reader": arrives(can_write=False), "shop": shop}
    node("mcp.test.js", stdio=stdio, **offered, **{name: person(each) for name, each in people.items()})


def run(*command: str | Path, given: str = "") -> str:
    """Run a program of Node; return what it prints."""
    done = subprocess.run(
        [NODE, *command], cwd=PROJECT, input=given, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_types_of_our_client_are_made_from_the_description() -> None:
    made = run(CLIENT / "write_types.js", given=json.dumps(DESCRIPTION))
    assert (CLIENT / "types.d.ts").read_text() == made, "run: make client"


@pytest.mark.slow
@pytest.mark.typescript
def test_typescript_finds_no_mistake_in_our_client_and_tells_programs_what_it_takes(tmp_path: Path) -> None:
    run(TYPESCRIPT, "--project", CLIENT, "--outDir", tmp_path)
    assert (CLIENT / "index.d.ts").read_text() == (tmp_path / "index.d.ts").read_text(), "run: make client"
    options = "--noEmit --strict --target es2022 --module nodenext --lib es2023,dom --allowImportingTsExtensions"
    run(TYPESCRIPT, *options.split(), PROGRAMS / "typed.ts")


def test_the_readme_of_our_client_names_every_method() -> None:
    methods = set(re.findall(r"^    (\w+)\(", (CLIENT / "index.d.ts").read_text(), re.MULTILINE)) - {"constructor"}
    assert len(methods) > 20
    assert methods <= set(re.findall(r"`(\w+)\(", (CLIENT / "README.md").read_text()))


def test_our_client_needs_no_other_package() -> None:
    package = json.loads((CLIENT / "package.json").read_text())
    assert (package["name"], package["type"], package["engines"]) == ("keepsake-client", "module", {"node": ">=18"})
    assert not {"dependencies", "peerDependencies", "optionalDependencies"} & package.keys()
    assert all((CLIENT / each).exists() for each in package["files"])
