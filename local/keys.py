"""The secrets of this machine's auth server: made once, kept in one file only its owner may read.

Makes and reads them; it never prints them, and knows nothing of an account's keys.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from memory.embedded.data_folder import DataFolder
from memory.errors import LocalError

__all__ = ["Keys", "keys"]


@dataclass(frozen=True)
class Keys:
    """What the auth server signs with, and the two keys it lets callers in by."""

    jwt_secret: str = field(repr=False)
    publishable_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def generate(cls) -> Keys:
        """Fresh ones."""
        return cls(
            jwt_secret=secrets.token_urlsafe(48),
            publishable_key=f"sb_publishable_{secrets.token_urlsafe(24)}",
            secret_key=f"sb_secret_{secrets.token_urlsafe(24)}",
        )


def keys(folder: DataFolder) -> Keys:
    """The keys of this data folder, made on first use."""
    path = folder.root / "keys.json"
    with folder.lock("keys").exclusively():
        if path.exists():
            return _read(path)
        made = Keys.generate()
        _write(path, made)
        return made


def _read(path: Path) -> Keys:
    try:
        stored = json.loads(path.read_text())
        values = {each.name: stored[each.name] for each in fields(Keys)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LocalError(
            f"{path} cannot be read: restore it, or delete it to make new keys (everyone signs in again)."
        ) from error
    if not all(isinstance(value, str) and len(value) >= 32 for value in values.values()):
        raise LocalError(f"{path} is damaged: restore it, or delete it to make new keys (everyone signs in again).")
    return Keys(**values)


def _write(path: Path, made: Keys) -> None:
    # A name in the same folder, renamed when complete: nobody ever reads half a file.
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".keys-")  # mkstemp makes it 0600
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(made), file, indent=2)
        file.flush()
        os.fsync(handle)
    Path(unfinished).replace(path)
