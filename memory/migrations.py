"""Applies the migrations to a database: each once, in order, by the first process that takes the lock.

    python -m memory.migrations        with DATABASE_ADMIN_URL (or DATABASE_URL) set

The SQL files are in supabase/migrations/; in the installed library they are in its folder `sql`.

Applied versions are recorded where `supabase db push` records them, so either may run first. Migrations change the
schema; the only user rows they touch are exact duplicates, which move to the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, make_url, text
from sqlalchemy import exc as sqlalchemy_errors

from .database import SEARCH_PATH, Database, connect, explain_migration, translating
from .database.roles import grant_roles
from .errors import COMMAND, AppError, MigrationNeeded, SettingsError

__all__ = ["Migration", "made_for", "main", "migrate"]

_INSTALLED = Path(__file__).parent / "sql"
FOLDER = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[1] / "supabase" / "migrations"
LOCK = 0x4B454550  # any constant, the same in all processes
AS_ADMIN = f"DATABASE_ADMIN_URL=postgresql://… {COMMAND}.migrations"

_HAS_SCHEMA = """
select exists (select from pg_roles where rolname = 'authenticated')
   and exists (select from pg_namespace where nspname = 'app' and has_schema_privilege('authenticated', oid, 'usage'))
"""

_COLLECTION = text("select dimension, embed_model from app.collections where name = 'memories'")
# Each version is asked for: a file with a lower number than the last one may have been added later.
_ALL_APPLIED = text("select bool_and(app.has_migration(version)) from unnest(cast(:versions as text[])) version")
_WHAT_TO_DO = f"set EMBED_MODEL back, or move all vectors to the new model once with: {COMMAND} reembed"


@dataclass(frozen=True)
class Migration:
    """One numbered file of SQL."""

    version: str
    name: str
    sql: str


def migrate(database: Database, dimension: int, embed_model: str, folder: Path = FOLDER) -> None:
    """Bring the schema up to date for an embedding model of this dimension, if it is not yet."""
    with translating(database.url, database.setting), database.engine.connect() as connection:
        if _up_to_date(connection, dimension, embed_model, folder):
            database.embed_model = embed_model
            return
    admin = connect(database.admin_url, database.admin_setting, pool_size=1, max_overflow=0)
    try:
        with translating(database.admin_url, database.admin_setting), admin.connect() as connection:
            _apply_missing(connection, dimension, embed_model, folder)
    finally:
        admin.dispose()
    database.embed_model = embed_model


def made_for(database: Database) -> tuple[int, str] | None:
    """Return the size of the stored vectors and their model; None if the database has no tables yet."""
    with translating(database.url, database.setting), database.engine.connect() as connection:
        return _stored_model(connection)


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
    """Return whether all migrations are applied; raise `SettingsError` if the vectors come from another model."""
    stored = _stored_model(connection)
    if stored is None or connection.scalar(text("select to_regclass('vecs.episodes') is null")):
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


def _apply_missing(connection: Connection, dimension: int, embed_model: str, folder: Path) -> None:
    """Apply the missing migrations in one transaction."""
    try:
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        connection.execute(text("select set_config('search_path', :path, true)"), {"path": SEARCH_PATH})
        _apply_files(connection, folder)
        made = connection.execute(_COLLECTION).first()
        if made is not None:
            _check_model(made.dimension, made.embed_model, dimension, embed_model)
        connection.execute(
            text(
                "select app.ensure_collection(:dimension, :embed_model), app.ensure_recall(:dimension, :embed_model),"
                " app.ensure_one_model(), app.ensure_chats()"
            ),
            {"dimension": dimension, "embed_model": embed_model},
        )
        connection.commit()
    except sqlalchemy_errors.DBAPIError as error:
        refused = explain_migration(error.orig, str(connection.engine.url.username), AS_ADMIN)
        if refused is not None:
            raise refused from error
        if getattr(error.orig, "pgcode", None) == "KS001":
            raise SettingsError(_first_line(error) + ": set EMBED_MODEL to the model it was made with.") from error
        raise


def _apply_files(connection: Connection, folder: Path) -> None:
    connection.exec_driver_sql(
        "create schema if not exists supabase_migrations;"
        "create table if not exists supabase_migrations.schema_migrations"
        " (version text primary key, statements text[], name text)"
    )
    applied = set(connection.scalars(text("select version from supabase_migrations.schema_migrations")))
    for migration in files(folder):
        if migration.version in applied:
            continue
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


def main() -> None:
    """Create or update the tables of the database in the settings, and print what was done or what is missing."""
    from .embed import embedder_for
    from .settings import settings

    try:
        wanted = settings()
        url = wanted.database_admin_url or wanted.database_url
        if url is None:
            raise SettingsError("DATABASE_ADMIN_URL is missing: it says which database to migrate.")
        embedder = embedder_for(wanted)
        setting = "DATABASE_ADMIN_URL" if wanted.database_admin_url else "DATABASE_URL"
        migrate(Database(url, setting=setting), embedder.dimensions, embedder.name)
        done = _arrange(url, setting, wanted.database_url)
    except AppError as error:
        raise SystemExit(str(error)) from error
    print("\n".join([*(f"Done: {each}" for each in done), "The database is up to date."]))


def _arrange(url: str, setting: str, app_url: str | None) -> list[str]:
    """Grant and schedule what could not be when the migrations were applied; return what was done.

    The app's login role may have been made after the tables, and pg_cron may have been installed after them.
    """
    admin = connect(url, setting, pool_size=1, max_overflow=0)
    try:
        with translating(url, setting), admin.begin() as connection:
            grants = grant_roles(connection, make_url(app_url).username if app_url else None)
            scheduled = connection.scalar(text("select app.ensure_sweep()"))
            return grants + (["pg_cron erases chats whose time is over"] if scheduled else [])
    finally:
        admin.dispose()


if __name__ == "__main__":
    main()
