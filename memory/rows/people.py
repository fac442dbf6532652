"""What a person wishes of the remembering: their timezone, words of theirs added to the instructions, episodes."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import text

from ..database import Database
from ..errors import InvalidInput
from ..plain_text import storable

__all__ = ["People", "Person"]

MAX_WISHES = 2_000


@dataclass(frozen=True)
class Person:
    """One person's wishes; the defaults where they have said none."""

    timezone: str = "UTC"
    extract_wishes: str = ""
    update_wishes: str = ""
    episodes: bool = True  # whether what is said is kept turn by turn, and searched
    timezone_chosen: bool = False  # by the person; otherwise it is the one their browser is in

    @property
    def zone(self) -> ZoneInfo:
        """The timezone that "yesterday" is counted in."""
        return ZoneInfo(self.timezone)


class People:
    """Reads and writes one user's wishes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user_id: str) -> Person:
        """The person's wishes."""
        rows = self._database.read_as(
            user_id, "select timezone, extract_wishes, update_wishes, episodes, timezone_chosen from app.people"
        )
        return Person(**rows[0]) if rows else Person()

    def set(self, user_id: str, person: Person) -> None:
        """Keep the person's wishes."""
        if person.timezone not in available_timezones():
            raise InvalidInput(f"{person.timezone[:60]!r} is not a timezone: it should look like Europe/Lisbon.")
        if max(len(person.extract_wishes), len(person.update_wishes)) > MAX_WISHES:
            raise InvalidInput(f"Wishes for remembering have at most {MAX_WISHES:,} characters.")
        with self._database.as_user(user_id) as connection:
            connection.execute(
                text(
                    "insert into app.people (timezone, extract_wishes, update_wishes, episodes, timezone_chosen)"
                    " values (:timezone, :extract, :update, :episodes, :chosen) on conflict (user_id) do update set"
                    " timezone = :timezone, extract_wishes = :extract, update_wishes = :update,"
                    " episodes = :episodes, timezone_chosen = :chosen, updated_at = now()"
                ),
                {
                    "timezone": person.timezone,
                    "extract": storable(person.extract_wishes),
                    "update": storable(person.update_wishes),
                    "episodes": person.episodes,
                    "chosen": person.timezone_chosen,
                },
            )
