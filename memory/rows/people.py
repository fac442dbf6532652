"""A person's settings for remembering (`app.people`): timezone, additional instructions, whether to keep episodes."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import text

from ..database import Database, Reading
from ..errors import InvalidInput
from ..plain_text import storable

__all__ = ["People", "Person", "person_reading"]

MAX_WISHES = 2_000


@dataclass(frozen=True)
class Person:
    """One person's settings for remembering, with the defaults for what they have not set."""

    timezone: str = "UTC"
    extract_wishes: str = ""
    update_wishes: str = ""
    episodes: bool = True  # whether messages are kept as episodes and searched
    timezone_chosen: bool = False  # by the person; otherwise the browser's timezone is used

    @property
    def zone(self) -> ZoneInfo:
        """The timezone that decides which day "yesterday" is."""
        return ZoneInfo(self.timezone)


def person_reading() -> Reading[Person]:
    """Read the user's settings, together with other readings or alone."""
    return Reading(
        "select timezone, extract_wishes, update_wishes, episodes, timezone_chosen from app.people",
        make=lambda rows: Person(**rows[0]) if rows else Person(),
    )


class People:
    """Reads and writes one user's settings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user_id: str) -> Person:
        """Return the person's settings."""
        return self._database.read(user_id, person_reading())

    def set(self, user_id: str, person: Person) -> None:
        """Save the person's settings."""
        if person.timezone not in available_timezones():
            raise InvalidInput(f"{person.timezone[:60]!r} is not a timezone: it should look like Europe/Lisbon.")
        if max(len(person.extract_wishes), len(person.update_wishes)) > MAX_WISHES:
            raise InvalidInput(f"What you add to the instructions may have at most {MAX_WISHES:,} characters.")
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
