"""`python -m chat` in a process of its own, with input from a keyboard or a file."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.__main__ import Terminal
from chat.conversations import Conversations
from chat.preferences import Preferences, PreferenceStore
from chat.turn import ChatServices
from memory import Memory
from memory.database import Database
from tests.chat.conftest import Say, Sql, chats_of
from tests.local.conftest import PROJECT, processes_in
from tests.model_answers import Fault, Gate, Json, Reply, Slow
from tests.model_server import ModelServer

LIMIT = 60.0
CATS = "I live in Utrecht with two cats."


class Talk:
    """Terminal chats on one database."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        # A proxy cannot reach the servers of a test.
        self.environment = kept | {"HOME": str(folder), "PYTHONPATH": str(PROJECT), "NO_PROXY": "127.0.0.1"} | settings
        self.begun: list[subprocess.Popen[str]] = []

    def __call__(self, *lines: str, code: int = 0, user: str = "dave") -> str:
        """Run it with these lines as a file; return what it printed."""
        process = self.begin(user)
        printed, complaints = process.communicate("".join(f"{line}\n" for line in lines), timeout=LIMIT)
        # Nothing at all, or one sentence and no traceback.
        assert (process.returncode, complaints.count("\n")) == (code, code), complaints
        return printed + complaints

    def begin(self, user: str = "dave") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "chat", "--user", user],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.begun.append(process)
        return process

    def end(self) -> None:
        for process in self.begun:
            process.kill()
            process.communicate()


@pytest.fixture
def talk(tmp_path: Path, database: Database) -> Iterator[Talk]:
    made = Talk(tmp_path, DATABASE_URL=database.url, DATABASE_ADMIN_URL=database.admin_url)
    yield made
    made.end()


@pytest.fixture
def talk_with_model(talk: Talk, model_server: ModelServer) -> Talk:
    talk.environment |= {
        "OPENAI_BASE_URL": model_server.base_url,
        "OPENAI_API_KEY": "k",
        "EMBED_MODEL": "wordllama-256",
    }
    return talk


def wait_for(process: subprocess.Popen[str], words: str, printed: str = "") -> str:
    """Read until it has printed these words; return everything it has printed so far."""
    assert process.stdout is not None
    deadline = time.monotonic() + LIMIT
    while words not in printed:
        ready, _, _ = select.select([process.stdout], [], [], max(0, deadline - time.monotonic()))
        piece = os.read(process.stdout.fileno(), 10_000).decode() if ready else ""
        assert piece, f"it never said {words!r}, but: {printed}"
        printed += piece
    return printed


def type_in(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


# -- without a model -----------------------------------------------------------------------------------


def test_a_new_chat_shows_the_memory_of_the_old_one_with_its_score(talk: Talk) -> None:
    printed = talk(CATS, "/new", "Where do I live?")
    assert printed.count(f"remembered: {CATS}") == 1
    first, _, asked = printed.partition("new chat")
    assert "Noted: you live in Utrecht with two cats." in first
    assert re.search(
        rf"recalled 0\.\d\d: {re.escape(CATS)}\nYou live in Utrecht with two cats\. You told me today\.", asked
    )
    assert "\x1b" not in printed


def test_another_run_remembers_and_another_person_does_not(talk: Talk) -> None:
    talk(CATS)
    assert f": {CATS}" in talk("Where do I live?")
    assert "Utrecht" not in talk("Where do I live?", user="eve")


def test_what_is_listed_can_be_looked_up_and_forgotten_by_its_number(talk: Talk, memory: Memory) -> None:
    memory.add("I like green tea.", user_id="dave")
    memory.add(CATS, user_id="dave")
    printed = talk("/memories", "/history 2", "/forget 2", "/forget 2", "/memories")
    assert f"1: {CATS}\n  2: I like green tea.\n" in printed
    assert re.search(r"20\d\d-\d\d-\d\dT\d\d:\d\d add by rules: I like green tea\.\n", printed)
    assert "forgotten: I like green tea.\n  problem: There is no such memory.\n" in printed
    assert printed.endswith(f"1: {CATS}\n")


def test_what_is_asked_to_be_forgotten_is_found_and_forgotten_after_a_confirmation(talk: Talk, memory: Memory) -> None:
    memory.add("I like green tea.", user_id="dave")
    memory.add("My birthday is 3 May.", user_id="dave")
    printed = talk("Forget my birthday", "/memories")
    assert "Nothing is forgotten until you confirm." in printed
    assert "/forget 1: My birthday is 3 May." in printed
    assert "1: My birthday is 3 May." in printed.partition("/forget 1")[2]
    printed = talk("Forget my birthday", "/forget 1", "/memories")
    assert "forgotten: My birthday is 3 May." in printed
    assert printed.endswith("1: I like green tea.\n")


def test_if_remembering_takes_longer_the_chat_says_so(
    memory: Memory, conversations: Conversations, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody_works = ChatServices(conversations, memory, None, lambda: None, noting_seconds=0.1)
    Terminal("dave", memory, conversations, nobody_works, wait_seconds=0.1).handle(CATS)
    assert (
        "not remembered yet: this takes longer than usual and continues in the background\n" in capsys.readouterr().out
    )


def test_if_remembering_is_switched_off_the_chat_says_so_at_once(
    memory: Memory, conversations: Conversations, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    preferences = PreferenceStore(database)
    preferences.set("dave", Preferences(writes_memory=False))
    chat = ChatServices(conversations, memory, None, lambda: None)
    Terminal("dave", memory, conversations, chat).handle(CATS)
    assert "Learning is off here, so I kept nothing.\n" in capsys.readouterr().out


def test_a_message_that_is_too_long_is_refused_and_the_chat_goes_on(talk: Talk) -> None:
    printed = talk("x" * 32_001, "/memories")
    assert re.search("problem: Your message has 32,001 characters.*\n  memories: none yet", printed)


@pytest.mark.parametrize("number", ["", "0", "-1", "2", "x", "1 2", "9" * 30, "²"])
def test_a_number_that_is_not_in_the_list_is_refused_and_the_chat_goes_on(
    memory: Memory, number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.add(CATS, user_id="dave")
    Terminal("dave", memory, None, None).handle(f"/forget {number}")  # type: ignore[arg-type]
    assert "problem: Which one" in capsys.readouterr().out
    assert len(memory.get_all(user_id="dave")["results"]) == 1


def test_slashes_begin_commands_or_words_and_an_unknown_command_is_reported(talk: Talk) -> None:
    printed = talk("/help", "/dance", "", "/etc/hosts is a file.", "/quit", "never read")
    assert printed.count("/forget N") == 1
    assert "problem: There is no command /dance" in printed
    assert printed.count("No language model is connected") == 1


def test_control_characters_are_not_printed(talk: Talk, memory: Memory) -> None:
    memory.add("I like \x1b[31mred\x1b]0;title\x07 and \x9b2J tea.\r", user_id="dave", infer=False)
    printed = talk("/memories", "What do I like?\x1b[2J")
    assert "red" in printed
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", printed)


def test_bytes_that_are_no_text_are_accepted(talk: Talk) -> None:
    process = talk.begin()
    assert process.stdin is not None
    os.write(process.stdin.fileno(), b"I like caf\xe9s and \xff tea.\n")
    assert "I like caf\ufffds and \ufffd tea." in process.communicate(timeout=LIMIT)[0]
    assert process.returncode == 0


# -- with a model --------------------------------------------------------------------------------------


def test_a_model_replies_from_memory_and_says_what_to_remember(
    talk_with_model: Talk, model_server: ModelServer
) -> None:
    printed = talk_with_model(CATS, "/new", "Where do I live?")
    assert f"remembered: {CATS}" in printed
    assert re.search(rf"recalled 0\.\d\d: {re.escape(CATS)}\nI remember: {re.escape(CATS)}", printed)
    assert any(CATS in request.said("system") for request in model_server.chats if request.streams)


def test_a_reply_is_printed_while_it_is_written(talk_with_model: Talk, model_server: ModelServer) -> None:
    gate = Gate()
    model_server.enqueue(Slow(["One ", "two ", "three."], gate))
    process = talk_with_model.begin()
    type_in(process, "Thanks!")
    gate.let()
    printed = wait_for(process, "One ")
    assert "two" not in printed
    gate.open()
    assert "three." in process.communicate(timeout=LIMIT)[0]
    assert process.returncode == 0


def test_a_stopped_reply_is_saved_as_far_as_it_was_written_and_the_chat_goes_on(
    talk_with_model: Talk, model_server: ModelServer, conversations: Conversations
) -> None:
    model_server.enqueue(Slow(["Half a ", "reply."], gate := Gate()))
    process = talk_with_model.begin()
    type_in(process, "Thanks!")
    gate.let()
    wait_for(process, "Half a ")
    process.send_signal(signal.SIGINT)
    wait_for(process, "stopped")
    printed, complaints = process.communicate("Thanks again!\n", timeout=LIMIT)
    assert "You said: Thanks again!" in printed
    assert (process.returncode, complaints) == (0, "")
    [chat] = chats_of(conversations).recent("dave")
    said = [(each.content, each.status) for each in conversations.messages("dave", chat.id)]
    assert said[:3] == [("Thanks!", "complete"), ("Half a ", "stopped"), ("Thanks again!", "complete")]


def test_an_error_of_the_model_is_printed_and_the_chat_goes_on(
    talk_with_model: Talk, model_server: ModelServer
) -> None:
    def refuse(_: object) -> Fault:
        return Fault(401)

    model_server.enqueue(*[refuse] * 4)
    printed = talk_with_model(CATS, "/memories")
    assert printed.count("problem: ") == 1
    assert re.search(r"not remembered yet: .*key.*\n  memories: none yet", printed)


def test_a_refused_memory_is_printed_with_its_reason(talk_with_model: Talk, model_server: ModelServer) -> None:
    invented = {"action": "add", "target": None, "text": "Has a dog", "kind": "fact", "quote": "my dog Rex"}
    more: dict[str, object] = {"happened_at": None, "language": "en", "entities": [], "relations": [], "reason": ""}
    model_server.enqueue(Reply("I see."), Json({"operations": [invented | more]}))
    assert re.search(r"not kept: Has a dog \(.*in that message.*\)", talk_with_model("I have bees in Delft."))


# -- beginning and ending ------------------------------------------------------------------------------


@pytest.fixture
def at_home() -> Iterator[Talk]:
    """A terminal chat without any settings, in a folder of its own."""
    # Not pytest's folder: another run that begins meanwhile closes it to the server's account.
    with tempfile.TemporaryDirectory(prefix="keepsake-terminal-") as folder:
        made = Talk(Path(folder), OLLAMA_HOST="127.0.0.1:1")
        yield made
        made.end()
        left = processes_in(Path(folder))
        for process in left:
            process.kill()
        assert not left, f"left behind: {left}"


def test_it_needs_no_settings_and_leaves_no_process_behind(at_home: Talk) -> None:
    assert f"remembered: {CATS}" in at_home(CATS, "/quit")
    assert processes_in(at_home.folder) == []
    assert f": {CATS}" in at_home("/memories")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_ended_by_a_signal_it_leaves_no_process_behind_either(at_home: Talk, sent: signal.Signals) -> None:
    process = at_home.begin()
    type_in(process, "/memories")
    wait_for(process, "memories: none yet")
    process.send_signal(sent)
    assert process.wait(LIMIT) == 128 + sent
    assert processes_in(at_home.folder) == []


def test_a_closed_output_is_no_error(talk: Talk) -> None:
    process = talk.begin()
    assert process.stdout is not None
    wait_for(process, "Keepsake")
    process.stdout.close()
    _, complaints = process.communicate("/help\n/help\n", timeout=LIMIT)
    assert (process.returncode, complaints) == (0, "")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "mysql://host/x", "DATABASE_URL must be a Postgres address"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x", "Nothing answers"),
        ("EMBED_MODEL", "some-model", "EMBED_MODEL is set, but not where it is"),
        ("EXTRACT_PROMPT", "nowhere.md", "EXTRACT_PROMPT names the file"),
    ],
)
def test_wrong_settings_are_one_sentence(talk: Talk, name: str, value: str, sentence: str) -> None:
    talk.environment[name] = value
    assert sentence in talk("hello", code=1)


def test_an_empty_name_is_no_user(talk: Talk) -> None:
    assert "A user id is missing" in talk("hello", code=1, user=" ")


def test_at_a_keyboard_notes_are_dim_and_ctrl_d_leaves(talk: Talk, memory: Memory) -> None:
    memory.add(CATS, user_id="dave")
    keyboard, screen = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "chat", "--user", "dave"],
        cwd=talk.folder,
        env=talk.environment | {"TERM": "xterm"},
        stdin=screen,
        stdout=screen,
        stderr=screen,
        start_new_session=True,
    )
    os.close(screen)
    try:
        _read(keyboard, "› ")
        os.write(keyboard, b"/memories\n")
        # Not before it asks again: between two lines a terminal takes Ctrl-D for itself.
        printed = _read(keyboard, "\n› ")
        os.write(keyboard, b"\x04")
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()
        process.wait()
        os.close(keyboard)
    assert f"\x1b[2m  1: {CATS}\x1b[0m" in printed


def _read(descriptor: int, words: str) -> str:
    printed = b""
    deadline = time.monotonic() + LIMIT
    while words.encode() not in printed:
        ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
        assert ready, printed
        printed += os.read(descriptor, 10_000)
    return printed.decode()


def test_a_command_lets_what_failed_be_tried_again(
    database: Database, conversations: Conversations, waiting: Say, sql: Sql, tmp_path: Path
) -> None:
    def command(*options: str) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(PROJECT), "NO_PROXY": "*"}
        environment |= {"DATABASE_URL": database.url, "EMBED_MODEL": "wordllama-256"}
        asked = [sys.executable, "-m", "chat", "retry", *options]
        done = subprocess.run(asked, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    waiting()
    waiting("I have a dog.", "bob")
    waiting("I have a cat.", "cid")
    sql("update app.messages set remembering = 'given up' where role = 'user'")
    assert command("--user", "bob") == "One message is tried again, as soon as the app runs."
    assert command() == "2 messages are tried again, as soon as the app runs."
    assert command() == "Nothing failed: there is nothing to try again."
    assert sql("select distinct remembering from app.messages where role = 'user'") == [("waiting",)]
