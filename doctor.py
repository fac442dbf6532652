"""Looks at a deployment and says what to mend: `python -m doctor`, with the settings of the app.

It goes through the settings, the database (its address, the app's role, the tables, the walls between users), the auth
server, the models and the index of vectors. Each finding is one line: `fine`, `look` (whoever deploys has to decide),
or `MEND` with what to do. It changes nothing, prints no secret, and asks each model for a few words. It ends with 1 if
something is to be mended.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
from pydantic import BaseModel
from sqlalchemy import Connection, text

from memory.database import Database, translating
from memory.database.errors import address_of
from memory.database.replica import Replica
from memory.embed import embedder_for
from memory.errors import AppError, DatabaseError
from memory.index import configured_index
from memory.index.outbox import fed_index
from memory.migrations import made_for, pending
from memory.model import Model, PromptMessage, chat_model, memory_model
from settings import LOOPBACK, Settings, settings

__all__ = ["Finding", "examine", "main"]

Verdict = Literal["fine", "look", "MEND"]
PATIENCE_SECONDS = 10.0
OLDEST_POSTGRES = 15
MOST_SECONDS_APART = 60
SCHEMAS = ("app", "app_shared", "vecs")
SHARED_TABLES = ("app.collections", "app.index_attached")  # whose rows are about nobody
MIGRATE = "DATABASE_ADMIN_URL=postgresql://… python -m memory.migrations"
OWN_ROLE = "README, Deploy, step 2, says how to make one"
LIKE, UNLIKE = ("a walnut tree in the garden", "the nuts from our tree"), "the tax return is due in May"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    verdict: Verdict
    about: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.verdict:4}  {self.about}: {self.sentence}"


class Ready(BaseModel):
    """What a memory model is asked to fill in, to see whether it gives structured answers."""

    ready: bool


def main(arguments: list[str] | None = None) -> None:
    """Print the findings, one a line, and how many ask for something."""
    argparse.ArgumentParser(
        prog="python -m doctor", description="Look at a deployment, and say what to mend. It changes nothing."
    ).parse_args(arguments)
    found = []
    for each in examine():
        print(each, flush=True)
        found.append(each.verdict)
    to_mend, to_look = found.count("MEND"), found.count("look")
    print(f"\n{to_mend or 'Nothing'} to mend, {to_look or 'nothing'} to look at.")
    if to_mend:
        raise SystemExit(1)


def examine(chosen: Settings | None = None) -> Iterator[Finding]:
    """Yield the findings about the deployment that these settings describe; without any, those of this process."""
    try:
        wanted = (chosen or settings()).check_account()
    except AppError as error:
        yield Finding("MEND", "settings", error.for_deployer())
        return
    if wanted.database_url is None:
        needed = "set SUPABASE_URL, SUPABASE_KEY and DATABASE_URL (make run on your own machine needs none of them)"
        yield Finding("MEND", "settings", f"nothing is configured: {needed}")
        return
    yield from _settings(wanted)
    yield from _database(wanted)
    yield from _read_replica(wanted)
    yield from _auth_server(wanted)
    yield from _models(wanted)
    yield from _embedder(wanted)


def _settings(wanted: Settings) -> Iterator[Finding]:
    yield Finding("fine", "settings", "they fit together")
    if wanted.admission == "open":
        bound = wanted.all_tokens_per_day
        costs = f"together they may use {bound:,} tokens a day" if bound else "and nothing bounds what they cost"
        yield Finding("look", "settings", f"everybody may sign up (ADMISSION=open), {costs} (ALL_TOKENS_PER_DAY)")
    if urlsplit(wanted.supabase_url or "").scheme == "http" and not _is_here(wanted.supabase_url):
        yield Finding(
            "MEND", "settings", "SUPABASE_URL begins with http://, so passwords travel unencrypted: use https"
        )


def _is_here(url: str | None) -> bool:
    return urlsplit(url or "").hostname in (None, "", *LOOPBACK)


# -- the database --------------------------------------------------------------------------------


def _database(wanted: Settings) -> Iterator[Finding]:
    with closing(Database(wanted.database_url or "", pool_size=1, overflow=0)) as database:
        try:
            with translating(database.url, database.setting), database.engine.connect() as connection:
                yield from _address(wanted, connection)
                yield from _server(connection)
                yield from _role(connection)
            missing = pending(database)
            yield from _tables(missing)
            if missing:
                return
            database.ping()
            yield Finding(
                "fine", "database", "the app's role may become each role that it needs, and no other is needed"
            )
            with translating(database.url, database.setting), database.engine.connect() as connection:
                yield from _walls(connection)
            yield from _seen_by_a_stranger(database)
        except AppError as error:
            yield Finding("MEND", "database", error.for_deployer())


def _read_replica(wanted: Settings) -> Iterator[Finding]:
    if wanted.database_read_url is None:
        return
    try:
        with closing(Replica(wanted.database_read_url, pool_size=1, overflow=0)) as replica:
            follows = replica.is_replica()
    except AppError as error:
        yield Finding("MEND", "replica", error.for_deployer())
        return
    if follows:
        yield Finding(
            "fine", "replica", "DATABASE_READ_URL is a replica, and is read where it is as far as the primary"
        )
    else:
        sentence = "DATABASE_READ_URL leads to no replica, so it is never read: name one, or leave the setting out"
        yield Finding("MEND", "replica", sentence)


def _address(wanted: Settings, connection: Connection) -> Iterator[Finding]:
    address = address_of(wanted.database_url or "")
    host = address.host or ""
    encrypted = bool(getattr(getattr(connection.connection.dbapi_connection, "info", None), "ssl_in_use", False))
    if encrypted or host in ("", *LOOPBACK) or host.startswith("/"):
        yield Finding(
            "fine", "database", "it answers" + (", over an encrypted connection" if encrypted else " on this machine")
        )
    else:
        yield Finding("MEND", "database", "the connection is not encrypted: put ?sslmode=require behind DATABASE_URL")
    if host.startswith("db.") and host.endswith(".supabase.co"):
        sentence = (
            "DATABASE_URL is the direct address, which Streamlit's hosts cannot reach (IPv6): use the session pooler"
        )
        yield Finding("look", "database", sentence)
    if address.port == 6543:
        sentence = (
            "DATABASE_URL is the transaction pooler (port 6543): the session pooler, port 5432, is what was tested most"
        )
        yield Finding("look", "database", sentence)


def _server(connection: Connection) -> Iterator[Finding]:
    """Look at the server's version, its extensions and its clock."""
    row = connection.execute(
        text(
            "select current_setting('server_version_num')::int / 10000 as version, clock_timestamp() as now,"
            " (select extversion from pg_extension where extname = 'vector') as vector,"
            " exists (select from pg_extension where extname = 'pg_cron') as cron"
        )
    ).one()
    apart = abs(row.now.timestamp() - time.time())
    version = f"PostgreSQL {row.version}" + (f" with pgvector {row.vector}" if row.vector else "")
    if row.version < OLDEST_POSTGRES:
        yield Finding("MEND", "database", f"{version} is too old: version {OLDEST_POSTGRES} or newer is needed")
    elif row.vector is None:
        yield Finding("MEND", "database", f"{version} has no extension vector yet: run {MIGRATE}")
    else:
        yield Finding("fine", "database", version)
    if not row.cron:
        sentence = "without pg_cron, chats whose time is over are erased only while the app runs"
        yield Finding("look", "database", sentence)
    if apart > MOST_SECONDS_APART:
        sentence = f"its clock and this machine's are {apart:,.0f} seconds apart: set the clock that is wrong"
        yield Finding("MEND", "database", sentence)


def _role(connection: Connection) -> Iterator[Finding]:
    """Look at what the app's role could do if somebody else had its password."""
    row = connection.execute(
        text(
            "select r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole,"
            " (select string_agg(p.rolname, ', ' order by p.rolname) from pg_roles p where p.oid <> r.oid"
            "  and (p.rolsuper or p.rolbypassrls) and pg_has_role(r.oid, p.oid, 'member')) as above"
            " from pg_roles r where r.rolname = session_user"
        )
    ).one()
    bypasses = "is a superuser" if row.rolsuper else "bypasses row-level security" if row.rolbypassrls else ""
    if bypasses:
        sentence = (
            f"the role {row.rolname} {bypasses}. The app steps down in every transaction, but whoever has this "
            f"password reads everything: give the app a role of its own ({OWN_ROLE})"
        )
        yield Finding("look", "role", sentence)
    elif row.above:
        statement = f"revoke {row.above} from {row.rolname};"
        sentence = f"the role {row.rolname} may become {row.above}, which no wall holds: {statement}"
        yield Finding("MEND", "role", sentence)
    elif row.rolcreaterole:
        sentence = (
            f"the role {row.rolname} may make roles, which the app never does: alter role {row.rolname} nocreaterole;"
        )
        yield Finding("look", "role", sentence)
    else:
        yield Finding(
            "fine", "role", f"{row.rolname} is bound by row-level security, and so is every role that it may become"
        )


def _tables(missing: tuple[str, ...]) -> Iterator[Finding]:
    if missing:
        migrations = "migration is" if len(missing) == 1 else "migrations are"
        yield Finding("MEND", "tables", f"{len(missing)} {migrations} missing: run {MIGRATE}")
    else:
        yield Finding("fine", "tables", "all migrations are applied")


def _walls(connection: Connection) -> Iterator[Finding]:
    """Look at row-level security, policies and grants, as anybody may have changed them on the dashboard."""
    open_tables = connection.scalars(
        text(
            "select format('%s.%s', n.nspname, c.relname) as name"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = any (:schemas) and c.relkind in ('r', 'p')"
            " and not (c.relrowsecurity and c.relforcerowsecurity)"
            " and format('%s.%s', n.nspname, c.relname) <> all (:shared) order by name"
        ),
        {"schemas": list(SCHEMAS), "shared": list(SHARED_TABLES)},
    ).all()
    for name in open_tables:
        sentence = f"row-level security is off: alter table {name} enable row level security, force row level security;"
        yield Finding("MEND", name, sentence)
    loose = connection.execute(
        text(
            "select format('%s.%s', schemaname, tablename) as name, policyname from pg_policies"
            " where schemaname = any (:schemas) and permissive = 'PERMISSIVE'"
            " and not (coalesce(qual, with_check) like '%app.asking%'"
            "  and coalesce(with_check, qual) like '%app.asking%') order by 1, 2"
        ),
        {"schemas": list(SCHEMAS)},
    ).all()
    for each in loose:
        sentence = (
            f"the policy {each.policyname} does not ask who is reading: drop policy {each.policyname} on {each.name};"
        )
        yield Finding("MEND", each.name, sentence)
    yield from _granted_to_all(connection)
    if not open_tables and not loose:
        yield Finding("fine", "walls", "every table shows each person their own rows only, also to its owner")


def _granted_to_all(connection: Connection) -> Iterator[Finding]:
    """Look for rights of those who hold nothing but the publishable key."""
    granted = connection.scalars(
        text(
            "select format('%s.%s', n.nspname, c.relname) as name"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " join pg_roles r on r.rolname = 'anon'"
            " where n.nspname = any (:schemas) and c.relkind in ('r', 'p', 'v', 'm')"
            " and has_schema_privilege(r.oid, n.oid, 'usage')"
            " and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete') order by name"
        ),
        {"schemas": list(SCHEMAS)},
    )
    for name in granted:
        yield Finding("MEND", name, f"the role anon has rights on it: revoke all on {name} from anon, public;")


def _seen_by_a_stranger(database: Database) -> Iterator[Finding]:
    """Look into every table as somebody who has just signed up: no row with another owner may be there."""
    stranger = str(uuid4())
    tables = database.read_as(
        stranger,
        "select format('%%I.%%I', n.nspname, c.relname) as name"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " join pg_attribute a on a.attrelid = c.oid and a.attname = 'user_id' and not a.attisdropped"
        " where n.nspname = any (%(schemas)s) and c.relkind in ('r', 'p')"
        " and has_column_privilege(c.oid, a.attnum, 'select') order by name",
        {"schemas": list(SCHEMAS)},
    )
    leaking = [
        each["name"]
        for each in tables
        if database.read_as(stranger, f"select exists (select from {each['name']} where user_id is not null) as seen")[
            0
        ]["seen"]
    ]
    for name in leaking:
        yield Finding("MEND", name, "somebody new sees rows of others: close the app, and compare the table's policies")
    if not leaking:
        yield Finding("fine", "walls", f"somebody new sees no row in any of {len(tables)} tables")


# -- the auth server -----------------------------------------------------------------------------


def _auth_server(wanted: Settings) -> Iterator[Finding]:
    if not wanted.hosted:
        yield Finding(
            "look", "auth server", "SUPABASE_URL is not set, so nobody can sign in; for the library alone that is right"
        )
        return
    try:
        answer = _asked(wanted, "/auth/v1/settings")
    except httpx.HTTPError as error:
        sentence = f"it does not answer ({type(error).__name__}): check SUPABASE_URL, and whether the project is paused"
        yield Finding("MEND", "auth server", sentence)
        return
    if answer.status_code in (401, 403):
        yield Finding("MEND", "auth server", "it refuses SUPABASE_KEY: copy the publishable key of the same project")
        return
    features = _object(answer)
    if answer.status_code != 200 or "external" not in features:
        sentence = (
            f"what answers at SUPABASE_URL is no auth server (status {answer.status_code}): copy the project's URL"
        )
        yield Finding("MEND", "auth server", sentence)
        return
    yield Finding("fine", "auth server", "it answers and knows the key")
    yield from _offered(wanted, features)
    yield from _in_the_way(wanted)
    yield from _exposed(wanted)


def _offered(wanted: Settings, features: dict[str, object]) -> Iterator[Finding]:
    """Look at what the server offers beside what the settings promise."""
    if features.get("mailer_autoconfirm") is True:
        held = wanted.admission in ("list", "invitation")
        sentence = "addresses are not confirmed, so anybody can sign up with anybody's address: switch on Confirm email"
        yield Finding("MEND" if held else "look", "auth server", sentence)
    elif not _is_here(wanted.supabase_url):
        sentence = (
            "the mail templates cannot be seen from here: check that their links are those of README, Deploy, step 6"
        )
        yield Finding("look", "auth server", sentence)
    if features.get("disable_signup") is True:
        yield Finding(
            "look", "auth server", "signing up is switched off there, so nobody new can come, whatever ADMISSION says"
        )


def _in_the_way(wanted: Settings) -> Iterator[Finding]:
    """Look for what keeps everybody from signing in: a captcha, and tokens whose issuer is another address."""
    try:
        refused = _object(_asked(wanted, "/auth/v1/token?grant_type=password", method="POST"))
        known = _object(_asked(wanted, "/auth/v1/.well-known/openid-configuration"))
    except httpx.HTTPError:
        return
    if refused.get("error_code") == "captcha_failed":
        yield Finding(
            "MEND",
            "auth server",
            "it asks for a captcha, which this app does not have, so nobody can sign in: switch off Captcha protection",
        )
    issuer = known.get("issuer")
    if isinstance(issuer, str) and issuer != f"{(wanted.supabase_url or '').rstrip('/')}/auth/v1":
        address = issuer.removesuffix("/auth/v1")
        sentence = f"its tokens are not accepted here: set SUPABASE_URL to their issuer, {address}"
        yield Finding("MEND", "auth server", sentence)


def _exposed(wanted: Settings) -> Iterator[Finding]:
    """Look whether the project's REST interface serves our schemas: it should not, though the walls would hold."""
    for schema in SCHEMAS:
        try:
            answer = _asked(wanted, "/rest/v1/", {"Accept-Profile": schema})
        except httpx.HTTPError:
            return
        if answer.status_code == 200 and answer.headers.get("content-profile") == schema:
            sentence = (
                f"the schema {schema} is served to everybody: take it out of Settings → Data API → Exposed schemas"
            )
            yield Finding("MEND", "data API", sentence)


def _asked(wanted: Settings, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> httpx.Response:
    sent = {"apikey": wanted.supabase_key or ""} | (headers or {})
    body: dict[str, str] | None = {} if method == "POST" else None
    return httpx.request(method, f"{wanted.supabase_url}{path}", headers=sent, json=body, timeout=PATIENCE_SECONDS)


def _object(answer: httpx.Response) -> dict[str, object]:
    try:
        read = answer.json()
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


# -- the models ----------------------------------------------------------------------------------


def _models(wanted: Settings) -> Iterator[Finding]:
    replier, thinker = chat_model(wanted), memory_model(wanted)
    if replier is None or thinker is None:
        yield Finding("look", "model", "no model is connected: replies and remembering go by rules (OPENAI_API_KEY)")
        return
    with closing(replier), closing(thinker):
        yield _replies(replier)
        yield _remembers(thinker)


def _replies(model: Model) -> Finding:
    begun = time.monotonic()
    try:
        next(model.stream([PromptMessage("user", "Answer with one word: ready?")]))
    except AppError as error:
        return Finding("MEND", "chat model", error.for_deployer())
    return Finding("fine", "chat model", f"{model.name} replied after {time.monotonic() - begun:.1f} seconds")


def _remembers(model: Model) -> Finding:
    begun = time.monotonic()
    try:
        model.answer([PromptMessage("user", "Fill in that you are ready.")], Ready)
    except AppError as error:
        return Finding("MEND", "memory model", error.for_deployer())
    return Finding(
        "fine", "memory model", f"{model.name} filled in a form after {time.monotonic() - begun:.1f} seconds"
    )


def _embedder(wanted: Settings) -> Iterator[Finding]:
    try:
        with closing(embedder_for(wanted)) as embedder, closing(Database(wanted.database_url or "")) as database:
            like, alike, unlike = embedder.embed([*LIKE, UNLIKE])
            about = f"{embedder.name} gives vectors of {embedder.dimensions} numbers"
            stored = _stored(database)
            if _nearness(like, alike) <= _nearness(like, unlike):
                yield Finding("look", "embedder", f"{about}, which do not tell likeness: is it an embedding model?")
            elif stored not in (None, (embedder.dimensions, embedder.name)):
                advice = "set EMBED_MODEL back, or run python -m memory reembed"
                sentence = f"{about}, but the stored memories come from {stored[1]}: {advice}"
                yield Finding("MEND", "embedder", sentence)
            else:
                yield Finding("fine", "embedder", f"{about}, as they are stored" if stored else about)
            yield from _index(wanted, database, like)
    except AppError as error:
        yield Finding("MEND", "embedder", error.for_deployer())


def _index(wanted: Settings, database: Database, vector: list[float]) -> Iterator[Finding]:
    """Ask the index of vectors outside of Postgres, if there is one, for somebody who has none."""
    try:
        index = configured_index(wanted)
        if index is None:
            return
        if fed_index(database) != index.name:
            sentence = "it is not attached, so it is never asked: run python -m memory index --rebuild"
            yield Finding("MEND", "index", sentence)
            return
        with closing(index):
            index.nearest(str(uuid4()), vector, 1)
        yield Finding("fine", "index", "it answers, and is fed; python -m memory index --check compares it")
    except AppError as error:
        yield Finding("MEND", "index", error.for_deployer())


def _stored(database: Database) -> tuple[int, str] | None:
    try:
        return made_for(database)
    except DatabaseError:  # said under "database"
        return None


def _nearness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    main()
