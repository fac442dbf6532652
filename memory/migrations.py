"""Applies the migrations to a database: each once, in order, by the first process that takes the lock.

    python -m memory.migrations                      with DATABASE_ADMIN_URL (or DATABASE_URL) set
    python -m memory.migrations --dry-run            only says what it would do
    python -m memory.migrations --collection NAME    takes over this collection of mem0

The SQL files are in supabase/migrations/; in the installed library they are in its folder `sql`.

Every run of the command also grants the app's login role what it may not become yet, and schedules the sweep of chats
where pg_cron is.

Applied versions are recorded where `supabase db push` records them, so either may run first. Migrations change the
schema. A table that mem0 made is taken over with its rows (takeover.py); of these, only exact duplicates are merged.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy import exc as sqlalchemy_errors

from .database import SEARCH_PATH, Database, connect, explain_migration, translating
from .database.errors import address_of
from .database.roles import grant_roles
from .embed import BUNDLED, DEFAULT_BUNDLED
from .errors import COMMAND, AppError, InvalidInput, MigrationNeeded, SettingsError
from .takeover import OURS, Takeover, Wanted, adopt, check_fits, describe, dimension_of, find_collection

__all__ = ["Migration", "Outcome", "bundled_for", "made_for", "main", "migrate", "pending"]

_INSTALLED = Path(__file__).parent / "sql"
FOLDER = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / "supabase" / "migrations"
LOCK = 0x4B454550  # any constant, the same in all processes
AS_ADMIN = f"DATABASE_ADMIN_URL=postgresql://… {COMMAND}.migrations"

_HAS_SCHEMA = """
select exists (select from pg_roles where rolname = 'authenticated')
   and exists (select from pg_namespace where nspname = 'app' and has_schema_privilege('authenticated', oid, 'usage'))
"""

_COLLECTION = text("select dimension, embed_model from app.collections where name = 'memories'")
# mem0's `reset` makes the table of memories anew, without anything of ours.
_TABLES_STAND = text(
    "select to_regclass('vecs.episodes') is not null and exists ("
    " select from pg_class c join pg_trigger last on last.tgrelid = c.oid and last.tgname = 'hide_episodes'"
    " where c.oid = to_regclass('vecs.memories') and c.relforcerowsecurity)"
)
# Each version is asked for: a file with a lower number than the last one may have been added later.
_ALL_APPLIED = text("select bool_and(app.has_migration(version)) from unnest(cast(:versions as text[])) version")
_MISSING = text(
    "select version from unnest(cast(:versions as text[])) version where not app.has_migration(version) order by 1"
)
_WHAT_TO_DO = f"set EMBED_MODEL back, or move all vectors to the new model once with: {COMMAND} reembed"


@dataclass(frozen=True)
class Migration:
    """One numbered file of SQL."""

    version: str
    name: str
    sql: str


@dataclass(frozen=True)
class Outcome:
    """What a migration did: the versions that it applied, and the table that it took over, if any."""

    applied: tuple[str, ...] = ()
    takeover: Takeover | None = None

    def lines(self) -> list[str]:
        """Return what was done, a line for each thing."""
        applied = [f"migrations applied: {len(self.applied)}"] if self.applied else []
        return applied + (self.takeover.lines() if self.takeover else [])


_AS_IT_IS = Wanted()


def migrate(
    database: Database, dimension: int, embed_model: str, folder: Path = FOLDER, wanted: Wanted = _AS_IT_IS
) -> Outcome:
    """Bring the schema up to date for an embedding model of this dimension, if it is not yet; return what was done."""
    with translating(database.url, database.setting), database.engine.connect() as connection:
        if wanted.collection in (None, OURS) and _up_to_date(connection, dimension, embed_model, folder):
            database.embed_model = embed_model
            return Outcome()
    admin = connect(database.admin_url, database.admin_setting, pool_size=1, max_overflow=0)
    try:
        with translating(database.admin_url, database.admin_setting), admin.connect() as connection:
            outcome = _apply_missing(connection, dimension, embed_model, folder, wanted)
    finally:
        admin.dispose()
    database.embed_model = embed_model
    return outcome


def made_for(database: Database) -> tuple[int, str] | None:
    """Return the size of the stored vectors and their model; None if the database has no tables yet."""
    with translating(database.url, database.setting), database.engine.connect() as connection:
        return _stored_model(connection)


def bundled_for(database: Database) -> str:
    """Return the name of the bundled embedder with which a database was made, or the default one."""
    stored = made_for(database)
    return stored[1] if stored and stored[1] in BUNDLED else DEFAULT_BUNDLED


def pending(database: Database, folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the versions of the migrations that are not applied; they are found as the app's own role."""
    versions = [each.version for each in files(folder)]
    with translating(database.url, database.setting), database.engine.connect() as connection:
        if _stored_model(connection) is None:
            return tuple(versions)
        missing = connection.scalars(_MISSING, {"versions": versions})
        return tuple(missing) or (() if connection.scalar(_TABLES_STAND) else ("tables",))


def _stored_model(connection: Connection) -> tuple[int, str] | None:
    if not connection.scalar(text(_HAS_SCHEMA)):
        return None
    connection.exec_driver_sql("set local role authenticated")
    if connection.scalar(text("select to_regclass('app.collections') is null")):
        return None
    stored = connection.execute(_COLLECTION).first()
    return (stored.dimension, stored.embed_model) if stored else None


def files(folder: Path = FOLDER) -> Sequence[Migration]:
    """Return the migrations in order."""
    named = ((path.stem.partition("_"), path) for path in sorted(folder.glob("*_*.sql")))
    return [Migration(version, name, path.read_text()) for (version, _, name), path in named]


def _up_to_date(connection: Connection, dimension: int, embed_model: str, folder: Path) -> bool:
    """Return whether all migrations are applied, and the tables are as they left them.

    Raise `SettingsError` if the vectors come from another model.
    """
    stored = _stored_model(connection)
    if stored is None or not connection.scalar(_TABLES_STAND):
        return False
    _check_model(*stored, dimension, embed_model)
    return bool(connection.scalar(_ALL_APPLIED, {"versions": [each.version for each in files(folder)]}))


def _check_model(stored: int, stored_model: str, dimension: int, embed_model: str) -> None:
    if stored != dimension:
        raise SettingsError(
            f"The stored memories are vectors of {stored} numbers (from {stored_model}), but {embed_model} gives "
            f"{dimension}: {_WHAT_TO_DO}"
        )
    if stored_model != embed_model:
        raise SettingsError(
            f"The stored memories come from the embedding model {stored_model}, whose vectors cannot be compared "
            f"with those of {embed_model}: {_WHAT_TO_DO}"
        )


def _apply_missing(connection: Connection, dimension: int, embed_model: str, folder: Path, wanted: Wanted) -> Outcome:
    """Apply the missing migrations in one transaction, and take a collection over; a dry run takes everything back."""
    try:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        connection.execute(text("select set_config('search_path', :path, true)"), {"path": SEARCH_PATH})
        applied = _apply_files(connection, folder)
        takeover = _make_tables(connection, dimension, embed_model, wanted)
        if wanted.dry_run:
            connection.rollback()
        else:
            connection.commit()
    except sqlalchemy_errors.DBAPIError as error:
        refused = explain_migration(error.orig, str(connection.engine.url.username), AS_ADMIN)
        if refused is not None:
            raise refused from error
        code = getattr(error.orig, "pgcode", None)
        if code == "KS001":
            raise SettingsError(_first_line(error) + ": set EMBED_MODEL to the model it was made with.") from error
        if code == "KS003":
            raise InvalidInput(_first_line(error) + ": nothing was taken over.") from error
        raise
    return Outcome(tuple(applied), takeover)


def _make_tables(connection: Connection, dimension: int, embed_model: str, wanted: Wanted) -> Takeover | None:
    """Make the tables whose vectors depend on the embedding model, or take over the one that is there."""
    made = connection.execute(_COLLECTION).first()
    if made is not None:
        _check_model(made.dimension, made.embed_model, dimension, embed_model)
    name = find_collection(connection, wanted)
    check_fits(connection, name, made.embed_model if made else None, wanted)
    if wanted.embedded_with is not None:
        dimension, embed_model = dimension_of(connection, name) or dimension, wanted.embedded_with
    compared, copies = adopt(connection, name, wanted, embed_model)
    values = {"dimension": dimension, "embed_model": embed_model, "moved": name != OURS}
    counts = connection.scalar(text("select app.ensure_collection(:dimension, :embed_model, :moved)"), values)
    connection.execute(
        text(
            "select app.ensure_recall(:dimension, :embed_model), app.ensure_one_model(), app.ensure_chats(),"
            " app.ensure_sources()"
        ),
        values,
    )
    found = Takeover(name, counts, compared, embed_model, copies) if counts is not None else None
    return describe(connection, found, wanted) if found else None


def _apply_files(connection: Connection, folder: Path) -> list[str]:
    """Apply the files that are missing; return their versions."""
    connection.exec_driver_sql(
        "create schema if not exists supabase_migrations;"
        "create table if not exists supabase_migrations.schema_migrations"
        " (version text primary key, statements text[], name text)"
    )
    applied = set(connection.scalars(text("select version from supabase_migrations.schema_migrations")))
    missing = [migration for migration in files(folder) if migration.version not in applied]
    for migration in missing:
        _refuse_row_level_security(connection)
        # Without parameters, a percent sign in the file has no special meaning.
        connection.execution_options(no_parameters=True).exec_driver_sql(migration.sql)
        connection.execute(
            text(
                "insert into supabase_migrations.schema_migrations (version, name, statements)"
                " values (:version, :name, array[:sql])"
            ),
            {"version": migration.version, "name": migration.name, "sql": migration.sql},
        )
    return [migration.version for migration in missing]


def _refuse_row_level_security(connection: Connection) -> None:
    """Raise unless this role bypasses row-level security: functions that read all users' rows run as their owner."""
    bypasses = connection.scalar(text("select rolsuper or rolbypassrls from pg_roles where rolname = current_user"))
    if not bypasses:
        raise MigrationNeeded(
            f"The tables must be created by a role that bypasses row-level security (Supabase's postgres does); "
            f"{connection.engine.url.username} does not. Run once, as one that does: {AS_ADMIN}"
        )


def _first_line(error: sqlalchemy_errors.DBAPIError) -> str:
    return str(error.orig).splitlines()[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Create or update the tables of the database in the settings, and print what was done or what is missing."""
    from .embed import embedder_for
    from .settings import settings

    asked = _parser().parse_args(arguments)
    try:
        chosen = settings()
        url = chosen.database_admin_url or chosen.database_url
        if url is None:
            raise SettingsError("DATABASE_ADMIN_URL is missing: it says which database to migrate.")
        embedder = embedder_for(chosen)
        setting = "DATABASE_ADMIN_URL" if chosen.database_admin_url else "DATABASE_URL"
        wanted = Wanted(asked.collection, embedder.embed, asked.embedded_with, asked.dry_run, asked=True)
        if asked.embedded_with is not None:
            wanted = replace(wanted, embed=None)
        outcome = migrate(Database(url, setting=setting), embedder.dimensions, embedder.name, wanted=wanted)
        arranged = [] if asked.dry_run else _arrange(url, setting, chosen.database_url)
    except AppError as error:
        raise SystemExit(error.for_deployer()) from error
    done = [*outcome.lines(), *(f"Done: {each}" for each in arranged)]
    if asked.dry_run and done:
        print("\n".join(["Nothing was changed. Without --dry-run, this would be done:", *done]))
    else:
        print("\n".join([*done, "The database is up to date."]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{COMMAND}.migrations", description="Create or update the tables, or take over a table of mem0's."
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    parser.add_argument(
        "--collection",
        metavar="NAME",
        help="mem0's collection to take over (default: memories; or mem0, if only that exists)",
    )
    parser.add_argument("--embedded-with", metavar="MODEL", help="the model of its vectors, if it is not EMBED_MODEL")
    return parser


def _arrange(url: str, setting: str, app_url: str | None) -> list[str]:
    """Grant and schedule what could not be when the migrations were applied; return what was done.

    The app's login role may have been made after the tables, and pg_cron may have been installed after them.
    """
    admin = connect(url, setting, pool_size=1, max_overflow=0)
    try:
        with translating(url, setting), admin.begin() as connection:
            grants = grant_roles(connection, address_of(app_url).username if app_url else None)
            scheduled = connection.scalar(text("select app.ensure_sweep()"))
            return grants + (["pg_cron erases chats whose time is over"] if scheduled else [])
    finally:
        admin.dispose()


if __name__ == "__main__":
    main()
