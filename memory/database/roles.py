"""The roles that a statement runs as, and the rights of the app's login role to become them.

It makes no role: migrations make the worker's, Supabase or memory/embedded/ the users', the deployer the login role.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

__all__ = ["LOGIN", "USERS", "WORKER", "grant_roles"]

USERS, WORKER = "authenticated", "keepsake_worker"
LOGIN = "keepsake_app"  # as the README and the local servers call it

# From PostgreSQL 16 on, a member of a role may become it only if the grant says so.
_MISSING = text("""
select format('grant %I to %I', needed.rolname, login.rolname)
from pg_roles login cross join pg_roles needed
where login.rolname = any (:logins) and needed.rolname = any (:needed)
  and not pg_has_role(login.oid, needed.oid,
    case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)
""")


def grant_roles(connection: Connection, login: str | None = None) -> list[str]:
    """Grant the app's login role what it may not become yet, whenever it was made; return the statements."""
    # A pooler's address has the name of the project behind the role's.
    logins = [LOGIN] + ([login, login.partition(".")[0]] if login else [])
    missing = list(connection.scalars(_MISSING, {"logins": logins, "needed": [USERS, WORKER]}))
    for statement in missing:
        connection.exec_driver_sql(statement.replace("%", "%%"))
    return missing
