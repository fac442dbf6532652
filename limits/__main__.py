"""Makes invitations: `python -m limits --count 3 --days 14`, with DATABASE_ADMIN_URL set.

Each invitation lets one address make an account. It is printed once; the database stores only its hash.
"""

from __future__ import annotations

import argparse

from limits.admission import invite
from memory.database import connect, translating
from memory.errors import AppError, SettingsError
from settings import settings


def main() -> None:
    """Make invitations and print them, one a line."""
    parser = argparse.ArgumentParser(
        prog="python -m limits", description="Make invitations: each lets one address sign up."
    )
    parser.add_argument("--count", type=_whole, default=1, help="how many invitations to make")
    parser.add_argument("--days", type=_whole, default=14, help="for how many days each can be used")
    arguments = parser.parse_args()
    try:
        for code in _invitations(arguments.count, arguments.days):
            print(code)
    except AppError as error:
        raise SystemExit(str(error)) from error


def _invitations(count: int, days: int) -> list[str]:
    wanted = settings()
    url = wanted.database_admin_url or wanted.database_url
    if url is None:
        raise SettingsError("DATABASE_ADMIN_URL is missing: it names the database that the invitations are for.")
    setting = "DATABASE_ADMIN_URL" if wanted.database_admin_url else "DATABASE_URL"
    admin = connect(url, setting, pool_size=1, max_overflow=0)
    try:
        with translating(url, setting), admin.begin() as connection:
            return [invite(connection, days) for _ in range(count)]
    finally:
        admin.dispose()


def _whole(written: str) -> int:
    if not written.isdecimal() or not 1 <= int(written) <= 1_000:
        raise argparse.ArgumentTypeError("a whole number from 1 to 1000")
    return int(written)


if __name__ == "__main__":
    main()
