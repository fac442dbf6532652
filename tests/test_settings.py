"""Settings: where each is read from, and the sentence for those that cannot work together."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import urlsafe_b64encode
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest

import settings as settings_module
from memory.errors import SettingsError
from settings import Settings

PROJECT = Path(__file__).parent.parent
ACCOUNT = {
    "SUPABASE_URL": "https://abcdefgh.supabase.co",
    "SUPABASE_KEY": "sb_publishable_abc",
    "DATABASE_URL": "postgresql://app:pg-pass@pooler.example:5432/postgres",
}
EVERYTHING = ACCOUNT | {
    "DATABASE_ADMIN_URL": "postgres://admin:admin-pass@pooler.example/postgres",
    "DATABASE_READ_URL": "postgres://app:pg-pass@replica.example/postgres",
    "OPENAI_API_KEY": "sk-chat",
    "OPENAI_BASE_URL": "http://localhost:11434/v1",
    "CHAT_MODEL": "chatty",
    "PRICE_IN": "0.75",
    "PRICE_OUT": "4.5",
    "CHAT_MODELS": "chatty, wordy",
    "MEMORY_MODEL": "thinker",
    "EXTRACT_PROMPT": "Keep what matters.",
    "UPDATE_PROMPT": "prompts/update.md",
    "EMBED_MODEL": "vectors",
    "EMBED_BASE_URL": "https://embed.example/v1",
    "EMBED_API_KEY": "sk-embed",
    "EMBED_DIMENSIONS": "384",
    "RERANKER": "model",
    "ADMISSION": "list",
    "ADMITTED": "dave@example.com, @example.org",
    "TRUSTED_PROXIES": "10.0.0.0/8",
    "SECOND_LOOKS": "1",
    "SIGN_IN_ATTEMPTS": "3",
    "MESSAGES_PER_MINUTE": "4",
    "MESSAGES_PER_DAY": "5",
    "TOKENS_PER_DAY": "6",
    "ALL_TOKENS_PER_DAY": "7",
    "MESSAGE_CHARACTERS": "8",
    "MEMORIES_PER_PERSON": "9",
    "UPLOADS_PER_DAY": "10",
    "MEGABYTES_PER_PERSON": "11",
    "MEMORY_TOKENS_PER_DAY": "12",
    "MEMORY_INDEX": "qdrant:http://qdrant:6333",
    "MEMORY_INDEX_KEY": "qd-key",
    "MEMORY_INDEX_MILLISECONDS": "150",
    "MEMORY_USER": "dave",
    "DATA_DIR": "somewhere",
    "PEOPLE_AT_ONCE": "50",
    "PORT": "9000",
    "API_PORT": "9001",
    "API_CALLS_PER_MINUTE": "13",
    "APPLICATION_CALLS_PER_MINUTE": "14",
    "METRICS_TOKEN": "0123456789abcdef",
    "LOG_FORMAT": "json",
}
NAMES = [each.name for each in fields(Settings)]


def test_every_setting_has_an_example_here() -> None:
    assert sorted(EVERYTHING) == sorted(name.upper() for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_is_read_under_its_own_name(name: str) -> None:
    read = getattr(Settings.read(EVERYTHING), name)
    assert str(read) == EVERYTHING[name.upper()]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_source_that_has_a_name_wins_and_the_next_fills_in(name: str) -> None:
    without = {key: value for key, value in EVERYTHING.items() if key != name.upper()}
    assert Settings.read(without, EVERYTHING) == Settings.read(EVERYTHING)
    assert Settings.read(EVERYTHING, {name.upper(): "never looked at"}) == Settings.read(EVERYTHING)


def test_numbers_and_folders_are_converted() -> None:
    read = Settings.read(EVERYTHING)
    assert (read.port, read.embed_dimensions, read.data_dir) == (9000, 384, Path("somewhere"))


def test_a_number_in_toml_is_accepted_like_text() -> None:
    assert Settings.read({"PORT": 9000}).port == 9000


def test_no_setting_at_all_is_a_valid_configuration() -> None:
    read = Settings.read({})
    assert (read.hosted, read.has_model, read.has_embedder, read.port) == (False, False, False, 8501)


@pytest.mark.parametrize("empty", ["", "   ", "\n"])
def test_an_empty_value_counts_as_unset_and_the_next_source_is_asked(empty: str) -> None:
    assert Settings.read({"CHAT_MODEL": empty}, {"CHAT_MODEL": "from below"}).chat_model == "from below"
    assert Settings.read(dict.fromkeys(EVERYTHING, empty)) == Settings.read({})


def test_spaces_around_a_pasted_value_are_not_part_of_it() -> None:
    assert Settings.read({"OPENAI_API_KEY": " sk-chat \n"}).openai_api_key == "sk-chat"


def test_settings_cannot_be_changed_later() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings.read({}).port = 1  # type: ignore[misc]


def _run_elsewhere(folder: Path, environment: dict[str, str]) -> Any:
    """What a process started in this folder reads, Streamlit's secrets included."""
    script = (
        "import streamlit, json, settings; from memory.settings import chosen; s = settings.settings();"
        "print(json.dumps([s.chat_model, s.memory_model, s.embed_model,"
        " chosen('embed_model'), chosen('port')]))"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={"PYTHONPATH": str(PROJECT), "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(outcome.stdout.strip().splitlines()[-1])


def test_the_environment_comes_before_the_env_file_and_streamlit_secrets_fill_in(tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text('EMBED_MODEL = "secrets"\n')
    (tmp_path / ".env").write_text("CHAT_MODEL=file\nMEMORY_MODEL=file\n")
    read = _run_elsewhere(tmp_path, {"CHAT_MODEL": "environment"})
    assert read == ["environment", "file", "secrets", True, False]


def test_settings_are_read_once_for_a_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHAT_MODEL", "first")
    settings_module.settings.cache_clear()
    try:
        assert settings_module.settings().chat_model == "first"
        monkeypatch.setenv("CHAT_MODEL", "second")
        assert settings_module.settings().chat_model == "first"
    finally:
        settings_module.settings.cache_clear()


@pytest.mark.parametrize("missing", sorted(ACCOUNT))
def test_a_half_set_account_names_what_is_missing(missing: str) -> None:
    half = {name: value for name, value in ACCOUNT.items() if name != missing}
    with pytest.raises(SettingsError) as raised:
        Settings.read(half)
    assert str(raised.value).startswith(f"{missing} is missing")
    assert all(name in str(raised.value) for name in half)


@pytest.mark.parametrize("alone", sorted(ACCOUNT))
def test_one_part_of_an_account_alone_names_the_other_two(alone: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.read({alone: ACCOUNT[alone]}).check_account()
    before, _, _ = str(raised.value).partition(":")
    assert all(name in before for name in ACCOUNT if name != alone)


def test_a_database_alone_is_enough_for_the_library() -> None:
    assert Settings.read({"DATABASE_URL": ACCOUNT["DATABASE_URL"]}).database_url == ACCOUNT["DATABASE_URL"]


def test_the_old_kind_of_secret_key_is_refused_too() -> None:
    payload = urlsafe_b64encode(json.dumps({"iss": "supabase", "role": "service_role"}).encode()).decode().rstrip("=")
    with pytest.raises(SettingsError, match="secret key"):
        Settings.read(EVERYTHING | {"SUPABASE_KEY": f"eyJhbGciOiJIUzI1NiJ9.{payload}.signature"})


def test_the_old_kind_of_public_key_is_accepted() -> None:
    payload = urlsafe_b64encode(json.dumps({"iss": "supabase", "role": "anon"}).encode()).decode().rstrip("=")
    key = f"eyJhbGciOiJIUzI1NiJ9.{payload}.signature"
    assert Settings.read(ACCOUNT | {"SUPABASE_KEY": key, "OPENAI_API_KEY": "sk-x"}).supabase_key == key


def test_unreadable_streamlit_secrets_are_reported(tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text("CHAT_MODEL = [broken")
    script = "import streamlit, settings\ntry: settings.settings()\nexcept Exception as error: print(repr(error))"
    outcome = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "SettingsError" in outcome.stdout
    assert "secrets cannot be read" in outcome.stdout


def test_an_account_without_any_model_is_told_to_set_a_key() -> None:
    with pytest.raises(SettingsError, match=r"^OPENAI_API_KEY is missing"):
        Settings.read(ACCOUNT)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL", "EMBED_BASE_URL"])
def test_an_account_with_any_embedding_address_is_complete(name: str) -> None:
    read = Settings.read(ACCOUNT, {name: EVERYTHING[name]})
    assert read.hosted
    assert read.has_embedder


def test_a_secret_key_is_refused_and_not_repeated() -> None:
    with pytest.raises(SettingsError, match="publishable") as raised:
        Settings.read(EVERYTHING | {"SUPABASE_KEY": "sb_secret_abcdef"})
    assert "abcdef" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("PORT", value) for value in ("0", "65536", "-1", "80.5", "http", "1e3", "8501\n8502")],
        *[("EMBED_DIMENSIONS", value) for value in ("0", "16001", "many", "-5")],
        *[("SUPABASE_URL", value) for value in ("abcdefgh.supabase.co", "postgresql://x", "ftp://x")],
        *[("DATABASE_URL", value) for value in ("https://x", "mysql://x", "host=x")],
        ("DATABASE_ADMIN_URL", "sqlite:///x"),
        ("OPENAI_BASE_URL", "localhost:11434"),
        ("EMBED_BASE_URL", "embed.example"),
        ("CHAT_MODEL", "one\ntwo"),
        ("OPENAI_API_KEY", "sk-\x00"),
    ],
)
def test_an_invalid_value_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} "):
        Settings.read(EVERYTHING | {name: value})


@pytest.mark.parametrize("value", ["postgres://h/d", "postgresql://h/d", "postgresql+psycopg2://h/d"])
def test_every_form_of_a_postgres_address_is_accepted(value: str) -> None:
    assert Settings.read(EVERYTHING | {"DATABASE_URL": value}).database_url == value


def test_printing_settings_shows_no_secret() -> None:
    shown = repr(Settings.read(EVERYTHING))
    for secret in ("sb_publishable_abc", "pg-pass", "admin-pass", "sk-chat", "sk-embed"):
        assert secret not in shown
    assert "chatty" in shown


def test_a_sentence_about_an_address_does_not_repeat_its_password() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.read(EVERYTHING | {"DATABASE_URL": "https://app:pg-pass@host"})
    assert "pg-pass" not in str(raised.value)


@pytest.mark.parametrize("price", ["-1", "1,50", "free", "1e3", "٣", "0.", "9999999", "nan"])
def test_an_invalid_price_is_refused_with_an_example(price: str) -> None:
    with pytest.raises(SettingsError, match=r"PRICE_IN must be an amount in dollars such as 0\.75"):
        Settings.read({"PRICE_IN": price, "PRICE_OUT": "1"})


def test_one_price_without_the_other_is_refused() -> None:
    with pytest.raises(SettingsError, match="PRICE_IN and PRICE_OUT go together"):
        Settings.read({"PRICE_IN": "1"})
