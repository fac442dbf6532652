"""Dockerfile and compose.yaml, as far as they can be tried without a container."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from auth.client import LINK_KINDS
from settings import Settings

PROJECT = Path(__file__).parents[2]
DOCKERFILE = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ")
IGNORED = (PROJECT / ".dockerignore").read_text().splitlines()
COMPOSE: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "app", "api")


def instructions(name: str) -> list[str]:
    """What stands behind this word in the Dockerfile."""
    return re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)


def copied() -> list[tuple[str, str]]:
    """Every source that the image copies, and where to."""
    words = [each.split() for each in instructions("COPY")]
    return [(source, each[-1]) for each in words for source in each[:-1]]


def test_what_the_image_copies_is_there_and_reaches_the_builder() -> None:
    assert [source for source, _ in copied() if not (PROJECT / source).exists()] == []
    assert {source for source, _ in copied()} == {line[1:] for line in IGNORED if line.startswith("!")}
    assert "*" in IGNORED


def test_the_app_the_api_and_the_commands_load_from_what_the_image_copies(tmp_path: Path) -> None:
    for source, target in copied():
        place = tmp_path / (f"{target}{source}" if target.endswith("/") else target)
        place.parent.mkdir(parents=True, exist_ok=True)
        if (PROJECT / source).is_dir():
            shutil.copytree(PROJECT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PROJECT / source, place)
    program = "import app, api.__main__, doctor, limits.__main__, migrations, chat.__main__"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr


def test_the_image_runs_as_nobody_special_and_asks_health_at_its_own_port() -> None:
    [user], [port], [health] = instructions("USER"), instructions("EXPOSE"), instructions("HEALTHCHECK")
    assert user.split(":")[0].isdigit()
    assert int(user.split(":")[0]) > 0
    assert f"localhost:{port}/health" in health
    assert f"--server.port={port}" in instructions("CMD")[-1]
    assert "--require-hashes" in instructions("RUN")[-1]
    assert not re.search(r"^(?:ADD|ARG)\b", DOCKERFILE, re.MULTILINE)


def test_every_image_has_a_version() -> None:
    named = instructions("FROM") + [each["image"] for each in SERVICES.values() if "image" in each]
    assert len(named) == 4
    for each in named:
        assert re.search(r":v?\d+\.\d+", each), each


def test_every_setting_in_compose_is_one_of_the_app() -> None:
    known = {each.name.upper() for each in fields(Settings)}
    for name in OURS:
        assert SERVICES[name]["environment"].keys() <= known, name
    assert COMPOSE["x-settings"].keys() >= {"SUPABASE_URL", "SUPABASE_KEY", "DATABASE_URL", "OPENAI_API_KEY"}
    assert "DATABASE_ADMIN_URL" not in COMPOSE["x-settings"]


def test_every_setting_is_reached_from_the_file_beside_compose_and_is_the_usual_one_without() -> None:
    own = {"DATABASE_ADMIN_URL", "DATA_DIR", "MEMORY_USER", "PORT", "API_PORT"}  # of containers, or of other commands
    shown = COMPOSE["x-settings"]
    assert {each.name.upper() for each in fields(Settings)} == shown.keys() | own
    written = {name for name, value in shown.items() if f"${{{name}" in value}
    assert shown.keys() - written == {"SUPABASE_URL", "SUPABASE_KEY", "DATABASE_URL", "LOG_FORMAT"}
    given = {
        "SUPABASE_URL": "http://gateway:8000",
        "SUPABASE_KEY": "sb_publishable_x",
        "DATABASE_URL": "postgresql://x",
        "OPENAI_API_KEY": "any",
    }
    left_empty = dict.fromkeys((name for name in written if shown[name].endswith(":-}")), "")
    assert Settings.read(given | left_empty) == Settings.read(given)


def test_no_secret_stands_in_a_file() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if "@" in str(value) or re.search(r"PASS|SECRET|TOKEN|API_KEY", name):
                assert "${" in str(value), name
    for text in (DOCKERFILE, (PROJECT / "compose.yaml").read_text()):
        assert not re.search(r"sk-\w|sb_secret_|eyJ|[0-9a-f]{32}", text)


def test_what_compose_names_is_there_and_is_served_to_this_machine_only() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= SERVICES.keys()
        assert {each["source"] for each in service.get("configs", [])} <= COMPOSE["configs"].keys()
        assert {each.split(":")[0] for each in service.get("volumes", [])} <= COMPOSE["volumes"].keys()
        assert all(each.startswith("127.0.0.1:") for each in service.get("ports", []))
    assert {name for name, each in SERVICES.items() if "ports" in each} == {"app", "api"}
    assert not any(each.get("privileged") for each in SERVICES.values())


@pytest.mark.parametrize("name", ["signup", "magiclink", "recovery", "email_change"])
def test_the_mails_lead_to_the_app_as_the_deploy_steps_say(name: str) -> None:
    link = f"{{{{ .SiteURL }}}}/?token_hash={{{{ .TokenHash }}}}&type={name}"
    assert name in LINK_KINDS
    assert link in COMPOSE["configs"][name]["content"]
    assert f"`{link}`" in (PROJECT / "README.md").read_text()


def test_the_tokens_of_the_auth_server_name_the_address_that_the_app_expects() -> None:
    issuer = SERVICES["auth"]["environment"]["GOTRUE_JWT_ISSUER"]
    assert issuer == f"{COMPOSE['x-settings']['SUPABASE_URL']}/auth/v1"
