"""Takes over a collection that mem0 filled: finds it, compares its vectors, and says what was found and done.

`migrations.py` calls this inside the transaction in which it brings the schema up to date, so a dry run can take
everything back. Functions of the database do the work. This module decides nothing about what a memory says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy import exc as sqlalchemy_errors

from .database import SEARCH_PATH, Database, check_user_id, connect, translating
from .errors import COMMAND, InvalidInput, MigrationNeeded, SettingsError
from .plain_text import shell_word

__all__ = ["OURS", "Takeover", "Wanted", "adopt", "check_fits", "describe", "find_collection", "give"]

OURS = "memories"
NO_COLLECTIONS = ("episodes", "memories_entities")  # tables beside the memories: ours, and one of mem0's
MEM0 = "mem0"  # the name that mem0 gives its collection unless it is told another
SAMPLE = 5  # rows that are embedded again
ALIKE = 0.9  # cosine; the same model gives 1.0, another one about 0
AGAIN = f"{COMMAND}.migrations"

Embed = Callable[[Sequence[str]], list[list[float]]]


@dataclass(frozen=True)
class Wanted:
    """What the caller of a migration asks for besides an up-to-date schema."""

    collection: str | None = None  # to take over; None takes vecs.memories
    embed: Embed | None = None  # to compare the vectors with; None trusts them
    embedded_with: str | None = None  # the model that the vectors are said to come from
    dry_run: bool = False
    asked: bool = False  # by the command, so that mem0's own collection may be renamed


@dataclass(frozen=True)
class Takeover:
    """What was found in a collection that was taken over, and what was done with it."""

    collection: str
    counts: Mapping[str, Any]
    compared: int = 0
    embed_model: str = ""
    copies: int = 0  # rows that were here already, the same in everything
    of_nobody: int = 0  # of what was merged or lost, how much belongs to no person
    bound_roles: tuple[str, ...] = field(default=())

    def lines(self) -> list[str]:
        """Return what was done, one sentence or number a line."""
        found = self.counts
        lines = [self._title()]
        lines.append(
            f"rows: {found['rows']:,}; people: {found['people']:,}; messages kept as they were said: "
            f"{found['as_said']:,}; expired, and not shown: {found['expired']:,}"
        )
        if self.copies:
            lines.append(f"rows that were in vecs.memories already, with the same id and words: {self.copies:,}")
        lines.append(f"exact duplicates merged into the oldest of them: {found['merged']:,}{self._undo('merged')}")
        lines.append(
            f"memories with the same words in another scope (agent_id, run_id, app_id), all kept: "
            f"{found['in_other_scopes']:,}"
        )
        lines.append(f"rows without a person: {found['without_person']:,}{self._ways_to_give()}")
        if found["lost"]:
            lines.append(
                f"memories that the other program lost, now in the history: {found['lost']:,}{self._undo('lost')}"
            )
        if self.compared:
            lines.append(f"rows embedded again with {self.embed_model}, whose vectors agree: {self.compared}")
        return lines + [_bound(role) for role in self.bound_roles]

    def _title(self) -> str:
        if self.counts["known"]:
            return "table mended: vecs.memories, which another program had made anew"
        if self.collection == OURS:
            return "table taken over: vecs.memories"
        return (
            f"table taken over: vecs.{self.collection}, from now on vecs.memories. "
            f'Set "collection_name": "memories" in the configuration of mem0'
        )

    def _undo(self, what: str) -> str:
        if not self.counts[what]:
            return ""
        run = self.counts["run"]
        way = f'for each person, memory.undo("{run}", user_id=…) undoes it' if run else "an undo takes it back"
        but = f", but for the {self.of_nobody:,} that belong to no person" if self.of_nobody and what == "lost" else ""
        return f"; {way}{but}"

    def _ways_to_give(self) -> str:
        if not self.counts["without_person"]:
            return ""
        owners = [f"--agent {shell_word(each)}" for each in self.counts["agents"]]
        owners += [f"--run {shell_word(each)}" for each in self.counts["runs"]]
        ways = "".join(f"\n    {COMMAND} give {each} --user ID" for each in owners)
        return f". They are kept, and nobody reads them here until they are given to somebody:{ways}"


def _bound(role: str) -> str:
    return (
        f"the role {role} could read the table and finds nothing in it from now on, because row-level security "
        f"binds it. If mem0 works as this role, run: create policy other_program on vecs.memories to {role} "
        "using (true) with check (true)"
    )


def find_collection(connection: Connection, wanted: Wanted) -> str:
    """Return the collection to take over; raise an error if it is not clear, not there, or another role's."""
    there = {name: _exists(connection, name) for name in (OURS, MEM0)}
    name = wanted.collection or OURS
    if wanted.collection is None and there[MEM0] and not there[OURS]:
        if not wanted.asked:
            raise MigrationNeeded(
                f"The database holds mem0's collection vecs.mem0, and no vecs.memories. To take it over, run once: "
                f"{AGAIN} (with --dry-run it only says what it would do). To begin an empty one beside it, run: "
                f"{AGAIN} --collection memories"
            )
        name = MEM0
    if name in NO_COLLECTIONS:
        raise InvalidInput(f"vecs.{name} is no collection of memories.")
    if name != OURS and not _exists(connection, name):
        raise InvalidInput(f"There is no collection vecs.{name}.")
    for table in {name, OURS}:
        _check_owner(connection, table)
    return name


def _exists(connection: Connection, name: str) -> bool:
    return bool(
        connection.scalar(
            text("select to_regclass(format('vecs.%I', cast(:name as text))) is not null"), {"name": name}
        )
    )


def _check_owner(connection: Connection, name: str) -> None:
    row = connection.execute(_OWNER, {"name": name}).first()
    if row is not None and not row.ours:
        raise MigrationNeeded(
            f"The table vecs.{name} belongs to the role {row.owner}. As that role or as a superuser, run once: "
            f"alter table vecs.{name} owner to {row.me}"
        )


def check_fits(connection: Connection, name: str, known_model: str | None, wanted: Wanted) -> None:
    """Raise `InvalidInput` if the vectors of a collection cannot stand beside those of vecs.memories."""
    theirs, ours = dimension_of(connection, name), dimension_of(connection, OURS)
    if name == OURS or theirs is None or ours is None:
        return
    named = wanted.embedded_with
    if theirs != ours:
        problem = f"vecs.{name} holds vectors of {theirs:,} numbers, and vecs.memories of {ours:,}"
    elif named is not None and known_model is not None and named != known_model:
        problem = f"The vectors in vecs.{name} come from {named}, and those in vecs.memories from {known_model}"
    else:
        return
    raise InvalidInput(
        f"{problem}: vectors of two models cannot be compared, so nothing was taken over. Export these memories from "
        f"mem0 instead, and import them for each person, which embeds them again: {COMMAND} import FILE --user ID"
    )


def adopt(connection: Connection, name: str, wanted: Wanted, embed_model: str) -> tuple[int, int]:
    """Compare a collection's vectors, and move it into ours.

    Return how many rows were compared, and how many were in ours already.
    """
    compared = copies = 0
    if wanted.embed is not None and (name != OURS or connection.scalar(_BARE)):
        compared = _compare(connection, name, wanted.embed, embed_model)
    if name != OURS:
        copies = connection.scalar(text("select app.adopt_collection(:name)"), {"name": name}) or 0
    return compared, copies


def _compare(connection: Connection, name: str, embed: Embed, embed_model: str) -> int:
    """Embed some rows again; raise `SettingsError` if their vectors come from another model."""
    rows = connection.execute(_SAMPLED, {"name": name, "wanted": SAMPLE}).all()
    stored = [json.loads(row.vector) for row in rows]
    fresh = embed([row.said for row in rows]) if rows else []
    if any(len(one) != len(other) for one, other in zip(stored, fresh, strict=True)):
        return 0  # refused later, with a sentence about the sizes
    likeness = [_cosine(one, other) for one, other in zip(stored, fresh, strict=True)]
    if likeness and median(likeness) < ALIKE:
        raise SettingsError(
            f"The vectors in vecs.{name} do not come from {embed_model}: {len(rows)} rows that were embedded again "
            f"have a similarity of {median(likeness):.2f} to the stored ones, where the same model gives 1.00. Set "
            f"EMBED_MODEL to the model that mem0 used. If it is gone, take the table over with: {AGAIN} "
            f"--embedded-with ITS-NAME, and then move the vectors with: {COMMAND} reembed"
        )
    return len(rows)


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = sum(each * each for each in one) * sum(each * each for each in other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths**0.5 if lengths else 0.0


def dimension_of(connection: Connection, name: str) -> int | None:
    """Return the size of a collection's vectors; None if there is no such table."""
    found: int | None = connection.scalar(_DIMENSION, {"name": name})
    return found


def describe(connection: Connection, takeover: Takeover, wanted: Wanted) -> Takeover:
    """Add to a takeover which roles find nothing any more, and what belongs to nobody."""
    counts = takeover.counts
    of_nobody = connection.scalar(text("select app.changes_of_nobody(:run)"), {"run": counts["run"]}) or 0
    # The run of a dry run is taken back with everything else.
    kept = {**counts, "run": None} if wanted.dry_run else counts
    return replace(takeover, counts=kept, of_nobody=of_nobody, bound_roles=tuple(connection.scalars(_BOUND)))


def give(
    database: Database,
    user_id: str,
    *,
    agent: str | None = None,
    run: str | None = None,
    application: str | None = None,
) -> int:
    """Give the rows of an agent or a run that name no person to one; return how many. Needs the administrator.

    With the name of an `application`, `user_id` is what it calls one of its users.
    """
    check_user_id(user_id)
    if agent is None and run is None:
        raise InvalidInput("Say whose rows to give: those of an --agent or of a --run.")
    admin = connect(database.admin_url, database.admin_setting, pool_size=1, max_overflow=0)
    try:
        with translating(database.admin_url, database.admin_setting), admin.begin() as connection:
            connection.execute(text("select set_config('search_path', :path, true)"), {"path": SEARCH_PATH})
            values = {"agent": agent, "run": run, "user": _given_to(connection, user_id, application)}
            return connection.scalar(text("select app.give_memories(:agent, :run, :user)"), values) or 0
    except sqlalchemy_errors.IntegrityError as error:
        raise InvalidInput(
            f"{user_id} has a memory already that says the same as one of these: nothing was given. Delete one of them."
        ) from error
    finally:
        admin.dispose()


def _given_to(connection: Connection, user_id: str, application: str | None) -> str:
    """Return the id that the rows get."""
    if application is None:
        return user_id
    names = {"application": " ".join(application.split()), "name": user_id.strip()}
    found: str | None = connection.scalar(text("select app.listed_user(:application, :name)"), names)
    if found is None:
        raise InvalidInput(f"There is no application {application}. python -m api keys lists them.")
    return found


_OWNER = text(
    "select pg_get_userbyid(relowner) as owner, pg_has_role(relowner, 'usage') as ours, current_user as me"
    " from pg_class where oid = to_regclass(format('vecs.%I', cast(:name as text)))"
)
_BARE = text(
    "select to_regclass('vecs.memories') is not null and not exists ("
    " select from pg_trigger where tgrelid = to_regclass('vecs.memories') and tgname = 'keep_history')"
)
_SAMPLED = text("select said, vector from app.sample_vectors(:name, :wanted)")
_DIMENSION = text(
    "select atttypmod from pg_attribute"
    " where attrelid = to_regclass(format('vecs.%I', cast(:name as text))) and attname = 'vec'"
)
# Roles besides ours that may read the table and that row-level security binds.
_BOUND = text(
    "select distinct role.rolname from pg_class c cross join lateral ("
    "   select c.relowner as id union select granted.grantee from aclexplode(c.relacl) granted"
    "   where granted.privilege_type = 'SELECT') reader"
    " join pg_roles role on role.oid = reader.id"
    " where c.oid = to_regclass('vecs.memories') and not role.rolsuper and not role.rolbypassrls"
    "   and role.rolname <> 'authenticated' order by 1"
)
